import HalftoneTensor

/// Why models cannot be merged.
public enum MergeError: Error, Sendable, Equatable, CustomStringConvertible {
    /// There is nothing to merge.
    case noModels
    /// A model lacks a parameter of the base model or has one more.
    case namesDiffer(model: Int, missing: [String], extra: [String])
    /// A parameter has another shape than in the base model.
    case shapesDiffer(model: Int, name: String, found: [Int], expected: [Int])
    /// Parameters that are said to share memory do not hold the same numbers.
    case notTied(model: Int, names: [String])
    /// A name of a tied group is none of the model's.
    case unknownTiedName(String)
    /// A parameter holds a number that is not finite.
    case notFinite(model: Int, name: String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .noModels: "there is no model to merge"
        case .namesDiffer(let model, let missing, let extra):
            "model \(model) has other parameters than the base: it lacks \(missing) and adds "
                + "\(extra)"
        case .shapesDiffer(let model, let name, let found, let expected):
            "\(name): shape \(found) in model \(model), \(expected) in the base"
        case .notTied(let model, let names):
            "\(names) of model \(model) are said to be tied and differ"
        case .unknownTiedName(let name): "\(name) is said to be tied and is no parameter"
        case .notFinite(let model, let name):
            "\(name) of model \(model) holds a number that is not finite"
        }
    }
}

/// How named parameters lie in one long vector: in the order of their names, tied ones once.
public struct ParameterVector: Sendable, Equatable {
    /// One parameter in the vector.
    public struct Part: Sendable, Equatable {
        /// Its name; of tied ones the first.
        public let name: String
        /// Its shape.
        public let shape: [Int]
        /// Where it begins in the vector.
        public let offset: Int
        /// All names that share it, this one included.
        public let names: [String]
    }

    /// The parameters in the order of the vector.
    public let parts: [Part]

    /// The length of the vector.
    public let count: Int

    /// Lays out the parameters of a model.
    ///
    /// - Parameters:
    ///   - parameters: By name.
    ///   - tied: Groups of names that share one parameter, such as an embedding and its head. A
    ///     name that stands twice in `tied` is a mistake of the caller.
    /// - Throws: ``MergeError/unknownTiedName(_:)`` and ``MergeError/notTied(model:names:)``, with
    ///   the model 0.
    public init(_ parameters: [String: Tensor], tied: [[String]] = []) throws(MergeError) {
        var leader: [String: String] = [:]
        var followers: [String: [String]] = [:]
        for group in tied {
            let names = group.sorted()
            for name in names {
                guard parameters[name] != nil else { throw .unknownTiedName(name) }
                precondition(leader[name] == nil, "\(name) is in two tied groups")
                leader[name] = names[0]
            }
            if let first = names.first { followers[first] = names }
        }
        var parts: [Part] = []
        var offset = 0
        for name in parameters.keys.sorted() where leader[name] ?? name == name {
            guard let tensor = parameters[name] else { continue }
            parts.append(
                Part(
                    name: name, shape: tensor.shape, offset: offset,
                    names: followers[name] ?? [name]))
            offset += tensor.count
        }
        self.parts = parts
        count = offset
        try checkTies(parameters, model: 0)
    }

    private func checkTies(_ parameters: [String: Tensor], model: Int) throws(MergeError) {
        for part in parts
        where part.names.contains(where: { parameters[$0] != parameters[part.name] }) {
            throw .notTied(model: model, names: part.names)
        }
    }
}

extension ParameterVector {
    /// The difference of a model and the base that was laid out, as a vector `[count]`.
    ///
    /// - Parameters:
    ///   - model: Parameters with the names and shapes of the base.
    ///   - base: The parameters that were laid out.
    ///   - index: The number of the model in errors.
    /// - Throws: ``MergeError``.
    public func difference(
        of model: [String: Tensor], from base: [String: Tensor], index: Int
    ) throws(MergeError) -> Tensor {
        let names = Set(parts.flatMap(\.names))
        let found = Set(model.keys)
        guard names == found else {
            throw .namesDiffer(
                model: index, missing: names.subtracting(found).sorted(),
                extra: found.subtracting(names).sorted())
        }
        var differences: [Tensor] = []
        for part in parts {
            guard let changed = model[part.name], let start = base[part.name] else { continue }
            guard changed.shape == part.shape else {
                throw .shapesDiffer(
                    model: index, name: part.name, found: changed.shape, expected: part.shape)
            }
            let difference = (changed - start).stopGradient()
            guard difference.elements.allSatisfy(\.isFinite) else {
                throw .notFinite(model: index, name: part.name)
            }
            differences.append(difference.reshaped([difference.count]))
        }
        try checkTies(model, model: index)
        return differences.isEmpty ? .zeros([0]) : .concatenate(differences)
    }

    /// The base with a vector added, under all its names.
    ///
    /// - Parameters:
    ///   - vector: `[count]`.
    ///   - base: The parameters that were laid out.
    public func adding(_ vector: Tensor, to base: [String: Tensor]) -> [String: Tensor] {
        precondition(vector.shape == [count], "\(vector.shape) is not [\(count)]")
        var result: [String: Tensor] = [:]
        for part in parts {
            guard let start = base[part.name] else { continue }
            let change = vector.rows(part.offset..<part.offset + start.count)
            let sum = (start + change.reshaped(part.shape)).stopGradient()
            for name in part.names { result[name] = sum }
        }
        return result
    }
}
