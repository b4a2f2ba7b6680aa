import HalftoneTensor

/// `x / √(mean x² + ε) · weight` over the last dimension.
///
/// Source: B. Zhang and R. Sennrich, "Root Mean Square Layer Normalization", arXiv:1910.07467,
/// eq. 4. Checkpoint name: `weight` `[width]`.
public final class RMSNorm: Layer {
    /// The gains, `[width]`.
    public let weight: Parameter
    /// Added to the mean square.
    public let epsilon: Float

    /// A norm with gains of 1.
    public init(width: Int, epsilon: Float = 1e-5) {
        weight = Parameter(.filled([width], with: 1))
        self.epsilon = epsilon
    }

    /// The names of checkpoints.
    public var parts: Parts { ["weight": weight] }

    /// `[…, width] → […, width]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        x.rmsNorm(gain: context.value(of: weight), epsilon: epsilon)
    }
}
