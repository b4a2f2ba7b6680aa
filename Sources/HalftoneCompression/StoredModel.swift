import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import Synchronization

/// Forms for the matrices of a model, whatever they are.
public struct FormPlan: Sendable, Equatable {
    /// For the linear layers of the blocks.
    public var body: FormRecipe
    /// For the embedding and a head of its own; nil leaves them float.
    public var embedding: FormRecipe?
    /// How scales are chosen.
    public var search: ScaleSearch

    /// States a plan.
    public init(body: FormRecipe, embedding: FormRecipe?, search: ScaleSearch = .leastError) {
        self.body = body
        self.embedding = embedding
        self.search = search
    }

    /// The recipe of a matrix, or nil when it stays float.
    func recipe(for role: Role) -> FormRecipe? {
        guard role.isPackable else { return nil }
        return role.part == .embedding || role.part == .head ? embedding : body
    }

    /// The form of a matrix, or nil when it stays float.
    func form(for slot: ParameterSlot) throws(CompressionError) -> MatrixForm? {
        guard let recipe = recipe(for: slot.role) else { return nil }
        do {
            return try recipe.form(rows: slot.shape[0], columns: slot.shape[1])
        } catch {
            throw .cannotQuantize(matrix: "\(slot.role)", reason: error.description)
        }
    }
}

/// A model whose matrices are stored in forms of their own.
public struct StoredModel: Sendable {
    /// The float model.
    public let original: LanguageModel
    /// The stored matrices.
    public let stored: [Role: StoredMatrix]

    /// Stores the matrices of a model, each on one thread.
    ///
    /// - Parameters:
    ///   - original: The float model; its own packed matrices, if any, are decoded first.
    ///   - plan: Forms.
    ///   - pool: The threads to use.
    ///   - progress: Advanced by the weights of each matrix.
    /// - Throws: ``CompressionError`` naming the first matrix that has not the form.
    public init(
        _ original: LanguageModel, plan: FormPlan, pool: WorkerPool, progress: RunProgress? = nil
    ) throws(CompressionError) {
        self.original = original
        var jobs: [(slot: ParameterSlot, form: MatrixForm)] = []
        for slot in original.spec.slots {
            if let form = try plan.form(for: slot) { jobs.append((slot, form)) }
        }
        let results = Mutex<[Role: Result<StoredMatrix, QuantizationError>]>([:])
        let all = jobs
        pool.split(jobs.count, grain: 1) { range in
            for (slot, form) in all[range] {
                let (rows, columns) = (slot.shape[0], slot.shape[1])
                let result = Result { () throws(QuantizationError) in
                    try StoredMatrix(
                        original.weights.matrix(slot.role).decoded(), rows: rows, columns: columns,
                        form: form, search: plan.search)
                }
                results.withLock { $0[slot.role] = result }
                progress?.advance(by: rows * columns, note: "\(slot.role)")
            }
        }
        var stored: [Role: StoredMatrix] = [:]
        for (slot, _) in jobs {
            switch results.withLock({ $0[slot.role] }) {
            case .success(let matrix): stored[slot.role] = matrix
            case .failure(let error):
                throw .cannotQuantize(matrix: "\(slot.role)", reason: error.description)
            case nil: preconditionFailure("every matrix has a result")
            }
        }
        self.stored = stored
    }
}

