import HalftoneNN
import HalftoneTensor

/// Adds `scale · up(relu(down(x)))` beside a frozen layer: AdaptFormer, in 32 or in few bits.
///
/// Its input is the block's, before any norm. Checkpoint names: `adapter_down`, `adapter_up`.
///
/// Source: S. Chen et al., "AdaptFormer: Adapting Vision Transformers for Scalable Visual
/// Recognition", arXiv:2205.13535, eq. 4; with a code: arXiv:2307.16867, see ``OneBitAdapters``.
public final class BottleneckAdapter: Layer {
    /// `[rank, width]`.
    public let down: Parameter

    /// `[width, rank]`.
    public let up: Parameter

    /// The factor of the output, which matters more than the bits.
    public let scale: Float

    /// What both matrices are coded with in every step, or nil for 32 bits.
    public var code: OneBitAdapters?

    /// An adapter of given matrices.
    public init(
        down: Parameter, up: Parameter, scale: Float = 0.1, code: OneBitAdapters? = nil
    ) {
        precondition(
            down.shape.count == 2 && up.shape == [down.shape[1], down.shape[0]],
            "\(down.shape) and \(up.shape) are no way down and back up")
        self.down = down
        self.up = up
        self.scale = scale
        self.code = code
    }

    /// The names of checkpoints.
    public var parts: Parts { ["adapter_down": down, "adapter_up": up] }

    /// What is added to the layer's output, `[…, width] → […, width]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        var (down, up) = (context.value(of: down), context.value(of: up))
        if let code { (down, up) = (code.quantized(down), code.quantized(up)) }
        let hidden = x.matmul(down, transposingSecond: true).relu()
        return hidden.matmul(up, transposingSecond: true) * scale
    }
}
