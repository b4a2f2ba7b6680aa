import Foundation
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns

/// Writes a model as a GGUF file.
///
/// Linear layers, embedding and head get the wanted type; where its block does not divide the
/// width, Q4_0 for types with larger blocks, and F16 where 32 does not divide it either. Matrices
/// that have their type already are copied bit for bit. Vectors are F32, tables of positions F32
/// or F16.
///
/// Metadata of a GGUF source are kept. For a folder they are made from the configuration and the
/// documents of the tokenizer, and refused when a reader would understand another model.
public struct GGUFExport {
    private let inputPath: String
    private var writer: GGUFWriter

    /// Prepares to write a model with matrices of one type.
    ///
    /// - Parameters:
    ///   - model: From a folder or a GGUF file.
    ///   - type: One of `BlockCodec.encodableTypes`, or the type that all matrices have.
    ///   - importance: What encoders that search count the errors of input features with; matrices
    ///     that it lacks are encoded without.
    /// - Throws: ``CompressionError/notRepresentable(_:)`` for types that cannot be written and
    ///   models that GGUF cannot describe, and for importance of another width than its matrix;
    ///   ``ConversionError`` for vocabularies likewise.
    public init(
        _ model: LanguageModel, type: BlockType, importance: ImportanceMatrix? = nil
    ) throws {
        try self.init(model, importance: importance) { matrix, slot in
            try Self.type(type, for: matrix, slot: slot)
        }
    }

    /// Prepares to write a model with matrices of the types of a mixture.
    ///
    /// - Parameters:
    ///   - model: From a folder or a GGUF file.
    ///   - preset: The mixture.
    ///   - importance: What encoders that search count the errors of input features with; matrices
    ///     that it lacks are encoded without.
    /// - Throws: As with one type.
    public init(
        _ model: LanguageModel, preset: GGUFPreset, importance: ImportanceMatrix? = nil
    ) throws {
        let recipe = preset.recipe(for: model.spec)
        try self.init(model, importance: importance) { _, slot in
            guard case .blocks(let type) = recipe.packing(for: slot.role) else {
                preconditionFailure("a preset stores every matrix in blocks")
            }
            return type
        }
    }

    private init(
        _ model: LanguageModel, importance: ImportanceMatrix?,
        type: (any WeightMatrix, ParameterSlot) throws -> BlockType
    ) throws {
        try self.init(model) { slot, form, writer in
            let matrix = model.weights.matrix(slot.role)
            let wanted = try type(matrix, slot)
            let weights = importance?.entries[form.names[0]]?.meanSquares
            if let weights, weights.count != matrix.columns {
                throw CompressionError.notRepresentable(
                    "\(form.names[0]) has \(matrix.columns) columns and importance for "
                        + "\(weights.count)")
            }
            try writer.add(Self.source(matrix, slot, form, wanted, importance: weights))
            return wanted
        }
    }

    /// Prepares to write a compressed model with the codes that it has.
    ///
    /// Symmetric codes of 4, 5 and 8 bits in groups of a multiple of 32 with f16 scales are Q4_0,
    /// Q5_0 and Q8_0; blocks are written as they are. Matrices that were left float keep the type
    /// they are stored in, or are F16.
    ///
    /// - Throws: ``CompressionError/notRepresentable(_:)`` for other formats, and as
    ///   `init` does.
    public init(_ compressed: CompressedModel) throws {
        let weights = compressed.original.weights
        try self.init(compressed.original) { slot, form, writer in
            if let packed = compressed.quantized[slot.role] {
                let blocks = try GGUFRepacking(packed, role: slot.role, form: form)
                try writer.add(
                    TensorSource(
                        name: form.names[0], shape: slot.shape, encoding: .blocks(blocks.type),
                        produce: blocks.write))
                return blocks.type
            }
            let matrix = compressed.matrices[slot.role]?.matrix ?? weights.matrix(slot.role)
            let type = matrix.blockType ?? .f16
            try writer.add(Self.source(matrix, slot, form, type))
            return type
        }
    }

