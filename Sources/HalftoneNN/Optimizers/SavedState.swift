import HalftoneTensor

/// What something that trains has to keep to go on as if it had never stopped.
public struct SavedState: Sendable, Equatable {
    /// Tensors by name.
    public var tensors: [String: Tensor]
    /// Counters and words of generators by name.
    public var integers: [String: UInt64]

    /// Creates a state.
    public init(tensors: [String: Tensor] = [:], integers: [String: UInt64] = [:]) {
        self.tensors = tensors
        self.integers = integers
    }

    /// Takes in another state with a prefix on its names.
    public mutating func merge(_ other: SavedState, prefix: String) {
        for (name, value) in other.tensors { tensors[prefix + name] = value }
        for (name, value) in other.integers { integers[prefix + name] = value }
    }

    /// What was taken in with a prefix.
    public func part(_ prefix: String) -> SavedState {
        var result = SavedState()
        for (name, value) in tensors where name.hasPrefix(prefix) {
            result.tensors[String(name.dropFirst(prefix.count))] = value
        }
        for (name, value) in integers where name.hasPrefix(prefix) {
            result.integers[String(name.dropFirst(prefix.count))] = value
        }
        return result
    }
}
