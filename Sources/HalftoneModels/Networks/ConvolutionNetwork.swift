import HalftoneNN
import HalftoneTensor

/// A plain image classifier: convolutions with batch norm, the mean over the image, a linear layer.
///
/// Parameter paths: `units.0.conv.weight`, `units.0.norm.weight` and so on, `head.weight`.
public final class ConvolutionNetwork: Layer {
    /// A convolution of 3 × 3 with padding 1 and no bias, batch norm, ReLU.
    public final class Unit: Layer {
        /// `conv`.
        public let convolution: Conv2d
        /// `norm`.
        public let norm: BatchNorm

        init(_ inputs: Int, _ outputs: Int, stride: Int, using generator: inout SeededGenerator) {
            convolution = Conv2d(
                inputs, outputs, kernel: 3, stride: stride, padding: 1, hasBias: false,
                initializer: .kaimingNormal, using: &generator)
            norm = BatchNorm(channels: outputs)
        }

        /// The names of checkpoints.
        public var parts: Parts { ["conv": convolution, "norm": norm] }

        /// `[batch, inputs, rows, columns] → [batch, outputs, …]`.
        public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
            norm.rectified(convolution(x, context), context)
        }
    }

    /// The units in order, `units`.
    public let units: [Unit]
    /// The classifier, `head`.
    public let head: Linear

    /// A network of drawn weights.
    ///
    /// - Parameters:
    ///   - channels: Of the images.
    ///   - widths: Channels after each unit.
    ///   - strides: Of each unit.
    ///   - classes: Outputs.
    ///   - generator: Where weights are drawn from.
    public init(
        channels: Int = 3, widths: [Int] = [16, 32, 32, 64], strides: [Int] = [1, 2, 1, 2],
        classes: Int = 10, using generator: inout SeededGenerator
    ) {
        precondition(widths.count == strides.count && !widths.isEmpty, "a stride for each unit")
        var units: [Unit] = []
        var inputs = channels
        for (width, stride) in zip(widths, strides) {
            units.append(Unit(inputs, width, stride: stride, using: &generator))
            inputs = width
        }
        self.units = units
        head = Linear(inputs, classes, initializer: .normal(0.02), using: &generator)
    }

    /// The names of checkpoints.
    public var parts: Parts { .list("units", units) + ["head": head] }

    /// `[batch, channels, rows, columns] → [batch, classes]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let features = units.reduce(x) { $1($0, context) }
        return head(features.mean(axes: [2, 3]), context)
    }
}
