import HalftoneFormats
import HalftoneKernels
import HalftoneTensor

/// Runs of a row as codes of a codebook that weighted k-means fits to the matrix.
///
/// The last run of a row is filled up with what does not count. The codebook is fitted to at most
/// 64 runs for each of its vectors, evenly spread, and rounded to 16 bits before codes are chosen.
///
/// Source: S. Kim et al., "SqueezeLLM", arXiv:2306.07629, section 4.1 (importance in k-means).
///
/// Parts: `codes` U8 `[rows, bytes]`, `codebook` F16 `[count, dimension]`.
struct VectorForm: MatrixCoding {
    let dimension: Int
    let count: Int

    private func runs(_ columns: Int) -> Int { (columns + dimension - 1) / dimension }

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        guard (1...64).contains(dimension), (2...65536).contains(count) else {
            throw .badForm("codebooks have 2 to 65536 vectors of 1 to 64 numbers")
        }
        let bytes = CodeRows(values: count).byteCount(columns: runs(columns))
        return [
            PartLayout("codes", .uint8, [rows, bytes]),
            PartLayout("codebook", .float16, [count, dimension]),
        ]
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        var (input, weights) = ([Float](), [Float]())
        for row in 0..<source.rows {
            for column in 0..<runs(source.columns) * dimension {
                let isInside = column < source.columns
                input.append(isInside ? source.values[row * source.columns + column] : 0)
                weights.append(isInside ? Float(source.weight(column)) : 0)
            }
        }
        let total = input.count / dimension
        guard total > 0 else {
            let book = [Float](repeating: 0, count: count * dimension)
            return [Bytes([]), try PartBytes.halves(book, "codebook")]
        }
        let sampled = min(total, 64 * count)
        let chosen = (0..<sampled).map { $0 * total / sampled }
        func sample(_ all: [Float]) -> [Float] {
            chosen.flatMap { all[$0 * dimension..<($0 + 1) * dimension] }
        }
        var generator = SeededGenerator(seed: source.seed)
        let fitted = VectorCodebook.fitted(
            count: count, dimension: dimension, to: sample(input), weights: sample(weights),
            turns: 50, using: &generator)
        let stored = try PartBytes.halves(fitted.values, "codebook")
        let book = VectorCodebook(
            dimension: dimension, values: ScaleCodec(.float16).decode(stored))
        let codes = (0..<total).map { index in
            let range = index * dimension..<(index + 1) * dimension
            return book.code(of: input[range], weights: weights[range])
        }
        let rows = CodeRows(values: count)
        return [rows.encode(codes, rows: source.rows, columns: runs(source.columns)), stored]
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        let runs = runs(columns)
        let codes = CodeRows(values: count).decode(reader.bytes(), rows: rows, columns: runs)
        let book = try reader.floats(.float16)
        return (0..<rows).flatMap { row in
            (0..<columns).map { column in
                let code = codes[row * runs + column / dimension]
                return book[code * dimension + column % dimension]
            }
        }
    }
}

/// Pairs of neighbouring columns as one of `{±1, ±i}`.
///
/// The real part is the even column. The scale of a part is the mean magnitude where it is not
/// zero, which is least squares; the unit is that whose sector the pair lies in, which importance
/// weights stretch. An odd column has a pair of 0.
///
/// Source: F. Wang et al., "iFairy: the First 2-bit Complex LLM with All Parameters in {±1, ±i}",
/// arXiv:2508.05571, section 3.
///
/// Parts: `codes` U8 `[rows, bytes]`, `scales` F16 `[2]`.
struct ComplexForm: MatrixCoding {
    private static let codes = CodeRows(values: 4)

    private func pairs(_ columns: Int) -> Int { (columns + 1) / 2 }

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        let bytes = Self.codes.byteCount(columns: pairs(columns))
        return [PartLayout("codes", .uint8, [rows, bytes]), PartLayout("scales", .float16, [2])]
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        var codes: [Int] = []
        var (sums, totals) = ([0.0, 0.0], [0.0, 0.0])
        for row in 0..<source.rows {
            for pair in 0..<pairs(source.columns) {
                let columns = [2 * pair, 2 * pair + 1]
                let values = columns.map {
                    $0 < source.columns ? source.values[row * source.columns + $0] : 0
                }
                let weights = columns.map { $0 < source.columns ? source.weight($0) : 0 }
                let scaled = zip(values, weights).map { Float(Double($0) * $1.squareRoot()) }
                let code = VectorCodebook.complexUnit(real: scaled[0], imaginary: scaled[1])
                codes.append(code)
                sums[code / 2] += weights[code / 2] * Double(values[code / 2].magnitude)
                totals[code / 2] += weights[code / 2]
            }
        }
        let scales = zip(sums, totals).map { $1 > 0 ? Float($0 / $1) : 0 }
        return [
            Self.codes.encode(codes, rows: source.rows, columns: pairs(source.columns)),
            try PartBytes.halves(scales, "scales"),
        ]
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        let pairs = pairs(columns)
        let codes = Self.codes.decode(reader.bytes(), rows: rows, columns: pairs)
        let scales = try reader.floats(.float16)
        return (0..<rows).flatMap { row in
            (0..<columns).map { column in
                let unit = VectorCodebook.complexUnits.vector(of: codes[row * pairs + column / 2])
                return unit[unit.startIndex + column % 2] * scales[column % 2]
            }
        }
    }
}
