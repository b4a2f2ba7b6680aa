import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor

/// A convolution or a fully connected layer in integers alone, as ``CNNWhitepaper`` deploys it.
///
/// Codes come in, 32-bit sums are scaled by an integer and a shift for each channel, and codes go
/// out. A rectifier is part of it when the output's grid starts at 0.
///
/// Source: R. Krishnamoorthi, arXiv:1806.08342, sections 2 and 3.1; B. Jacob et al.,
/// arXiv:1712.05877, section 2.
public struct IntegerLayer: Sendable {
    /// The sums.
    public let convolution: IntegerConvolution
    /// The levels of the input.
    public let input: AffineGrid
    /// The levels of the output.
    public let output: AffineGrid
    /// The step of each channel's weights.
    public let weightSteps: [Float]

    private let scales: [FixedPointScale]

    /// Rounds a layer.
    ///
    /// - Parameters:
    ///   - weight: `[outChannels, inChannels / groups, size, size]`, folded.
    ///   - bias: `[outChannels]`; rounded to steps of input times weight.
    ///   - weightBits: 2 to 8, in the narrow range.
    ///   - isPerChannel: Whether each channel has a step of its own.
    ///   - stride: Steps from one window to the next.
    ///   - padding: Pixels added on all sides.
    ///   - groups: Groups of channels that see each other alone.
    ///   - input: The levels of the input, at most 8 bits.
    ///   - output: The levels of the output, at most 8 bits.
    public init(
        weight: Tensor, bias: Tensor, weightBits: Int = 8, isPerChannel: Bool = true,
        stride: Int = 1, padding: Int = 0, groups: Int = 1, input: AffineGrid, output: AffineGrid
    ) {
        let codes = CodeRange.symmetric(bits: weightBits)
        let steps = weight.symmetricStep(codes, axis: isPerChannel ? 0 : nil)
        let channels = weight.shape[0]
        let all =
            isPerChannel ? steps.elements.array : [Float](repeating: steps.item, count: channels)
        let biases = zip(bias.elements, all).map { value, step in
            let steps = (Double(value) / (Double(step) * Double(input.step))).rounded()
            return Int32(min(max(steps, -0x1p30), 0x1p30))
        }
        convolution = IntegerConvolution(
            inChannels: weight.shape[1] * groups, outChannels: channels,
            kernelSize: weight.shape[2], stride: stride, padding: padding, groups: groups,
            weight: weight.codes(step: steps, codes: codes).elements.map { Int8($0) },
            bias: biases)
        self.input = input
        self.output = output
        weightSteps = all
        scales = all.map {
            let factor = Double($0) * Double(input.step) / Double(output.step)
            return FixedPointScale(min(max(factor, 0x1p-31), 0x1p28))
        }
    }

    /// The bias as it is stored, in real numbers, `[outChannels]`.
    public var bias: Tensor {
        Tensor(
            shape: [weightSteps.count],
            elements: zip(convolution.bias, weightSteps).map {
                Float(Double($0) * Double($1) * Double(input.step))
            })
    }

    /// The codes of the output for the codes of one image.
    public func callAsFunction(_ image: [UInt8], height: Int, width: Int) -> [UInt8] {
        let sums = convolution.sums(image, height: height, width: width, zero: input.zeroPoint)
        let plane = sums.count / max(weightSteps.count, 1)
        let (zero, top) = (Int64(output.zeroPoint), Int64(output.highestCode))
        return sums.indices.map { index in
            UInt8(min(max(scales[index / plane].scaled(sums[index]) + zero, 0), top))
        }
    }
}
