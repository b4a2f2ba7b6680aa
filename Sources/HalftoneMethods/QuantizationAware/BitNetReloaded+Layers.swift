import HalftoneNN
import HalftoneTensor

/// A linear layer with ternary weights and rounded inputs; see ``BitNetReloaded/linear(_:weight:bias:)``.
///
/// Checkpoint names: those of the linear layer, `weight` and `bias`.
public final class BitLinear: Layer {
    /// How weights and inputs are rounded; may be changed between steps.
    public var method: BitNetReloaded

    /// The float layer that is trained.
    public let linear: Linear

    /// Rounds a layer.
    public init(_ linear: Linear, method: BitNetReloaded = BitNetReloaded()) {
        self.linear = linear
        self.method = method
    }

    /// What a checkpoint holds of it.
    public var parts: Parts { linear.parts }

    /// `[…, inFeatures] → […, outFeatures]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        method.linear(
            x, weight: context.value(of: linear.weight),
            bias: linear.bias.map { context.value(of: $0) })
    }

    /// The layer as it is stored and run.
    public var packed: PackedBitLinear {
        PackedBitLinear(method, weight: linear.weight.value, bias: linear.bias?.value)
    }
}

/// Ternary weights for any layer that multiplies by a weight, convolutions included.
public final class TernaryWeight: WeightTransform {
    /// How weights are rounded; may be changed between steps.
    public var method: BitNetReloaded

    /// Rounds the weights of a layer.
    public init(_ method: BitNetReloaded = BitNetReloaded()) { self.method = method }

    /// What a checkpoint holds of it.
    public var parts: Parts { [:] }

    /// Ternary weights times one scale, in the shape of the weight.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor { method.weight(x) }
}
