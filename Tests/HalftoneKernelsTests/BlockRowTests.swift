import HalftoneFormats
import HalftoneKernels
import Testing

/// Rows of blocks that are rounded value by value, and blocks whose scales are multiplied.
@Suite struct BlockRowTests {
    static let types: [BlockType] = [
        .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4_NL, .iq4_XS, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K,
    ]

    private func decoded(_ type: BlockType, _ bytes: [UInt8]) throws -> [Float] {
        var values: [Float] = []
        try BlockCodec.decode(type, Bytes(bytes), into: &values)
        return values
    }

    /// Values that are rounded as they stand, in any order, are the blocks that the encoder writes;
    /// each is decoded as the number that rounding gave.
    @Test(arguments: types)
    func roundingNothingElseEncodes(type: BlockType) throws {
        var generator = TestGenerator(state: 77 + UInt64(type.rawValue))
        let values = generator.floats(512)
        let importance = generator.floats(512).map { 0.1 + $0.magnitude }
        var row = try BlockRow(type, values, importance: importance)
        var found = [Float](repeating: 0, count: 512)
        for column in (0..<512).shuffled(using: &generator) {
            found[column] = row.round(values[column], at: column)
        }
        #expect(try decoded(type, row.bytes) == found)
        // Q8_0 is encoded by the reference's rule, which has no search.
        guard type != .q8_0 else { return }
        let encoded = try BlockCodec.encode(
            type, values, columns: 512, importance: importance)
        #expect(row.bytes == encoded)
    }

    /// A value that moved goes to the nearest of all values that its column can have.
    @Test(arguments: types)
    func valuesGoToTheNearestLevel(type: BlockType) throws {
        var generator = TestGenerator(state: 5 + UInt64(type.rawValue))
        var row = try BlockRow(type, generator.floats(256))
        for column in [0, 17, 100, 255] {
            let levels = stride(from: Float(-4), through: 4, by: 0x1p-9).map {
                row.round($0, at: column)
            }
            for value in generator.floats(20) {
                let found = row.round(value, at: column)
                let least = levels.map { ($0 - value).magnitude }.min() ?? .infinity
                // float32 rounds steps and products: some 2⁻²² of a value near 1.
                #expect((found - value).magnitude <= least + 0x1p-20)
            }
        }
    }

    @Test func otherTypesAreRefused() {
        #expect(!BlockRow.has(.mxfp4) && !BlockRow.has(.f16))
        #expect(throws: BlockError.self) {
            _ = try BlockRow(.mxfp4, [Float](repeating: 0, count: 32))
        }
        #expect(throws: BlockError.self) {
            _ = try BlockRow(.q4_K, [Float](repeating: 0, count: 96))
        }
    }

    /// Powers of two change binary16 scales exactly, and with them every value of their block alone.
    @Test(arguments: types)
    func scalesAreMultipliedByBlock(type: BlockType) throws {
        var generator = TestGenerator(state: 9 + UInt64(type.rawValue))
        let bytes = try BlockCodec.encode(type, generator.floats(1024), columns: 512)
        let matrix = try BlockMatrix(type: type, rows: 2, columns: 512, bytes: Bytes(bytes))
        let factors = (0..<1024 / type.blockSize).map { Float([1, 2, 0.5, 4][$0 % 4]) }
        let scaled = try matrix.scalingBlocks(by: factors)
        let (before, after) = (matrix.decoded(), scaled.decoded())
        for index in before.indices {
            #expect(after[index] == before[index] * factors[index / type.blockSize])
        }
        #expect(throws: BlockError.self) {
            _ = try matrix.scalingBlocks(by: factors.map { $0 * 0x1p30 })
        }
    }
}
