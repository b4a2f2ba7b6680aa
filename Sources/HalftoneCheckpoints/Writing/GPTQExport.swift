import HalftoneFiles
import HalftoneFormats
import HalftoneKernels

/// Writes modules as GPTQModel reads them.
struct GPTQExport {
    /// Whether zero points are lowered by one.
    let isFirst: Bool

    private var layout: String { isFirst ? "gptq" : "gptq-v2" }

    func check(_ module: ExportLayout.Module) throws(CheckpointError) {
        try module.checkCommon(layout)
        let matrix = module.matrix
        guard [2, 3, 4, 8].contains(matrix.format.bits) else {
            throw module.refuse(layout, "it has \(matrix.format.bits) bits; 2, 3, 4 and 8 are")
        }
        guard matrix.rows % 32 == 0, matrix.columns % 32 == 0 else {
            throw module.refuse(
                layout, "\(matrix.rows) × \(matrix.columns) are not both multiples of 32")
        }
        if isFirst, let zeros = matrix.zeroPoints, zeros.contains(0) {
            throw module.refuse(
                layout, "a zero point is 0, which version 1 cannot store; gptq-v2 can")
        }
    }

    func tensors(_ module: ExportLayout.Module) -> [TensorSource] {
        let matrix = module.matrix
        let (rows, columns, bits) = (matrix.rows, matrix.columns, matrix.format.bits)
        let groups = matrix.groupsPerRow
        let words = columns * bits / 32
        return [
            module.source(".qweight", [words, rows], .int32) { sink in
                var packed = [UInt32](repeating: 0, count: words * rows)
                for start in stride(from: 0, to: rows, by: module.rowStep) {
                    let range = start..<min(start + module.rowStep, rows)
                    let codes = module.codes(rows: range)
                    for (index, row) in range.enumerated() {
                        let line = codes[index * columns..<(index + 1) * columns]
                        for (place, word) in PackedWords.words(line, bits: bits).enumerated() {
                            packed[place * rows + row] = word
                        }
                    }
                }
                try sink.write(littleEndianBytes(packed))
            },
            module.source(".qzeros", [groups, rows * bits / 32], .int32) { sink in
                let middle = Float(1 << (bits - 1))
                for group in 0..<groups {
                    let line = (0..<rows).map { row in
                        UInt8(matrix.zeroPoints?[row * groups + group] ?? middle)
                            - (isFirst ? 1 : 0)
                    }
                    try sink.write(littleEndianBytes(PackedWords.words(line, bits: bits)))
                }
            },
            module.source(".scales", [groups, rows], module.scaleType) { sink in
                try sink.write(
                    module.scaleBytes(transposed(matrix.scales, rows: rows, columns: groups)))
            },
            module.source(".g_idx", [columns], .int32) { sink in
                try sink.write(
                    littleEndianBytes((0..<columns).map { UInt32($0 / matrix.groupSize) }))
            },
        ]
    }

    func configuration(_ modules: [ExportLayout.Module]) throws(CheckpointError) -> JSONValue {
        guard let first = modules.first else {
            throw .badSetting(key: "bits", found: "no packed matrix", wanted: "one at least")
        }
        func size(_ matrix: UniformMatrix) -> Int {
            matrix.granularity == .channel ? -1 : matrix.groupSize
        }
        for module in modules
        where module.matrix.format != first.matrix.format
            || size(module.matrix) != size(first.matrix)
        {
            throw module.refuse(
                layout,
                "it is \(module.matrix.formatName) where \(first.name) is "
                    + "\(first.matrix.formatName), and there is one scheme for all")
        }
        return [
            "quant_method": "gptq", "bits": .integer(first.matrix.format.bits),
            "group_size": .integer(size(first.matrix)), "desc_act": false,
            "sym": .bool(first.matrix.format.isSymmetric), "lm_head": false,
            "true_sequential": false, "checkpoint_format": isFirst ? "gptq" : "gptq_v2",
            "pack_dtype": "int32", "damp_percent": 0.01,
        ]
    }
}
