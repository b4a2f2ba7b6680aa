import HalftoneFormats
import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

/// Panels as a file has them: the same values as rows, and products with floats.
struct PanelRowsTests {
    private static let pool = WorkerPool(threads: 2)

    private func matrix(
        _ format: IntegerFormat, _ granularity: Granularity, _ codec: ScaleCodec, rows: Int,
        columns: Int
    ) throws -> UniformMatrix {
        var generator = SeededGenerator(seed: UInt64(columns * 8 + format.bits))
        let codes = (0..<rows * columns).map { _ in
            UInt8(generator.next() % UInt64(format.levels))
        }
        let groups = rows * granularity.groupsPerRow(inFeatures: columns)
        // Normal and, every seventh, subnormal numbers; some are negative.
        let least: Float = codec.format.hasFactor ? codec.leastNormal / 4 : 0x1p-18
        let scales = (0..<groups).map { index -> Float in
            let scale = Float.random(in: 0.5...2, using: &generator)
            return codec.nearest(
                index % 7 == 6
                    ? scale * least : index % 5 == 3 && !codec.isPositive ? -scale : scale)
        }
        let zeros = (0..<groups).map { _ in Float(generator.next() % UInt64(format.levels)) }
        let packed = PackedCodes.pack(
            codes: codes, rows: rows, columns: columns, bits: format.bits)
        return try UniformMatrix(
            format: format, granularity: granularity, rows: rows, columns: columns,
            codes: Bytes(packed), scales: scales, zeroPoints: format.isSymmetric ? nil : zeros,
            byteCount: packed.count)
    }

