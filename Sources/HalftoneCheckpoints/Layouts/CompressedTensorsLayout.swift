import HalftoneFiles
import HalftoneFormats
import HalftoneKernels

/// Checkpoints of compressed-tensors, which llm-compressor and vLLM use.
///
/// A module `[out, in]` is stored, by the format of its group, as
/// - `pack-quantized`, integers of 1 to 8 bits: `weight_packed`, I32 `[out, ⌈in · bits / 32⌉]`;
///   `weight_scale` `[out, groups]`, `[out, 1]` or `[1]`; `weight_shape`, I64 `[2]`; if asymmetric
///   `weight_zero_point`, I32 `[⌈out · bits / 32⌉, groups]`, packed down the columns; with
///   `actorder` of groups `weight_g_idx`, I32 `[in]`. A code is `q + 2^(bits − 1)`. Rows are one
///   stream of bits; before version 0.18 a word held only whole codes, which differs at 3, 5, 6
///   and 7 bits and is told by the width;
/// - `int-quantized` and `naive-quantized`: `weight`, I8 `[out, in]`, `weight_scale`, and
///   `weight_zero_point`, I8, if asymmetric;
/// - `float-quantized` and `naive-quantized`: `weight`, F8_E4M3, and `weight_scale` per tensor,
///   row, group or block;
/// - `nvfp4-pack-quantized`: `weight_packed`, U8 `[out, in / 2]`, E2M1, low half first;
///   `weight_scale`, F8_E4M3 `[out, in / 16]`; `weight_global_scale`, F32 `[1]`, which divides;
/// - `mxfp4-pack-quantized`: the same codes and `weight_scale`, U8 (E8M0) `[out, in / 32]`;
/// - `mxfp8-quantized`: `weight`, F8_E4M3, and `weight_scale`, U8 (E8M0) `[out, in / 32]`.
///
/// The value is `scale · (q − zero point)`. Which of these a module has shows in its tensors.
///
/// Source: compressed-tensors 0.20.
public struct CompressedTensorsLayout: PackedLayout {
    let targets: CompressedTensorsTargets
    /// The format of the file as a whole.
    public let format: String
    /// What the settings ask for beyond weights.
    public let notes: [String]
    /// Whether words of 3, 5, 6 and 7 bits hold whole codes only, where the width leaves it open.
    private let isOld: Bool

    /// The formats that are read, whole or as part of a mixture.
    static let formats = [
        "pack-quantized", "int-quantized", "float-quantized", "naive-quantized",
        "nvfp4-pack-quantized", "mxfp4-pack-quantized", "mxfp8-quantized", "mixed-precision",
    ]

    /// Reads the settings.
    ///
    /// - Parameter settings: `quantization_config`.
    /// - Throws: ``CheckpointError`` for settings that are not read.
    public init(_ settings: JSONValue) throws(CheckpointError) {
        let settings = Settings(settings)
        format = try settings.string("format", default: "pack-quantized")
        guard Self.formats.contains(format) else {
            throw .unsupported(
                setting: "format", found: format,
                supported: Self.formats.joined(separator: ", ") + " are")
        }
        if let sparsity = settings["sparsity_config"], let name = sparsity["format"]?.string,
            name != "dense"
        {
            throw .unsupported(
                setting: "sparsity_config.format", found: name, supported: "dense is")
        }
        if let transforms = settings["transform_config"]?["config_groups"]?.object,
            transforms.count > 0
        {
            throw .unsupported(
                setting: "transform_config", found: "\(transforms.count) groups",
                supported: "checkpoints without transforms at run time are")
        }
        targets = try CompressedTensorsTargets(settings)
        let version = try settings.string("version", default: "")
            .split(separator: ".").prefix(2).compactMap { Int($0) }
        isOld = version.count == 2 && version[0] == 0 && version[1] < 18
        var notes: [String] = []
        let groups = settings["config_groups"]?.object?.members ?? []
        if groups.contains(where: { $0.value["input_activations"]?.object != nil }) {
            notes.append("activations are to be rounded as well, and are not here")
        }
        if settings["kv_cache_scheme"]?.object != nil {
            notes.append("keys and values are to be rounded as well, and are not here")
        }
        self.notes = notes
    }

