import Foundation
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns

/// Writes a model as a GGUF file.
///
/// Metadata, vocabulary included, are those of the GGUF file that the model came from. Matrices
/// get the wanted type; where its block does not divide the width, Q8_0, and where that does not
/// either, F16. Vectors are F32.
public struct GGUFExport {
    private var writer: GGUFWriter

    /// Writes a model with matrices of one type.
    ///
    /// - Throws: ``CompressionError/notRepresentable(_:)`` for a model without GGUF metadata.
    public init(_ model: LanguageModel, type: BlockType) throws {
        writer = GGUFWriter(metadata: try Self.metadata(of: model, fileType: type))
        for slot in model.spec.slots {
            let form = model.architecture.gguf(slot.role, in: model.spec)
            let weights = model.weights
            if slot.shape.count == 2 {
                let matrix = weights.matrix(slot.role)
                try add(slot, form, Self.type(type, columns: slot.shape[1], role: slot.role)) {
                    matrix.decoded()
                }
            } else {
                try add(slot, form, .f32) { weights.vector(slot.role) ?? [] }
            }
        }
    }

    /// Writes a compressed model with the codes that it has.
    ///
    /// - Throws: ``CompressionError/notRepresentable(_:)`` for formats that GGUF does not have.
    public init(_ compressed: CompressedModel) throws {
        let model = compressed.original
        let bodyType = try Self.counterpart(of: compressed.recipe.body)
        writer = GGUFWriter(metadata: try Self.metadata(of: model, fileType: bodyType))
        for slot in model.spec.slots {
            let form = model.architecture.gguf(slot.role, in: model.spec)
            if let packed = compressed.quantized[slot.role] {
                let type = try Self.counterpart(of: packed.scheme)
                try Self.requireWholeBlocks(slot, type)
                try writer.add(
                    TensorSource(
                        name: form.names[0], shape: slot.shape, encoding: .blocks(type)
                    ) { sink in
                        try sink.write(BlockRepacking(packed, type: type).bytes(form.layout))
                    })
            } else if slot.shape.count == 2 {
                let matrix = model.weights.matrix(slot.role)
                try add(slot, form, .f16) { matrix.decoded() }
            } else {
                let values = model.weights.vector(slot.role) ?? []
                try add(slot, form, .f32) { values }
            }
        }
    }

    /// The size that the file will have.
    public func fileByteCount() throws -> Int { try writer.fileByteCount() }

    /// Writes the file; it appears under its name when all of it is written.
    public func write(to path: String, replaces: Bool, progress: RunProgress? = nil) throws {
        try OutputPlace.check(
            URL(filePath: path).standardizedFileURL, replaces: replaces, inputs: [])
        try writer.write(to: path, progress: progress)
    }

    private mutating func add(
        _ slot: ParameterSlot, _ form: StoredForm, _ type: BlockType,
        _ values: @escaping () -> [Float]
    ) throws {
        let shape = form.layout == .transposed ? Array(slot.shape.reversed()) : slot.shape
        try writer.add(
            TensorSource(name: form.names[0], shape: shape, encoding: .blocks(type)) { sink in
                let stored = form.layout.stored(values(), shape: slot.shape)
                try sink.write(BlockCodec.encode(type, stored, columns: shape.last ?? 1))
            })
    }

    private static func metadata(
        of model: LanguageModel, fileType: BlockType
    ) throws -> GGUFMetadata {
        guard case .gguf(let source) = model.source else {
            throw CompressionError.notRepresentable(
                "writing GGUF needs the metadata of a GGUF source; write a folder instead")
        }
        var metadata = source.metadata
        if let id = fileTypeIDs[fileType] { metadata["general.file_type"] = .uint32(id) }
        metadata["general.quantization_version"] = .uint32(2)
        for key in ["split.no", "split.count", "split.tensors.count"] { metadata[key] = nil }
        return metadata
    }

    /// `general.file_type` of files whose matrices mostly have a type.
    private static let fileTypeIDs: [BlockType: UInt32] = [
        .f32: 0, .f16: 1, .q4_0: 2, .q4_1: 3, .q8_0: 7, .q5_0: 8, .q5_1: 9, .bf16: 32,
        .tq1_0: 36, .tq2_0: 37, .mxfp4: 38, .q1_0: 40, .q2_0: 41,
    ]

    private static func type(_ wanted: BlockType, columns: Int, role: Role) -> BlockType {
        if role.part == .positions { return .f32 }
        if columns % wanted.blockSize == 0 { return wanted }
        return columns % BlockType.q8_0.blockSize == 0 ? .q8_0 : .f16
    }

    /// The block type with the same values as a scheme.
    private static func counterpart(of scheme: WeightScheme) throws(CompressionError) -> BlockType {
        let type: BlockType? =
            switch scheme.format {
            case IntegerFormat(bits: 4, symmetric: true): .q4_0
            case IntegerFormat(bits: 5, symmetric: true): .q5_0
            case IntegerFormat(bits: 8, symmetric: true): .q8_0
            default: nil
            }
        guard let type, scheme.granularity == .group(32), scheme.scaleFormat == .float16 else {
            throw .notRepresentable(
                "GGUF has no type with the values of \(scheme); "
                    + "int4, int5 and int8 with --group 32 --scale f16 exist there")
        }
        return type
    }

    private static func requireWholeBlocks(
        _ slot: ParameterSlot, _ type: BlockType
    ) throws(CompressionError) {
        guard slot.shape[1] % type.blockSize == 0 else {
            throw .notRepresentable(
                "\(slot.role) is \(slot.shape[1]) wide, which blocks of \(type.blockSize) do not "
                    + "divide; write a folder instead")
        }
    }
}

/// Packed codes as blocks of 32 that hold the same values.
private struct BlockRepacking {
    private let packed: QuantizedTensor
    private let type: BlockType

    init(_ packed: QuantizedTensor, type: BlockType) {
        self.packed = packed
        self.type = type
    }

    /// The blocks of all rows, in the order that a layout wants.
    func bytes(_ layout: StoredForm.Layout) -> [UInt8] {
        var order = Array(0..<packed.rows)
        if case .rows(let targets) = layout {
            for (row, target) in targets.enumerated() { order[target] = row }
        }
        let columns = packed.columns
        let codes = PackedCodes.unpack(
            packed.parts.codes, rows: packed.rows, columns: columns,
            bits: packed.scheme.format.bits)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(packed.rows * columns / 32 * type.bytesPerBlock)
        for row in order {
            for block in 0..<columns / 32 {
                let index = row * (columns / 32) + block
                bytes.append(packed.parts.scales[2 * index])
                bytes.append(packed.parts.scales[2 * index + 1])
                let first = row * columns + block * 32
                append(codes[first..<first + 32], to: &bytes)
            }
        }
        return bytes
    }

    private func append(_ codes: ArraySlice<UInt8>, to bytes: inout [UInt8]) {
        let first = codes.startIndex
        if type == .q8_0 {
            // Q8_0 stores the signed number, the code less its zero point of 128.
            for code in codes { bytes.append(code ^ 0x80) }
            return
        }
        if type == .q5_0 {
            var high: UInt32 = 0
            for (index, code) in codes.enumerated() { high |= UInt32(code >> 4 & 1) << index }
            for byte in 0..<4 { bytes.append(UInt8(truncatingIfNeeded: high >> (8 * byte))) }
        }
        for index in 0..<16 {
            bytes.append(codes[first + index] & 15 | (codes[first + index + 16] & 15) << 4)
        }
    }
}
