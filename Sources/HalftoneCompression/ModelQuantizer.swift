import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns

/// Quantizes the matrices of a model, each for the inputs that it has, and keeps the results.
struct ModelQuantizer {
    /// The packed matrices so far.
    private(set) var packed: [Role: PackedWeight] = [:]

    /// The model's parameters with the packed matrices in place.
    private(set) var weights: DecoderWeights

    /// See ``CompressedModel/columnErrors``.
    private(set) var columnErrors: [Role: RateDistortionGPTQ.ExpectedErrors] = [:]

    /// What the head reads of the text, if second moments are collected and blocks are computed.
    private(set) var headInputs: InputStatistics?

    private let recipe: CompressionRecipe
    private let method: any WeightMethod
    private let worth: [Role: [Float]]
    private let pool: WorkerPool
    private let progress: RunProgress?

    init(
        _ weights: DecoderWeights, _ recipe: CompressionRecipe, _ method: any WeightMethod,
        worth: [Role: [Float]] = [:], _ pool: WorkerPool, _ progress: RunProgress?
    ) {
        self.weights = weights
        self.recipe = recipe
        self.method = method
        self.worth = worth
        self.pool = pool
        self.progress = progress
    }

    /// Quantizes a matrix unless it stays float.
    ///
    /// - Parameters:
    ///   - role: The matrix.
    ///   - inputs: What it reads.
    ///   - ready: The method, made ready for these inputs.
    /// - Returns: The matrix to compute with, or nil when it stays as it is.
    @discardableResult
    mutating func quantize(
        _ role: Role, inputs: InputStatistics?, by ready: (any WeightMethod)? = nil
    ) throws(CompressionError) -> (any WeightMatrix)? {
        guard let packing = recipe.packing(for: role) else { return nil }
        let matrix = weights.matrix(role)
        do {
            let found = try (ready ?? method).packed(
                matrix, as: packing, inputs: inputs?.with(outputWorth: worth[role]), pool: pool)
            packed[role] = found
            weights.replace(role, with: found.matrix)
            progress?.advance(by: matrix.rows * matrix.columns, note: "\(role)")
            return found.matrix
        } catch {
            throw .cannotQuantize(matrix: "\(role)", reason: error.description)
        }
    }

    /// Quantizes all matrices, those of blocks for the inputs that a text gives them.
    ///
    /// - Parameters:
    ///   - calibration: What is read.
    ///   - tables: What is known of the inputs of embedding and head.
    ///   - journal: Gives the matrices of blocks that are done, and notes those of the others.
    mutating func run(
        _ calibration: CalibrationText, _ tables: [Role: InputStatistics],
        _ journal: CompressionJournal?
    ) throws {
        let spec = weights.spec
        for slot in spec.slots where slot.role.block == nil && slot.role.isPackable {
            guard let inputs = tables[slot.role] else {
                try quantize(slot.role, inputs: nil)
                continue
            }
            _ = try quantize([slot.role], inputs, "\(slot.role)")
        }
        let known = try spec.blocks.indices.map { try journal?.packed($0, of: spec, by: recipe) }
        // Nothing has to be read for blocks that are all done.
        guard known.contains(where: { $0 == nil }) else {
            known.compactMap(\.self).forEach { take($0) }
            return
        }
        let pass = try CalibrationPass(
            weights, calibration, detail: method.inputDetail, pool: pool)
        for index in spec.blocks.indices {
            if let known = known[index] {
                pass.nextBlock(with: known.matrices.mapValues(\.matrix))
                take(known)
                continue
            }
            try pass.nextBlock { stage, roles, inputs throws(CompressionError) in
                try quantize(roles, inputs, "block \(index), \(stage)")
            }
            try journal?.note(
                index,
                QuantizedBlock(
                    matrices: packed.filter { $0.key.block == index },
                    columnErrors: columnErrors.filter { $0.key.block == index }))
        }
        if method.inputDetail >= .gram { headInputs = pass.finalInputs() }
    }

    /// Quantizes all matrices for inputs of which something is known beforehand; the method is
    /// made ready once for those that read the same.
    mutating func run(_ inputs: (Role) throws -> InputStatistics?) throws {
        let spec = weights.spec
        for slot in spec.slots where slot.role.block == nil && slot.role.isPackable {
            try quantize(slot.role, inputs: try inputs(slot.role))
        }
        for (index, block) in spec.blocks.enumerated() {
            for stage in BlockStage.allCases {
                let roles = stage.parts(of: block).map { Role($0, block: index) }
                guard let known = try inputs(roles[0]) else {
                    for role in roles { try quantize(role, inputs: nil) }
                    continue
                }
                _ = try quantize(roles, known, "block \(index), \(stage)")
            }
        }
    }

    /// Quantizes matrices that read the same inputs.
    private mutating func quantize(
        _ roles: [Role], _ inputs: InputStatistics, _ place: String
    ) throws(CompressionError) -> [Role: any WeightMatrix] {
        let ready: any WeightMethod
        do throws(QuantizationError) {
            ready = try method.prepared(for: inputs, pool: pool)
        } catch {
            throw .cannotQuantize(matrix: place, reason: error.description)
        }
        let errors = ready.columnErrors.map {
            RateDistortionGPTQ.ExpectedErrors($0, tokens: inputs.tokenCount)
        }
        var replaced: [Role: any WeightMatrix] = [:]
        for role in roles {
            replaced[role] = try quantize(role, inputs: inputs, by: ready)
            columnErrors[role] = errors
        }
        return replaced
    }

    /// Takes over matrices that were quantized before.
    private mutating func take(_ known: QuantizedBlock) {
        columnErrors.merge(known.columnErrors) { $1 }
        for (role, matrix) in known.matrices {
            packed[role] = matrix
            weights.replace(role, with: matrix.matrix)
            progress?.advance(by: matrix.rows * matrix.columns, note: "\(role), done before")
        }
    }
}

/// What came of a block.
struct QuantizedBlock {
    var matrices: [Role: PackedWeight]
    /// See ``CompressedModel/columnErrors``.
    var columnErrors: [Role: RateDistortionGPTQ.ExpectedErrors]
}
