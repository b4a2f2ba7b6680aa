import HalftoneNN
import HalftoneTensor

/// The width that all layers of a network compute with, changed in one place.
public final class BitWidth {
    /// The widths that there are, the highest first.
    public let all: [Int]

    /// The width in use; nil for float.
    public var bits: Int? {
        didSet { precondition(bits == nil || all.contains(bits!), "\(bits!) is not among \(all)") }
    }

    /// Starts at the highest width.
    public init(_ all: [Int]) {
        precondition(!all.isEmpty && all == all.sorted(by: >), "\(all) are not in falling order")
        self.all = all
        bits = all[0]
    }

    /// The place of the width in use in ``all``; 0 for float.
    public var place: Int { bits.flatMap { all.firstIndex(of: $0) } ?? 0 }
}

/// The weight of a layer at the width in use; see ``DoubleRounding``.
///
/// Checkpoint name: `scale`, `[1]`.
public final class SwitchableWeight: WeightTransform {
    /// How codes of lower widths are made.
    public let method: DoubleRounding
    /// The width in use.
    public let width: BitWidth
    /// The step of the highest width.
    public let scale: Parameter

    /// Starts with a step that fits a weight.
    ///
    /// For several widths it is the one whose codes just cover the weight, so that the few codes of
    /// a low width do too; for one width LSQ's, `2 · mean magnitude / √highest code`.
    public init(_ weight: Parameter, method: DoubleRounding, width: BitWidth) {
        self.method = method
        self.width = width
        let top = Float((1 << (method.highestBits - 1)) - 1)
        let sizes = weight.value.abs()
        let step =
            width.all.count > 1
            ? sizes.max().item / top : 2 * sizes.mean().item / top.squareRoot()
        scale = Parameter(Tensor(shape: [1], elements: [max(step, 1e-8)]))
    }

    /// What a checkpoint holds of it.
    public var parts: Parts { ["scale": scale] }

    /// The weights at the width in use.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        guard let bits = width.bits else { return x }
        return method.weight(x, scale: context.value(of: scale), bits: bits)
    }
}

/// Activations after a rectifier at the width in use, with a learned step for each width.
///
/// The first batch at a width sets its step, `2 · mean / √highest code`.
///
/// Checkpoint names: `scales.0` and so on, `[1]`, in the order of the widths.
public final class SwitchableActivation: Layer {
    /// How activations are rounded.
    public let method: DoubleRounding
    /// The width in use.
    public let width: BitWidth
    /// The steps, 0 until a batch has set them.
    public let scales: [ScalePart]

    /// A learned step as a part of its own.
    public final class ScalePart: Module {
        /// `[1]`.
        public let scale = Parameter(.zeros([1]))
        init() {}
        /// What a checkpoint holds of it.
        public var parts: Parts { ["": scale] }
    }

    /// Starts without steps.
    public init(method: DoubleRounding, width: BitWidth) {
        self.method = method
        self.width = width
        scales = width.all.map { _ in ScalePart() }
    }

    /// What a checkpoint holds of it.
    public var parts: Parts { .list("scales", scales) }

    /// The step of the width in use.
    public var scale: Parameter { scales[width.place].scale }

    /// The levels of the width in use.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        guard let bits = width.bits else { return x }
        if scale.value.item == 0 {
            let mean = max(x.stopGradient().abs().mean().item, 1e-8)
            let top = Float((1 << bits) - 1)
            scale.set(Tensor(shape: [1], elements: [2 * mean / top.squareRoot()]))
        }
        return method.activation(x, scale: context.value(of: scale), bits: bits)
    }
}

/// A batch norm for each width.
///
/// Checkpoint names: `norms.0.weight` and so on, in the order of the widths.
public final class SwitchableNorm: Layer {
    /// The width in use.
    public let width: BitWidth
    /// The norms, in the order of the widths.
    public let norms: [BatchNorm]

    /// Starts with norms that do nothing.
    public init(channels: Int, width: BitWidth) {
        self.width = width
        norms = width.all.map { _ in BatchNorm(channels: channels) }
    }

    /// What a checkpoint holds of it.
    public var parts: Parts { .list("norms", norms) }

    /// The norm of the width in use.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        norms[width.place](x, context)
    }
}
