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
/// Packed matrices are laid out as ``PackedManifest`` describes, or as another program does that
/// then reads the folder. Other tensors of a folder are
/// copied bit for bit; those of a GGUF file are decoded and brought to the layout that
/// `transformers` has.
public struct ModelFolderWriter {
    private let model: LanguageModel
    private let quantized: [Role: QuantizedTensor]
    private let matrixType: ElementType
    private let layout: ExportLayout?

    /// Writes a compressed model; what stays float of a GGUF source becomes 16-bit matrices and
    /// 32-bit vectors.
    ///
    /// - Parameters:
    ///   - compressed: The model.
    ///   - layout: The layout of packed matrices, or nil for this package's own. The others hold
    ///     matrices of linear layers only.
    public init(_ compressed: CompressedModel, layout: ExportLayout? = nil) {
        model = compressed.original
        quantized = compressed.quantized
        matrixType = .float16
        self.layout = layout
    }

    /// Writes a float model.
    ///
    /// - Parameter matrixType: F32, F16 or BF16 for matrices that cannot be copied.
    public init(_ model: LanguageModel, matrixType: ElementType = .float32) {
        self.model = model
        quantized = [:]
        self.matrixType = matrixType
        layout = nil
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
        guard let layout else { return quantized.values.reduce(0) { $0 + $1.byteCount } }
        return try ForeignModules(model, quantized, layout).modules.values
            .reduce(0) { $0 + layout.byteCount($1) }
    }

    private func writer() throws -> SafetensorsWriter {
        var writer = SafetensorsWriter()
        let foreign = try layout.map { try ForeignModules(model, quantized, $0) }
        for slot in model.spec.slots {
            let form = model.architecture.huggingFace(slot.role, in: model.spec)
            if let foreign, let module = foreign.modules[slot.role] {
                for source in foreign.layout.tensors(module) { try writer.add(source) }
            } else if let packed = quantized[slot.role] {
                for source in packed.sources(named: form.names[0]) { try writer.add(source) }
            } else if let tensor = storedTensor(form) {
                try writer.add(TensorSource(tensor))
            } else {
                try writer.add(floatSource(slot, form))
            }
        }
        return writer
    }

    /// The tensor of a folder that can be copied as it is.
    private func storedTensor(_ form: StoredForm) -> StoredTensor? {
        guard case .folder(_, let checkpoint) = model.source else { return nil }
        let tensor = form.names.lazy.compactMap { checkpoint.tensor(named: $0) }.first
        // Under the name of a packed weight another program may have put its codes.
        guard let tensor, model.foreignLayout == nil || tensor.isFloat else { return nil }
        return tensor
    }

    private func floatSource(_ slot: ParameterSlot, _ form: StoredForm) -> TensorSource {
        let isMatrix = slot.shape.count == 2
        let type = isMatrix ? matrixType : .float32
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
            try sink.write(BlockCodec.encode(block, stored, columns: stored.count))
        }
    }

    private func writeDocuments(_ folder: String) throws {
        var configuration = model.configuration
        configuration["quantization_config"] = nil
        configuration["quantization"] = nil
        configuration["compression_config"] = nil
        if !quantized.isEmpty, let layout {
            configuration["quantization_config"] = try ForeignModules(model, quantized, layout)
                .configuration()
        } else if !quantized.isEmpty {
            var manifest = PackedManifest()
            for (role, packed) in quantized {
                let name = model.architecture.huggingFace(role, in: model.spec).names[0]
                manifest.add(name, packed.entry)
            }
            configuration["quantization_config"] = manifest.json
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
    var entry: PackedManifest.Entry {
        PackedManifest.Entry(
            scheme: PackedManifest.Scheme(
                format: scheme.format, granularity: scheme.granularity,
                scaleFormat: scheme.scaleFormat),
            rows: rows, columns: columns)
    }

    /// The tensors that stand for this matrix in a file.
    func sources(named name: String) -> [TensorSource] {
        func source(_ suffix: String, _ shape: [Int], _ type: ElementType, _ bytes: Bytes)
            -> TensorSource
        {
            TensorSource(name: name + suffix, shape: shape, encoding: .elements(type)) {
                try $0.write(bytes)
            }
        }
        let codesShape = [rows, rows == 0 ? 0 : parts.codes.count / rows]
        let groups = scheme.granularity.groupsPerRow(inFeatures: columns)
        let scalesShape = scheme.granularity == .tensor ? [1, 1] : [rows, groups]
        var sources = [
            source(PackedManifest.Suffix.codes, codesShape, .uint8, parts.codes),
            source(
                PackedManifest.Suffix.scales, scalesShape, scheme.scaleFormat.elementType,
                parts.scales),
        ]
        if let factor = parts.scaleFactor {
            sources.append(source(PackedManifest.Suffix.factor, [1], .float32, factor))
        }
        if let zeros = parts.zeroPoints {
            sources.append(source(PackedManifest.Suffix.zeros, [zeros.count], .uint8, zeros))
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
