import Foundation
import HalftoneCheckpoints
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns

/// Writes a model, float or packed, as a Hugging Face folder.
///
/// Packed matrices are laid out as `PackedManifest` describes, or as another program does that then
/// reads the folder. Other tensors of a folder are copied bit for bit unless matrices of another
/// type are asked for; those of a GGUF file are decoded and brought to the layout that
/// `transformers` has.
public struct ModelFolderWriter {
    private let model: LanguageModel
    private let quantized: [Role: QuantizedTensor]
    /// Matrices whose bytes are counted before they are there.
    private var planned: [Role: WeightPacking] = [:]
    private let stored: [Role: StoredMatrix]
    private let matrixType: ElementType?
    private let layout: ExportLayout?
    private let order: StorageOrder
    /// The codes of packed matrices as an entropy coder leaves them, where they are to be coded.
    private let coded: [Role: Bytes]

    /// Writes a compressed model; what stays float of a GGUF source becomes 16-bit matrices and
    /// 32-bit vectors.
    ///
    /// - Parameters:
    ///   - compressed: The model.
    ///   - layout: The layout of packed matrices, or nil for this package's own. The others hold
    ///     matrices of linear layers only.
    ///   - order: The order of packed matrices in this package's own layout.
    public init(
        _ compressed: CompressedModel, layout: ExportLayout? = nil,
        order: StorageOrder = .automatic
    ) {
        self.init(
            compressed.original, quantized: compressed.quantized,
            stored: compressed.matrices.compactMapValues { packed in
                if case .blocks(let matrix) = packed { StoredMatrix(matrix) } else { nil }
            },
            matrixType: Self.floatType(of: compressed.original), layout: layout, order: order,
            coded: compressed.coded)
    }

    /// Writes a model some of whose matrices are in forms of their own.
    ///
    /// - Parameters:
    ///   - model: The float model.
    ///   - stored: What stands for some of its matrices, in the shapes of the run time.
    public init(_ model: LanguageModel, stored: [Role: StoredMatrix]) {
        self.init(
            model, quantized: [:], stored: stored, matrixType: Self.floatType(of: model),
            order: .rows)
    }

    /// What matrices that stay float become: those of a folder are copied.
    private static func floatType(of model: LanguageModel) -> ElementType? {
        if case .folder = model.source, !model.isRewritten { nil } else { .float16 }
    }

    /// Writes a float model.
    ///
    /// - Parameters:
    ///   - model: From a folder or a GGUF file.
    ///   - matrixType: F32, F16 or BF16 for all matrices. Nil copies those of a folder and makes
    ///     F32 of others. Vectors of a folder are copied in any case, and are F32 otherwise.
    public init(_ model: LanguageModel, matrixType: ElementType? = nil) {
        self.init(model, quantized: [:], matrixType: matrixType, order: .rows)
    }

    /// The size that the weight file of a model will have, known before anything is quantized.
    ///
    /// - Parameters:
    ///   - model: The float model.
    ///   - recipe: Formats.
    ///   - order: The order of packed matrices.
    public static func weightFileByteCount(
        of model: LanguageModel, recipe: CompressionRecipe, order: StorageOrder = .automatic
    ) throws -> Int {
        var writer = ModelFolderWriter(
            model, quantized: [:], matrixType: floatType(of: model), order: order)
        for slot in model.spec.slots { writer.planned[slot.role] = recipe.packing(for: slot.role) }
        return try writer.weightFileByteCount()
    }

    private init(
        _ model: LanguageModel, quantized: [Role: QuantizedTensor],
        stored: [Role: StoredMatrix] = [:],
        matrixType: ElementType?, layout: ExportLayout? = nil, order: StorageOrder,
        coded known: CodedMatrices = CodedMatrices()
    ) {
        self.model = model
        self.quantized = quantized
        self.stored = stored
        self.matrixType = matrixType
        self.layout = layout
        self.order = order
        coded = order == .coded && layout == nil ? known.bytes(of: quantized) : [:]
    }

