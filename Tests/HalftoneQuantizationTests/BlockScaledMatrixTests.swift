import Foundation
import HalftoneFormats
import HalftoneQuantization
import HalftoneTensor
import Testing

@Suite("Blocks with a shared scale")
struct BlockScaledMatrixTests {
    @Test("codes, scales, values and bytes are those of numpy and ml_dtypes")
    func agreesWithNumpy() throws {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Fixtures/Formats/layouts.bin")
        var file = [UInt8](try Data(contentsOf: url))[...]
        func take(_ count: Int) throws -> [UInt8] {
            try #require(file.count >= count)
            defer { file = file.dropFirst(count) }
            return Array(file.prefix(count))
        }
        func number(_ bytes: Int) throws -> Int {
            try take(bytes).reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        func floats(_ count: Int) throws -> [Float] {
            try (0..<count).map { _ in Float(bitPattern: UInt32(try number(4))) }
        }
        var names: Set<String> = []
        while !file.isEmpty {
            let name = String(decoding: try take(try number(1)), as: UTF8.self)
            names.insert(name)
            let layout = try #require(BlockLayout(named: name))
            let (rows, columns) = (try number(2), try number(2))
            let values = try floats(rows * columns)
            let matrix = try BlockScaledMatrix(
                values, rows: rows, columns: columns, layout: layout)
            #expect(matrix.elementCodes == (try take(rows * columns)), "\(name)")
            #expect(matrix.scaleCodes == (try take(try number(2))), "\(name)")
            #expect(matrix.factor == (try floats(1)[0]), "\(name)")
            #expect(matrix.decoded() == (try floats(rows * columns)), "\(name)")
            let size = try number(4)
            #expect(matrix.byteCount == size, "\(name)")
            #expect(layout.byteCount(rows: rows, columns: columns) == size, "\(name)")
        }
        #expect(names.count == 11)
    }

    @Test("full blocks take the bits that their standards say")
    func bitsAreKnown() {
        for (name, bits) in [
            ("mxfp8e5m2", 8.25), ("mxfp8e4m3", 8.25), ("mxfp6e3m2", 6.25), ("mxfp6e2m3", 6.25),
            ("mxfp4", 4.25), ("mxint8", 8.25), ("bfp4e8g16", 4.5), ("bfp6e5g8x8", 6.078125),
        ] {
            #expect(
                BlockLayout(named: name)?.bitsPerWeight(rows: 64, columns: 256) == bits, "\(name)")
        }
        // The float32 of the matrix besides 4.5 bits.
        #expect(BlockLayout.nvfp4.byteCount(rows: 64, columns: 256) == 64 * 256 * 9 / 16 + 4)
    }

    /// Half a step at most: `2^−(bits − 1)` of the largest magnitude, as the exponent of the block
    /// is that of its largest element and elements go to within half a step of twice that.
    @Test("block floats are within half a step", arguments: 2...8, [(1, 16), (4, 4), (3, 5)])
    func blockFloatsAreNear(bits: Int, shape: (Int, Int)) throws {
        var generator = SeededGenerator(seed: 5)
        let (rows, columns) = (7, 33)
        let values = (0..<rows * columns).map { _ in Float.random(in: -2...2, using: &generator) }
        let layout = BlockLayout.blockFloat(
            bits: bits, blockRows: shape.0, blockColumns: shape.1)
        #expect(BlockLayout(named: layout.name) == layout)
        let matrix = try BlockScaledMatrix(values, rows: rows, columns: columns, layout: layout)
        let decoded = matrix.decoded()
        for place in values.indices {
            let (row, column) = (place / columns, place % columns)
            let blockRow = row / shape.0 * shape.0
            let blockColumn = column / shape.1 * shape.1
            var largest: Float = 0
            for r in blockRow..<min(blockRow + shape.0, rows) {
                for c in blockColumn..<min(blockColumn + shape.1, columns) {
                    largest = max(largest, values[r * columns + c].magnitude)
                }
            }
            let step = Float(
                sign: .plus, exponent: Int(largest.exponent) + 2 - bits, significand: 1)
            // The largest may be cut off by up to a step: 2 − 2^(2 − bits) is the largest element.
            let distance = (decoded[place] - values[place]).magnitude
            #expect(distance <= (values[place].magnitude > largest - step ? step : step / 2))
        }
    }

    @Test("what is no layout and no number is refused")
    func badInputIsRefused() {
        for name in ["", "mx", "mxfp5", "bfp", "bfp9e8g16", "bfp4e9g16", "bfp4e8g0", "bfp04e8g16"] {
            #expect(BlockLayout(named: name) == nil, "\(name)")
        }
        #expect(throws: QuantizationError.weightNotFinite(row: 1, column: 0, value: "nan")) {
            try BlockScaledMatrix([0, 1, .nan, 3], rows: 2, columns: 2, layout: .nvfp4)
        }
        #expect(throws: QuantizationError.self) {
            try BlockScaledMatrix([0, 1, 3], rows: 2, columns: 2, layout: .nvfp4)
        }
    }
}
