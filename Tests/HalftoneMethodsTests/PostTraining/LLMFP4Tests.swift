import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneQuantization
import HalftoneTensor
import Testing

/// Formats with real biases by hand and against the tables, the shifts to the last bit, and the
/// search against what it starts from.
@Suite struct LLMFP4Tests {
    private static let pool = WorkerPool(threads: 2)

    private static let allFormats = LLMFP4.formats(bits: 4) + LLMFP4.formats(bits: 8)

    @Test func formatsOfTheSearch() {
        let four = LLMFP4.formats(bits: 4).map { [$0.exponentBits, $0.mantissaBits] }
        #expect(four == [[3, 0], [2, 1], [1, 2]])
        let eight = LLMFP4.formats(bits: 8).map(\.mantissaBits)
        #expect(eight == [2, 3, 4, 5, 6])
        #expect(LLMFP4.start(bits: 4).mantissaBits == 1)
        #expect(LLMFP4.factors(100).first == 0.01)
        #expect(abs((LLMFP4.factors(100).last ?? 0) - 1.2) < 1e-12)
    }

    /// E2M1 with a bias of 1 has the levels 0, ½, 1, 1½, 2, 3, 4 and 6.
    @Test func levelsByHand() {
        let rounding = PreshiftedFloat(
            LLMFP4.start(bits: 4), largest: [6], hasShifts: false)
        #expect(rounding.bias == 1)
        var values: [Float] = [0.2, 0.25, 0.3, 0.75, 1.2, 1.25, 2.4, 2.5, 3.6, 5, 5.1, 6, 99, -0.8]
        rounding.round(&values)
        #expect(values == [0, 0, 0.5, 1, 1, 1, 2, 2, 4, 4, 6, 6, 6, -1])
    }

    /// The bias by the paper's formula, `2^E − log2(max) + log2(2 − 2^−M) − 1`.
    @Test(arguments: allFormats)
    func biasByFormula(format: FloatFormat) {
        let rounding = PreshiftedFloat(format, largest: [0.37, 5.3], hasShifts: true)
        let mantissa = 2 - exp2(-Double(format.mantissaBits))
        func bias(_ largest: Double) -> Double {
            exp2(Double(format.exponentBits)) - log2(largest) + log2(mantissa) - 1
        }
        // The scale is rounded to float32.
        #expect(abs(rounding.bias - bias(Double(Float(5.3)))) < 1e-6)
        let least = rounding.bias.rounded()
        let own = min(
            bias(Double(Float(0.37))).rounded(), least + exp2(Double(format.exponentBits)) - 1)
        #expect(rounding.shifts == [Int(own - least), 0])
    }

    /// Rounding by one addition is the search in the format's table.
    @Test(arguments: allFormats)
    func equalsTable(format: FloatFormat) {
        let table = NumberFormat(.float(format))
        let top = table.range.upperBound
        let rounding = PreshiftedFloat(format, largest: [top], hasShifts: false)
        let levels = table.levels
        let middles = zip(levels, levels.dropFirst()).map { ($0 + $1) / 2 }
        let special = levels + middles + middles.map(\.nextUp) + middles.map(\.nextDown)
        let drawn = Tensor.normal([2000], standardDeviation: top / 2, seed: 5).elements
        var values = special + Array(drawn)
        let expected = values.map { table.rounded($0) }
        rounding.round(&values)
        #expect(values == expected)
    }

    /// Shifting activations and shifting weights back gives the same product to the last bit.
    @Test(arguments: allFormats)
    func shiftsFoldExactly(format: FloatFormat) throws {
        let factors = (0..<48).map { exp2(Float($0 % 11) - 5) }
        let inputs =
            Tensor.normal([20, 48], seed: 1) * Tensor(shape: [1, 48], elements: factors)
        let largest = (0..<48).map { channel in
            (0..<20).reduce(Float(0)) { max($0, inputs[$1, channel].magnitude) }
        }
        let rounding = PreshiftedFloat(format, largest: largest, factor: 0.9, hasShifts: true)
        #expect(rounding.shifts.min() == 0)
        // Ranges differ by more than 2⁸, and shifts go up to 2^E − 1.
        let most = (1 << format.exponentBits) - 1
        let found = try #require(rounding.shifts.max())
        #expect(found <= most && found >= min(most, 8))
        let weight = try LLMFP4(factors: [0.8, 1]).stored(
            Tensor.normal([10, 48], seed: 2).weightMatrix(), inputs: nil, pool: Self.pool)
        let matrix = Tensor(shape: [10, 48], elements: try weight.decoded())
        var plain = Array(inputs.elements)
        rounding.round(&plain)
        var shifted = Array(inputs.elements)
        rounding.roundShifted(&shifted)
        #expect(plain != shifted)
        let folded = Tensor(
            shape: [10, 48], elements: rounding.folded(matrix.weightMatrix()).decoded())
        let one = Tensor(shape: [20, 48], elements: plain)
            .matmul(matrix, transposingSecond: true)
        let other = Tensor(shape: [20, 48], elements: shifted)
            .matmul(folded, transposingSecond: true)
        #expect(one.elements.map(\.bitPattern) == other.elements.map(\.bitPattern))
    }

