import HalftoneNN
import HalftoneTensor

/// The residual network for small images: 6 · blocks + 2 layers, 20 with the defaults.
///
/// Where the shape changes, the shortcut is a convolution of 1 × 1 with batch norm. Parameter
/// paths: `conv1`, `bn1`, `layers.0.conv1` …, `layers.3.downsample.0` …, `fc`.
///
/// Source: K. He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385,
/// section 4.2.
public final class ResidualNetwork: Layer {
    /// The first convolution, `conv1`.
    public let convolution: Conv2d
    /// Its norm, `bn1`.
    public let norm: BatchNorm
    /// The blocks, `layers`.
    public let blocks: [ResidualBlock]
    /// The classifier, `fc`.
    public let head: Linear

    /// A network of drawn weights.
    ///
    /// - Parameters:
    ///   - channels: Channels of the pictures.
    ///   - blocks: In each of the stages.
    ///   - widths: Channels of the stages; each but the first halves rows and columns.
    ///   - classes: Outputs.
    ///   - generator: Where weights are drawn from.
    public init(
        channels: Int = 3, blocks: Int = 3, widths: [Int] = [16, 32, 64], classes: Int = 10,
        using generator: inout SeededGenerator
    ) {
        convolution = Conv2d(
            channels, widths[0], kernel: 3, padding: 1, hasBias: false,
            initializer: .kaimingNormal, using: &generator)
        norm = BatchNorm(channels: widths[0])
        var list: [ResidualBlock] = []
        var inputs = widths[0]
        for (stage, width) in widths.enumerated() {
            for place in 0..<blocks {
                let stride = stage > 0 && place == 0 ? 2 : 1
                list.append(ResidualBlock(inputs, width, stride: stride, using: &generator))
                inputs = width
            }
        }
        self.blocks = list
        head = Linear(inputs, classes, using: &generator)
    }

    /// The names of checkpoints.
    public var parts: Parts {
        ["conv1": convolution, "bn1": norm] + .list("layers", blocks) + ["fc": head]
    }

    /// `[batch, channels, rows, columns] → [batch, classes]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let first = norm.rectified(convolution(x, context), context)
        let features = blocks.reduce(first) { $1($0, context) }
        return head(features.mean(axes: [2, 3]), context)
    }
}

/// Two convolutions of 3 × 3 with batch norm beside a shortcut.
public final class ResidualBlock: Layer {
    /// `conv1`, which takes the stride.
    public let first: Conv2d
    /// `bn1`.
    public let firstNorm: BatchNorm
    /// `conv2`.
    public let second: Conv2d
    /// `bn2`.
    public let secondNorm: BatchNorm
    /// `downsample`: a convolution and a norm where the shape changes, or nil.
    public let shortcut: Sequential?

    init(_ inputs: Int, _ outputs: Int, stride: Int, using generator: inout SeededGenerator) {
        func convolution(_ inputs: Int, _ kernel: Int, _ stride: Int) -> Conv2d {
            Conv2d(
                inputs, outputs, kernel: kernel, stride: stride, padding: kernel / 2,
                hasBias: false, initializer: .kaimingNormal, using: &generator)
        }
        first = convolution(inputs, 3, stride)
        firstNorm = BatchNorm(channels: outputs)
        second = convolution(outputs, 3, 1)
        secondNorm = BatchNorm(channels: outputs)
        shortcut =
            stride != 1 || inputs != outputs
            ? Sequential([convolution(inputs, 1, stride), BatchNorm(channels: outputs)]) : nil
    }

    /// The names of checkpoints.
    public var parts: Parts {
        [
            "conv1": first, "bn1": firstNorm, "conv2": second, "bn2": secondNorm,
            "downsample": shortcut,
        ]
    }

    /// `[batch, inputs, rows, columns] → [batch, outputs, …]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let hidden = firstNorm.rectified(first(x, context), context)
        let beside = shortcut.map { $0(x, context) } ?? x
        return secondNorm.rectified(second(hidden, context), adding: beside, context)
    }
}
