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

extension CompressedSize {
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
