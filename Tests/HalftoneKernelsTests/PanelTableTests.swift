import HalftoneFormats
import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

/// Matrices of codes that a table turns into values: decoding, panels and products.
struct PanelTableTests {
    private static let pool = WorkerPool(threads: 2)

    /// Formats of each width and number of digits, and what their panels are off by at most, as a
    /// share of the largest value: half a step of 1/32639 where two bytes do not hold them.
    private static let formats: [(format: NumberFormat, digits: Int, share: Double)] = [
        (.e2m1, 1, 0), (.e2m3, 1, 0), (.e3m2, 2, 0), (.e3m4, 2, 0), (.e4m3, 3, 0),
        (.e4m3fnuz, 3, 0), (.ue5m3, 3, 1.0 / 16_711_422), (.e5m2, 3, 1.0 / 16_711_422),
        (.nf2, 2, 1.0 / 65278), (.nf3, 2, 1.0 / 65278), (.nf4, 2, 1.0 / 65278),
        (.fp4, 2, 0x1p-22), (NumberFormat(.float(.shift(bits: 3))), 1, 0),
        (NumberFormat(.float(.shift(bits: 4))), 2, 0),
        (NumberFormat(.float(FloatFormat(exponentBits: 2, mantissaBits: 2))), 1, 0),
        (NumberFormat(.float(FloatFormat(exponentBits: 4, mantissaBits: 2))), 3, 0),
        (NumberFormat(.float(.powersOfTwo(bits: 4))), 1, 0),
    ]

    /// Random codes, all that are finite numbers, with scales that one, two or four bytes hold.
    private func matrix(
        _ format: NumberFormat, width: Int, rows: Int, columns: Int, scales kind: Int
    ) throws -> LookupMatrix {
        var generator = SeededGenerator(seed: UInt64(columns * 31 + format.bits * 7 + kind))
        let bits = format.bits
        let finite = format.values.indices.filter { format.values[$0].isFinite }
        let rowBytes = (columns * bits + 7) / 8
        var bytes = [UInt8](repeating: 0, count: rows * rowBytes)
        for row in 0..<rows {
            for column in 0..<columns {
                let code = finite[Int(generator.next() % UInt64(finite.count))]
                for bit in 0..<bits where code >> bit & 1 == 1 {
                    let place = column * bits + bit
                    bytes[row * rowBytes + place / 8] |= 1 << UInt8(place % 8)
                }
            }
        }
        let other = format.values.first { $0.isFinite } ?? 0
        let table =
            format.values.map { $0.isFinite ? $0 : .nan }
            + [Float](repeating: other, count: (1 << bits) - format.values.count)
        let unit: Float = 0.3
        let count = rows * ((columns + width - 1) / width)
        let scales = (0..<count).map { _ -> Float in
            let scale = Float.random(in: 0.5...2, using: &generator)
            return switch kind {
            case 0: Float(sign: .plus, exponent: Int(generator.next() % 5) - 60, significand: 1)
            case 1: NumberFormat.e4m3.rounded(scale) * unit
            case 2: SmallFloat.float16(SmallFloat.float16Bits(scale))
            default: scale
            }
        }
        return try LookupMatrix(
            rows: rows, columns: columns, codes: Bytes(bytes), packing: .rows(bits: bits),
            table: table, blocks: .tiles(rows: 1, columns: width), scales: scales,
            scaleUnit: kind == 1 ? unit : 1, formatName: "\(format)", byteCount: bytes.count)
    }

    /// Values and products of panels, in all forms.
    @Test(arguments: formats.indices, 0..<4)
    func panelsMultiply(index: Int, kind: Int) throws {
        let (format, digits, share) = Self.formats[index]
        for (columns, width) in [(1, 16), (31, 32), (64, 16), (172, 48), (259, 1000), (576, 64)] {
            let matrix = try matrix(format, width: width, rows: 18, columns: columns, scales: kind)
            if columns > 64 {
                let panels = try #require(matrix.panels(on: Self.pool), "\(format)")
                #expect(panels.digits == digits, "\(format)")
            }
            // No digit is lost in sums, so that values count as one step. The largest value may
            // occur with a scale that is a sixteenth of the largest scale.
            try PanelProductTests.check(matrix, levels: 1, share: 16 * share)
        }
    }

