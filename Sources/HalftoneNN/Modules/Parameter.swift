import HalftoneKernels
import HalftoneTensor

/// A tensor that training changes.
///
/// Its name is that of its place in a module; see ``Module/namedParameters``. Modules that share a
/// parameter hold the same object.
public final class Parameter: Part {
    /// The numbers; never tracked.
    public private(set) var value: Tensor

    /// Whether gradients are asked for it.
    public var isTrainable: Bool

    /// A parameter that starts at a value.
    public init(_ value: Tensor, isTrainable: Bool = true) {
        self.value = value.stopGradient()
        self.isTrainable = isTrainable
    }

    /// The length of each dimension.
    public var shape: [Int] { value.shape }

    /// Replaces the numbers.
    ///
    /// - Parameter value: In the same shape; anything else is a mistake of the caller.
    public func set(_ value: Tensor) {
        precondition(
            value.shape == shape, "shape \(value.shape) does not fit a parameter of \(shape)")
        self.value = value.stopGradient()
    }

    /// Changes the numbers where they lie, when nobody else holds them.
    package func update(_ body: (inout FloatArray) -> Void) {
        let shape = value.shape
        var elements = value.elements
        value = .empty
        body(&elements)
        value = Tensor(shape: shape, elements: elements)
    }
}

/// A tensor that a layer keeps beside its parameters: running statistics, tables, counters.
///
/// It is part of a checkpoint and no optimizer changes it.
public final class Buffer: Part {
    /// The numbers; never tracked.
    public private(set) var value: Tensor

    /// A buffer that starts at a value.
    public init(_ value: Tensor) { self.value = value.stopGradient() }

    /// The length of each dimension.
    public var shape: [Int] { value.shape }

    /// Replaces the numbers.
    ///
    /// - Parameter value: In the same shape; anything else is a mistake of the caller.
    public func set(_ value: Tensor) {
        precondition(value.shape == shape, "shape \(value.shape) does not fit a buffer of \(shape)")
        self.value = value.stopGradient()
    }
}

extension Tensor {
    /// No elements: stands in while the elements of another are changed.
    static let empty = Tensor.zeros([0])
}
