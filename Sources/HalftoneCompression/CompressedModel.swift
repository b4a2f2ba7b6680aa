import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns

/// A model whose matrices are packed.
public struct CompressedModel: Sendable {
    /// The float model.
    public let original: LanguageModel
    /// What was asked for.
    public let recipe: CompressionRecipe
    /// The packed matrices.
    public let matrices: [Role: PackedWeight]
    /// The original's parameters with the packed matrices in place.
    public let weights: DecoderWeights
    /// What is expected of the errors of a matrix's columns on other text, of matrices whose method lets
    /// columns make up for each other.
    let columnErrors: [Role: RateDistortionGPTQ.ExpectedErrors]
    /// What the head reads of the text that codes were found for, if it was read to the end.
    private let headInputs: InputStatistics?
    /// The codes as an entropy coder leaves them.
    let coded: CodedMatrices

    /// Quantizes the matrices of a model one after another.
    ///
    /// With calibration text, blocks are computed in their order and each layer is quantized for
    /// the inputs that it has behind those before it, as they are quantized by then. Embedding and
    /// head go first.
    ///
    /// - Parameters:
    ///   - original: The float model; its own packed matrices, if any, are decoded first.
    ///   - recipe: Formats.
    ///   - method: How codes are found.
    ///   - calibration: What is read for methods that want to know inputs; nil for those that
    ///     do not.
    ///   - tables: What is known of the inputs of embedding and head; they are quantized as if they
    ///     read nothing where nothing is.
    ///   - worth: What a squared change of each output of a matrix costs, for methods that want to
    ///     know it.
    ///   - journal: Where a calibrated job notes what it has done, to go on from when it is
    ///     killed; nil for none.
    ///   - pool: The threads to use.
    ///   - progress: Advanced by the weights of each matrix.
    /// - Throws: ``CompressionError`` naming the matrix; with a journal, what the disk says.
    public init(
        _ original: LanguageModel, recipe: CompressionRecipe,
        method: any WeightMethod = RoundToNearest(), calibration: CalibrationText? = nil,
        tables: [Role: InputStatistics] = [:], worth: [Role: [Float]] = [:],
        journal: CompressionJournal? = nil, pool: WorkerPool, progress: RunProgress? = nil
    ) throws {
        self.original = original
        self.recipe = recipe
        guard method.inputDetail == .none || calibration != nil else {
            throw CompressionError.noCalibration
        }
        var quantizer = ModelQuantizer(
            original.weights, recipe, method, worth: worth, pool, progress)
        if method.inputDetail == .none {
            for slot in original.spec.slots { try quantizer.quantize(slot.role, inputs: nil) }
        } else if let calibration {
            try quantizer.run(calibration, tables, journal)
        }
        matrices = quantizer.packed
        weights = quantizer.weights
        columnErrors = quantizer.columnErrors
        headInputs = quantizer.headInputs
        coded = CodedMatrices()
    }

    /// Quantizes the matrices of a model for inputs of which something is known beforehand.
    ///
    /// - Parameters:
    ///   - original: The float model.
    ///   - recipe: Formats.
    ///   - method: How codes are found; what it wants to know in more detail than is known, it has
    ///     to do without.
    ///   - pool: The threads to use.
    ///   - progress: Advanced by the weights of each matrix.
    ///   - inputs: What is known of a matrix's inputs; nil for one that is to be quantized as if
    ///     nothing were read. Of matrices that read the same, the first one is asked for.
    /// - Throws: ``CompressionError`` naming the matrix, and what `inputs` throws.
    public init(
        _ original: LanguageModel, recipe: CompressionRecipe, method: any WeightMethod,
        pool: WorkerPool, progress: RunProgress? = nil,
        inputs: (Role) throws -> InputStatistics?
    ) throws {
        self.original = original
        self.recipe = recipe
        var quantizer = ModelQuantizer(original.weights, recipe, method, pool, progress)
        try quantizer.run(inputs)
        matrices = quantizer.packed
        weights = quantizer.weights
        columnErrors = quantizer.columnErrors
        headInputs = quantizer.headInputs
        coded = CodedMatrices()
    }

