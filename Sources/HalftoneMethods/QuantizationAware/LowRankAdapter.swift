import HalftoneNN
import HalftoneTensor

/// Adds a product of two narrow matrices to a layer's frozen weight: LoRA, in 32 or in few bits.
///
/// The weight that the layer computes with is `W + scale · B · A`. Set it as the layer's
/// `weightTransform` and freeze the layer's own weight. Checkpoint names: `lora_A`, `lora_B`.
///
/// Source: E. Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", arXiv:2106.09685,
/// eq. 3; with a code: arXiv:2307.16867, see ``OneBitAdapters``.
public final class LowRankAdapter: WeightTransform {
    /// A, `[rank, inFeatures]`.
    public let down: Parameter

    /// B, `[outFeatures, rank]`.
    public let up: Parameter

    /// The factor of the product.
    public let scale: Float

    /// What both matrices are coded with in every step, or nil for 32 bits.
    public var code: OneBitAdapters?

    /// An adapter that changes nothing yet, or next to nothing.
    ///
    /// A is drawn evenly within `±1/√inFeatures`. B starts at zeros, or with a code, which could
    /// not standardize zeros, from a normal distribution of deviation 0.001 cut at 0.002.
    ///
    /// - Parameters:
    ///   - outFeatures: Of the layer.
    ///   - inFeatures: Of the layer.
    ///   - rank: At least 1.
    public init(
        outFeatures: Int, inFeatures: Int, rank: Int, scale: Float = 1,
        code: OneBitAdapters? = nil, using generator: inout SeededGenerator
    ) {
        down = Parameter(
            Initializer.uniformByInputs.tensor([rank, inFeatures], using: &generator))
        let start: Initializer = code == nil ? .zeros : .truncatedNormal(0.001)
        up = Parameter(start.tensor([outFeatures, rank], using: &generator))
        self.scale = scale
        self.code = code
    }

    /// The names of checkpoints.
    public var parts: Parts { ["lora_A": down, "lora_B": up] }

    /// The weight with the adapter added, `[outFeatures, inFeatures]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        x + product(context.value(of: up), context.value(of: down))
    }

    /// What the adapter adds to the weight as it stands, `[outFeatures, inFeatures]`.
    public var change: Tensor { product(up.value, down.value) }

    private func product(_ up: Tensor, _ down: Tensor) -> Tensor {
        let (up, down) = code.map { ($0.quantized(up), $0.quantized(down)) } ?? (up, down)
        return up.matmul(down) * scale
    }

    /// Bytes of storage: codes with a mean and a deviation per matrix, or 4 bytes a number.
    public var byteCount: Int {
        guard let code else { return 4 * (up.value.count + down.value.count) }
        return code.packed(up.value).byteCount + code.packed(down.value).byteCount
    }
}
