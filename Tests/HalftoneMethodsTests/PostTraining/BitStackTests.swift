import Foundation
import HalftoneKernels
import HalftoneMethods
import HalftoneQuantization
import HalftoneTensor
import Testing

private func squares(_ values: [Float]) -> Double {
    values.reduce(0) { $0 + Double($1) * Double($1) }
}

private func stored(
    _ method: BitStack, _ weight: Tensor, _ inputs: InputStatistics? = nil
) throws -> StoredMatrix {
    try method.stored(weight.weightMatrix(), inputs: inputs, pool: WorkerPool(threads: 1))
}

@Suite("BitStack") struct BitStackTests {
    /// Relative errors of a simulation of the algorithm on Gaussian numbers, exact singular values.
    @Test("blocks of a Gaussian matrix leave what the simulation leaves")
    func gaussianErrors() throws {
        let weight = Tensor.normal([576, 576], seed: 11)
        let stages = try stored(BitStack(blocks: 4, rank: 16), weight).stages
        // A bit for each element, and 16-bit factors.
        #expect(stages[0].byteCount == 576 * 72 + 2 * 16 * 1152)
        var rest = weight.elements.array
        let size = squares(rest)
        for (stage, expected) in zip(stages, [0.328, 0.108, 0.041, 0.018]) {
            rest = zip(rest, try stage.decoded()).map { $0 - $1 }
            // 2 %: three digits round the last one by 3 %, the others by less than 0.5 %.
            let error = squares(rest) / size
            #expect((error / expected - 1).magnitude < (expected < 0.02 ? 0.03 : 0.02), "\(error)")
        }
    }

    @Test("signs with magnitudes of rank one are one block")
    func exactCase() throws {
        var values: [Float] = []
        for row in 0..<9 {
            for column in 0..<12 {
                let sign: Float = (row * 5 + column * 3) % 4 < 2 ? 1 : -1
                values.append(sign * Float(row + 1) * Float(column + 1) / 4)
            }
        }
        let weight = Tensor(shape: [9, 12], elements: values)
        let result = try stored(BitStack(blocks: 1, rank: 1), weight).decoded()
        // Both factors are rounded to 11 bits.
        for (x, y) in zip(values, result) { #expect((x - y).magnitude <= x.magnitude * 0x1.1p-10) }
        // Zero counts as positive, and the column of zeros has a factor of zero.
        let zeros = Tensor.zeros([3, 4])
        #expect(try stored(BitStack(blocks: 2, rank: 1), zeros).decoded() == zeros.elements.array)
    }

    @Test("a block holds what the stored blocks before it leave over")
    func residualIsOfStoredFactors() throws {
        let weight = Tensor.normal([24, 40], seed: 3)
        let stages = try stored(BitStack(blocks: 2, rank: 3), weight).stages
        let rest = zip(weight.elements.array, try stages[0].decoded()).map { $0 - $1 }
        let second = try StoredMatrix(rest, rows: 24, columns: 40, form: .signedLowRank(3))
        #expect(try second.decoded() == stages[1].decoded())
        // What products run on are the same values, and the parts as they are.
        let sum = try StoredMatrix(adding: stages)
        #expect(try sum.matrix().decoded() == sum.decoded())
        #expect(try sum.matrix() is SumMatrix)
    }

    @Test("scaling is that of the columns before the decomposition")
    func scalingIsFolded() throws {
        let weight = Tensor.normal([20, 32], seed: 4)
        let squares = (0..<32).map { Float($0 % 5 == 0 ? 25 : 1) }
        var method = BitStack(blocks: 2, rank: 4)
        method.leastScale = 0
        let folded = try stored(method, weight, InputStatistics(meanSquares: squares)).decoded()
        let scales = Tensor(shape: [32], elements: squares.map { $0.squareRoot() })
        let scaled = try stored(method, weight * scales).decoded()
        for (place, value) in scaled.enumerated() {
            // Factors of 16 bits on each side of the scale: 4 products of numbers up to 4 in each of
            // 2 blocks, off by 2⁻⁹ of themselves; where the first block's rounding turns the sign of
            // a remainder, by twice the second block's value there.
            let expected = value / squares[place % 32].squareRoot()
            #expect((folded[place] - expected).magnitude < 8 * 4 * 0x1p-9)
        }
        method.scalesActivations = false
        #expect(method.inputDetail == .none)
        let plain = try stored(method, weight, InputStatistics(meanSquares: squares)).decoded()
        func error(_ values: [Float]) -> Double {
            zip(weight.elements.array, values).enumerated().reduce(0) {
                let distance = Double($1.element.0 - $1.element.1)
                return $0 + Double(squares[$1.offset % 32]) * distance * distance
            }
        }
        #expect(error(folded) < error(plain))
    }

    @Test("ranking goes level by level, by what a block helps")
    func ranking() {
        // Gains of block 2 and 3 of three matrices.
        let gains = [[5.0, 1], [9, 3], [7, 2]]
        var calls: [[Int]] = []
        func loss(_ counts: [Int]) -> Double {
            var sum = 100.0
            for (own, count) in zip(gains, counts) { sum -= own.prefix(count - 1).reduce(0, +) }
            return sum
        }
        let order = BitStack.ranking(matrices: 3, blocks: 3) { counts in
            calls.append(counts)
            return loss(counts)
        }
        #expect(order == [1, 2, 0, 1, 2, 0])
        #expect(calls[0] == [2, 1, 1] && calls[5] == [2, 2, 3])
        let broken = BitStack.ranking(matrices: 3, blocks: 2) { $0[1] == 2 ? .nan : -Double($0[2]) }
        #expect(broken == [2, 0, 1])
        // Gains of 5, 9 and 7 in blocks of 1, 3 and 2; then of 1, 3 and 2.
        let bySize = BitStack.ranking(matrices: 3, blocks: 3, sizes: [1, 3, 2]) { loss($0) }
        #expect(bySize == [0, 2, 1, 0, 1, 2])
        #expect(BitStack.ranking(matrices: 3, blocks: 1) { _ in 0 } == [])
    }
}

@Suite("Block stacks") struct BlockStackTests {
    private func stack() throws -> BlockStack {
        let shapes = [(8, 16), (12, 9), (4, 30)]
        let members = try shapes.enumerated().map { index, shape in
            let weight = Tensor.normal([shape.0, shape.1], seed: UInt64(index))
            return BlockStack.Member(
                "layer.\(index)", blocks: try stored(BitStack(blocks: 3, rank: 2), weight).stages)
        }
        return try BlockStack(members, order: [2, 0, 1, 1, 0, 2])
    }

