import HalftoneFormats
import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

/// Matrices in the forms of other programs, held to their definitions.
struct StoredMatrixTests {
    private func lookup(
        _ packing: LookupMatrix.Packing, _ blocks: LookupMatrix.Blocks, rows: Int, columns: Int
    ) throws -> (matrix: LookupMatrix, values: [Float]) {
        let count = 1 << packing.bits
        let table = (0..<count).map { Float(($0 * 37) % count - count / 2) / Float(count) }
        let codes = (0..<rows * columns).map { ($0 * 29 + $0 / 7) % count }
        var bytes = [UInt8](repeating: 0, count: (codes.count * packing.bits + 7) / 8)
        for (index, code) in codes.enumerated() {
            switch packing {
            case .bytes: bytes[index] = UInt8(code)
            case .lowHalfFirst: bytes[index / 2] |= UInt8(code) << (index % 2 == 0 ? 0 : 4)
            case .highHalfFirst: bytes[index / 2] |= UInt8(code) << (index % 2 == 0 ? 4 : 0)
            case .rows: preconditionFailure("rows have tests of their own")
            }
        }
        let scales = try (0..<blocks.count(rows: rows, columns: columns)).map {
            Float(1 + $0 % 5) / 8
        }
        let values = (0..<rows * columns).map { index in
            let (row, column) = (index / columns, index % columns)
            let block =
                switch blocks {
                case .tiles(let height, let width):
                    row / height * ((columns + width - 1) / width) + column / width
                case .runs(let length): index / length
                }
            return table[codes[index]] * scales[block]
        }
        let matrix = try LookupMatrix(
            rows: rows, columns: columns, codes: Bytes(bytes), packing: packing, table: table,
            blocks: blocks, scales: scales, formatName: "test", byteCount: bytes.count)
        return (matrix, values)
    }

    @Test(
        arguments: [LookupMatrix.Packing.bytes, .lowHalfFirst, .highHalfFirst],
        [
            LookupMatrix.Blocks.tiles(rows: 1, columns: 16), .tiles(rows: 4, columns: 32),
            .tiles(rows: 1, columns: 1000), .runs(16), .runs(64), .runs(1),
        ])
    func lookupsEqualTheirDefinition(
        packing: LookupMatrix.Packing, blocks: LookupMatrix.Blocks
    ) throws {
        for (rows, columns) in [(1, 1), (3, 7), (9, 33), (10, 72)] {
            let (matrix, values) = try lookup(packing, blocks, rows: rows, columns: columns)
            #expect(matrix.decoded() == values, "\(rows) × \(columns)")
            #expect(checkWeightMatrix(matrix) == [])
        }
    }

    @Test func lookupsCheckTheirParts() throws {
        #expect(throws: LookupMatrixError.wrongCodes(expectedBytes: 2, found: 1)) {
            try LookupMatrix(
                rows: 1, columns: 3, codes: Bytes([0]), packing: .lowHalfFirst,
                table: [Float](repeating: 0, count: 16), blocks: .runs(4), scales: [1],
                formatName: "", byteCount: 0)
        }
        #expect(throws: LookupMatrixError.wrongTable(expected: 256, found: 16)) {
            try LookupMatrix(
                rows: 1, columns: 1, codes: Bytes([0]), packing: .bytes,
                table: [Float](repeating: 0, count: 16), blocks: .runs(4), scales: [1],
                formatName: "", byteCount: 0)
        }
        #expect(throws: LookupMatrixError.wrongScales(expected: 2, found: 1)) {
            try LookupMatrix(
                rows: 1, columns: 5, codes: Bytes([0, 0, 0, 0, 0]), packing: .bytes,
                table: [Float](repeating: 0, count: 256), blocks: .runs(4), scales: [1],
                formatName: "", byteCount: 0)
        }
        #expect(throws: LookupMatrixError.invalidBlocks(.runs(0))) {
            try LookupMatrix.Blocks.runs(0).count(rows: 1, columns: 1)
        }
    }

    @Test func columnsGoBackToTheirPlaces() throws {
        let (stored, values) = try lookup(
            .bytes, .tiles(rows: 1, columns: 8), rows: 6, columns: 40)
        let order = (0..<40).map { ($0 * 7 + 3) % 40 }
        let matrix = ReorderedMatrix(stored: stored, order: order, byteCount: 100)
        var wanted = values
        for row in 0..<6 {
            for (column, place) in order.enumerated() {
                wanted[row * 40 + place] = values[row * 40 + column]
            }
        }
        #expect(matrix.decoded() == wanted)
        #expect(checkWeightMatrix(matrix) == [])
        #expect(matrix.byteCount == 100)
    }

    @Test func signsTimesThinMatricesAddUp() {
        for (rows, columns, rank) in [(1, 1, 1), (3, 7, 0), (9, 33, 2), (10, 72, 5)] {
            func part(_ seed: UInt64) -> (matrix: SignedLowRankMatrix, values: [Float]) {
                let patterns = [rows * rank, rank * columns].enumerated().map { index, count in
                    Tensor.uniform([count], seed: seed + UInt64(index)).elements.array
                        .map(SmallFloat.float16Bits)
                }
                let (left, right) = (
                    patterns[0].map(SmallFloat.float16), patterns[1].map(SmallFloat.float16)
                )
                let halves = patterns.map { part in
                    // One byte in front: parts of a file begin anywhere.
                    let bytes: [UInt8] = [0] + part.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
                    return Bytes(bytes)[1..<bytes.count]
                }
                let width = (columns + 7) / 8
                let signs = (0..<rows * width).map {
                    UInt8(truncatingIfNeeded: ($0 + Int(seed)) &* 2_654_435_761 >> 7)
                }
                let values = (0..<rows * columns).map { place in
                    let (row, column) = place.quotientAndRemainder(dividingBy: columns)
                    var sum: Float = 0
                    for k in 0..<rank { sum += left[row * rank + k] * right[k * columns + column] }
                    let isPositive = signs[row * width + column / 8] >> (column % 8) & 1 == 1
                    return isPositive ? sum : -sum
                }
                let matrix = SignedLowRankMatrix(
                    rows: rows, columns: columns, rank: rank, signs: Bytes(signs), left: halves[0],
                    right: halves[1], formatName: "signs", byteCount: 10)
                return (matrix, values)
            }
            let parts = [part(1), part(5), part(9)]
            #expect(parts[0].matrix.decoded() == parts[0].values)
            #expect(checkWeightMatrix(parts[0].matrix) == [])
            let sum = SumMatrix(parts.map(\.matrix))
            let values = parts[0].values.indices.map {
                parts[0].values[$0] + parts[1].values[$0] + parts[2].values[$0]
            }
            #expect(sum.decoded() == values)
            #expect(checkWeightMatrix(sum) == [])
            #expect(sum.byteCount == 30 && sum.formatName == "signs + signs + signs")
        }
    }
}
