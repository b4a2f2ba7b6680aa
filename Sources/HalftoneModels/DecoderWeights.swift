import HalftoneKernels

/// The parameters of a ``DecoderSpec``, float or packed: complete and of the right shapes.
///
/// Matrices are held in whatever form they are stored in; everything else is float32. Replacing
/// a matrix is how a model is quantized: the spec, and with it the wiring, stays the same.
public struct DecoderWeights: Sendable {
    /// What the parameters belong to.
    public private(set) var spec: DecoderSpec
    private var matrices: [Role: any WeightMatrix]
    private var vectors: [Role: [Float]]

    /// Checks that a spec has all its parameters.
    ///
    /// - Parameters:
    ///   - spec: The model.
    ///   - matrices: Parameters with two dimensions.
    ///   - vectors: Parameters with one dimension.
    /// - Throws: ``ModelError/tensorMismatch(missing:misshapen:)`` with all offenders.
    public init(
        spec: DecoderSpec, matrices: [Role: any WeightMatrix], vectors: [Role: [Float]]
    ) throws(ModelError) {
        self.spec = spec
        self.matrices = matrices
        self.vectors = vectors
        var missing: [String] = []
        var misshapen: [String] = []
        for slot in spec.slots {
            let found: [Int]?
            if slot.shape.count == 2 {
                found = matrices[slot.role].map { [$0.rows, $0.columns] }
            } else {
                found = vectors[slot.role].map { [$0.count] }
            }
            guard let found else {
                missing.append("\(slot.role)")
                continue
            }
            if found != slot.shape {
                misshapen.append("\(slot.role) is \(found), not \(slot.shape)")
            }
        }
        guard missing.isEmpty, misshapen.isEmpty else {
            throw .tensorMismatch(missing: missing, misshapen: misshapen)
        }
    }

    /// The matrix of a role that the spec has; for a tied head, the embedding.
    public func matrix(_ role: Role) -> any WeightMatrix {
        let owner = role == Role(.head) && spec.isHeadTied ? Role(.embedding) : role
        guard let matrix = matrices[owner] else {
            preconditionFailure("the spec has no matrix \(role)")
        }
        return matrix
    }

    /// The vector of a role, or nil when the spec has none there.
    public func vector(_ role: Role) -> [Float]? { vectors[role] }

    /// Puts another matrix of the same shape in a place.
    public mutating func replace(_ role: Role, with matrix: any WeightMatrix) {
        let old = self.matrix(role)
        precondition(
            matrix.rows == old.rows && matrix.columns == old.columns,
            "\(role) is [\(old.rows), \(old.columns)]")
        matrices[role] = matrix
    }

    /// Puts another vector of the same length in a place.
    public mutating func replace(_ role: Role, with vector: [Float]) {
        precondition(
            vector.count == vectors[role]?.count, "\(role) has \(vectors[role]?.count ?? 0) numbers"
        )
        vectors[role] = vector
    }

    /// Gives a head that is the embedding a matrix of its own, equal to it at first.
    public mutating func untieHead() {
        guard spec.isHeadTied else { return }
        matrices[Role(.head)] = matrix(Role(.embedding))
        spec.isHeadTied = false
    }

    /// Lays out in memory, on all threads, the matrices that are multiplied and that integer
    /// products read in another order; their former memory is given back.
    ///
    /// Who made a decoder of the result, and keeps the weights, does not have both orders in
    /// memory.
    public mutating func layOutPanels(on pool: WorkerPool) {
        for (role, matrix) in matrices {
            // Rows that are looked up keep their values to the last bit, as packed codes do.
            let isWanted =
                role.part == .embedding
                ? spec.isHeadTied && matrix is UniformMatrix : role.part != .positions
            guard isWanted, let panels = matrix.panels(on: pool) else { continue }
            matrices[role] = panels
        }
    }

    /// Bytes of all parameters as they are stored; vectors count as float32.
    public var byteCount: Int {
        matrices.values.reduce(0) { $0 + $1.byteCount }
            + vectors.values.reduce(0) { $0 + $1.count * MemoryLayout<Float>.size }
    }

    /// The number of parameters.
    public var parameterCount: Int { spec.slots.reduce(0) { $0 + $1.shape.reduce(1, *) } }
}
