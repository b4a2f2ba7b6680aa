import HalftoneTensor

extension Module {
    /// All parameters and buffers by path, as they are now.
    ///
    /// Tensors share memory until one is changed, so that a snapshot costs nothing by itself.
    public var snapshot: [String: Tensor] {
        var result: [String: Tensor] = [:]
        for (path, parameter) in namedParameters { result[path] = parameter.value }
        for (path, buffer) in namedBuffers { result[path] = buffer.value }
        return result
    }

    /// Puts parameters and buffers back.
    ///
    /// - Parameters:
    ///   - tensors: By path. What no part is named after is left aside.
    ///   - isPartial: Whether parts without a tensor stay as they are.
    /// - Throws: ``ModuleError/doesNotFit(_:)`` with every path that is missing or of another
    ///   shape; then nothing was changed.
    public func restore(
        _ tensors: [String: Tensor], isPartial: Bool = false
    ) throws(ModuleError) {
        var problems: [String] = []
        func check(_ path: String, _ shape: [Int]) {
            guard let found = tensors[path] else {
                if !isPartial { problems.append("\(path): not there; shape \(shape) is wanted") }
                return
            }
            if found.shape != shape {
                problems.append("\(path): shape \(found.shape) is there and \(shape) is wanted")
            }
        }
        for (path, parameter) in namedParameters { check(path, parameter.shape) }
        for (path, buffer) in namedBuffers { check(path, buffer.shape) }
        guard problems.isEmpty else { throw .doesNotFit(problems) }
        for (path, parameter) in namedParameters {
            if let value = tensors[path] { parameter.set(value) }
        }
        for (path, buffer) in namedBuffers {
            if let value = tensors[path] { buffer.set(value) }
        }
    }
}

/// Why tensors cannot be put into a module or an optimizer.
public enum ModuleError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One line for each path.
    case doesNotFit([String])

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .doesNotFit(let problems): problems.joined(separator: "\n")
        }
    }
}
