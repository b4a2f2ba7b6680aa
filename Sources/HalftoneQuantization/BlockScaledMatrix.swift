import HalftoneFormats
import HalftoneKernels

/// A matrix in a `BlockLayout`: the definition in plain loops.
public struct BlockScaledMatrix: Sendable {
    /// Elements, blocks and scales.
    public let layout: BlockLayout

    /// Output features.
    public let rows: Int

    /// Input features.
    public let columns: Int

    /// Codes of the elements: each row from a whole byte on, from the least significant bit on.
    public let codes: Bytes

    /// Codes of the scales, block after block along the rows of blocks, as one run of bits.
    public let scales: Bytes

    /// What multiplies all values: 1 in layouts of one level.
    public let factor: Float

    /// Encodes a matrix, all elements to nearest, ties to even, what is too large to the largest.
    ///
    /// - Parameters:
    ///   - values: `[rows, columns]`, row after row.
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - layout: How to store them.
    ///   - importance: What the squared error of each column counts in searches; nil for 1.
    ///   - search: How scales are chosen: with `HalftoneFormats.ScaleSearch.absmax` by the rule of
    ///     the layout, else as a search finds, where that has the lesser error.
    /// - Throws: ``QuantizationError``: a value is not finite, or the shape not that of the values.
    public init(
        _ values: [Float], rows: Int, columns: Int, layout: BlockLayout,
        importance: [Float]? = nil, search: ScaleSearch = .absmax
    ) throws(QuantizationError) {
        guard rows >= 0, columns >= 0,
            rows.multipliedReportingOverflow(by: columns) == (values.count, false)
        else {
            throw .badParts("\(values.count) values are not \(rows) rows of \(columns)")
        }
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw .weightNotFinite(
                row: bad / columns, column: bad % columns, value: "\(values[bad])")
        }
        try RowPlan.check(importance, columns: columns)
        let (down, across) = layout.blocks(rows: rows, columns: columns)
        let rounding = BlockScaleRounding(
            layout, largest: values.reduce(0) { max($0, $1.magnitude) })
        let finder = ScaleFinder(layout.element, scales: rounding)
        var scaleCodes: [UInt8] = []
        var elements = [UInt8](repeating: 0, count: values.count)
        for block in 0..<down * across {
            let places = Self.places(of: block, layout, rows: rows, columns: columns)
            let members = places.map { values[$0] }
            var code = rounding.usualCode(largest: members.reduce(0) { max($0, $1.magnitude) })
            if search != .absmax {
                let weights = importance.map { one in places.map { one[$0 % columns] } }
                func error(_ code: UInt8) -> Double {
                    let choice = ScaleChoice(scale: rounding.unit(of: code), zero: 0)
                    return finder.squaredError(
                        of: choice, members[...], importance: weights?[...])
                }
                let found = rounding.code(
                    of: finder.choice(members[...], importance: weights?[...], by: search).scale)
                if error(found) < error(code) { code = found }
            }
            scaleCodes.append(code)
            let unit = rounding.unit(of: code)
            for place in places {
                let steps = unit == 0 ? 0 : values[place] / unit
                elements[place] = layout.element.code(of: steps)
            }
        }
        var packed: [UInt8] = []
        for row in 0..<rows {
            let codes = Array(elements[row * columns..<(row + 1) * columns])
            packed += BitStream.encode(codes, bits: layout.element.bits)
        }
        self.init(
            layout: layout, rows: rows, columns: columns, codes: Bytes(packed),
            scales: Bytes(BitStream.encode(scaleCodes, bits: layout.scaleBits)),
            factor: rounding.factor)
    }

    /// Takes parts whose sizes are those of the layout.
    init(
        layout: BlockLayout, rows: Int, columns: Int, codes: Bytes, scales: Bytes, factor: Float
    ) {
        self.layout = layout
        self.rows = rows
        self.columns = columns
        self.codes = codes
        self.scales = scales
        self.factor = factor
    }
}

/// The scales of blocks as what an element of 1 is worth.
struct BlockScaleRounding: ScaleRounding {
    private let layout: BlockLayout
    private let format: NumberFormat?
    /// What multiplies all values: 1 in layouts of one level.
    let factor: Float