    /// The model with parameters that were tuned in place of its own.
    ///
    /// - Throws: ``CompressionError`` for codes of another size, or a scale that its format does not
    ///   have.
    public func tuned(_ parameters: TunedParameters) throws(CompressionError) -> CompressedModel {
        var (vectors, matrices) = (original.weights, matrices)
        for (role, vector) in parameters.vectors { vectors.replace(role, with: vector) }
        for role in matrices.keys {
            do throws(QuantizationError) {
                if let codes = parameters.codes[role] {
                    matrices[role] = try matrices[role]?.replacingCodes(by: codes)
                }
                if let factors = parameters.factors[role] {
                    matrices[role] = try matrices[role]?.scaling(by: factors)
                }
            } catch {
                throw .cannotQuantize(matrix: "\(role)", reason: error.description)
            }
        }
        return CompressedModel(
            original.rewritten(as: vectors), recipe: recipe, matrices: matrices,
            columnErrors: columnErrors, headInputs: nil,
            coded: coded.replacing(parameters.codes.keys))
    }

    /// The same with some matrices quantized anew.
    ///
    /// - Parameters:
    ///   - inputs: What they read.
    ///   - method: How codes are found.
    ///   - worth: What a squared change of each of their outputs costs.
    ///   - pool: The threads to use.
    ///   - progress: Advanced by the weights of each matrix.
    func requantizing(
        _ inputs: [Role: InputStatistics], by method: any WeightMethod, worth: [Role: [Float]],
        pool: WorkerPool, progress: RunProgress?
    ) throws(CompressionError) -> CompressedModel {
        var quantizer = ModelQuantizer(
            original.weights, recipe, method, worth: worth, pool, progress)
        for (role, known) in inputs { try quantizer.quantize(role, inputs: known) }
        return CompressedModel(
            original, recipe: recipe, matrices: matrices.merging(quantizer.packed) { $1 },
            columnErrors: columnErrors, headInputs: nil, coded: coded.replacing(inputs.keys))
    }

    /// What the head reads of the text that codes were found for.
    ///
    /// - Parameters:
    ///   - calibration: That text, which is read again where all blocks were done before.
    ///   - pool: The threads to use.
    /// - Throws: ``CompressionError/badCalibration(_:)`` for text that the model cannot read.
    func headInputs(
        reading calibration: CalibrationText, pool: WorkerPool
    ) throws(CompressionError) -> InputStatistics {
        if let headInputs { return headInputs }
        let pass = try CalibrationPass(weights, calibration, detail: .gram, pool: pool)
        for _ in weights.spec.blocks { pass.nextBlock(with: [:]) }
        return pass.finalInputs()
    }

    private init(
        _ original: LanguageModel, recipe: CompressionRecipe, matrices: [Role: PackedWeight],
        columnErrors: [Role: RateDistortionGPTQ.ExpectedErrors], headInputs: InputStatistics?,
        coded: CodedMatrices
    ) {
        self.original = original
        self.recipe = recipe
        self.matrices = matrices
        self.columnErrors = columnErrors
        self.headInputs = headInputs
        self.coded = coded
        var weights = original.weights
        for (role, matrix) in matrices { weights.replace(role, with: matrix.matrix) }
        self.weights = weights
    }

    /// The packed matrices that are integer codes.
    public var quantized: [Role: QuantizedTensor] { matrices.compactMapValues(\.codes) }

    /// What the packed matrices take.
    public var size: CompressedSize { CompressedSize(of: original.spec, recipe: recipe) }
}

extension CompressionRecipe {
    /// How a matrix is packed, or nil when it stays float.
    public func packing(for role: Role) -> WeightPacking? {
        guard role.isPackable else { return nil }
        if let override = overrides[role] { return override }
        let scheme = role.part == .embedding || role.part == .head ? embedding : body
        return scheme.map(WeightPacking.codes)
    }

