import HalftoneTensor

/// Layers one after another.
///
/// Checkpoint names: the places, `0`, `1` and so on.
public final class Sequential: Layer {
    /// The layers; may be replaced.
    public var layers: [any Layer]

    /// A chain of layers.
    public init(_ layers: [any Layer]) { self.layers = layers }

    /// The names of checkpoints.
    public var parts: Parts { .list("", layers) }

    /// Runs all layers in order.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        layers.reduce(x) { $1($0, context) }
    }
}

/// A function without parameters as a layer.
public final class FunctionLayer: Layer {
    private let function: (Tensor, ForwardContext) -> Tensor

    /// Wraps a function.
    public init(_ function: @escaping (Tensor, ForwardContext) -> Tensor) {
        self.function = function
    }

    /// The names of checkpoints.
    public var parts: Parts { [:] }

    /// Calls the function.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        function(x, context)
    }
}
