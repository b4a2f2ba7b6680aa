import HalftoneFiles
import HalftoneFormats
import HalftoneKernels

/// Checkpoints of bitsandbytes: NF4 and FP4, with scales that may be quantized themselves, and
/// 8-bit integers.
///
/// A module of 4 bits, `[out, in]`, has
/// - `weight`, U8 `[⌈out · in / 2⌉, 1]` (or the same bytes as another type): codes in row-major
///   order, the first in the high half;
/// - `weight.quant_map`, F32 `[16]`: the value of each code;
/// - `weight.absmax`, F32, a scale for each `blocksize` codes, which may go on in the next row;
/// - `weight.quant_state.bitsandbytes__nf4` or `__fp4`: JSON with `quant_type`, `blocksize`,
///   `dtype` and `shape`;
/// - with nested scales `weight.absmax` is U8, and a scale is
///   `nested_quant_map[absmax] · nested_absmax[block / nested_blocksize] + nested_offset`, from
///   `weight.nested_quant_map`, F32 `[256]`, `weight.nested_absmax`, F32, and two more members.
///
/// A module of 8 bits has `weight`, I8 `[out, in]`, and `SCB`, F32 `[out]`, the largest magnitudes
/// of the rows; the value is `weight · SCB / 127`. Columns of inputs beyond a threshold, which the
/// tool multiplies in 16 bits, are not treated apart here.
///
/// Source: T. Dettmers et al., "QLoRA", arXiv:2305.14314, and "LLM.int8()", arXiv:2208.07339;
/// bitsandbytes 0.50 for the files.
public struct BitsAndBytesLayout: PackedLayout {
    /// Whether modules have 8 bits, as the settings say; the tensors decide.
    public let isEightBit: Bool

    /// What the settings say about inputs of large magnitude.
    public let notes: [String]

    private static let states = [
        "weight.quant_state.bitsandbytes__nf4", "weight.quant_state.bitsandbytes__fp4",
    ]

    /// Reads the settings.
    ///
    /// - Parameter settings: `quantization_config`.
    /// - Throws: ``CheckpointError`` for settings that are not read.
    public init(_ settings: JSONValue) throws(CheckpointError) {
        let settings = Settings(settings)
        isEightBit = try settings.bool("load_in_8bit", default: false)
        notes =
            isEightBit
            ? ["activations are to be rounded to 8 bits but for large ones, and are not here"] : []
    }

    /// `bitsandbytes, 4 bits`.
    public var summary: String { "bitsandbytes, \(isEightBit ? 8 : 4) bits" }

    /// The matrix of a module that has a quantization state or `SCB`.
    public func matrix(
        of module: String, in archive: any TensorArchive
    ) throws(CheckpointError) -> (any WeightMatrix)? {
        let tensors = ModuleTensors(module: module, archive: archive)
        if let state = Self.states.lazy.compactMap({ tensors[$0] }).first {
            return try nibbles(tensors, state)
        }
        if tensors["SCB"] != nil { return try bytes(tensors) }
        if let weight = tensors["weight"], weight.encoding == .elements(.uint8) {
            throw .missingTensor(tensors.name(Self.states[0]))
        }
        return nil
    }

