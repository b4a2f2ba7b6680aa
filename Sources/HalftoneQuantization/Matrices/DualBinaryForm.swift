import HalftoneFormats
import HalftoneKernels

/// Two planes of bits with a real scale each for every group: `first · p + second · q`.
///
/// From `2s` and `−s` on, with `s` the scale of least squares of the levels −1, 0, 1 and 2, codes
/// and scales take turns: the nearest of the four levels, then the two scales that fit the bits
/// best, as long as the error falls.
///
/// Source: H. Chen et al., "DB-LLM: Accurate Dual-Binarization for Efficient LLMs",
/// arXiv:2402.11960, section 3.2; there the scales are trained from that start.
///
/// Parts: `codes` U8 `[rows, bytes]`, two bits each with `p` the lower one; `scales` F16
/// `[groups, 2]`.
struct DualBinaryForm: MatrixCoding {
    let granularity: Granularity

    private static let start = NumberFormat(.codebook(.dualBinary(first: 2, second: -1)))

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        guard (1...1 << 20).contains(granularity.groupSize(inFeatures: 1)) else {
            throw .badForm("groups have 1 to \(1 << 20) weights, not \(granularity)")
        }
        let count = granularity.scaleCount(rows: rows, columns: columns)
        return [
            PartLayout("codes", .uint8, [rows, CodeRows(values: 4).byteCount(columns: columns)]),
            PartLayout("scales", .float16, [count, 2]),
        ]
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        let groups = MatrixGroups(granularity, rows: source.rows, columns: source.columns)
        let finder = ScaleFinder(Self.start, scales: ScaleCodec(.float16))
        var codes = [Int](repeating: 0, count: source.values.count)
        var scales: [Float] = []
        for group in 0..<groups.count {
            let places = groups.places(of: group)
            let values = places.map { source.values[$0] }
            let weights = places.map { source.weight($0 % max(source.columns, 1)) }
            let scale = finder.choice(
                values[...], importance: weights.map { Float($0) }[...], by: source.search
            ).scale
            var best = Self.round(values, weights, 2 * scale, -scale)
            while true {
                let (first, second) = Self.solve(values, weights, best.codes)
                let next = Self.round(
                    values, weights, PartBytes.half(first), PartBytes.half(second))
                guard next.error < best.error else { break }
                best = next
            }
            scales += [best.first, best.second]
            for (place, code) in zip(places, best.codes) { codes[place] = code }
        }
        return [
            CodeRows(values: 4).encode(codes, rows: source.rows, columns: source.columns),
            try PartBytes.halves(scales, "scales"),
        ]
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        let codes = CodeRows(values: 4).decode(reader.bytes(), rows: rows, columns: columns)
        let scales = try reader.floats(.float16)
        let groups = MatrixGroups(granularity, rows: rows, columns: columns)
        var values = [Float](repeating: 0, count: rows * columns)
        for group in 0..<groups.count {
            let levels = Self.levels(scales[2 * group], scales[2 * group + 1])
            for place in groups.places(of: group) { values[place] = levels[codes[place]] }
        }
        return values
    }

    private static func levels(_ first: Float, _ second: Float) -> [Float] {
        [0, first, second, first + second]
    }

    private typealias Rounded = (codes: [Int], error: Double, first: Float, second: Float)

    private static func round(
        _ values: [Float], _ weights: [Double], _ first: Float, _ second: Float
    ) -> Rounded {
        let levels = levels(first, second)
        var error = 0.0
        let codes = zip(values, weights).map { value, weight in
            let distances = levels.map { (Double($0) - Double(value)).magnitude }
            let code = (0..<4).min { distances[$0] < distances[$1] } ?? 0
            error += weight * distances[code] * distances[code]
            return code
        }
        return (codes, error, first, second)
    }

    /// The scales of least weighted squares for some bits.
    private static func solve(
        _ values: [Float], _ weights: [Double], _ codes: [Int]
    ) -> (Float, Float) {
        var (pp, qq, pq, xp, xq) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for (value, (weight, code)) in zip(values, zip(weights, codes)) {
            let (p, q) = (Double(code & 1), Double(code >> 1))
            pp += weight * p
            qq += weight * q
            pq += weight * p * q
            xp += weight * p * Double(value)
            xq += weight * q * Double(value)
        }
        let determinant = pp * qq - pq * pq
        guard determinant > 1e-9 * pp * qq else { return (.nan, .nan) }
        return (
            Float((xp * qq - xq * pq) / determinant), Float((xq * pp - xp * pq) / determinant)
        )
    }
}