    /// `compressed-tensors pack-quantized, 4 bits, groups of 128, symmetric`.
    public var summary: String { "compressed-tensors \(format), \(targets.summary)" }

    /// The matrix of a module that has `weight_packed`, or `weight_scale` beside `weight`.
    public func matrix(
        of module: String, in archive: any TensorArchive
    ) throws(CheckpointError) -> (any WeightMatrix)? {
        let tensors = ModuleTensors(module: module, archive: archive)
        if let packed = tensors["weight_packed"] {
            return packed.encoding == .elements(.uint8)
                ? try floatNibbles(tensors) : try integers(tensors, scheme(tensors))
        }
        guard tensors["weight_scale"] != nil else { return nil }
        let weight = try tensors.required("weight", .int8, .float8E4M3)
        return weight.encoding == .elements(.int8)
            ? try bytes(tensors, weight) : try float8(tensors, weight)
    }

    private func scheme(
        _ tensors: ModuleTensors
    ) throws(CheckpointError) -> CompressedTensorsScheme {
        let isEmbedding = tensors.module.hasSuffix("embed_tokens")
        guard
            let scheme = targets.scheme(
                of: tensors.module, className: isEmbedding ? "Embedding" : "Linear")
        else {
            throw .badSetting(
                key: "config_groups", found: "no group with a target that is \(tensors.module)",
                wanted: "one, since it is packed")
        }
        return scheme
    }

    /// Scales of one strategy, and how many columns share one.
    private func scales(
        _ tensor: StoredTensor, _ scheme: CompressedTensorsScheme, _ rows: Int, _ columns: Int
    ) throws(CheckpointError) -> (values: [Float], groups: Int, groupSize: Int) {
        let values = try tensor.finiteFloats()
        if scheme.strategy == .block, let block = scheme.block {
            let across = (columns + block[1] - 1) / block[1]
            try tensor.checkShape([(rows + block[0] - 1) / block[0], across])
            let spread = (0..<rows).flatMap { row in
                values[row / block[0] * across..<(row / block[0] + 1) * across]
            }
            return (spread, across, block[1])
        }
        if tensor.elementCount == 1, scheme.strategy == .tensor {
            return ([Float](repeating: values[0], count: rows), 1, columns)
        }
        let size = scheme.strategy == .channel ? columns : scheme.groupSize ?? columns
        let groups = (columns + size - 1) / size
        // Scales of rows are also written without their second dimension.
        guard tensor.shape == [rows, groups] || groups == 1 && tensor.shape == [rows] else {
            throw .wrongShape(
                tensor: tensor.name, found: tensor.shape,
                wanted: "\(scheme.summary) needs [\(rows), \(groups)]")
        }
        return (values, groups, size)
    }

    // MARK: Integers