    private func nibbles(
        _ tensors: ModuleTensors, _ tensor: StoredTensor
    ) throws(CheckpointError) -> any WeightMatrix {
        let state = try Self.state(tensor)
        let sizes = state["shape"]?.array?.compactMap(\.integer) ?? []
        guard sizes.count == 2, sizes.allSatisfy({ (1...1 << 30).contains($0) }) else {
            throw .badContent(
                tensor: tensor.name,
                reason:
                    "shape is \(state["shape"]?.serialized() ?? "missing"); two sizes are wanted")
        }
        let (rows, columns) = (sizes[0], sizes[1])
        let weight = try tensors.required("weight", .uint8, .int8, .float16, .bfloat16, .float32)
        guard weight.bytes.count == (rows * columns + 1) / 2 else {
            throw .wrongShape(
                tensor: weight.name, found: weight.shape,
                wanted: "\(rows) × \(columns) codes take \((rows * columns + 1) / 2) bytes")
        }
        let table = try tensors.required("weight.quant_map", .float32)
        try table.checkShape([16])
        let block = try state.integer("blocksize", in: 1...(1 << 20))
        let blocks = (rows * columns + block - 1) / block
        let kind = try state.string("quant_type")
        return try LookupAssembly(
            tensor: weight, rows: rows, columns: columns, packing: .highHalfFirst,
            table: table.finiteFloats(), blocks: .runs(block),
            scales: scales(tensors, state, blocks), formatName: "\(kind) g\(block)",
            byteCount: tensors.byteCount(
                Self.states + [
                    "weight", "weight.quant_map", "weight.absmax", "weight.nested_absmax",
                    "weight.nested_quant_map",
                ])
        ).matrix()
    }

    private static func state(_ tensor: StoredTensor) throws(CheckpointError) -> Settings {
        do {
            let value = try JSONParser.parse(tensor.bytes)
            if value.object != nil { return Settings(value) }
        } catch {
            throw .badContent(tensor: tensor.name, reason: "it is not JSON: \(error)")
        }
        throw .badContent(tensor: tensor.name, reason: "it is no JSON object")
    }

    /// The scale of each block.
    private func scales(
        _ tensors: ModuleTensors, _ state: Settings, _ blocks: Int
    ) throws(CheckpointError) -> [Float] {
        let largest = try tensors.required("weight.absmax", .float32, .uint8)
        guard largest.elementCount == blocks else {
            throw .wrongShape(
                tensor: largest.name, found: largest.shape,
                wanted: "there are \(blocks) blocks")
        }
        guard largest.encoding == .elements(.uint8) else { return try largest.finiteFloats() }
        let block = try state.integer("nested_blocksize", in: 1...(1 << 20))
        guard let offset = state["nested_offset"]?.double, Float(offset).isFinite else {
            throw .badSetting(
                key: "nested_offset", found: state["nested_offset"]?.serialized() ?? "nothing",
                wanted: "a number, since absmax is quantized")
        }
        let table = try tensors.required("weight.nested_quant_map", .float32)
        try table.checkShape([256])
        let nested = try tensors.required("weight.nested_absmax", .float32)
        guard nested.elementCount == (blocks + block - 1) / block else {
            throw .wrongShape(
                tensor: nested.name, found: nested.shape,
                wanted: "\(blocks) blocks in runs of \(block) have "
                    + "\((blocks + block - 1) / block)")
        }
        let values = try table.finiteFloats()
        let factors = try nested.finiteFloats()
        return (0..<blocks).map {
            values[Int(largest.bytes[$0])] * factors[$0 / block] + Float(offset)
        }
    }

    private func bytes(_ tensors: ModuleTensors) throws(CheckpointError) -> any WeightMatrix {
        let weight = try tensors.required("weight", .int8)
        let (rows, columns) = try weight.matrixShape("[out, in]")
        if let format = try tensors.optional("weight_format", .uint8),
            format.elementCount != 1 || format.bytes[0] != 0
        {
            throw .unsupported(
                setting: format.name, found: "\(format.bytes.array)",
                supported: "0, rows as they are, is")
        }
        let largest = try tensors.required("SCB", .float32)
        try largest.checkShape([rows])
        let stored = weight.bytes
        return try UniformAssembly(
            module: tensors.module, rows: rows, columns: columns, bits: 8, groupSize: columns,
            scales: largest.finiteFloats().map { $0 / 127 }, zeroPoints: nil,
            byteCount: tensors.byteCount(["weight", "SCB", "weight_format"])
        ).matrix { range, codes in
            let start = range.lowerBound * columns
            for index in 0..<range.count * columns { codes[index] = stored[start + index] ^ 0x80 }
        }
    }
}