    /// The size that `model.safetensors` will have.
    public func weightFileByteCount() throws -> Int { try writer().fileByteCount() }

    /// Writes the folder; it appears under its name when all of it is written.
    ///
    /// - Parameters:
    ///   - path: The final name.
    ///   - replaces: Whether a folder of that name may be replaced.
    ///   - progress: Advanced by the bytes of each tensor.
    public func write(to path: String, replaces: Bool, progress: RunProgress? = nil) throws {
        let folder = try OutputFolder(
            path: path, replaces: replaces, inputs: [model.source.path])
        do {
            try writer().write(
                to: folder.temporaryPath + "/model.safetensors", progress: progress)
            try writeDocuments(folder.temporaryPath)
            try folder.commit()
        } catch {
            folder.abandon()
            throw error
        }
    }

    /// Bytes of packed matrices with their scales and side data.
    public func packedByteCount() throws -> Int {
        guard let layout else {
            return stored.values.reduce(0) { $0 + $1.byteCount }
                + quantizedByteCounts.values.reduce(0, +)
        }
        return try ForeignModules(model, quantized, layout).modules.values
            .reduce(0) { $0 + layout.byteCount($1) }
    }

    /// Bytes of each matrix of integer codes in this package's own layout.
    var quantizedByteCounts: [Role: Int] {
        var counts: [Role: Int] = [:]
        for (role, tensor) in quantized {
            let bytes = tensor.scheme.byteCount(order, rows: tensor.rows, columns: tensor.columns)
            counts[role] =
                bytes + (coded[role].map { $0.count - tensor.parts.codes.count } ?? 0)
        }
        return counts
    }

    private func writer() throws -> SafetensorsWriter {
        var writer = SafetensorsWriter()
        let foreign = try layout.map { try ForeignModules(model, quantized, $0) }
        for slot in model.spec.slots {
            let form = model.architecture.huggingFace(slot.role, in: model.spec)
            if let foreign, let module = foreign.modules[slot.role] {
                for source in foreign.layout.tensors(module) { try writer.add(source) }
            } else if let packed = quantized[slot.role] {
                for source in packed.sources(named: form.names[0], order, coded: coded[slot.role]) {
                    try writer.add(source)
                }
            } else if let packing = planned[slot.role] {
                let sources = try packing.plannedSources(
                    named: form.names[0], rows: slot.shape[0], columns: slot.shape[1], order)
                for source in sources { try writer.add(source) }
            } else if let matrix = stored[slot.role] {
                for source in matrix.sources(named: form.names[0]) { try writer.add(source) }
            } else if let tensor = storedTensor(form, isMatrix: slot.shape.count == 2) {
                try writer.add(TensorSource(tensor))
            } else {
                try writer.add(floatSource(slot, form))
            }
        }
        return writer
    }

    /// The tensor of a folder that can be copied as it is.
    private func storedTensor(_ form: StoredForm, isMatrix: Bool) -> StoredTensor? {
        guard !model.isRewritten, case .folder(_, let checkpoint) = model.source,
            let tensor = form.names.lazy.compactMap({ checkpoint.tensor(named: $0) }).first
        else { return nil }
        // Under the name of a packed weight another program may have put its codes.
        guard model.foreignLayout == nil || tensor.isFloat else { return nil }
        guard isMatrix, let matrixType, tensor.encoding != .elements(matrixType) else {
            return tensor
        }
        return nil
    }

