import HalftoneKernels
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
    public let quantized: [Role: QuantizedTensor]
    /// The original's parameters with the packed matrices in place.
    public let weights: DecoderWeights

    /// Quantizes the matrices of a model one after another.
    ///
    /// - Parameters:
    ///   - original: The float model; its own packed matrices, if any, are decoded first.
    ///   - recipe: Formats.
    ///   - method: How codes are found.
    ///   - pool: The threads to use.
    ///   - progress: Advanced by the weights of each matrix.
    /// - Throws: ``CompressionError`` naming the matrix.
    public init(
        _ original: LanguageModel, recipe: CompressionRecipe,
        method: some WeightMethod = RoundToNearest(), pool: WorkerPool,
        progress: RunProgress? = nil
    ) throws(CompressionError) {
        self.original = original
        self.recipe = recipe
        var weights = original.weights
        var quantized: [Role: QuantizedTensor] = [:]
        for slot in original.spec.slots where slot.role.isPackable {
            guard let scheme = recipe.scheme(for: slot.role) else { continue }
            let matrix = original.weights.matrix(slot.role)
            do {
                let packed = try method.quantize(matrix, scheme: scheme, pool: pool)
                quantized[slot.role] = packed
                weights.replace(slot.role, with: packed.matrix)
            } catch {
                throw .cannotQuantize(matrix: "\(slot.role)", reason: error.description)
            }
            progress?.advance(by: slot.shape.reduce(1, *), note: "\(slot.role)")
        }
        self.quantized = quantized
        self.weights = weights
    }

    /// What the packed matrices take.
    public var size: CompressedSize { CompressedSize(of: original.spec, recipe: recipe) }
}

extension CompressionRecipe {
    /// The scheme of a matrix, or nil when it stays float.
    public func scheme(for role: Role) -> WeightScheme? {
        guard role.isPackable else { return nil }
        return role.part == .embedding || role.part == .head ? embedding : body
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
            guard let scheme = recipe.scheme(for: slot.role) else { continue }
            bytes += scheme.byteCount(order, rows: slot.shape[0], columns: slot.shape[1])
            weights += slot.shape[0] * slot.shape[1]
        }
        packedByteCount = bytes
        packedWeightCount = weights
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
    /// The format has no exact counterpart where it should be written.
    case notRepresentable(String)
    /// Something is in the way of the output.
    case outputExists(String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .cannotQuantize(let matrix, let reason): "\(matrix): \(reason)"
        case .notRepresentable(let reason): reason
        case .outputExists(let path):
            "\(path) exists; choose another name or add --force to replace it"
        }
    }
}
