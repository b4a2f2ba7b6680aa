import HalftoneFormats
import HalftoneKernels

/// The sign of each element times a matrix of low rank that is near to the magnitudes.
///
/// That is a bit for each weight and two thin matrices in 16 bits: in a residual stack the blocks
/// of BitStack.
///
/// The product is the nearest one to the magnitudes, each column times the root of its importance;
/// that is the scaling by activations of the source, taken back in the factor of the columns. An
/// element of 0 counts as positive. The product may be negative here and there.
///
/// Source: X. Wang et al., "BitStack: Any-Size Compression of Large Language Models in Variable
/// Memory Environments", ICLR 2025, arXiv:2410.23918, section 2.2.
///
/// Parts: `signs` U8 `[rows, bytes]`, 1 for what is not negative, the first element in the lowest
/// bit; `left` F16 `[rows, rank]`, `right` F16 `[rank, columns]`.
struct SignedLowRankForm: MatrixCoding {
    let rank: Int

    private static let signs = CodeRows(values: 2)

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        let factors = try ThinFactors.layout(rank, rows, columns)
        return [
            PartLayout("signs", .uint8, [rows, Self.signs.byteCount(columns: columns)])
        ] + factors
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        let factors = try ThinFactors(
            of: source.with(source.values.map(\.magnitude)), rank: rank)
        return [
            Self.signs.encode(
                source.values.map { $0 < 0 ? 0 : 1 }, rows: source.rows, columns: source.columns)
        ] + (try factors.parts())
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        let signs = Self.signs.decode(reader.bytes(), rows: rows, columns: columns)
        var values = [Float](repeating: 0, count: rows * columns)
        try ThinFactors(&reader, rank: rank).add(to: &values, rows: rows, columns: columns)
        for (place, sign) in signs.enumerated() where sign == 0 { values[place] = -values[place] }
        return values
    }
}

/// Two thin matrices whose product is near to another matrix, stored in 16 bits.
struct ThinFactors {
    let rank: Int
    /// `[rows, rank]`.
    let left: [Float]
    /// `[rank, columns]`.
    let right: [Float]

    static func layout(
        _ rank: Int, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [PartLayout] {
        guard (0...min(rows, columns)).contains(rank) else {
            throw .badForm("a rank of \(rank) in a matrix of \(rows) rows of \(columns)")
        }
        return [
            PartLayout("left", .float16, [rows, rank]),
            PartLayout("right", .float16, [rank, columns]),
        ]
    }

    /// The nearest product of a rank, by squared errors that count what their columns do.
    init(of source: MatrixValues, rank: Int) throws(QuantizationError) {
        let columns = source.columns
        let roots = (0..<columns).map { source.weight($0).squareRoot() }
        let scaled = DenseMatrix<Double>(
            rows: source.rows, columns: columns,
            elements: source.values.indices.map {
                Double(source.values[$0]) * roots[$0 % columns]
            })
        do {
            let (left, right) = try scaled.lowRankFactors(rank)
            self.left = left.elements.map { Float($0) }
            self.right = right.elements.indices.map { place in
                let root = roots[place % columns]
                return root > 0 ? Float(right.elements[place] / root) : 0
            }
        } catch {
            throw .badParts("\(error)")
        }
        self.rank = rank
    }

    init(_ reader: inout PartReader, rank: Int) throws(QuantizationError) {
        left = try reader.floats(.float16)
        right = try reader.floats(.float16)
        self.rank = rank
    }

    func parts() throws(QuantizationError) -> [Bytes] {
        [try PartBytes.halves(left, "left"), try PartBytes.halves(right, "right")]
    }

    func add(to values: inout [Float], rows: Int, columns: Int) {
        for row in 0..<rows {
            for k in 0..<rank {
                let factor = left[row * rank + k]
                for column in 0..<columns {
                    values[row * columns + column] += factor * right[k * columns + column]
                }
            }
        }
    }
}