    private func floatSource(_ slot: ParameterSlot, _ form: StoredForm) -> TensorSource {
        let isMatrix = slot.shape.count == 2
        let type = isMatrix ? matrixType ?? .float32 : .float32
        let shape = form.layout == .transposed ? Array(slot.shape.reversed()) : slot.shape
        let weights = model.weights
        return TensorSource(
            name: form.names[0], shape: shape, encoding: .elements(type)
        ) { sink in
            let values =
                isMatrix
                ? weights.matrix(slot.role).decoded() : weights.vector(slot.role) ?? []
            let stored = form.layout.stored(values, shape: slot.shape)
            let block: BlockType = type == .float16 ? .f16 : type == .bfloat16 ? .bf16 : .f32
            do {
                try sink.write(BlockCodec.encode(block, stored, columns: stored.count))
            } catch let error as BlockError {
                throw CompressionError.cannotQuantize(
                    matrix: form.names[0], reason: error.description)
            }
        }
    }

    private func writeDocuments(_ folder: String) throws {
        var configuration = model.configuration
        configuration["quantization_config"] = nil
        configuration["quantization"] = nil
        configuration["compression_config"] = nil
        if model.isRewritten {
            configuration["tie_word_embeddings"] = .bool(model.spec.isHeadTied)
        }
        let names: [ElementType: String] = [
            .float32: "float32", .float16: "float16", .bfloat16: "bfloat16",
        ]
        if let name = matrixType.flatMap({ names[$0] }) {
            for key in ["torch_dtype", "dtype"] where configuration[key] != nil {
                configuration[key] = .string(name)
            }
        }
        if !quantized.isEmpty, let layout {
            configuration["quantization_config"] = try ForeignModules(model, quantized, layout)
                .configuration()
        } else if !quantized.isEmpty || !stored.isEmpty {
            var manifest = PackedManifest()
            for (role, packed) in quantized {
                let name = model.architecture.huggingFace(role, in: model.spec).names[0]
                manifest.add(name, packed.entry(order))
            }
            for (role, matrix) in stored {
                let name = model.architecture.huggingFace(role, in: model.spec).names[0]
                manifest.add(
                    name,
                    PackedManifest.FormEntry(
                        form: matrix.form, rows: matrix.rows, columns: matrix.columns))
            }
            configuration["quantization_config"] = try manifest.json()
        }
        try ModelDocuments(model).write(to: folder)
        // Last, since a folder is a model from the moment it has this file.
        try AtomicFile.write(
            JSONValue.object(configuration).serialized(.pretty(indent: 2)) + "\n",
            to: folder + "/config.json")
    }
}

extension StoredTensor {
    /// Whether the elements are numbers of 16 bits or more, rather than codes.
    fileprivate var isFloat: Bool {
        if case .elements(let type) = encoding { type.isFloat && type.bits >= 16 } else { true }
    }
}

extension QuantizedTensor {
    /// The manifest's entry for this matrix.
    fileprivate func entry(_ order: StorageOrder) -> PackedManifest.Entry {
        PackedManifest.Entry(
            scheme: PackedManifest.Scheme(
                format: scheme.format, granularity: scheme.granularity,
                scaleFormat: scheme.scaleFormat),
            rows: rows, columns: columns,
            layout: order == .coded
                ? .coded
                : scheme.panels(order, rows: rows, columns: columns) == nil ? .rows : .panels)
    }

    var weightCount: Int { rows * columns }

    /// The codes as an entropy coder leaves them.
    func codedBytes(on pool: WorkerPool) -> Bytes {
        let codes = PackedCodes.unpack(
            parts.codes, rows: rows, columns: columns, bits: scheme.format.bits)
        return Bytes(CodedRows.encode(codes, rows: rows, columns: columns, pool: pool))
    }

    /// The tensors that stand for this matrix in a file.
    ///
    /// - Parameters:
    ///   - name: Of the weight.
    ///   - order: In which codes lie.
    ///   - coded: The codes as an entropy coder leaves them, to be written in place of the others.
    func sources(
        named name: String, _ order: StorageOrder, coded: Bytes? = nil
    ) -> [TensorSource] {
        scheme.sources(
            named: name, rows: rows, columns: columns, order, codedByteCount: coded?.count
        ) { part in
            switch part {
            case .panels(let layout):
                matrix.panels(as: layout, scaleFactor: scaleFactor, on: .current).bytes
            case .codes: coded ?? parts.codes
            case .scales: parts.scales
            case .factor: parts.scaleFactor ?? Bytes([])
            case .zeros: parts.zeroPoints ?? Bytes([])
            }
        }
    }
}

