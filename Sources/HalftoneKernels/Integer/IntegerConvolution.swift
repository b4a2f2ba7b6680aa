/// A convolution of unsigned 8-bit images by signed 8-bit weights, with 32-bit sums.
///
/// `sum[o, y, x] = bias[o] + Σ w · (code − zero)`: the weights' zero is 0, the images' is a code
/// of its own, and padding counts as that code, so it adds nothing. A fully connected layer is
/// one of a 1 × 1 image with a 1 × 1 kernel.
///
/// Source: R. Krishnamoorthi, arXiv:1806.08342, equations 8 to 10.
public struct IntegerConvolution: Sendable {
    /// Channels of the image.
    public let inChannels: Int
    /// Channels of the result.
    public let outChannels: Int
    /// Height and width of the kernel.
    public let kernelSize: Int
    /// Pixels from one place of the kernel to the next.
    public let stride: Int
    /// Pixels of padding at each side.
    public let padding: Int
    /// Groups of channels that do not see each other; both numbers of channels are multiples.
    public let groups: Int
    /// `[outChannels, inChannels / groups, kernelSize, kernelSize]`, −127 to 127.
    public let weight: [Int8]
    /// One for each channel of the result, in steps of image times weight.
    public let bias: [Int32]

    /// Describes a convolution; sizes that do not fit together are a mistake of the caller.
    public init(
        inChannels: Int, outChannels: Int, kernelSize: Int = 1, stride: Int = 1, padding: Int = 0,
        groups: Int = 1, weight: [Int8], bias: [Int32]
    ) {
        precondition(
            inChannels % groups == 0 && outChannels % groups == 0,
            "\(groups) groups do not divide \(inChannels) and \(outChannels) channels")
        precondition(
            weight.count == outChannels * inChannels / groups * kernelSize * kernelSize,
            "\(weight.count) weights do not make the kernel")
        precondition(bias.count == outChannels, "\(bias.count) biases for \(outChannels)")
        self.inChannels = inChannels
        self.outChannels = outChannels
        self.kernelSize = kernelSize
        self.stride = stride
        self.padding = padding
        self.groups = groups
        self.weight = weight
        self.bias = bias
    }

    /// Height and width of the result.
    public func outputSize(height: Int, width: Int) -> (height: Int, width: Int) {
        (
            (height + 2 * padding - kernelSize) / stride + 1,
            (width + 2 * padding - kernelSize) / stride + 1
        )
    }

    /// The sums for one image.
    ///
    /// - Parameters:
    ///   - image: Codes `[inChannels, height, width]`.
    ///   - height: Rows of the image.
    ///   - width: Columns of the image.
    ///   - zero: The code of zero.
    /// - Returns: `[outChannels, outHeight, outWidth]`.
    /// - Complexity: A multiplication per weight and place of the kernel.
    public func sums(_ image: [UInt8], height: Int, width: Int, zero: Int) -> [Int32] {
        precondition(image.count == inChannels * height * width, "the image has another size")
        let (outHeight, outWidth) = outputSize(height: height, width: width)
        let wide = width + 2 * padding
        let plane = (height + 2 * padding) * wide
        var padded = [Int16](repeating: 0, count: inChannels * plane)
        for channel in 0..<inChannels {
            for y in 0..<height {
                let from = (channel * height + y) * width
                let to = channel * plane + (y + padding) * wide + padding
                for x in 0..<width { padded[to + x] = Int16(image[from + x]) - Int16(zero) }
            }
        }
        let (ins, outs) = (inChannels / groups, outChannels / groups)
        var result = [Int32](repeating: 0, count: outChannels * outHeight * outWidth)
        var row = [Int32](repeating: 0, count: outWidth)
        for out in 0..<outChannels {
            for y in 0..<outHeight {
                for x in 0..<outWidth { row[x] = bias[out] }
                for channel in 0..<ins {
                    let source = (out / outs * ins + channel) * plane + y * stride * wide
                    let kernel = (out * ins + channel) * kernelSize * kernelSize
                    for ky in 0..<kernelSize {
                        for kx in 0..<kernelSize {
                            let w = Int32(weight[kernel + ky * kernelSize + kx])
                            let start = source + ky * wide + kx
                            for x in 0..<outWidth {
                                row[x] &+= w &* Int32(padded[start + x * stride])
                            }
                        }
                    }
                }
                let to = (out * outHeight + y) * outWidth
                for x in 0..<outWidth { result[to + x] = row[x] }
            }
        }
        return result
    }
}
