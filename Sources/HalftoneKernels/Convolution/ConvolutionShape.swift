/// The lengths of a convolution of images, `[batch, channels, height, width]`.
///
/// One of sequences has height 1 and a vertical window of one tap.
public struct ConvolutionShape: Sendable, Hashable {
    /// Images.
    public var batch: Int
    /// Channels of the input, a multiple of ``groups``.
    public var inChannels: Int
    /// Channels of the output, a multiple of ``groups``.
    public var outChannels: Int
    /// Runs of channels that do not see each other.
    public var groups: Int
    /// Rows of the input.
    public var height: Int
    /// Columns of the input.
    public var width: Int
    /// The window over the rows.
    public var vertical: Window
    /// The window over the columns.
    public var horizontal: Window

    /// Describes a convolution; channels that groups do not divide, or a window that does not fit
    /// the input, are a mistake of the caller.
    public init(
        batch: Int, inChannels: Int, outChannels: Int, groups: Int = 1, height: Int, width: Int,
        vertical: Window, horizontal: Window
    ) {
        precondition(batch >= 0 && inChannels >= 0 && outChannels >= 0 && groups >= 1)
        precondition(
            inChannels % groups == 0 && outChannels % groups == 0,
            "\(groups) groups do not divide \(inChannels) and \(outChannels) channels")
        precondition(
            vertical.outputLength(height) > 0 && horizontal.outputLength(width) > 0,
            "the window does not fit an input of \(height) × \(width)")
        self.batch = batch
        self.inChannels = inChannels
        self.outChannels = outChannels
        self.groups = groups
        self.height = height
        self.width = width
        self.vertical = vertical
        self.horizontal = horizontal
    }

    /// Rows of the output.
    public var outHeight: Int { vertical.outputLength(height) }
    /// Columns of the output.
    public var outWidth: Int { horizontal.outputLength(width) }
    /// Floats of one image of the input.
    public var imageCount: Int { inChannels * height * width }
    /// Floats of one image of the output.
    public var outImageCount: Int { outChannels * outHeight * outWidth }
    /// Floats of the input.
    public var inputCount: Int { batch * imageCount }
    /// Floats of the output.
    public var outputCount: Int { batch * outImageCount }
    /// Floats of the weight, `[outChannels, inChannels / groups, taps, taps]`.
    public var weightCount: Int {
        outChannels * (inChannels / groups) * vertical.taps * horizontal.taps
    }

    /// Nothing to add up or nowhere to put it.
    var isEmpty: Bool { batch == 0 || inChannels == 0 || outChannels == 0 }

    /// A tap per channel, no step and no border: a matrix product of each image.
    var isPointwise: Bool {
        let point = Window(taps: 1)
        return vertical == point && horizontal == point && groups == 1
    }

    /// The same for another number of images.
    func with(batch: Int) -> ConvolutionShape {
        var shape = self
        shape.batch = batch
        return shape
    }
}