extension WeightPacking {
    /// The tensors that will stand for a matrix in a folder, by which bytes are counted.
    fileprivate func plannedSources(
        named name: String, rows: Int, columns: Int, _ order: StorageOrder
    ) throws(QuantizationError) -> [TensorSource] {
        switch self {
        case .codes(let scheme):
            return scheme.sources(named: name, rows: rows, columns: columns, order) { _ in
                preconditionFailure("what is planned has no content")
            }
        case .blocks(let type):
            return try MatrixForm.gguf(type).layout(rows: rows, columns: columns).map { part in
                TensorSource(
                    name: name + "." + part.name, shape: part.shape, encoding: .elements(part.type)
                ) { _ in preconditionFailure("what is planned has no content") }
            }
        }
    }
}

/// A tensor of a packed matrix.
private enum PackedPart {
    case panels(PanelLayout)
    case codes, scales, factor, zeros
}

extension WeightScheme {
    /// The tensors that stand for a matrix in a file.
    fileprivate func sources(
        named name: String, rows: Int, columns: Int, _ order: StorageOrder,
        codedByteCount: Int? = nil, content: @escaping (PackedPart) -> Bytes
    ) -> [TensorSource] {
        func source(
            _ part: PackedPart, _ suffix: String, _ shape: [Int], _ type: ElementType,
            alignment: Int = 1
        ) -> TensorSource {
            TensorSource(
                name: name + suffix, shape: shape, encoding: .elements(type), alignment: alignment
            ) { try $0.write(content(part)) }
        }
        typealias Suffix = PackedManifest.Suffix
        let factor =
            scaleFormat.hasFactor ? [source(.factor, Suffix.factor, [1], .float32)] : []
        if let layout = panels(order, rows: rows, columns: columns) {
            let shape = [layout.panelCount, layout.panelByteCount]
            return [source(.panels(layout), Suffix.panels, shape, .uint8, alignment: 64)] + factor
        }
        let rowBytes = PackedCodes.bytesPerRow(columns: columns, bits: format.bits)
        let groups = granularity.groupsPerRow(inFeatures: columns)
        let scales = granularity == .tensor ? [1, 1] : [rows, groups]
        var sources = [
            codedByteCount.map { source(.codes, Suffix.coded, [$0], .uint8) }
                ?? source(.codes, Suffix.codes, [rows, rows == 0 ? 0 : rowBytes], .uint8),
            source(.scales, Suffix.scales, scales, scaleFormat.elementType),
        ]
        sources += factor
        if !format.isSymmetric {
            let count = scaleCount(rows: rows, columns: columns)
            sources.append(
                source(.zeros, Suffix.zeros, [(count * format.bits + 7) / 8], .uint8))
        }
        return sources
    }
}

extension StoredForm.Layout {
    /// Brings values to the layout of the file, the inverse of what loading does.
    ///
    /// - Parameters:
    ///   - values: In the layout of the run time.
    ///   - shape: Their shape there.
    public func stored(_ values: [Float], shape: [Int]) -> [Float] {
        switch self {
        case .same: return values
        case .minusOne: return values.map { $0 - 1 }
        case .transposed:
            let (rows, columns) = (shape[0], shape[1])
            return (0..<values.count).map { index in
                values[index % rows * columns + index / rows]
            }
        case .rows(let order):
            let width = shape.count == 2 ? shape[1] : 1
            var stored = values
            for (row, target) in order.enumerated() {
                stored.replaceSubrange(
                    target * width..<(target + 1) * width,
                    with: values[row * width..<(row + 1) * width])
            }
            return stored
        }
    }
}
