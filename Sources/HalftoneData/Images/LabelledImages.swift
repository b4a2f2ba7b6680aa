/// Pictures with a class each.
public struct LabelledImages: Sendable, Equatable {
    /// The number of pictures, channels, rows and columns.
    public let count, channels, height, width: Int
    /// `[count, channels, height, width]`, 0 to 1.
    public let pixels: [Float]
    /// The class of each picture.
    public let labels: [Int32]

    /// Joins pictures; lengths that do not fit are a mistake of the caller.
    public init(
        count: Int, channels: Int, height: Int, width: Int, pixels: [Float], labels: [Int32]
    ) {
        precondition(
            pixels.count == count * channels * height * width && labels.count == count,
            "\(pixels.count) values and \(labels.count) labels for \(count) pictures")
        self.count = count
        self.channels = channels
        self.height = height
        self.width = width
        self.pixels = pixels
        self.labels = labels
    }
}
