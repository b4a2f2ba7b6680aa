import HalftoneTensor

/// Normalizes runs of channels of each sample together.
///
/// Source: Y. Wu and K. He, "Group Normalization", arXiv:1803.08494. Checkpoint names: `weight`
/// and `bias`, `[channels]`.
public final class GroupNorm: Layer {
    /// The gains, `[channels]`.
    public let weight: Parameter
    /// The offsets, `[channels]`.
    public let bias: Parameter
    /// Runs of channels; divides them.
    public let groups: Int
    /// Added to the variance.
    public let epsilon: Float

    /// A norm with gains of 1 and offsets of 0.
    public init(groups: Int, channels: Int, epsilon: Float = 1e-5) {
        precondition(groups > 0 && channels % groups == 0, "groups divide the channels")
        weight = Parameter(.filled([channels], with: 1))
        bias = Parameter(.zeros([channels]))
        self.groups = groups
        self.epsilon = epsilon
    }

    /// The names of checkpoints.
    public var parts: Parts { ["weight": weight, "bias": bias] }

    /// `[batch, channels, …]`, kept.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        x.groupNorm(
            groups: groups, gain: context.value(of: weight), bias: context.value(of: bias),
            epsilon: epsilon)
    }
}
