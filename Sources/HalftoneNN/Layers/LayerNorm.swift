import HalftoneTensor

/// `(x − mean) / √(variance + ε) · weight + bias` over the last dimension.
///
/// Source: J. L. Ba, J. Kiros and G. Hinton, "Layer Normalization", arXiv:1607.06450. The variance
/// divides by the width. Checkpoint names: `weight` and `bias`, `[width]`.
public final class LayerNorm: Layer {
    /// The gains, `[width]`, or nil for none.
    public let weight: Parameter?
    /// The offsets, `[width]`, or nil for none.
    public let bias: Parameter?
    /// Added to the variance.
    public let epsilon: Float

    /// A norm with gains of 1 and offsets of 0.
    ///
    /// - Parameters:
    ///   - width: Numbers of a row.
    ///   - epsilon: Added to the variance before its root.
    ///   - hasWeight: Whether a gain is learned.
    ///   - hasBias: Only with a weight.
    public init(width: Int, epsilon: Float = 1e-5, hasWeight: Bool = true, hasBias: Bool = true) {
        precondition(hasWeight || !hasBias, "offsets come with gains")
        weight = hasWeight ? Parameter(.filled([width], with: 1)) : nil
        bias = hasBias ? Parameter(.zeros([width])) : nil
        self.epsilon = epsilon
    }

    /// The names of checkpoints.
    public var parts: Parts { ["weight": weight, "bias": bias] }

    /// `[…, width] → […, width]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        x.layerNorm(
            gain: weight.map { context.value(of: $0) }, bias: bias.map { context.value(of: $0) },
            epsilon: epsilon)
    }
}
