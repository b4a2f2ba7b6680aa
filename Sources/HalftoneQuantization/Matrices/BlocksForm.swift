import HalftoneFormats
import HalftoneKernels

/// Parts: `codes` U8 `[rows, bytes]`, `scales` U8, and `factor` F32 `[1]` in layouts of two levels.
struct BlocksForm: MatrixCoding {
    let layout: BlockLayout

    var hasFactor: Bool { if case .float = layout.scale { true } else { false } }

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        let (down, across) = layout.blocks(rows: rows, columns: columns)
        let bytes = (columns * layout.element.bits + 7) / 8
        return [
            PartLayout("codes", .uint8, [rows, bytes]),
            PartLayout("scales", .uint8, [(down * across * layout.scaleBits + 7) / 8]),
        ] + (hasFactor ? [PartLayout("factor", .float32, [1])] : [])
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        let matrix = try BlockScaledMatrix(
            source.values, rows: source.rows, columns: source.columns, layout: layout,
            importance: source.importance, search: source.search)
        let factor = ScaleCodec(.float32).encode([matrix.factor])
        return [matrix.codes, matrix.scales] + (hasFactor ? [factor] : [])
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        let (codes, scales) = (reader.bytes(), reader.bytes())
        let factor = hasFactor ? try reader.floats(.float32)[0] : 1
        return BlockScaledMatrix(
            layout: layout, rows: rows, columns: columns, codes: codes, scales: scales,
            factor: factor
        ).decoded()
    }
}

/// Parts: `blocks` U8 `[rows, bytes]`, as in a GGUF file.
struct GGUFForm: MatrixCoding {
    let type: BlockType

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        guard type != .q8_1, type != .q8_K else {
            throw .badForm("\(type.name) is a type of intermediate results, not of weights")
        }
        guard columns.isMultiple(of: type.blockSize) else {
            throw .badForm(
                "rows of \(columns) are no multiple of the \(type.blockSize) weights of a "
                    + "\(type.name) block")
        }
        let bytes = columns / type.blockSize * type.bytesPerBlock
        return [PartLayout("blocks", .uint8, [rows, bytes])]
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        guard source.columns > 0 else { return [Bytes([])] }
        do {
            return [
                Bytes(
                    try BlockCodec.encode(
                        type, source.values, columns: source.columns,
                        importance: source.importance))
            ]
        } catch {
            throw .badForm("\(error)")
        }
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        var values: [Float] = []
        do {
            try BlockCodec.decode(type, reader.bytes(), into: &values)
        } catch {
            throw .badParts("\(error)")
        }
        return values
    }
}