    /// Mean squared change of outputs.
    private func change(_ stored: StoredMatrix, _ weight: Tensor, _ inputs: Tensor) throws -> Float
    {
        let difference =
            Tensor(shape: weight.shape, elements: try stored.decoded()) - weight
        let outputs = inputs.matmul(difference, transposingSecond: true)
        return (outputs * outputs).mean().item
    }

    @Test func searchChangesOutputsLess() throws {
        let factors = (0..<64).map { exp2(Float($0 % 5) - 2) }
        let inputs =
            Tensor.normal([400, 64], seed: 3) * Tensor(shape: [1, 64], elements: factors)
        let weight = Tensor.normal([32, 64], seed: 4)
        var statistics = InputStatistics(width: 64)
        statistics.add(inputs, pool: Self.pool)
        let matrix = weight.weightMatrix()
        let plain = try LLMFP4.minmax.stored(matrix, inputs: nil, pool: Self.pool)
        let blind = try LLMFP4().stored(matrix, inputs: nil, pool: Self.pool)
        let seeing = try LLMFP4().stored(matrix, inputs: statistics, pool: Self.pool)
        let (a, b, c) = try (
            change(plain, weight, inputs), change(blind, weight, inputs),
            change(seeing, weight, inputs)
        )
        #expect(c < b && b < a, "\(a), \(b), \(c)")
        // Four bits a weight, and 16 for each row.
        #expect(seeing.byteCount == 32 * 32 + 32 * 2)
    }

    /// The error of a search is the least over its grid: no factor alone does better in a row.
    @Test func searchIsExhaustive() throws {
        let weight = Tensor.normal([6, 40], seed: 8)
        let method = LLMFP4(factors: [0.5, 0.7, 0.9, 1], scaleFormat: .float32)
        let found = try method.stored(weight.weightMatrix(), inputs: nil, pool: Self.pool)
        func error(_ stored: StoredMatrix) throws -> [Float] {
            let difference =
                Tensor(shape: weight.shape, elements: try stored.decoded()) - weight
            return Array((difference * difference).sum(axes: [1]).elements)
        }
        guard case .scaled(let format, _, _) = found.form else {
            Issue.record("\(found.form) has no scales")
            return
        }
        let best = try error(found)
        for factor: Float in [0.5, 0.7, 0.9, 1] {
            let scales = (0..<6).map { row in
                let largest = (0..<40).reduce(Float(0)) { max($0, weight[row, $1].magnitude) }
                return Float(Double(factor) * Double(largest) / Double(format.range.upperBound))
            }
            let single = try StoredMatrix(
                Array(weight.elements), rows: 6, columns: 40, format: format,
                granularity: .channel, scales: scales, storedAs: .float32)
            for (one, other) in zip(best, try error(single)) {
                // The search computes the same sums in another order.
                #expect(one <= other * (1 + 1e-4))
            }
        }
    }

    /// Channels that are zero in the text take the largest shift and stay zero.
    @Test func zeros() throws {
        let rounding = PreshiftedFloat(
            LLMFP4.start(bits: 4), largest: [0, 1], hasShifts: true)
        #expect(rounding.shifts == [3, 0])
        var values: [Float] = [0, 0.5, 0, -2]
        rounding.round(&values)
        #expect(values == [0, 0.5, 0, -1])
        let stored = try LLMFP4().stored(
            Tensor.zeros([2, 8]).weightMatrix(), inputs: nil, pool: Self.pool)
        #expect(try stored.decoded().allSatisfy { $0 == 0 })
    }
}
