import HalftoneFormats
import HalftoneKernels
import Testing

@Suite struct BlockMatrixTests {
    /// Random blocks with moderate scales, so that products are finite.
    static func randomBytes(_ type: BlockType, blocks: Int, seed: UInt64) -> [UInt8] {
        var generator = TestGenerator(state: seed)
        var bytes: [UInt8] = []
        for _ in 0..<blocks {
            var block = generator.bytes(type.bytesPerBlock)
            let (scales, offsets) = scaleOffsets(type)
            for offset in scales + offsets {
                let scale = SmallFloat.float16Bits(Float.random(in: -0.1...0.1, using: &generator))
                block[offset] = UInt8(truncatingIfNeeded: scale)
                block[offset + 1] = UInt8(truncatingIfNeeded: scale >> 8)
            }
            switch type {
            case .f32: block[3] = block[3] & 0x80 | 0x3E
            case .f16: block[1] = block[1] & 0x83 | 0x34
            case .bf16: block[1] = block[1] & 0x80 | 0x3E
            case .f64: block[7] = 0x3F
            case .mxfp4: block[0] = 120 + block[0] % 8
            case .nvfp4: for index in 0..<4 { block[index] = 0x20 + block[index] % 0x20 }
            // The binary16 scale is in the upper nibbles of four words.
            case .iq1_M: block[55] = block[55] & 0x0F | 0x20
            default: break
            }
            bytes += block
        }
        return bytes
    }

    @Test(arguments: weightTypes, [KernelForm.best, .portable])
    func productsAgreeWithDouble(type: BlockType, form: KernelForm) throws {
        let size = type.blockSize
        for columns in stride(from: size, through: max(1100, 9 * size), by: size) {
            for rows in [1, 3] {
                let seed = UInt64(columns * 8 + rows)
                let bytes = Self.randomBytes(type, blocks: rows * columns / size, seed: seed)
                let matrix = try BlockMatrix(
                    type: type, rows: rows, columns: columns, bytes: Bytes(bytes))
                var generator = TestGenerator(state: seed)
                let x = generator.floats(columns)
                let found = matrix.products(rows: 0..<rows, with: x, form: form)
                let weights = matrix.decoded()
                let parts = try Self.parts(type, bytes, rows: rows, columns: columns)
                for row in 0..<rows {
                    var exact = 0.0
                    var magnitude = 0.0
                    for column in 0..<columns {
                        let index = row * columns + column
                        exact += Double(weights[index]) * Double(x[column])
                        magnitude += parts[index] * Double(abs(x[column]))
                    }
                    // Rounding of decoding, product and scale: four. A partial sum collects at
                    // most an eighth of the columns, or fewer and a rest below 32; a few more
                    // bring the partial sums together.
                    let bound = Double(columns / 8 + 48) * 0x1p-24 * magnitude
                    let error = abs(Double(found[row]) - exact)
                    #expect(error <= bound, "\(columns) columns, row \(row): \(found[row])")
                }
            }
        }
    }

    /// `|scale · code| + |offset|` of every weight, where the two parts may cancel.
    private static func parts(
        _ type: BlockType, _ bytes: [UInt8], rows: Int, columns: Int
    ) throws -> [Double] {
        func magnitudes(without fields: [Int]) throws -> [Double] {
            var bytes = bytes
            for start in stride(from: 0, to: bytes.count, by: type.bytesPerBlock) {
                for field in fields {
                    bytes[start + field] = 0
                    bytes[start + field + 1] = 0
                }
            }
            let matrix = try BlockMatrix(
                type: type, rows: rows, columns: columns, bytes: Bytes(bytes))
            return matrix.decoded().map { Double(abs($0)) }
        }
        let (scales, offsets) = scaleOffsets(type)
        guard !offsets.isEmpty else { return try magnitudes(without: []) }
        return zip(try magnitudes(without: offsets), try magnitudes(without: scales)).map(+)
    }

    @Test(arguments: weightTypes)
    func anyBytesMultiplyWithoutTraps(type: BlockType) throws {
        var generator = TestGenerator(state: UInt64(type.rawValue) + 100)
        let columns = type.blockSize * 5
        let bytes = generator.bytes(3 * 5 * type.bytesPerBlock)
        let matrix = try BlockMatrix(type: type, rows: 3, columns: columns, bytes: Bytes(bytes))
        let x = generator.floats(columns)
        for form in [KernelForm.best, .portable] {
            #expect(matrix.products(rows: 0..<3, with: x, form: form).count == 3)
        }
        #expect(matrix.byteCount == bytes.count && matrix.formatName == type.name)
    }

    @Test(arguments: [BlockType.q4_0, .q6_K, .f16, .iq2_S])
    func rowsStandForThemselves(type: BlockType) throws {
        let columns = max(type.blockSize * 2, 24)
        let bytes = Self.randomBytes(type, blocks: 6 * columns / type.blockSize, seed: 3)
        let matrix = try BlockMatrix(type: type, rows: 6, columns: columns, bytes: Bytes(bytes))
        let all = matrix.decoded()
        var generator = TestGenerator(state: 4)
        let x = generator.floats(columns)
        let products = matrix.products(rows: 0..<6, with: x)
        #expect(matrix.products(rows: 2..<5, with: x) == Array(products[2..<5]))
        #expect(matrix.products(rows: 4..<4, with: x).isEmpty)
        let order = [5, 0, 0, 3]
        let gathered = matrix.gatheringRows(order)
        #expect(gathered.rows == 4 && gathered.columns == columns)
        let wanted = order.flatMap { Array(all[$0 * columns..<($0 + 1) * columns]) }
        #expect(gathered.decoded() == wanted)
        #expect(matrix.gatheringRows([]).rows == 0)
    }

    @Test func refusesSizesThatDisagree() {
        let bytes = Bytes([UInt8](repeating: 0, count: 36))
        #expect(
            throws: BlockError.wrongSize(
                type: .q4_0, rows: 1, columns: 32, expected: 18, found: 36)
        ) { try BlockMatrix(type: .q4_0, rows: 1, columns: 32, bytes: bytes) }
        #expect(throws: BlockError.columnsDoNotDivide(type: .q4_0, columns: 36)) {
            try BlockMatrix(type: .q4_0, rows: 1, columns: 36, bytes: bytes)
        }
        #expect(throws: BlockError.columnsDoNotDivide(type: .q4_0, columns: -32)) {
            try BlockMatrix(type: .q4_0, rows: -1, columns: -32, bytes: bytes)
        }
        #expect(throws: BlockError.tooLarge(type: .f32, rows: 1 << 40, columns: 1 << 40)) {
            try BlockMatrix(type: .f32, rows: 1 << 40, columns: 1 << 40, bytes: bytes)
        }
        for type in [BlockType.q8_1, .q8_K] {
            #expect(throws: BlockError.notAWeightType(type)) {
                try BlockMatrix(type: type, rows: 0, columns: 0, bytes: Bytes([]))
            }
        }
    }

    @Test func emptyMatricesWork() throws {
        let none = try BlockMatrix(type: .q4_K, rows: 0, columns: 256, bytes: Bytes([]))
        #expect(none.decoded().isEmpty)
        let narrow = try BlockMatrix(type: .q4_K, rows: 2, columns: 0, bytes: Bytes([]))
        #expect(narrow.decoded().isEmpty)
    }
}