    /// The scheme of a matrix that becomes integer codes, or nil.
    public func scheme(for role: Role) -> WeightScheme? {
        if case .codes(let scheme) = packing(for: role) { scheme } else { nil }
    }
}

/// Bytes and weights of packed matrices, known before anything is computed.
public struct CompressedSize: Sendable, Equatable {
    /// Bytes of all packed matrices with scales and side data.
    public let packedByteCount: Int
    /// Weights in them.
    public let packedWeightCount: Int

    /// Counts what a recipe makes of a model.
    ///
    /// - Parameters:
    ///   - spec: The model.
    ///   - recipe: Formats.
    ///   - order: How packed matrices are stored; rows and columns that fill up panels count.
    public init(of spec: DecoderSpec, recipe: CompressionRecipe, order: StorageOrder = .rows) {
        var bytes = 0
        var weights = 0
        for slot in spec.slots {
            guard let packing = recipe.packing(for: slot.role) else { continue }
            bytes += packing.byteCount(order, rows: slot.shape[0], columns: slot.shape[1])
            weights += slot.shape[0] * slot.shape[1]
        }
        packedByteCount = bytes
        packedWeightCount = weights
    }

    init(packedByteCount: Int, packedWeightCount: Int) {
        self.packedByteCount = packedByteCount
        self.packedWeightCount = packedWeightCount
    }

    /// Bits per weight, every byte of the packed matrices counted.
    public var bitsPerWeight: Double {
        Double(8 * packedByteCount) / Double(max(packedWeightCount, 1))
    }
}

/// Why a model cannot be compressed or written.
public enum CompressionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A matrix has weights that are no numbers.
    case cannotQuantize(matrix: String, reason: String)
    /// The method wants to know inputs, and there is no text to read.
    case noCalibration
    /// A pipeline names a step that there is not, or one twice.
    case unknownStep(String)
    /// A published method has no such codes, or one width that is not to be named.
    case noSuchWidth(method: String, widths: [Int])
    /// The text cannot be read.
    case badCalibration(String)
    /// The format has no exact counterpart where it should be written.
    case notRepresentable(String)
    /// No size is as near to the float model on held-out text as was asked for.
    case unreachable(loss: String, least: String, packedBytes: Int)
    /// A limit that no way to store the matrices keeps.
    case infeasible(limit: String, possible: String)
    /// A measure does not serve, or a file of sensitivities is no such file or of another model.
    case badSensitivity(String)
    /// Something is in the way of the output.
    case outputExists(String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .cannotQuantize(let matrix, let reason): "\(matrix): \(reason)"
        case .noCalibration:
            "the method needs a text to calibrate with; give one with --calibration FILE"
        case .unknownStep(let name):
            "'\(name)' is no step there; give any of "
                + CompressionPipeline.Transform.allCases.map(\.rawValue).joined(separator: ", ")
                + ", each once, then at most one of "
                + CompressionPipeline.Method.all.map(\.name).joined(separator: ", ")
                + ", joined by +"
        case .noSuchWidth(let method, let widths):
            widths.count == 1
                ? "\(method) has one width; leave --bits out"
                : "\(method) needs --bits, one of "
                    + widths.map { "\($0)" }.joined(separator: ", ")
        case .badCalibration(let reason), .badSensitivity(let reason): reason
        case .notRepresentable(let reason): reason
        case .unreachable(let loss, let least, let bytes):
            "no size has \(loss) on held-out text; the nearest that was reached has \(least), "
                + "with \(bytes) bytes of matrices, so ask for that or more"
        case .infeasible(let limit, let possible):
            "\(limit) cannot be kept; possible: \(possible)"
        case .outputExists(let path):
            "\(path) exists; choose another name or add --force to replace it"
        }
    }
}
