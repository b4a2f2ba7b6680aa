import HalftoneFormats
import HalftoneKernels
import HalftoneTensor
import Testing

/// Products of packed codes with vectors rounded to bytes.
struct IntegerProductTests {
    private static let widths = [1, 7, 31, 32, 33, 48, 64, 172, 576, 1023, 1536]

    private func matrix(
        _ format: IntegerFormat, _ granularity: Granularity, rows: Int, columns: Int
    ) throws -> UniformMatrix {
        var generator = SeededGenerator(seed: UInt64(columns * 8 + format.bits))
        let codes = (0..<rows * columns).map { _ in
            UInt8(generator.next() % UInt64(format.levels))
        }
        let groups = rows * granularity.groupsPerRow(inFeatures: columns)
        let scales = (0..<groups).map { _ in Float.random(in: 0.5...2, using: &generator) }
        let zeros = (0..<groups).map { _ in Float(generator.next() % UInt64(format.levels)) }
        let packed = PackedCodes.pack(
            codes: codes, rows: rows, columns: columns, bits: format.bits)
        return try UniformMatrix(
            format: format, granularity: granularity, rows: rows, columns: columns,
            codes: Bytes(packed), scales: scales, zeroPoints: format.isSymmetric ? nil : zeros,
            byteCount: packed.count)
    }

    /// The vector that the bytes stand for, by the definition: the largest of each 32 is 127.
    private func rounded(_ input: [Float]) -> [Double] {
        stride(from: 0, to: input.count, by: 32).flatMap { start in
            let run = input[start..<min(start + 32, input.count)]
            let largest = run.map(\.magnitude).max() ?? 0
            let inverse = largest > 0 ? 127 / largest : 0
            return run.map {
                Double(($0 * inverse).rounded(.toNearestOrEven)) * Double(largest / 127)
            }
        }
    }

    @Test(
        arguments: 1...8,
        [Granularity.channel, .tensor, .group(16), .group(32), .group(48), .group(64), .group(128)])
    func everyFormGivesTheProductWithTheRoundedVector(
        bits: Int, granularity: Granularity
    ) throws {
        for columns in Self.widths {
            for symmetric in [true, false] {
                // Five rows: four together and one on its own.
                let matrix = try matrix(
                    IntegerFormat(bits: bits, symmetric: symmetric), granularity, rows: 5,
                    columns: columns)
                guard matrix.multipliesIntegers else {
                    Issue.record("\(matrix.formatName) with \(columns) columns")
                    continue
                }
                let input = Array(Tensor.normal([columns], seed: 3).elements)
                let exact = rounded(input)
                let decoded = matrix.decoded().map(Double.init)
                for form in UniformMatrix.Form.allCases {
                    let found = matrix.integerProducts(with: input, form: form)
                    for row in 0..<5 {
                        let products = (0..<columns).map {
                            decoded[row * columns + $0] * exact[$0]
                        }
                        // Codes enter unsigned: a term is at most 2 · 2^bits · |x|, and each of
                        // `runs + 8` float32 operations rounds by half a unit of a partial sum.
                        let size = exact.reduce(0) { $0 + abs($1) } * 2 * Double(1 << bits) * 2
                        let bound = Double(columns / 32 + 10) * 0x1p-24 * size
                        #expect(
                            abs(Double(found[row]) - products.reduce(0, +)) <= bound,
                            "\(form), \(matrix.formatName), \(columns) columns, row \(row)")
                    }
                }
            }
        }
    }

    @Test func aRowDoesNotDependOnItsNeighbours() throws {
        let matrix = try matrix(
            IntegerFormat(bits: 4, symmetric: false), .group(32), rows: 9, columns: 576)
        let input = Array(Tensor.normal([576], seed: 5).elements)
        let all = matrix.integerProducts(with: input, form: .best)
        for row in 0..<9 {
            let one = try #require(matrix.gatheringRows([row]) as? UniformMatrix)
            #expect(one.integerProducts(with: input, form: .best) == [all[row]])
        }
    }

    @Test func groupsOfOddSizesHaveNoIntegerProducts() throws {
        let format = IntegerFormat(bits: 4, symmetric: true)
        #expect(!(try matrix(format, .group(24), rows: 1, columns: 96)).multipliesIntegers)
        #expect(!(try matrix(format, .group(5), rows: 1, columns: 96)).multipliesIntegers)
    }

    @Test func aVectorOfZerosGivesZeros() throws {
        let matrix = try matrix(
            IntegerFormat(bits: 3, symmetric: false), .group(32), rows: 4, columns: 96)
        let input = [Float](repeating: 0, count: 96)
        for form in UniformMatrix.Form.allCases {
            #expect(matrix.integerProducts(with: input, form: form) == [0, 0, 0, 0])
        }
    }
}
