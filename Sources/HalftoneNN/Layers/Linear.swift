import HalftoneTensor

/// `y = x Wᵀ + b`.
///
/// Checkpoint names: `weight` `[outFeatures, inFeatures]`, `bias` `[outFeatures]`.
public final class Linear: WeightedLayer {
    /// The weight, `[outFeatures, inFeatures]`.
    public let weight: Parameter
    /// The bias, `[outFeatures]`, or nil.
    public let bias: Parameter?

    /// What makes the weight that is computed with, or nil for the stored one.
    public var weightTransform: (any WeightTransform)?
    /// What the input goes through first, or nil.
    public var inputTransform: (any Layer)?
    /// How the product and its gradients are computed, or nil for float32 everywhere.
    public var productRule: (any ProductRule)?

    /// A layer of given parameters.
    public init(weight: Parameter, bias: Parameter? = nil) {
        precondition(weight.shape.count == 2, "a weight is [outFeatures, inFeatures]")
        precondition(bias == nil || bias!.shape == [weight.shape[0]], "a bias is [outFeatures]")
        self.weight = weight
        self.bias = bias
    }

    /// A layer with a drawn weight and a bias of zeros.
    ///
    /// - Parameters:
    ///   - inFeatures: Width of the input.
    ///   - outFeatures: Width of the output.
    ///   - hasBias: Whether an offset is added.
    ///   - initializer: By default evenly within `±1/√inFeatures`.
    ///   - generator: Where weights are drawn from.
    public convenience init(
        _ inFeatures: Int, _ outFeatures: Int, hasBias: Bool = true,
        initializer: Initializer = .uniformByInputs, using generator: inout SeededGenerator
    ) {
        self.init(
            weight: Parameter(initializer.tensor([outFeatures, inFeatures], using: &generator)),
            bias: hasBias ? Parameter(.zeros([outFeatures])) : nil)
    }

    /// Width of the input.
    public var inFeatures: Int { weight.shape[1] }
    /// Width of the output.
    public var outFeatures: Int { weight.shape[0] }

    /// The names of checkpoints.
    public var parts: Parts { ["weight": weightPart, "bias": bias] + transformParts }

    /// `[…, inFeatures] → […, outFeatures]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let y = product(LinearProduct(), x, context)
        return bias.map { y + context.value(of: $0) } ?? y
    }
}
