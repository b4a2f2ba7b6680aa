import HalftoneFiles
import HalftoneFormats
import HalftoneKernels

/// Checkpoints of AutoAWQ in its version `gemm`.
///
/// A module has, for `in` inputs, `out` outputs and groups of inputs,
/// - `qweight`, I32 `[in, out / 8]`: nibble 0 … 7 of a word, lowest first, are the codes of outputs
///   0, 2, 4, 6, 1, 3, 5, 7 of its eight;
/// - `qzeros`, I32 `[groups, out / 8]`: zero points as they are, in the same order;
/// - `scales`, F16 `[groups, out]`.
///
/// The value is `scale · (code − zero)`.
///
/// Source: J. Lin et al., "AWQ", arXiv:2306.00978, for the method; AutoAWQ 0.2.9 for the files.
public struct AWQLayout: PackedLayout {
    /// Inputs that share a scale, or nil for all of a row.
    public let groupSize: Int?

    /// Reads the settings.
    ///
    /// - Parameter settings: `quantization_config`, or the document `quant_config.json`.
    /// - Throws: ``CheckpointError`` for settings that are not read.
    public init(_ settings: JSONValue) throws(CheckpointError) {
        let settings = Settings(settings)
        let version = try settings.string(
            "version", default: settings.string("format", default: "gemm"))
        guard version.lowercased() == "gemm" else {
            throw .unsupported(
                setting: "version", found: version,
                supported: "gemm is; the others lay out codes for one kernel each")
        }
        let bits = try settings.integer(
            "bits", default: settings.integer("w_bit", default: 4, in: 1...8), in: 1...8)
        guard bits == 4 else {
            throw .unsupported(setting: "bits", found: "\(bits)", supported: "AWQ has 4")
        }
        guard try settings.bool("zero_point", default: true) else {
            throw .unsupported(
                setting: "zero_point", found: "false", supported: "AWQ files have zero points")
        }
        groupSize = try settings.groupSize(
            settings["group_size"] == nil ? "q_group_size" : "group_size")
    }

    /// `awq gemm, 4 bits, groups of 128`.
    public var summary: String {
        "awq gemm, 4 bits, " + (groupSize.map { "groups of \($0)" } ?? "whole rows")
    }

    /// The matrix of a module that has `qweight`.
    public func matrix(
        of module: String, in archive: any TensorArchive
    ) throws(CheckpointError) -> (any WeightMatrix)? {
        let tensors = ModuleTensors(module: module, archive: archive)
        guard tensors["qweight"] != nil else { return nil }
        let codes = try tensors.required("qweight", .int32)
        let zeros = try tensors.required("qzeros", .int32)
        let scales = try tensors.required("scales", .float16, .bfloat16, .float32)
        let (columns, across) = try codes.matrixShape("[in, out / 8]")
        let (groups, rows) = try scales.matrixShape("[groups, out]")
        guard across * 8 == rows else {
            throw .wrongShape(
                tensor: scales.name, found: scales.shape,
                wanted: "qweight has \(across * 8) outputs")
        }
        let size = groupSize ?? columns
        guard (columns + size - 1) / size == groups else {
            throw .wrongShape(
                tensor: scales.name, found: scales.shape,
                wanted: "\(columns) inputs in groups of \(size) make "
                    + "\((columns + size - 1) / size)")
        }
        try zeros.checkShape([groups, across])
        let zeroWords = words(zeros, across)
        var line = [UInt8](repeating: 0, count: rows)
        var zeroPoints = [Float](repeating: 0, count: rows * groups)
        for group in 0..<groups {
            zeroWords.read(line: group, count: rows, into: &line)
            for row in 0..<rows { zeroPoints[row * groups + group] = Float(line[row]) }
        }
        let codeBytes = codes.bytes
        return try UniformAssembly(
            module: module, rows: rows, columns: columns, bits: 4, groupSize: size,
            scales: transposed(scales.finiteFloats(), rows: groups, columns: rows),
            zeroPoints: zeroPoints, byteCount: tensors.byteCount(["qweight", "qzeros", "scales"])
        ).matrix { range, codes in
            for column in 0..<columns {
                for eight in range.lowerBound / 8..<range.upperBound / 8 {
                    let word = codeBytes.load(UInt32.self, at: 4 * (column * across + eight))
                    let first = (eight * 8 - range.lowerBound) * columns + column
                    for place in 0..<8 {
                        let field = place % 2 == 0 ? place / 2 : 4 + place / 2
                        codes[first + place * columns] = UInt8(
                            truncatingIfNeeded: word >> UInt32(4 * field) & 15)
                    }
                }
            }
        }
    }

    private func words(_ tensor: StoredTensor, _ across: Int) -> PackedWords {
        PackedWords(
            bytes: tensor.bytes, bits: 4, arrangement: .interleaved, wordStride: 1,
            lineStride: across)
    }
}
