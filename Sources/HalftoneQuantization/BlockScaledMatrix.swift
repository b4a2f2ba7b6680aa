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
    /// - Throws: ``QuantizationError``: a value is not finite, or the shape not that of the values.
    public init(
        _ values: [Float], rows: Int, columns: Int, layout: BlockLayout
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
        self.layout = layout
        self.rows = rows
        self.columns = columns
        let (down, across) = layout.blocks(rows: rows, columns: columns)
        let largestElement = layout.element.range.upperBound * layout.elementUnit
        var factor: Float = 1
        var scaleFormat: NumberFormat?
        if case .float(let format) = layout.scale {
            let scale = NumberFormat(.float(format))
            let largest = values.reduce(0) { max($0, $1.magnitude) }
            factor = largest / (scale.range.upperBound * largestElement)
            if factor == 0 { factor = 1 }
            scaleFormat = scale
        }
        self.factor = factor
        var scaleCodes: [UInt8] = []
        var elements = [UInt8](repeating: 0, count: values.count)
        for block in 0..<down * across {
            let places = Self.places(of: block, layout, rows: rows, columns: columns)
            let largest = places.reduce(0) { max($0, values[$1].magnitude) }
            let code =
                scaleFormat?.code(of: largest / largestElement / factor)
                ?? layout.exponentCode(largest: largest)
            scaleCodes.append(code)
            let unit = layout.scaleValue(of: code) * factor * layout.elementUnit
            for place in places {
                let steps = unit == 0 ? 0 : values[place] / unit
                elements[place] = layout.element.code(of: steps)
            }
        }
        scales = Bytes(BitStream.encode(scaleCodes, bits: layout.scaleBits))
        var packed: [UInt8] = []
        for row in 0..<rows {
            let codes = Array(elements[row * columns..<(row + 1) * columns])
            packed += BitStream.encode(codes, bits: layout.element.bits)
        }
        codes = Bytes(packed)
    }
}

extension BlockScaledMatrix {
    /// Bytes of all parts.
    public var byteCount: Int {
        let factorBytes = if case .float = layout.scale { 4 } else { 0 }
        return codes.count + scales.count + factorBytes
    }

    /// The codes of the elements, `[rows, columns]`.
    public var elementCodes: [UInt8] {
        let bits = layout.element.bits
        let rowBytes = BitStream.byteCount(codes: columns, bits: bits)
        return (0..<rows).flatMap {
            BitStream.decode(
                codes[$0 * rowBytes..<($0 + 1) * rowBytes], bits: bits, count: columns)
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