    private func layout(_ matrix: UniformMatrix, _ scale: ScaleFormat) throws -> PanelLayout {
        try #require(
            PanelLayout(
                format: matrix.format, granularity: matrix.granularity, scaleFormat: scale,
                rows: matrix.rows, columns: matrix.columns))
    }

    @Test(
        arguments: 1...8,
        [Granularity.channel, .tensor, .group(16), .group(32), .group(48), .group(64)])
    func rowsAndPanelsAgree(bits: Int, granularity: Granularity) throws {
        try rowsAndPanelsAgree(bits, granularity, ScaleCodec(.float16))
    }

    @Test(arguments: 1...8, [Granularity.channel, .group(16), .group(32), .group(64)])
    func rowsAndPanelsAgreeWithScalesOfAByte(bits: Int, granularity: Granularity) throws {
        try rowsAndPanelsAgree(bits, granularity, ScaleCodec(.float8, factor: 0.0127))
        try rowsAndPanelsAgree(bits, granularity, ScaleCodec(.unsignedFloat8, factor: 0.083))
    }

    private func rowsAndPanelsAgree(
        _ bits: Int, _ granularity: Granularity, _ codec: ScaleCodec
    ) throws {
        for (rows, columns) in [(1, 1), (17, 33), (16, 64), (40, 172), (33, 1023)] {
            for format in [
                IntegerFormat(bits: bits, symmetric: true),
                IntegerFormat(bits: bits, symmetric: false),
            ] {
                let matrix = try matrix(format, granularity, codec, rows: rows, columns: columns)
                let layout = try layout(matrix, codec.format)
                let made = matrix.panels(as: layout, scaleFactor: codec.factor, on: Self.pool)
                #expect(made.bytes.count == layout.byteCount)
                let stored = try #require(
                    PanelMatrix(
                        layout, formatName: matrix.formatName, scaleFactor: codec.factor,
                        bytes: made.bytes))
                // The same operations in the same order.
                #expect(stored.decoded() == matrix.decoded(), "\(matrix.formatName)")
                for form in PanelMatrix.Form.allCases where form.isAvailable {
                    #expect(stored.decoded(form: form) == matrix.decoded(), "\(form)")
                }
                for row in [0, rows / 2, rows - 1] {
                    #expect(
                        stored.decoded(row: row)
                            == Array(matrix.decoded()[row * columns..<(row + 1) * columns]))
                }
                if columns > 1 {
                    for failure in checkWeightMatrix(stored) { Issue.record("\(failure)") }
                }
                // What integer products read is the same whoever made it.
                let other = try #require(matrix.panels(on: Self.pool))
                #expect(other.decoded() == stored.decoded())
                let x = Array(Tensor.normal([2, columns], seed: 6).elements)
                for form in PanelMatrix.Form.allCases where form.isAvailable {
                    #expect(
                        stored.products(with: x, count: 2, form: form)
                            == other.products(with: x, count: 2, form: .plain), "\(form)")
                }
            }
        }
    }

    @Test func formsOfProductsAgree() throws {
        for (columns, bits) in [(33, 3), (576, 4), (1023, 8)] {
            let format = IntegerFormat(bits: bits, symmetric: false)
            let matrix = try matrix(
                format, .group(32), ScaleCodec(.float16), rows: 35, columns: columns)
            let stored = matrix.panels(as: try layout(matrix, .float16), on: Self.pool)
            let decoded = matrix.decoded()
            let x = Array(Tensor.normal([columns], seed: 5).elements)
            // Terms are at most `levels` steps, and `columns + 32` sums are rounded.
            let largest = decoded.reduce(0) { max($0, Double($1.magnitude)) }
            let size = x.reduce(0) { $0 + Double($1.magnitude) } * 4 * largest
            for form in PanelMatrix.Form.allCases where form.isAvailable {
                let found = stored.products(with: x, form: form)
                for row in 0..<35 {
                    let exact = (0..<columns).reduce(0.0) {
                        $0 + Double(decoded[row * columns + $1]) * Double(x[$1])
                    }
                    #expect(
                        abs(Double(found[row]) - exact) <= Double(columns + 32) * 0x1p-24 * size,
                        "\(form), \(columns) columns")
                }
            }
        }
    }

    /// A panel of one run, put in by hand.
    @Test func theBytesMeanWhatTheySay() throws {
        let format = IntegerFormat(bits: 3, symmetric: false)
        let layout = try #require(
            PanelLayout(
                format: format, granularity: .channel, scaleFormat: .float16, rows: 16,
                columns: 32))
        // Sixteen scales, sixteen zero points in half bytes, a plane of two bits and one of one.
        #expect(layout.panelByteCount == (32 + 8 + 128 + 64 + 63) / 64 * 64)
        var bytes = [UInt8](repeating: 0, count: layout.byteCount)
        // Row 9: scale 0.5 (0x3800), zero point 5, and the code 6 = 0b110 in column 22.
        bytes[18] = 0x00
        bytes[19] = 0x38
        bytes[32 + 1] = 5 << 4
        // Step 5 is column 20 …; place 4 · 9 + 2; upper bits 3 in bits 4 and 5 of vector 1.
        bytes[40 + 64 + 38] = 3 << 4
        let matrix = try #require(PanelMatrix(layout, formatName: "uint3", bytes: Bytes(bytes)))
        let row = matrix.decoded(row: 9)
        #expect(row[22] == 0.5 * (6 - 5))
        #expect(row[21] == 0.5 * -5)
        // The lowest bit: bit 5 of the last plane.
        bytes[40 + 128 + 38] = 1 << 5
        let odd = try #require(PanelMatrix(layout, formatName: "uint3", bytes: Bytes(bytes)))
        #expect(odd.decoded(row: 9)[22] == 0.5 * (7 - 5))
    }

    @Test func anyBytesAreAMatrix() throws {
        var generator = SeededGenerator(seed: 8)
        for bits in 1...8 {
            let layout = try #require(
                PanelLayout(
                    format: IntegerFormat(bits: bits, symmetric: bits % 2 == 0),
                    granularity: .group(32), scaleFormat: .float32, rows: 19, columns: 100))
            let bytes = (0..<layout.byteCount).map { _ in
                UInt8(truncatingIfNeeded: generator.next())
            }
            let matrix = try #require(PanelMatrix(layout, formatName: "", bytes: Bytes(bytes)))
            let input = [Float](repeating: 1, count: 100)
            #expect(matrix.decoded().count == 1900)
            #expect(matrix.products(with: input).count == 19)
            #expect(matrix.products(with: input, count: 1, form: .plain).count == 19)
            #expect(PanelMatrix(layout, formatName: "", bytes: Bytes(bytes)[0..<64]) == nil)
        }
    }

    @Test func layoutsThatDoNotExistAreNone() {
        func layout(_ group: Granularity, _ scale: ScaleFormat, _ rows: Int = 16) -> PanelLayout? {
            PanelLayout(
                format: IntegerFormat(bits: 4, symmetric: true), granularity: group,
                scaleFormat: scale, rows: rows, columns: 640)
        }
        #expect(layout(.group(20), .float16) == nil)
        #expect(layout(.group(64), .float16, 0) == nil)
        #expect(layout(.group(64), .float16, .max) == nil)
        #expect(layout(.group(0), .float16) == nil && layout(.group(.max), .float16) == nil)
        #expect(layout(.group(64), .float16) != nil)
    }

    @Test func rowsOfBlocksInAnotherOrder() throws {
        let order = [18, 3, 3, 0, 7, 12, 1, 2, 4, 5, 6, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18]
        for type in [BlockType.q4_0, .q4_K, .q6_K, .q3_K] {
            let columns = 2 * type.blockSize
            let weights = Array(Tensor.normal([19, columns], seed: 7).elements)
            let stored = try BlockMatrix(
                type: type, rows: 19, columns: columns,
                bytes: Bytes(BlockCodec.encode(type, weights, columns: columns)))
            let decoded = stored.decoded()
            let expected = order.flatMap { decoded[$0 * columns..<($0 + 1) * columns] }
            let gathered = stored.gatheringRows(order)
            #expect(gathered.decoded() == expected)
            let panels = try #require(gathered.panels(on: Self.pool))
            let whole = try #require(stored.panels(on: Self.pool))
            for (row, from) in order.enumerated() {
                #expect(panels.decoded(row: row) == whole.decoded(row: from))
            }
            for failure in checkWeightMatrix(gathered) { Issue.record("\(failure)") }
            // And back, on the bytes of the file.
            let swap = [1, 0] + Array(2..<19)
            let back = stored.gatheringRows(swap).gatheringRows(swap)
            #expect(back is BlockMatrix && back.decoded() == decoded)
        }
    }
}
