import HalftoneNN
import HalftoneTensor

/// A batch norm for each pair of the width of the layer before and that of its own.
///
/// Source: "Nearly Lossless Adaptive Bit Switching", arXiv:2502.01199, after A. Bulat and
/// G. Tzimiropoulos, "Bit-Mixer: Mixed-precision networks with runtime bit-width selection",
/// arXiv:2103.17267, section 3.2.
///
/// Checkpoint names: `norms.0.weight` and so on; pair (i, j) of the places of the widths before and
/// own is number i · widths + j.
public final class TransitionNorm: Layer {
    /// The width of the layer before.
    public let previous: BitWidth
    /// The width of the layer whose output it is.
    public let width: BitWidth
    /// The norms of all pairs.
    public let norms: [BatchNorm]

    /// Starts with norms that do nothing.
    public init(channels: Int, previous: BitWidth, width: BitWidth) {
        self.previous = previous
        self.width = width
        norms = (0..<previous.all.count * width.all.count).map { _ in
            BatchNorm(channels: channels)
        }
    }

    /// What a checkpoint holds of it.
    public var parts: Parts { .list("norms", norms) }

    /// The norm of the widths in use.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        norms[previous.place * width.all.count + width.place](x, context)
    }
}
