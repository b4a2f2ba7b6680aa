import HalftoneFiles
import HalftoneFormats
import HalftoneKernels

/// Checkpoints of GPTQModel and AutoGPTQ.
///
/// A module has, for `in` inputs, `out` outputs and `groups` groups of inputs,
/// - `qweight`, I32 `[in · bits / 32, out]`: the codes of an output are one stream of bits down its
///   column, the first input lowest;
/// - `scales`, F16 (or BF16, F32) `[groups, out]`;
/// - `qzeros`, I32 `[groups, out · bits / 32]`: zero points of a group as a stream along its row;
/// - `g_idx`, I32 `[in]`: the group of each input. It is not ascending in activation order.
///
/// The value is `scale · (code − zero)`. Version 1 (`gptq`) stores zero points less one, taken off
/// whole words, so that a zero point of 0 borrows from the next; at 3 bits each wraps by itself.
/// Version 2 (`gptq_v2`) stores them as they are, as does `gptq_p`, whose 3 bits lie in planes. 5,
/// 6 and 7 bits lie in planes always: for 32 codes the words of the lowest 4 bits, then those of
/// the next 2 and of the next 1.
///
/// Source: E. Frantar et al., "GPTQ", arXiv:2210.17323, for the method; GPTQModel 7.7 and
/// AutoGPTQ 0.7 for the files.
public struct GPTQLayout: PackedLayout {
    /// The conventions of a file.
    public enum Version: String, Sendable, CaseIterable {
        /// Zero points less one.
        case first = "gptq"
        /// Zero points as they are.
        case second = "gptq_v2"
        /// As the second, with 3-bit codes in planes.
        case planar = "gptq_p"
    }

    /// The conventions of the file.
    public let version: Version
    /// Bits of a code, 2 to 8; other numbers are allowed for modules when ``isDynamic``.
    public let bits: Int
    /// Inputs that share a scale, or nil for all of a row.
    public let groupSize: Int?
    /// Whether all zero points are the middle code.
    public let isSymmetric: Bool
    /// Whether modules may depart from the settings.
    public let isDynamic: Bool

    /// Reads the settings.
    ///
    /// - Parameter settings: `quantization_config`, or the document `quantize_config.json`.
    /// - Throws: ``CheckpointError`` for settings that are not read.
    public init(_ settings: JSONValue) throws(CheckpointError) {
        let settings = Settings(settings)
        let name = try settings.string(
            "checkpoint_format", default: settings.string("format", default: "gptq"))
        guard let version = Version(rawValue: name) else {
            throw .unsupported(
                setting: "checkpoint_format", found: name, supported: "gptq, gptq_v2 and gptq_p are"
            )
        }
        let words = try settings.string("pack_dtype", default: "int32")
        guard words == "int32" || words == "torch.int32" else {
            throw .unsupported(setting: "pack_dtype", found: words, supported: "int32 is")
        }
        self.version = version
        bits = try settings.integer("bits", in: 2...8)
        groupSize = try settings.groupSize("group_size")
        isSymmetric = try settings.bool("sym", default: false)
        isDynamic = settings["dynamic"]?.object.map { $0.count > 0 } ?? false
    }

    /// `gptq_v2, 4 bits, groups of 128, symmetric`.
    public var summary: String {
        version.rawValue + ", \(bits) bits, "
            + (groupSize.map { "groups of \($0)" } ?? "whole rows")
            + (isSymmetric ? ", symmetric" : "")
    }

    /// They are: the tools transpose the weight first.
    public var transposesConvolutions: Bool { true }

    /// The matrix of a module that has `qweight`.
    public func matrix(
        of module: String, in archive: any TensorArchive
    ) throws(CheckpointError) -> (any WeightMatrix)? {
        let tensors = ModuleTensors(module: module, archive: archive)
        guard tensors["qweight"] != nil else { return nil }
        let shape = try shape(tensors)
        let (rows, columns, bits) = (shape.rows, shape.columns, shape.bits)
        let words = try PackedWords(
            bytes: tensors.required("qweight", .int32).bytes, bits: bits,
            arrangement: arrangement(bits), wordStride: rows, lineStride: 1)
        let scales = try tensors.required("scales", .float16, .bfloat16, .float32)
        let values = try scales.finiteFloats()
        var order: [Int]?
        if let index = try tensors.optional("g_idx", .int32) {
            order = try GroupOrder.order(
                index.integers(), name: index.name, groupSize: shape.groupSize,
                groups: shape.groups)
        }
        return try UniformAssembly(
            module: module, rows: rows, columns: columns, bits: bits, groupSize: shape.groupSize,
            scales: transposed(values, rows: shape.groups, columns: rows),
            zeroPoints: zeroPoints(tensors, shape), order: order,
            byteCount: tensors.byteCount(["qweight", "qzeros", "scales", "g_idx"])
        ).matrix { range, codes in
            for (index, row) in range.enumerated() {
                words.read(line: row, count: columns, into: &codes, at: index * columns)
            }
        }
    }