    /// The size that the file of a model will have, known before anything is quantized.
    ///
    /// - Parameters:
    ///   - model: The float model.
    ///   - recipe: Formats.
    /// - Throws: As writing would.
    public static func fileByteCount(
        of model: LanguageModel, recipe: CompressionRecipe
    ) throws -> Int {
        let planned = try GGUFExport(model) { slot, form, writer in
            let type: BlockType
            switch recipe.packing(for: slot.role) {
            case .codes(let scheme):
                type = try GGUFRepacking.type(
                    of: scheme, columns: slot.shape[1], role: slot.role)
            case .blocks(let blocks): type = blocks
            case nil: type = model.weights.matrix(slot.role).blockType ?? .f16
            }
            try writer.add(
                TensorSource(
                    name: form.names[0], shape: slot.shape, encoding: .blocks(type)
                ) { _ in preconditionFailure("what is planned has no content") })
            return type
        }
        return try planned.fileByteCount()
    }

    private init(
        _ model: LanguageModel,
        addMatrix: (ParameterSlot, StoredForm, inout GGUFWriter) throws -> BlockType
    ) throws {
        inputPath = model.source.path
        let header = try GGUFExportHeader(model)
        writer = GGUFWriter(metadata: header.metadata)
        var counts: [BlockType: Int] = [:]
        for slot in model.spec.slots {
            let form = header.architecture.gguf(slot.role, in: model.spec)
            if slot.shape.count == 1 {
                let values = model.weights.vector(slot.role) ?? []
                let stored = form.layout.stored(values, shape: slot.shape)
                try writer.add(Self.vector(form.names[0], stored))
            } else if slot.role.isPackable {
                counts[try addMatrix(slot, form, &writer), default: 0] += 1
            } else {
                let matrix = model.weights.matrix(slot.role)
                let isHalf = matrix.blockType == .f16
                try writer.add(Self.source(matrix, slot, form, isHalf ? .f16 : .f32))
            }
        }
        for tensor in header.extraTensors { try writer.add(TensorSource(tensor)) }
        if let divisors = header.ropeDivisors {
            try writer.add(Self.vector("rope_freqs.weight", divisors))
        }
        // The id of a mixture is that of its most frequent type.
        let frequent = counts.max { ($0.value, $0.key.rawValue) < ($1.value, $1.key.rawValue) }
        writer.metadata["general.file_type"] = .uint32(
            frequent.flatMap { Self.fileTypeIDs[$0.key] } ?? Self.guessedFileTypeID)
        writer.metadata["general.quantization_version"] = .uint32(2)
    }

    /// The size that the file will have, header and padding included.
    ///
    /// - Throws: As writing would.
    public func fileByteCount() throws -> Int { try writer.fileByteCount() }

    /// Writes the file; it appears under its name when all of it is written and read back.
    ///
    /// - Parameters:
    ///   - path: The final name.
    ///   - replaces: Whether a file of that name may be replaced.
    ///   - progress: Advanced by the bytes of each tensor.
    /// - Throws: ``CompressionError`` when something is in the way or a weight cannot be
    ///   encoded, or what the writer throws. Nothing is left behind then.
    public func write(to path: String, replaces: Bool, progress: RunProgress? = nil) throws {
        try OutputPlace.check(
            URL(filePath: path).standardizedFileURL, replaces: replaces, inputs: [inputPath])
        try writer.write(to: path, progress: progress)
    }
}

extension GGUFExport {
    private static let guessedFileTypeID: UInt32 = 1024

    /// `general.file_type` of files whose matrices mostly have a type.
    private static let fileTypeIDs: [BlockType: UInt32] = [
        .f32: 0, .f16: 1, .q4_0: 2, .q4_1: 3, .q8_0: 7, .q5_0: 8, .q5_1: 9, .q2_K: 10, .q3_K: 12,
        .q4_K: 15, .q5_K: 17, .q6_K: 18, .iq2_XXS: 19, .iq2_XS: 20, .iq3_XXS: 23, .iq1_S: 24,
        .iq4_NL: 25, .iq3_S: 26, .iq2_S: 28, .iq4_XS: 30, .iq1_M: 31, .bf16: 32, .tq1_0: 36,
        .tq2_0: 37, .mxfp4: 38, .nvfp4: 39, .q1_0: 40, .q2_0: 41,
    ]