    /// Three digits to the largest value that occurs, which may be any: as a multiple of the unit
    /// it is rounded, and has to stay within the digits.
    @Test(arguments: 0..<8)
    func theLargestValueKeepsItsSign(mantissa: Int) throws {
        let values = NumberFormat.ue5m3.values
        let largest = (1 + Float(mantissa) / 8) * 8
        let codes = values.indices.filter { values[$0] <= largest }
        let (rows, columns) = (16, 256)
        let bytes = (0..<rows * columns).map { UInt8(codes[($0 * 7 + 5) % codes.count]) }
        let matrix = try LookupMatrix(
            rows: rows, columns: columns, codes: Bytes(bytes), packing: .rows(bits: 8),
            table: values.map { $0.isFinite ? $0 : .nan }
                + [Float](repeating: .nan, count: 256 - values.count),
            blocks: .tiles(rows: 1, columns: 64),
            scales: [Float](repeating: 1, count: rows * 4), formatName: "ue5m3",
            byteCount: bytes.count)
        let panels = try #require(matrix.panels(on: Self.pool))
        #expect(panels.digits == 3)
        try PanelProductTests.check(matrix, levels: 1, share: 1.0 / 16_711_422)
    }

    /// All forms decode what the definition gives, from any place on.
    @Test(arguments: 1...8)
    func decodingEqualsTheDefinition(bits: Int) throws {
        var generator = SeededGenerator(seed: UInt64(bits))
        let table = (0..<1 << bits).map { _ in Float.random(in: -1...1, using: &generator) }
        for columns in [1, 7, 9, 33, 64, 130] {
            let rowBytes = (columns * bits + 7) / 8
            let bytes = (0..<5 * rowBytes).map { _ in
                UInt8(truncatingIfNeeded: generator.next())
            }
            for width in [5, 16, 2000] {
                let count = 5 * ((columns + width - 1) / width)
                let scales = (0..<count).map { _ in Float.random(in: 0.5...2, using: &generator) }
                let matrix = try LookupMatrix(
                    rows: 5, columns: columns, codes: Bytes(bytes), packing: .rows(bits: bits),
                    table: table, blocks: .tiles(rows: 1, columns: width), scales: scales,
                    formatName: "codes", byteCount: bytes.count)
                let expected = (0..<5).flatMap { row in
                    (0..<columns).map { column in
                        let code = (0..<bits).reduce(0) { code, bit in
                            let place = column * bits + bit
                            let byte = bytes[row * rowBytes + place / 8]
                            return code | Int(byte >> UInt8(place % 8) & 1) << bit
                        }
                        let scale = scales[row * (count / 5) + column / width]
                        return table[code] * scale
                    }
                }
                for features in Processor.featureSets {
                    #expect(matrix.decoded(features: features) == expected, "\(columns), \(width)")
                }
                #expect(checkWeightMatrix(matrix) == [])
            }
        }
    }

    /// A code without a number keeps a matrix from having panels, unless it does not occur.
    @Test func codesWithoutNumbersHaveNoPanels() throws {
        func matrix(_ code: UInt8) throws -> LookupMatrix {
            try LookupMatrix(
                rows: 1, columns: 1, codes: Bytes([code]), packing: .bytes,
                table: NumberFormat.e4m3.values, blocks: .tiles(rows: 1, columns: 32),
                scales: [1], formatName: "e4m3", byteCount: 1)
        }
        #expect(try matrix(0x7F).panels(on: Self.pool) == nil)
        #expect(try matrix(0x7E).panels(on: Self.pool)?.decoded(row: 0) == [448])
    }
}
