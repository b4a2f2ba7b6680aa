import HalftoneFiles
import HalftoneFormats
import HalftoneKernels

/// Checkpoints with 8-bit floats in square blocks, as DeepSeek-V3 introduced them.
///
/// A module has `weight`, F8_E4M3 `[out, in]`, and `weight_scale_inv`, F32 (or BF16)
/// `[⌈out / height⌉, ⌈in / width⌉]` for blocks of `weight_block_size`; blocks at the edges may be
/// smaller. The value is `weight · weight_scale_inv`, the name notwithstanding.
///
/// Source: DeepSeek-AI, "DeepSeek-V3 Technical Report", arXiv:2412.19437, section 3.3.
public struct BlockFloat8Layout: PackedLayout {
    /// Rows and columns of a block.
    public let block: (rows: Int, columns: Int)

    /// What the settings say about activations.
    public let notes = ["activations are to be rounded to 8-bit floats, and are not here"]

    /// Reads the settings.
    ///
    /// - Parameter settings: `quantization_config`.
    /// - Throws: ``CheckpointError`` for settings that are not read.
    public init(_ settings: JSONValue) throws(CheckpointError) {
        let settings = Settings(settings)
        let format = try settings.string("fmt", default: "e4m3")
        guard format == "e4m3" else {
            throw .unsupported(setting: "fmt", found: format, supported: "e4m3 is")
        }
        let size = settings["weight_block_size"]?.array?.compactMap(\.integer) ?? []
        guard size.count == 2, size.allSatisfy({ (1...1 << 20).contains($0) }) else {
            throw .badSetting(
                key: "weight_block_size",
                found: settings["weight_block_size"]?.serialized() ?? "nothing",
                wanted: "two sizes such as [128, 128]")
        }
        block = (size[0], size[1])
    }

    /// `fp8, blocks of 128 × 128`.
    public var summary: String { "fp8, blocks of \(block.rows) × \(block.columns)" }

    /// The matrix of a module that has `weight_scale_inv`.
    public func matrix(
        of module: String, in archive: any TensorArchive
    ) throws(CheckpointError) -> (any WeightMatrix)? {
        let tensors = ModuleTensors(module: module, archive: archive)
        guard let scales = try tensors.optional("weight_scale_inv", .float32, .bfloat16, .float16)
        else { return nil }
        let codes = try tensors.required("weight", .float8E4M3)
        let (rows, columns) = try codes.matrixShape("[out, in]")
        try scales.checkShape([
            (rows + block.rows - 1) / block.rows, (columns + block.columns - 1) / block.columns,
        ])
        return try LookupAssembly(
            tensor: codes, rows: rows, columns: columns, packing: .bytes,
            table: NumberFormat.e4m3.allValues,
            blocks: .tiles(rows: block.rows, columns: block.columns),
            scales: scales.finiteFloats(), formatName: "e4m3 \(block.rows)x\(block.columns)",
            byteCount: tensors.byteCount(["weight", "weight_scale_inv"])
        ).matrix()
    }
}
