import HalftoneFiles
import HalftoneFormats
import HalftoneKernels

/// Writes `pack-quantized` modules of compressed-tensors 0.18 or later.
enum CompressedTensorsExport {
    private static let layout = "compressed-tensors"
    /// The version whose packing is written.
    private static let version = "0.18.0"

    static func check(_ module: ExportLayout.Module) throws(CheckpointError) {
        try module.checkCommon(layout)
    }

    static func tensors(_ module: ExportLayout.Module) -> [TensorSource] {
        let matrix = module.matrix
        let (rows, columns, bits) = (matrix.rows, matrix.columns, matrix.format.bits)
        let groups = matrix.groupsPerRow
        let words = PackedWords.wordCount(codes: columns, bits: bits, .stream)
        var sources = [
            module.source(".weight_packed", [rows, words], .int32) { sink in
                for start in stride(from: 0, to: rows, by: module.rowStep) {
                    let range = start..<min(start + module.rowStep, rows)
                    let codes = module.codes(rows: range)
                    for index in 0..<range.count {
                        let row = codes[index * columns..<(index + 1) * columns]
                        try sink.write(littleEndianBytes(PackedWords.words(row, bits: bits)))
                    }
                }
            },
            module.source(".weight_scale", [rows, groups], module.scaleType) {
                try $0.write(module.scaleBytes(matrix.scales))
            },
            module.source(".weight_shape", [2], .int64) { sink in
                try sink.write(
                    littleEndianBytes([UInt32(rows), 0, UInt32(columns), 0]))
            },
        ]
        if let zeros = matrix.zeroPoints {
            let zeroWords = PackedWords.wordCount(codes: rows, bits: bits, .stream)
            sources.append(
                module.source(".weight_zero_point", [zeroWords, groups], .int32) { sink in
                    var packed = [UInt32](repeating: 0, count: zeroWords * groups)
                    for group in 0..<groups {
                        let line = (0..<rows).map { UInt8(zeros[$0 * groups + group]) }
                        for (index, word) in PackedWords.words(line, bits: bits).enumerated() {
                            packed[index * groups + group] = word
                        }
                    }
                    try sink.write(littleEndianBytes(packed))
                })
        }
        return sources
    }

    static func configuration(
        _ modules: [ExportLayout.Module], ignored: [String]
    ) -> JSONValue {
        var schemes: [(weights: JSONValue, targets: [String])] = []
        for module in modules {
            let weights = weights(module.matrix)
            if let index = schemes.firstIndex(where: { $0.weights == weights }) {
                schemes[index].targets.append(module.name)
            } else {
                schemes.append((weights, [module.name]))
            }
        }
        var groups = JSONObject()
        for (index, scheme) in schemes.enumerated() {
            // One scheme is for all linear layers that are not left out.
            let targets = schemes.count == 1 ? ["Linear"] : scheme.targets.sorted()
            groups["group_\(index)"] = [
                "targets": .array(targets.map { .string($0) }), "weights": scheme.weights,
                "input_activations": .null, "output_activations": .null,
                "format": "pack-quantized",
            ]
        }
        return [
            "quant_method": "compressed-tensors", "format": "pack-quantized",
            "quantization_status": "compressed", "version": .string(version),
            "global_compression_ratio": .null, "kv_cache_scheme": .null,
            "ignore": .array(ignored.map { .string($0) }), "config_groups": .object(groups),
        ]
    }

    private static func weights(_ matrix: UniformMatrix) -> JSONValue {
        let isChannel = matrix.granularity == .channel
        return [
            "num_bits": .integer(matrix.format.bits), "type": "int",
            "symmetric": .bool(matrix.format.isSymmetric),
            "strategy": isChannel ? "channel" : "group",
            "group_size": isChannel ? .null : .integer(matrix.groupSize), "dynamic": false,
            "block_structure": .null, "actorder": .null, "observer": "minmax",
            "observer_kwargs": .object(JSONObject()),
        ]
    }
}