extension StoredModel {
    /// Stores the blocks' linear layers by methods that choose forms of their own.
    ///
    /// With calibration text, blocks are computed in their order and each layer is stored for the
    /// inputs that it has behind those before it, as they are stored by then.
    ///
    /// - Parameters:
    ///   - original: The float model; its own packed matrices, if any, are decoded first.
    ///   - embedding: For the embedding and a head of its own; nil leaves them float.
    ///   - calibration: What is read.
    ///   - detail: What is collected of inputs; with `none` no text is read.
    ///   - journal: Where a job that reads text notes the blocks that are done, to go on from when
    ///     it is killed; nil for none.
    ///   - pool: The threads to use.
    ///   - progress: Advanced by the weights of each matrix.
    ///   - method: Gives the method for a matrix and its inputs.
    /// - Throws: ``CompressionError`` naming the matrix; with a journal, what the disk says.
    public init(
        _ original: LanguageModel, embedding: FormRecipe?, calibration: CalibrationText?,
        detail: InputStatistics.Detail, journal: CompressionJournal? = nil, pool: WorkerPool,
        progress: RunProgress? = nil,
        method: (Role, InputStatistics?) throws -> any MatrixMethod
    ) throws {
        var stored: [Role: StoredMatrix] = [:]
        func store(
            _ role: Role, _ make: (any WeightMatrix) throws -> StoredMatrix
        ) throws(CompressionError) -> any WeightMatrix {
            let matrix = original.weights.matrix(role)
            do {
                let result = try make(matrix)
                stored[role] = result
                progress?.advance(by: matrix.rows * matrix.columns, note: "\(role)")
                return try result.matrix()
            } catch {
                throw .cannotQuantize(matrix: "\(role)", reason: "\(error)")
            }
        }
        for slot in original.spec.slots where slot.role.block == nil && slot.role.isPackable {
            guard let embedding else { continue }
            _ = try store(slot.role) { matrix in
                let (rows, columns) = (matrix.rows, matrix.columns)
                return try StoredMatrix(
                    matrix.decoded(), rows: rows, columns: columns,
                    form: try embedding.form(rows: rows, columns: columns))
            }
        }
        if detail == .none {
            for slot in original.spec.slots where slot.role.isLinear && slot.role.block != nil {
                _ = try store(slot.role) {
                    try method(slot.role, nil).stored($0, inputs: nil, pool: pool)
                }
            }
        } else {
            guard let calibration else { throw CompressionError.noCalibration }
            let spec = original.spec
            let known = try spec.blocks.indices.map { try journal?.stored($0, of: spec) }
            for (role, matrix) in known.compactMap(\.self).joined() {
                stored[role] = matrix
                progress?.advance(
                    by: matrix.rows * matrix.columns, note: "\(role), done before")
            }
            // Nothing has to be read behind the last block that is to be done.
            let end = (known.lastIndex { $0 == nil } ?? -1) + 1
            let pass = try CalibrationPass(
                original.weights, calibration, detail: detail, pool: pool)
            for block in 0..<end {
                if let known = known[block] {
                    pass.nextBlock(with: try known.mapValues { try $0.matrix() })
                    continue
                }
                try pass.nextBlock { _, roles, inputs throws(CompressionError) in
                    var replaced: [Role: any WeightMatrix] = [:]
                    for role in roles {
                        replaced[role] = try store(role) {
                            try method(role, inputs).stored($0, inputs: inputs, pool: pool)
                        }
                    }
                    return replaced
                }
                try journal?.note(block, stored.filter { $0.key.block == block })
            }
        }
        self.original = original
        self.stored = stored
    }

    /// Stores the blocks' linear layers by one method, for text if it wants to know inputs; see
    /// ``init(_:embedding:calibration:detail:journal:pool:progress:method:)``.
    public init(
        _ original: LanguageModel, method: any MatrixMethod, embedding: FormRecipe?,
        calibration: CalibrationText?, journal: CompressionJournal? = nil, pool: WorkerPool,
        progress: RunProgress? = nil
    ) throws {
        try self.init(
            original, embedding: embedding, calibration: calibration, detail: method.inputDetail,
            journal: journal, pool: pool, progress: progress
        ) { _, _ in method }
    }

    /// The original's parameters with what is stored in its place.
    public func weights() throws -> DecoderWeights {
        var weights = original.weights
        for (role, matrix) in stored { weights.replace(role, with: try matrix.matrix()) }
        return weights
    }

    /// What the stored matrices take.
    public var size: CompressedSize { CompressedSize(of: stored.values) }
}

extension CompressedSize {
    /// Counts stored matrices.
    public init(of matrices: some Collection<StoredMatrix>) {
        self.init(
            packedByteCount: matrices.reduce(0) { $0 + $1.byteCount },
            packedWeightCount: matrices.reduce(0) { $0 + $1.rows * $1.columns })
    }

    /// Counts what a plan makes of a model.
    ///
    /// - Throws: ``CompressionError`` naming the first matrix that has not the form.
    public init(of spec: DecoderSpec, plan: FormPlan) throws(CompressionError) {
        var bytes = 0
        var weights = 0
        for slot in spec.slots {
            guard let form = try plan.form(for: slot) else { continue }
            let (rows, columns) = (slot.shape[0], slot.shape[1])
            do {
                bytes += try form.byteCount(rows: rows, columns: columns)
            } catch {
                throw .cannotQuantize(matrix: "\(slot.role)", reason: error.description)
            }
            weights += rows * columns
        }
        self.init(packedByteCount: bytes, packedWeightCount: weights)
    }
}
