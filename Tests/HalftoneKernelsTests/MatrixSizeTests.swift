import HalftoneFormats
import HalftoneKernels
import Testing

/// Packed codes at every number of columns and rows up to 1,100, and blocks at those of rows.
struct MatrixSizeTests {
    private static let largest = 1100

    /// Random codes with scales and zero points for which no float32 sum rounds: every form gives
    /// the exact product.
    private func packed(bits: Int, rows: Int, columns: Int) throws -> (UniformMatrix, [UInt8]) {
        let granularities: [Granularity] =
            [.tensor, .channel] + [5, 16, 32, 36, 64, 144].map { .group($0) }
        let granularity = granularities[(rows + columns) % granularities.count]
        let format = IntegerFormat(bits: bits, symmetric: (rows + columns) % 3 == 0)
        var generator = TestGenerator(state: UInt64(rows * 8192 + columns))
        let codes = generator.bytes(rows * columns).map { $0 & UInt8(format.levels - 1) }
        let groups = rows * granularity.groupsPerRow(inFeatures: columns)
        let scales = (0..<groups).map { _ in [0.5, 1, -2][Int(generator.next() % 3)] as Float }
        let zeros = (0..<groups).map { _ in Float(generator.next() % UInt64(format.levels)) }
        let stored = PackedCodes.pack(codes: codes, rows: rows, columns: columns, bits: bits)
        let matrix = try UniformMatrix(
            format: format, granularity: granularity, rows: rows, columns: columns,
            codes: Bytes(stored), scales: scales, zeroPoints: format.isSymmetric ? nil : zeros,
            byteCount: stored.count)
        return (matrix, codes)
    }

    /// Checks all forms against the definition; whether they are right.
    private func isRight(bits: Int, rows: Int, columns: Int) throws -> Bool {
        let (matrix, codes) = try packed(bits: bits, rows: rows, columns: columns)
        let input = (0..<columns).map { Float(($0 * 7 + rows) % 9 - 4) }
        var values = [Float](repeating: 0, count: rows * columns)
        var products = [Float](repeating: 0, count: rows)
        for row in 0..<rows {
            var sum = 0.0
            for column in 0..<columns {
                let group = row * matrix.groupsPerRow + column / matrix.groupSize
                let zero = matrix.zeroPoints?[group] ?? matrix.format.symmetricZeroPoint
                let index = row * columns + column
                values[index] = matrix.scales[group] * (Float(codes[index]) - zero)
                sum += Double(values[index]) * Double(input[column])
            }
            products[row] = Float(sum)
        }
        return UniformMatrix.Form.allCases.allSatisfy { form in
            matrix.decoded(form: form) == values
                && matrix.products(with: input, form: form) == products
        }
    }

    @Test(arguments: 1...8)
    func packedCodesOfEachWidth(bits: Int) throws {
        for columns in 1...Self.largest {
            let rows = 1 + columns % 3
            try #expect(isRight(bits: bits, rows: rows, columns: columns), "\(columns) columns")
        }
    }

    @Test(arguments: 1...8)
    func packedCodesOfEachHeight(bits: Int) throws {
        for rows in 1...Self.largest {
            let columns = 1 + rows * 7 % 41
            try #expect(isRight(bits: bits, rows: rows, columns: columns), "\(rows) rows")
        }
    }

    /// A row's product is the same alone and among any number of others.
    @Test(arguments: [BlockType.q4_0, .q6_K, .f16, .iq2_S])
    func blocksOfEachHeight(type: BlockType) throws {
        let columns = max(type.blockSize, 8)
        let bytes = BlockMatrixTests.randomBytes(
            type, blocks: Self.largest * columns / type.blockSize, seed: 3)
        let matrix = try BlockMatrix(
            type: type, rows: Self.largest, columns: columns, bytes: Bytes(bytes))
        let x = seededValues(columns, seed: 4)
        for form in [KernelForm.best, .portable] {
            let alone = (0..<Self.largest).map {
                matrix.products(rows: $0..<$0 + 1, with: x, form: form)[0]
            }
            for rows in 1...Self.largest {
                let first = Self.largest - rows
                #expect(
                    matrix.products(rows: first..<Self.largest, with: x, form: form)
                        == Array(alone[first...]), "\(type.name), \(rows) rows, \(form)")
            }
        }
    }
}
