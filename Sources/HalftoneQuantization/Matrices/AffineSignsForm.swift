import HalftoneFormats
import HalftoneKernels

/// Signs with a scale and an offset for each row, and a factor for each column:
/// `factor_j · (scale_i · s_ij + offset_i)`.
///
/// Rows, columns and signs take turns from factors of 1 on: the scale and the offset of least
/// squares, the factors of least squares, the nearer of the two values, as long as the error falls.
///
/// Source: J. Zhao et al., "PTQ1.61: Push the Real Limit of Extremely Low-Bit Post-Training
/// Quantization Methods for Large Language Models", arXiv:2502.13179, with the factors of rows in
/// scales and offsets; there the numbers are trained.
///
/// Parts: `codes` U8 `[rows, bytes]`, a bit each, 1 for +1; `scales` F16 `[rows]`; `offsets` F16
/// `[rows]`; `factors` F16 `[columns]`.
struct AffineSignsForm: MatrixCoding {
    /// Turns at most.
    private static let turns = 16

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        [
            PartLayout("codes", .uint8, [rows, CodeRows(values: 2).byteCount(columns: columns)]),
            PartLayout("scales", .float16, [rows]), PartLayout("offsets", .float16, [rows]),
            PartLayout("factors", .float16, [columns]),
        ]
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        var fit = Fit(source)
        fit.turn()
        var best = (fit, error: fit.error)
        for _ in 1..<Self.turns {
            fit.turn()
            let error = fit.error
            guard error < best.error else { break }
            best = (fit, error)
        }
        return [
            CodeRows(values: 2).encode(
                best.0.codes, rows: source.rows, columns: source.columns),
            try PartBytes.halves(best.0.scales, "scales"),
            try PartBytes.halves(best.0.offsets, "offsets"),
            try PartBytes.halves(best.0.factors, "factors"),
        ]
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        let codes = CodeRows(values: 2).decode(reader.bytes(), rows: rows, columns: columns)
        let scales = try reader.floats(.float16)
        let offsets = try reader.floats(.float16)
        let factors = try reader.floats(.float16)
        return codes.enumerated().map { place, code in
            let (row, column) = place.quotientAndRemainder(dividingBy: columns)
            return factors[column] * ((code == 0 ? -scales[row] : scales[row]) + offsets[row])
        }
    }
}

/// Numbers of a matrix of signs on their way to least squares.
private struct Fit {
    let source: MatrixValues
    var codes: [Int]
    var scales: [Float]
    var offsets: [Float]
    var factors: [Float]

    /// Starts with the signs about the means of rows.
    init(_ source: MatrixValues) {
        self.source = source
        codes = [Int](repeating: 0, count: source.values.count)
        scales = [Float](repeating: 0, count: source.rows)
        offsets = scales
        factors = [Float](repeating: 1, count: source.columns)
        for row in 0..<source.rows {
            let places = row * source.columns..<(row + 1) * source.columns
            let sum = places.reduce(0.0) { $0 + Double(source.values[$1]) }
            let mean = sum / Double(max(source.columns, 1))
            for place in places { codes[place] = Double(source.values[place]) >= mean ? 1 : 0 }
        }
    }

    mutating func turn() {
        solveRows()
        solveColumns()
        chooseSigns()
    }

    private func level(_ row: Int, _ code: Int) -> Double {
        Double(offsets[row]) + (code == 0 ? -1 : 1) * Double(scales[row])
    }

    /// The scale and the offset of each row: the means of what is left of the factors, of either
    /// sign, weighed by their squares.
    private mutating func solveRows() {
        for row in 0..<source.rows {
            var sums = [(value: Double, weight: Double)](repeating: (0, 0), count: 2)
            for column in 0..<source.columns {
                let place = row * source.columns + column
                let factor = Double(factors[column])
                let weight = source.weight(column) * factor
                sums[codes[place]].value += weight * Double(source.values[place])
                sums[codes[place]].weight += weight * factor
            }
            let levels = sums.map { $0.weight > 0 ? $0.value / $0.weight : nil }
            // A sign that no weight has takes the other's level.
            let low = levels[0] ?? levels[1] ?? 0
            let high = levels[1] ?? levels[0] ?? 0
            scales[row] = PartBytes.half(Float((high - low) / 2))
            offsets[row] = PartBytes.half(Float((high + low) / 2))
        }
    }

    private mutating func solveColumns() {
        for column in 0..<source.columns {
            var (value, weight) = (0.0, 0.0)
            for row in 0..<source.rows {
                let place = row * source.columns + column
                let level = level(row, codes[place])
                value += level * Double(source.values[place])
                weight += level * level
            }
            if weight > 0 { factors[column] = PartBytes.half(Float(value / weight)) }
        }
    }

    private mutating func chooseSigns() {
        for place in codes.indices {
            let (row, column) = place.quotientAndRemainder(dividingBy: source.columns)
            let value = Double(source.values[place])
            let factor = Double(factors[column])
            let low = (value - factor * level(row, 0)).magnitude
            let high = (value - factor * level(row, 1)).magnitude
            if low != high { codes[place] = high < low ? 1 : 0 }
        }
    }

    var error: Double {
        codes.indices.reduce(0) { sum, place in
            let (row, column) = place.quotientAndRemainder(dividingBy: source.columns)
            let rest =
                Double(source.values[place]) - Double(factors[column]) * level(row, codes[place])
            return sum + source.weight(column) * rest * rest
        }
    }
}
