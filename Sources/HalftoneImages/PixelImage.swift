/// A picture as bytes: red, green and blue of each pixel, row by row from the top.
public struct PixelImage: Sendable, Equatable {
    /// The number of columns and rows.
    public let width, height: Int
    /// `[height, width, 3]`.
    public let pixels: [UInt8]

    /// Gives bytes a shape; a count that does not fit is a mistake of the caller.
    public init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(
            width > 0 && height > 0 && pixels.count == width * height * 3,
            "\(pixels.count) bytes for \(width) × \(height) pixels")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// Reads a PNG or a JPEG, told apart by their first bytes.
    ///
    /// Transparent parts of a PNG are laid on black; grey and palettes become colour.
    ///
    /// - Parameters:
    ///   - data: The whole file.
    ///   - pixelLimit: The most pixels to take memory for.
    /// - Throws: ``ImageError``.
    public init(decoding data: [UInt8], pixelLimit: Int = 1 << 26) throws(ImageError) {
        if data.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = try PNGFormat.decode(data, pixelLimit: pixelLimit)
        } else if data.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = try JPEGFormat.decode(data, pixelLimit: pixelLimit)
        } else {
            throw .unknownFormat
        }
    }

    /// The picture as a PNG.
    ///
    /// - Throws: ``ImageError/cannotEncode(reason:)``.
    public func pngData() throws(ImageError) -> [UInt8] { try PNGFormat.encode(self) }

    /// The pixels as planes of numbers from 0 to 1, `[3, height, width]`.
    public var planes: [Float] {
        var planes = [Float](repeating: 0, count: pixels.count)
        let plane = width * height
        for index in 0..<plane {
            for channel in 0..<3 {
                planes[channel * plane + index] = Float(pixels[index * 3 + channel]) / 255
            }
        }
        return planes
    }
}

/// What is wrong with the file of a picture.
public enum ImageError: Error, Sendable, Equatable {
    /// The file starts neither as a PNG nor as a JPEG.
    case unknownFormat
    /// The picture is larger than the limit.
    case tooLarge(width: Int, height: Int, pixelLimit: Int)
    /// The file is damaged, or of a kind that cannot be read.
    case damaged(reason: String)
    /// No memory for the file that is written.
    case cannotEncode(reason: String)
}

extension ImageError: CustomStringConvertible {
    /// What was found and what would do.
    public var description: String {
        switch self {
        case .unknownFormat: "not a picture that can be read; PNG and JPEG can"
        case .tooLarge(let width, let height, let limit):
            "\(width) × \(height) pixels are more than the limit of \(limit)"
        case .damaged(let reason): "the picture is damaged or of an unknown kind: \(reason)"
        case .cannotEncode(let reason): "the picture cannot be written: \(reason)"
        }
    }
}