    private static func vector(_ name: String, _ values: [Float]) -> TensorSource {
        TensorSource(name: name, shape: [values.count], encoding: .blocks(.f32)) { sink in
            try sink.write(BlockCodec.encode(.f32, values, columns: values.count))
        }
    }

    private static func source(
        _ matrix: any WeightMatrix, _ slot: ParameterSlot, _ form: StoredForm, _ type: BlockType,
        importance: [Float]? = nil
    ) -> TensorSource {
        TensorSource(
            name: form.names[0], shape: slot.shape, encoding: .blocks(type),
            produce: GGUFMatrix(matrix, form: form, type: type, importance: importance).write)
    }

    /// The type of a matrix: the wanted one where its blocks fit.
    private static func type(
        _ wanted: BlockType, for matrix: any WeightMatrix, slot: ParameterSlot
    ) throws(CompressionError) -> BlockType {
        if matrix.blockType == wanted { return wanted }
        guard BlockCodec.encodableTypes.contains(wanted) else {
            throw .notRepresentable(
                "\(slot.role): \(wanted.name) can be copied but not computed; "
                    + BlockCodec.encodableTypes.map(\.name).joined(separator: ", ") + " can")
        }
        return fitting(wanted, columns: matrix.columns)
    }

    /// A type, or that which peers take where its blocks do not divide a row: one with blocks of 32,
    /// and F16 where these do not either.
    static func fitting(_ type: BlockType, columns: Int) -> BlockType {
        let smaller: [BlockType: BlockType] = [
            .q4_K: .q5_0, .q5_K: .q5_1, .q6_K: .q8_0, .iq4_XS: .iq4_NL,
        ]
        let choices = type.blockSize > 32 ? [type, smaller[type] ?? .q4_0] : [type]
        return choices.first { columns.isMultiple(of: $0.blockSize) } ?? .f16
    }
}

/// Everything of a GGUF file but the parameters of the spec.
private struct GGUFExportHeader {
    var architecture: any Architecture.Type
    var metadata: GGUFMetadata
    /// Tensors of a GGUF source that are no parameters, such as `rope_freqs.weight`.
    var extraTensors: [StoredTensor] = []
    var ropeDivisors: [Float]?

    init(_ model: LanguageModel) throws {
        switch model.source {
        case .gguf(let file):
            architecture = model.architecture
            metadata = file.metadata
            // Parts become one file, and what made the old types did not make the new ones.
            for (key, _) in metadata.entries
            where key.hasPrefix("split.") || key.hasPrefix("quantize.") {
                metadata[key] = nil
            }
            let known = Set(
                model.spec.slots.flatMap { [architecture = architecture] slot in
                    architecture.gguf(slot.role, in: model.spec).names
                })
            extraTensors = file.tensors.filter { !known.contains($0.name) }
        case .folder(let folder, _):
            let keys = try GGUFModelKeys(model)
            architecture = keys.architecture
            ropeDivisors = keys.ropeDivisors
            metadata = keys.metadata
            metadata["general.type"] = .string("model")
            metadata["general.name"] = .string(
                URL(filePath: folder.path).standardizedFileURL.lastPathComponent)
            metadata["general.alignment"] = .uint32(32)
            try addTokenizer(folder, model)
        case .safetensors(let checkpoint):
            throw CompressionError.notRepresentable(
                "\(checkpoint.path) has no configuration to write into a GGUF file")
        }
    }

    private mutating func addTokenizer(_ folder: ModelFolder, _ model: LanguageModel) throws {
        if let document = try folder.tokenizer() {
            let keys = try GGUFTokenizerKeys(
                tokenizer: document, configuration: folder.tokenizerConfig,
                vocabularySize: model.spec.vocabularySize)
            let entries = try keys.entries(
                model: folder.config, generation: folder.generationConfig)
            for (key, value) in entries { metadata["tokenizer.ggml." + key] = value }
        } else {
            metadata["tokenizer.ggml.model"] = .string("none")
        }
        if let template = model.chatTemplate {
            metadata["tokenizer.chat_template"] = .string(template)
        }
    }
}