    private func integers(
        _ tensors: ModuleTensors, _ scheme: CompressedTensorsScheme
    ) throws(CheckpointError) -> any WeightMatrix {
        let packed = try tensors.required("weight_packed", .int32)
        let (rows, words) = try packed.matrixShape("[out, in · bits / 32]")
        guard !scheme.isFloat else {
            throw .badContent(
                tensor: packed.name, reason: "32-bit words hold integers; the settings say float")
        }
        let bits = scheme.bits
        let shape = try tensors.required("weight_shape", .int64, .int32)
        let sizes = shape.elementCount == 2 ? shape.integers() : []
        guard sizes.count == 2, sizes[0] == rows, (1...1 << 30).contains(sizes[1]) else {
            throw .badContent(
                tensor: shape.name,
                reason:
                    "it is \(sizes.isEmpty ? "not two numbers" : "\(sizes)"); weight_packed has "
                    + "\(rows) rows")
        }
        let columns = sizes[1]
        let arrangement = try arrangement(packed, bits, codes: columns, words: words)
        let scale = try tensors.required("weight_scale", .float16, .bfloat16, .float32)
        let (values, groups, size) = try scales(scale, scheme, rows, columns)
        let stream = PackedWords(
            bytes: packed.bytes, bits: bits, arrangement: arrangement, wordStride: 1,
            lineStride: words)
        var order: [Int]?
        if let index = try tensors.optional("weight_g_idx", .int32) {
            try index.checkShape([columns])
            let columnGroups = index.integers()
            // −1 is how the tool says that there is no order.
            if !columnGroups.contains(-1) {
                order = try GroupOrder.order(
                    columnGroups, name: index.name, groupSize: size, groups: groups)
            }
        }
        return try UniformAssembly(
            module: tensors.module, rows: rows, columns: columns, bits: bits, groupSize: size,
            scales: values,
            zeroPoints: scheme.isSymmetric && bits > 1
                ? nil
                : zeroPoints(tensors, scheme, rows: rows, groups: groups, arrangement),
            order: order,
            byteCount: tensors.byteCount([
                "weight_packed", "weight_scale", "weight_shape", "weight_zero_point",
                "weight_g_idx",
            ])
        ).matrix { range, codes in
            for (index, row) in range.enumerated() {
                stream.read(line: row, count: columns, into: &codes, at: index * columns)
            }
        }
    }

    /// How codes fill words, by the number of words.
    private func arrangement(
        _ tensor: StoredTensor, _ bits: Int, codes: Int, words: Int
    ) throws(CheckpointError) -> PackedWords.Arrangement {
        let dense = PackedWords.wordCount(codes: codes, bits: bits, .stream)
        let padded = PackedWords.wordCount(codes: codes, bits: bits, .whole)
        switch (words == dense, words == padded) {
        case (true, true): return isOld ? .whole : .stream
        case (true, false): return .stream
        case (false, true): return .whole
        case (false, false):
            throw .wrongShape(
                tensor: tensor.name, found: tensor.shape,
                wanted: "\(codes) codes of \(bits) bits take \(dense) words"
                    + (dense == padded ? "" : ", or \(padded) before version 0.18"))
        }
    }

    /// Zero points `[rows, groups]` in codes.
    private func zeroPoints(
        _ tensors: ModuleTensors, _ scheme: CompressedTensorsScheme, rows: Int, groups: Int,
        _ codes: PackedWords.Arrangement
    ) throws(CheckpointError) -> [Float] {
        let bits = scheme.bits
        let middle = Float(1 << (bits - 1))
        // One bit has no middle code: its zero is the upper one.
        if scheme.isSymmetric { return [Float](repeating: middle, count: rows * groups) }
        let tensor = try tensors.required("weight_zero_point", .int32, .int8)
        if tensor.encoding == .elements(.int8) {
            try tensor.checkShape([rows, groups])
            return (0..<rows * groups).map { Float(Int8(bitPattern: tensor.bytes[$0])) + middle }
        }
        let words = PackedWords.wordCount(codes: rows, bits: bits, codes)
        try tensor.checkShape([words, groups])
        let stream = PackedWords(
            bytes: tensor.bytes, bits: bits, arrangement: codes, wordStride: groups, lineStride: 1)
        var line = [UInt8](repeating: 0, count: rows)
        var zeros = [Float](repeating: 0, count: rows * groups)
        for group in 0..<groups {
            stream.read(line: group, count: rows, into: &line)
            for row in 0..<rows { zeros[row * groups + group] = Float(line[row]) }
        }
        return zeros
    }

