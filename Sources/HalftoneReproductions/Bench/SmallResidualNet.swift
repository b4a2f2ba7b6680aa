import HalftoneNN
import HalftoneTensor

/// What the layers of a ``SmallResidualNet`` are made of.
protocol NetParts {
    /// Where initial weights come from.
    var generator: SeededGenerator { get set }
    /// A 3 × 3 or 1 × 1 convolution without a bias; the first sees the pictures.
    mutating func convolution(_ ins: Int, _ outs: Int, kernel: Int, stride: Int, isFirst: Bool)
        -> any Layer
    /// A norm.
    mutating func norm(_ channels: Int) -> any Layer
    /// What follows a rectifier, or nil.
    mutating func activation() -> (any Layer)?
    /// The classifier.
    mutating func head(_ ins: Int, _ classes: Int) -> any Layer
}

extension NetParts {
    /// A float convolution without a bias that keeps the size of pictures at stride 1.
    mutating func floatConvolution(_ ins: Int, _ outs: Int, kernel: Int, stride: Int) -> Conv2d {
        Conv2d(
            ins, outs, kernel: kernel, stride: stride, padding: kernel / 2, hasBias: false,
            initializer: .kaimingUniform, using: &generator)
    }

    mutating func head(_ ins: Int, _ classes: Int) -> any Layer {
        Linear(ins, classes, using: &generator)
    }
}

/// A residual network of eight weighted layers for pictures of 16 × 16.
///
/// Source: K. He et al., "Deep Residual Learning for Image Recognition", arXiv:1512.03385, with
/// one block at each of three resolutions, and a classifier that reads the last map whole: where
/// something is counts for characters.
final class SmallResidualNet: Layer {
    private let body: Sequential
    private let head: any Layer

    /// Builds the network.
    ///
    /// - Parameter width: Channels at the highest resolution; doubled at each lower one.
    init(channels: Int, classes: Int, width: Int, _ parts: inout some NetParts) {
        var layers: [any Layer] = [
            parts.convolution(channels, width, kernel: 3, stride: 1, isFirst: true),
            parts.norm(width), ActivationLayer(.relu),
        ]
        if let activation = parts.activation() { layers.append(activation) }
        layers.append(ResidualBlock(width, width, stride: 1, &parts))
        layers.append(ResidualBlock(width, 2 * width, stride: 2, &parts))
        layers.append(ResidualBlock(2 * width, 4 * width, stride: 2, &parts))
        body = Sequential(layers)
        head = parts.head(4 * width * 16, classes)
    }

    var parts: Parts { ["body": body, "head": head] }

    func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        head(body(x, context).reshaped([x.shape[0], -1]), context)
    }
}

/// Two convolutions with their norms beside a shortcut.
final class ResidualBlock: Layer {
    private let first: Sequential
    private let second: Sequential
    private let shortcut: Sequential?
    private let activation: (any Layer)?

    init(_ ins: Int, _ outs: Int, stride: Int, _ parts: inout some NetParts) {
        var layers: [any Layer] = [
            parts.convolution(ins, outs, kernel: 3, stride: stride, isFirst: false),
            parts.norm(outs), ActivationLayer(.relu),
        ]
        if let inner = parts.activation() { layers.append(inner) }
        first = Sequential(layers)
        second = Sequential([
            parts.convolution(outs, outs, kernel: 3, stride: 1, isFirst: false), parts.norm(outs),
        ])
        shortcut =
            stride == 1 && ins == outs
            ? nil
            : Sequential([
                parts.convolution(ins, outs, kernel: 1, stride: stride, isFirst: false),
                parts.norm(outs),
            ])
        activation = parts.activation()
    }

    var parts: Parts {
        ["first": first, "second": second, "shortcut": shortcut, "activation": activation]
    }

    func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let inner = second(first(x, context), context)
        let sum = (inner + (shortcut.map { $0(x, context) } ?? x)).relu()
        return activation.map { $0(sum, context) } ?? sum
    }
}
