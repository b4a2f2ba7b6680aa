import HalftoneNN
import HalftoneTensor

/// Latent numbers that take the place of a layer's weight, which becomes `±2^S`.
///
/// There is no scale: the layer is meant to stand before a batch norm.
///
/// Checkpoint name: `latents`, `[1 + gateCount, …]`, the sign's first.
public final class DenseShiftWeight: WeightTransform {
    /// How latents become weights.
    public let method: DenseShift

    /// The latent numbers.
    public let latents: Parameter

    /// Draws latent numbers for a weight.
    ///
    /// - Parameters:
    ///   - shape: That of the weight.
    ///   - method: How latents become weights.
    ///   - generator: Where latents are drawn from.
    public init(
        _ shape: [Int], method: DenseShift = DenseShift(), using generator: inout SeededGenerator
    ) {
        self.method = method
        latents = Parameter(method.initialLatents(shape, using: &generator))
    }

    /// What a checkpoint holds of it.
    public var parts: Parts { ["latents": latents] }

    /// The layer's own weight is not used.
    public var replacesWeight: Bool { true }

    /// The weights of the latents.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        method.weight(context.value(of: latents))
    }
}