    @Test("the largest beginning within a budget is loaded")
    func prefixes() throws {
        let stack = try stack()
        // Bits in whole bytes a row, and two factors of rank 2.
        let sizes = [8 * 2 + 96, 12 * 2 + 84, 4 * 4 + 136]
        var total = sizes.reduce(0, +)
        #expect(stack.runningTotals[0] == total)
        for (count, member) in stack.order.enumerated() {
            #expect(try stack.count(within: total + sizes[member] - 1) == count)
            total += sizes[member]
            #expect(try stack.count(within: total) == count + 1)
        }
        #expect(stack.byteCount == total)
        let some = stack.prefix(4)
        #expect(some.members.map(\.blocks.count) == [2, 3, 2])
        #expect(some.byteCount == stack.runningTotals[4])
        #expect(try some.matrices.values.reduce(0) { $0 + $1.byteCount } == some.byteCount)
        #expect(throws: BlockStackError.budgetTooSmall(budget: 10, least: stack.runningTotals[0])) {
            try stack.count(within: 10)
        }
    }

    @Test("orders that do not fit the blocks are refused")
    func badOrders() throws {
        let members = try stack().members
        for order in [
            [2, 0, 1, 1, 0], [2, 0, 1, 1, 0, 2, 2], [2, 0, 1, 1, 0, 3], [0, 0, 0, 1, 1, 2],
        ] {
            #expect(throws: BlockStackError.self) { try BlockStack(members, order: order) }
        }
        #expect(throws: BlockStackError.self) {
            try BlockStack(members + [members[0]], order: [2, 0, 1, 1, 0, 2, 3, 3])
        }
    }

    @Test("a file holds blocks in the order of loading")
    func files() throws {
        let stack = try stack()
        let folder = FileManager.default.temporaryDirectory
        let path = folder.appending(path: "halftone-\(UUID().uuidString).safetensors").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try stack.write(to: path)
        for count in [0, 3, 6] {
            let loaded = try BlockStack(contentsOf: path, within: stack.runningTotals[count])
            #expect(loaded.order == Array(stack.order[..<count]))
            let (found, expected) = (try loaded.matrices, try stack.prefix(count).matrices)
            for (name, matrix) in expected {
                #expect(try found[name]?.decoded() == matrix.decoded())
            }
        }
        #expect(try BlockStack(contentsOf: path).byteCount == stack.byteCount)
        #expect(throws: BlockStackError.self) { try BlockStack(contentsOf: path, within: 1) }
        // The data of a prefix are the beginning of the file's data.
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let blocks = [0, 1, 2].map { ($0, 0) } + [(2, 1), (0, 1), (1, 1), (1, 2), (0, 2), (2, 2)]
        let data = blocks.flatMap { member, block in
            stack.members[member].blocks[block].parts.flatMap(\.bytes.array)
        }
        #expect(Array(bytes.suffix(data.count)) == data)
        // Totals that are not those of the blocks.
        let text = String(decoding: bytes, as: UTF8.self)
        let total = "\(stack.runningTotals[1])"
        let place = try #require(text.range(of: total))
        let offset = text.utf8.distance(from: text.startIndex, to: place.lowerBound)
        var broken = bytes
        broken[offset] = broken[offset] == 0x39 ? 0x38 : broken[offset] + 1
        try Data(broken).write(to: URL(filePath: path))
        #expect(throws: BlockStackError.self) { try BlockStack(contentsOf: path) }
    }
}