    /// - Parameter largest: The largest magnitude of the matrix.
    init(_ layout: BlockLayout, largest: Float) {
        self.layout = layout
        guard case .float(let float) = layout.scale else {
            (format, factor) = (nil, 1)
            return
        }
        let scale = NumberFormat(.float(float))
        let most = layout.element.range.upperBound * layout.elementUnit
        let factor = largest / (scale.range.upperBound * most)
        (format, self.factor) = (scale, factor == 0 ? 1 : factor)
    }

    let isPositive = true

    /// The code of the rule that the layout states.
    func usualCode(largest: Float) -> UInt8 {
        let most = layout.element.range.upperBound * layout.elementUnit
        return format?.code(of: largest / most / factor) ?? layout.exponentCode(largest: largest)
    }

    /// What an element of 1 is worth.
    func unit(of code: UInt8) -> Float { layout.scaleValue(of: code) * factor * layout.elementUnit }

    /// The code of the nearest unit; powers of two are nearest by their ratio.
    func code(of unit: Float) -> UInt8 {
        guard unit > 0 else { return format?.code(of: 0) ?? 0 }
        guard case .sharedExponent(let bits) = layout.scale else {
            return format?.code(of: unit / layout.elementUnit / factor) ?? 0
        }
        let scale = unit / layout.elementUnit
        guard scale.isFinite else { return bits == 8 ? 254 : UInt8((1 << bits) - 1) }
        let up = scale.significand > Float(2).squareRoot() ? 1 : 0
        let code = Int(scale.exponent) + up + (1 << (bits - 1)) - 1
        return UInt8(min(max(code, 0), bits == 8 ? 254 : (1 << bits) - 1))
    }

    func nearest(_ scale: Float) -> Float { unit(of: code(of: scale)) }

    func covering(_ scale: Float) -> Float {
        let code = code(of: scale)
        let unit = unit(of: code)
        guard unit < scale, Int(code) + 1 < 1 << layout.scaleBits else { return unit }
        let next = self.unit(of: code + 1)
        return next.isFinite && next > unit ? next : unit
    }

    var leastNormal: Float { 0 }
}

extension BlockScaledMatrix {
    /// Bytes of all parts.
    public var byteCount: Int {
        let factorBytes = if case .float = layout.scale { 4 } else { 0 }
        return codes.count + scales.count + factorBytes
    }

    /// The codes of the elements, `[rows, columns]`; that of 0 for bits that are no code.
    public var elementCodes: [UInt8] {
        let zero = layout.element.code(of: 0)
        let bits = layout.element.bits
        let rowBytes = BitStream.byteCount(codes: columns, bits: bits)
        return (0..<rows).flatMap {
            BitStream.decode(
                codes[$0 * rowBytes..<($0 + 1) * rowBytes], bits: bits, count: columns
            ).map { Int($0) < layout.element.values.count ? $0 : zero }
        }
    }

    /// The codes of the scales, block after block.
    public var scaleCodes: [UInt8] {
        let (down, across) = layout.blocks(rows: rows, columns: columns)
        return BitStream.decode(scales, bits: layout.scaleBits, count: down * across)
    }

    /// The values, `[rows, columns]`: element times the product of unit, scale and factor, each
    /// product rounded to float32.
    public func decoded() -> [Float] {
        let (elements, scales) = (elementCodes, scaleCodes)
        var values = [Float](repeating: 0, count: rows * columns)
        for (block, code) in scales.enumerated() {
            let unit = layout.scaleValue(of: code) * factor * layout.elementUnit
            for place in Self.places(of: block, layout, rows: rows, columns: columns) {
                values[place] = layout.element.value(of: elements[place]) * unit
            }
        }
        return values
    }

    /// Where the elements of a block are in the matrix.
    private static func places(
        of block: Int, _ layout: BlockLayout, rows: Int, columns: Int
    ) -> [Int] {
        let across = layout.blocks(rows: rows, columns: columns).across
        let (down, right) = block.quotientAndRemainder(dividingBy: across)
        let rowEnd = min((down + 1) * layout.blockRows, rows)
        let columnEnd = min((right + 1) * layout.blockColumns, columns)
        return (down * layout.blockRows..<rowEnd).flatMap { row in
            (right * layout.blockColumns..<columnEnd).map { row * columns + $0 }
        }
    }
}