    private struct Shape {
        var rows: Int
        var columns: Int
        var groups: Int
        var groupSize: Int
        var bits: Int
    }

    /// What the tensors say, held to each other and to the settings.
    private func shape(_ tensors: ModuleTensors) throws(CheckpointError) -> Shape {
        let codes = try tensors.required("qweight", .int32)
        let scales = try tensors.required("scales", .float16, .bfloat16, .float32)
        let (words, rows) = try codes.matrixShape("[in · bits / 32, out]")
        let (groups, outputs) = try scales.matrixShape("[groups, out]")
        guard outputs == rows else {
            throw .wrongShape(
                tensor: scales.name, found: scales.shape,
                wanted: "qweight has \(rows) outputs")
        }
        let index = try tensors.optional("g_idx", .int32)
        let columns = index?.elementCount ?? words * 32 / bits
        guard columns > 0, columns <= 1 << 30, words * 32 % columns == 0,
            (2...8).contains(words * 32 / columns)
        else {
            throw .wrongShape(
                tensor: codes.name, found: codes.shape,
                wanted: "\(columns) inputs of 2 to 8 bits each do not fill \(words) words")
        }
        let found = words * 32 / columns
        guard found == bits || isDynamic else {
            throw .wrongShape(
                tensor: codes.name, found: codes.shape,
                wanted: "\(columns) inputs take \(found) bits each, and the settings say \(bits)")
        }
        guard found != 3 && found < 5 || found == 8 || columns % 32 == 0 else {
            throw .wrongShape(
                tensor: codes.name, found: codes.shape,
                wanted: "inputs of \(found) bits come in runs of 32")
        }
        var size = groupSize ?? columns
        if (columns + size - 1) / size != groups {
            guard isDynamic, columns % groups == 0 else {
                throw .wrongShape(
                    tensor: scales.name, found: scales.shape,
                    wanted: "\(columns) inputs in groups of \(size) make "
                        + "\((columns + size - 1) / size)")
            }
            size = columns / groups
        }
        return Shape(
            rows: rows, columns: columns, groups: groups, groupSize: size, bits: found)
    }

    private func arrangement(_ bits: Int) -> PackedWords.Arrangement {
        switch bits {
        case 3: version == .planar ? .planes : .stream
        case 5, 6, 7: .planes
        default: .stream
        }
    }

    /// Zero points `[out, groups]`, or nil when all are the middle code.
    private func zeroPoints(
        _ tensors: ModuleTensors, _ shape: Shape
    ) throws(CheckpointError) -> [Float]? {
        let tensor = try tensors.required("qzeros", .int32)
        let arrangement = arrangement(shape.bits)
        let wordCount = PackedWords.wordCount(
            codes: shape.rows, bits: shape.bits, arrangement)
        try tensor.checkShape([shape.groups, wordCount])
        // Fields of 2, 4 and 8 bits were lowered by one as whole words.
        let asWords = version == .first && 32 % shape.bits == 0
        let words = PackedWords(
            bytes: asWords ? Self.raised(tensor.bytes, bits: shape.bits) : tensor.bytes,
            bits: shape.bits, arrangement: arrangement, wordStride: 1, lineStride: wordCount)
        let raise: UInt8 = version == .first && !asWords ? 1 : 0
        let mask = UInt8(truncatingIfNeeded: (1 << shape.bits) - 1)
        let middle = UInt8(1 << (shape.bits - 1))
        var zeros = [Float](repeating: 0, count: shape.rows * shape.groups)
        var line = [UInt8](repeating: 0, count: shape.rows)
        var isMiddle = true
        for group in 0..<shape.groups {
            words.read(line: group, count: shape.rows, into: &line)
            for row in 0..<shape.rows {
                let zero = (line[row] &+ raise) & mask
                guard zero == middle || !isSymmetric else {
                    throw .badContent(
                        tensor: tensor.name,
                        reason: "the settings say symmetric, and output \(row) of group \(group) "
                            + "has zero point \(zero) instead of \(middle); programs would "
                            + "disagree about its values")
                }
                isMiddle = isMiddle && zero == middle
                zeros[row * shape.groups + group] = Float(zero)
            }
        }
        return isMiddle ? nil : zeros
    }

    /// Words with one added to every field, carries included.
    private static func raised(_ bytes: Bytes, bits: Int) -> Bytes {
        let one = (UInt32.max / (1 << UInt32(bits) - 1))
        return Bytes(count: bytes.count) { target in
            for offset in stride(from: 0, to: bytes.count, by: 4) {
                let word = bytes.load(UInt32.self, at: offset) &+ one
                target.storeBytes(
                    of: word.littleEndian, toByteOffset: offset, as: UInt32.self)
            }
        }
    }
}