    /// Signed bytes, of whatever number of bits.
    private func bytes(
        _ tensors: ModuleTensors, _ weight: StoredTensor
    ) throws(CheckpointError) -> any WeightMatrix {
        let scheme = try scheme(tensors)
        let (rows, columns) = try weight.matrixShape("[out, in]")
        let scale = try tensors.required("weight_scale", .float16, .bfloat16, .float32)
        let (values, groups, size) = try scales(scale, scheme, rows, columns)
        var zeros: [Float]?
        if !scheme.isSymmetric {
            let tensor = try tensors.required("weight_zero_point", .int8)
            guard tensor.elementCount == scale.elementCount else {
                throw .wrongShape(
                    tensor: tensor.name, found: tensor.shape,
                    wanted: "weight_scale has \(scale.shape)")
            }
            guard scheme.strategy != .block else {
                throw .unsupported(
                    setting: "strategy", found: "block with zero points",
                    supported: "symmetric blocks are")
            }
            zeros = (0..<rows * groups).map {
                let place = tensor.elementCount == 1 ? 0 : $0
                return Float(Int8(bitPattern: tensor.bytes[place])) + 128
            }
        }
        let stored = weight.bytes
        return try UniformAssembly(
            module: tensors.module, rows: rows, columns: columns, bits: 8, groupSize: size,
            scales: values, zeroPoints: zeros,
            byteCount: tensors.byteCount(["weight", "weight_scale", "weight_zero_point"])
        ).matrix { range, codes in
            let start = range.lowerBound * columns
            for index in 0..<range.count * columns { codes[index] = stored[start + index] ^ 0x80 }
        }
    }

    // MARK: Floats

    private func float8(
        _ tensors: ModuleTensors, _ weight: StoredTensor
    ) throws(CheckpointError) -> any WeightMatrix {
        let scheme = try scheme(tensors)
        let (rows, columns) = try weight.matrixShape("[out, in]")
        let scale = try tensors.required(
            "weight_scale", .float32, .float16, .bfloat16, .uint8, .float8E8M0)
        let blocks: LookupMatrix.Blocks
        var values = try scale.finiteFloats()
        if scheme.strategy == .block, let block = scheme.block {
            blocks = .tiles(rows: block[0], columns: block[1])
            try scale.checkShape([
                (rows + block[0] - 1) / block[0], (columns + block[1] - 1) / block[1],
            ])
        } else {
            let found = try scales(scale, scheme, rows, columns)
            values = found.values
            blocks = .tiles(rows: 1, columns: found.groupSize)
        }
        return try LookupAssembly(
            tensor: weight, rows: rows, columns: columns, packing: .bytes,
            table: NumberFormat.e4m3.allValues, blocks: blocks, scales: values,
            formatName: "e4m3", byteCount: tensors.byteCount(["weight", "weight_scale"])
        ).matrix()
    }

    /// NVFP4 with its scale of the tensor, and MXFP4.
    private func floatNibbles(_ tensors: ModuleTensors) throws(CheckpointError) -> any WeightMatrix
    {
        let packed = try tensors.required("weight_packed", .uint8)
        let (rows, half) = try packed.matrixShape("[out, in / 2]")
        let columns = half * 2
        let scale = try tensors.required("weight_scale", .float8E4M3, .uint8, .float8E8M0)
        let isNV = scale.encoding == .elements(.float8E4M3)
        let size = isNV ? 16 : 32
        try scale.checkShape([rows, (columns + size - 1) / size])
        var values = try scale.finiteFloats()
        if isNV {
            let tensor = try tensors.required("weight_global_scale", .float32)
            let global = try tensor.finiteFloats()
            guard global.count == 1, global[0] > 0 else {
                throw .badContent(
                    tensor: tensor.name, reason: "it is \(global); one number above 0 is wanted")
            }
            values = values.map { $0 / global[0] }
        }
        return try LookupAssembly(
            tensor: packed, rows: rows, columns: columns, packing: .lowHalfFirst,
            table: NumberFormat.e2m1.allValues, blocks: .tiles(rows: 1, columns: size),
            scales: values, formatName: isNV ? "nvfp4" : "mxfp4",
            byteCount: tensors.byteCount(["weight_packed", "weight_scale", "weight_global_scale"])
        ).matrix()
    }
}
