import HalftoneTensor

/// The convolution of images `[batch, inChannels, rows, columns]` with a weight.
///
/// Checkpoint names: `weight` `[outChannels, inChannels / groups, rows, columns]`, `bias`
/// `[outChannels]`.
public final class Conv2d: WeightedLayer {
    /// The weight.
    public let weight: Parameter
    /// The bias, or nil.
    public let bias: Parameter?
    /// How the window moves.
    public let form: ConvolutionProduct

    /// What makes the weight that is computed with, or nil for the stored one.
    public var weightTransform: (any WeightTransform)?
    /// What the input goes through first, or nil.
    public var inputTransform: (any Layer)?
    /// How the product and its gradients are computed, or nil for float32 everywhere.
    public var productRule: (any ProductRule)?

    /// A layer of given parameters.
    public init(weight: Parameter, bias: Parameter? = nil, form: ConvolutionProduct) {
        precondition(weight.shape.count == 4, "a weight has 4 dimensions")
        self.weight = weight
        self.bias = bias
        self.form = form
    }

    /// A layer with a drawn weight and a bias of zeros.
    ///
    /// - Parameters:
    ///   - inChannels: Channels of the input.
    ///   - outChannels: Channels of the output.
    ///   - kernel: Rows and columns of the window.
    ///   - stride: Steps from one window to the next.
    ///   - padding: Pixels added on all sides.
    ///   - dilation: Steps from one tap to the next.
    ///   - groups: Groups of channels that see each other alone.
    ///   - hasBias: Whether an offset is added.
    ///   - initializer: How the weight starts.
    ///   - generator: Where weights are drawn from.
    public convenience init(
        _ inChannels: Int, _ outChannels: Int, kernel: Int, stride: Int = 1, padding: Int = 0,
        dilation: Int = 1, groups: Int = 1, hasBias: Bool = true,
        initializer: Initializer = .uniformByInputs, using generator: inout SeededGenerator
    ) {
        let shape = [outChannels, inChannels / groups, kernel, kernel]
        self.init(
            weight: Parameter(initializer.tensor(shape, using: &generator)),
            bias: hasBias ? Parameter(.zeros([outChannels])) : nil,
            form: ConvolutionProduct(
                stride: stride, padding: padding, dilation: dilation, groups: groups))
    }

    /// The names of checkpoints.
    public var parts: Parts { ["weight": weightPart, "bias": bias] + transformParts }

    /// `[batch, inChannels, rows, columns] → [batch, outChannels, rows, columns]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let y = product(form, x, context)
        return bias.map { y + context.value(of: $0).reshaped([-1, 1, 1]) } ?? y
    }
}

/// The convolution of sequences `[batch, inChannels, length]` with a weight.
///
/// Checkpoint names: `weight` `[outChannels, inChannels / groups, taps]`, `bias` `[outChannels]`.
public final class Conv1d: WeightedLayer {
    /// The weight.
    public let weight: Parameter
    /// The bias, or nil.
    public let bias: Parameter?
    /// How the window moves.
    public let form: SequenceConvolutionProduct

    /// What makes the weight that is computed with, or nil for the stored one.
    public var weightTransform: (any WeightTransform)?
    /// What the input goes through first, or nil.
    public var inputTransform: (any Layer)?
    /// How the product and its gradients are computed, or nil for float32 everywhere.
    public var productRule: (any ProductRule)?

    /// A layer of given parameters.
    public init(weight: Parameter, bias: Parameter? = nil, form: SequenceConvolutionProduct) {
        precondition(weight.shape.count == 3, "a weight has 3 dimensions")
        self.weight = weight
        self.bias = bias
        self.form = form
    }

    /// A layer with a drawn weight and a bias of zeros.
    ///
    /// - Parameters:
    ///   - inChannels: Channels of the input.
    ///   - outChannels: Channels of the output.
    ///   - kernel: Taps of the window.
    ///   - stride: Steps from one window to the next.
    ///   - padding: Positions added before and after; `(kernel − 1, 0)` is causal.
    ///   - dilation: Steps from one tap to the next.
    ///   - groups: Groups of channels that see each other alone.
    ///   - hasBias: Whether an offset is added.
    ///   - initializer: How the weight starts.
    ///   - generator: Where weights are drawn from.
    public convenience init(
        _ inChannels: Int, _ outChannels: Int, kernel: Int, stride: Int = 1,
        padding: (before: Int, after: Int) = (0, 0), dilation: Int = 1, groups: Int = 1,
        hasBias: Bool = true, initializer: Initializer = .uniformByInputs,
        using generator: inout SeededGenerator
    ) {
        let shape = [outChannels, inChannels / groups, kernel]
        self.init(
            weight: Parameter(initializer.tensor(shape, using: &generator)),
            bias: hasBias ? Parameter(.zeros([outChannels])) : nil,
            form: SequenceConvolutionProduct(
                stride: stride, before: padding.before, after: padding.after, dilation: dilation,
                groups: groups))
    }

    /// The names of checkpoints.
    public var parts: Parts { ["weight": weightPart, "bias": bias] + transformParts }

    /// `[batch, inChannels, length] → [batch, outChannels, length]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let y = product(form, x, context)
        return bias.map { y + context.value(of: $0).reshaped([-1, 1]) } ?? y
    }
}

/// A convolution of images as a ``Product``.
public struct ConvolutionProduct: Product, Hashable {
    /// Steps of the window over the images.
    public var stride: Int
    /// Pixels of zeros added on all sides.
    public var padding: Int
    /// Steps from one tap to the next.
    public var dilation: Int
    /// Runs of channels that do not see each other.
    public var groups: Int

    /// Describes how a window moves.
    public init(stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1) {
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.groups = groups
    }

    /// The product; recorded when an operand is tracked.
    public func value(_ input: Tensor, _ weight: Tensor) -> Tensor {
        input.convolved2D(
            weight, stride: AxisPair(stride, stride),
            padding: ImagePadding(top: padding, bottom: padding, left: padding, right: padding),
            dilation: AxisPair(dilation, dilation), groups: groups)
    }
}

/// A convolution of sequences as a ``Product``.
public struct SequenceConvolutionProduct: Product, Hashable {
    /// Steps of the window over the sequence.
    public var stride: Int
    /// Positions of zeros added before the first.
    public var before: Int
    /// Positions of zeros added after the last.
    public var after: Int
    /// Steps from one tap to the next.
    public var dilation: Int
    /// Runs of channels that do not see each other.
    public var groups: Int

    /// Describes how a window moves.
    public init(
        stride: Int = 1, before: Int = 0, after: Int = 0, dilation: Int = 1, groups: Int = 1
    ) {
        self.stride = stride
        self.before = before
        self.after = after
        self.dilation = dilation
        self.groups = groups
    }

    /// The product; recorded when an operand is tracked.
    public func value(_ input: Tensor, _ weight: Tensor) -> Tensor {
        input.convolved1D(
            weight, stride: stride, padding: (before, after), dilation: dilation, groups: groups)
    }
}
