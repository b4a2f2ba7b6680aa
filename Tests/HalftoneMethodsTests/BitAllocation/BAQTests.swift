import HalftoneKernels
import HalftoneMethods
import HalftoneQuantization
import HalftoneTensor
import Testing

/// Levels by column, held to hand-made cases, and to what they are for.
@Suite struct BAQTests {
    private static let pool = WorkerPool(threads: 2)

    private func statistics(_ inputs: Tensor) -> InputStatistics {
        var statistics = InputStatistics(width: inputs.shape[1])
        statistics.add(inputs, pool: Self.pool)
        return statistics
    }

    private func pass(
        _ weight: Tensor, _ inputs: Tensor, levels: [Int]
    ) throws -> BAQ.Pass {
        let engine = try ErrorCompensation(statistics(inputs), damping: 0)
        return try BAQ().rounded(
            weight.weightMatrix(), levels: levels, engine: engine, pool: Self.pool)
    }

    /// With an exponent of 2 and losses of 16 and 1, whose geometric mean is 4, levels stand as 2
    /// to 1/2: 8 and 2 have 2 bits in the mean, and 9 and 2 would have more.
    @Test func levelsFollowTheFormula() {
        let method = BAQ(bits: 2, decay: 2)
        #expect(method.levels(for: [16, 1], isLive: [true, true]) == [8, 2])
        #expect(method.predictedRatio([16, 1]) == 4 / 8.5)
        // 64 and 1: 8 to 1, so that the second column has one level at 1.5 bits.
        #expect(BAQ(bits: 1.5, decay: 2).levels(for: [64, 1], isLive: [true, true]) == [8, 1])
        // As many bits as asked for, not more, where rounding forbids it: 4, 4, 4 for 2.3 bits.
        #expect(
            BAQ(bits: 2.3).levels(for: [7, 7, 7], isLive: [true, true, true]) == [4, 4, 4])
        #expect(abs(BAQ(bits: 2).predictedRatio([7, 7, 7]) - 1) < 1e-12)
    }

    @Test func deadColumnsTakeNoBits() {
        let method = BAQ(bits: 4.0 / 3, decay: 2)
        // The dead column's loss counts for nothing: the others are as without it.
        let levels = method.levels(for: [16, 1, 1000], isLive: [true, true, false])
        #expect(levels == [8, 2, 1])
    }

    @Test func withoutLossesAllColumnsAreAlike() {
        #expect(BAQ(bits: 3).levels(for: [0, 0], isLive: [true, true]) == [8, 8])
    }

    /// Two inputs with a correlation `c`: the second weight makes up for the first, which is 0,
    /// with `w₁ + c · w₀`, and the first column costs `w₀² · (1 − c²)`.
    @Test func aColumnOfOneLevelIsMadeUpFor() throws {
        // The second moments are [[1, 0.6], [0.6, 1]].
        let inputs = Tensor(shape: [2, 2], elements: [1.4142135, 0.8485281, 0, 1.1313708])
        let weight = Tensor(shape: [1, 2], elements: [-0.5, 1])
        let pass = try pass(weight, inputs, levels: [1, 256])
        let values = pass.codes.values
        #expect(values[0] == 0)
        // Half a step of the range from −0.5 to 1.
        #expect((values[1] - 0.7).magnitude <= 0.5 * 1.5 / 255 + 1e-6)
        // Second moments in float32: some 1e-7 of them.
        #expect((pass.losses[0] - 0.25 * 0.64).magnitude < 1e-5)
    }

    /// Without correlation nothing is handed on: zero and step are those of the row's range.
    @Test func independentColumnsRoundToTheirGrid() throws {
        let inputs = Tensor(shape: [3, 3], elements: [1, 0, 0, 0, 1, 0, 0, 0, 1])
        let weight = Tensor(shape: [1, 3], elements: [-0.25, 0.75, 0.3])
        let pass = try pass(weight, inputs, levels: [2, 3, 5])
        // Steps of 1, 1/2 and 1/4, with zeros at codes round(0.25) = 0, round(0.5) = 0 and 1.
        #expect(pass.codes.values == [0, 1, 0.25])
        #expect(pass.codes.codes == [0, 2, 2])
    }

    @Test func storesWhatItRounded() throws {
        let inputs = Tensor.normal([64, 24], seed: 1)
        let weight = Tensor.normal([16, 24], seed: 2)
        let known = statistics(inputs)
        let method = BAQ(bits: 2)
        let stored = try method.stored(weight.weightMatrix(), inputs: known, pool: Self.pool)
        let engine = try ErrorCompensation(known, damping: method.damping)
        let passes = try method.passes(
            weight.weightMatrix(), inputs: known, engine: engine, pool: Self.pool)
        #expect(try stored.decoded() == passes.second.codes.values)
        let bits = passes.second.codes.meanBits
        #expect(bits <= 2 && bits > 1.9)
        #expect(throws: QuantizationError.self) {
            _ = try method.stored(weight.weightMatrix(), inputs: nil, pool: Self.pool)
        }
    }

    /// Inputs whose sizes differ: the same bits cost less where the columns get them by loss, about
    /// as predicted, and the losses are nearly equal.
    @Test func bitsGoWhereTheyCount() throws {
        let inputs = Tensor.normal([512, 32], seed: 3)
        let sizes = Tensor(
            shape: [32], elements: (0..<32).map { $0.isMultiple(of: 4) ? 8 : 1 })
        let known = statistics(inputs * sizes)
        let weight = Tensor.normal([64, 32], seed: 4)
        let method = BAQ(bits: 3)
        let engine = try ErrorCompensation(known, damping: method.damping)
        let (first, second) = try method.passes(
            weight.weightMatrix(), inputs: known, engine: engine, pool: Self.pool)
        let predicted = method.predictedRatio(first.losses)
        let found = second.loss / first.loss
        #expect(predicted < 0.5, "the columns differ")
        // A pure power law would give the predicted ratio; levels are whole numbers.
        #expect(found < 1.5 * predicted, "\(found) of the loss, \(predicted) predicted")
        let largest = second.losses.max() ?? 0
        let least = second.losses.min() ?? 0
        #expect(largest < 4 * least, "\(least) to \(largest)")
        var generator = SeededGenerator(seed: 5)
        let shuffled = try method.rounded(
            weight.weightMatrix(), levels: second.codes.levels.shuffled(using: &generator),
            engine: engine, pool: Self.pool)
        #expect(shuffled.loss > first.loss, "the levels belong to their columns")
    }

    /// Levels around 0: two of 1 scale · reach, and none at 0.
    @Test func groupsHaveScalesOfTheirOwn() throws {
        let inputs = Tensor(shape: [4, 4], elements: (0..<16).map { $0 % 5 == 0 ? 1 : 0 })
        let weight = Tensor(shape: [1, 4], elements: [-0.25, 0.25, 3, -3])
        let method = BAQ(groupSize: 2, damping: 0)
        let engine = try method.engine(for: statistics(inputs), pool: .shared)
        let pass = try method.rounded(
            weight.weightMatrix(), levels: [2, 2, 2, 2], engine: engine, pool: Self.pool)
        for (value, wanted) in zip(pass.codes.values, [-0.25, 0.25, 3, -3] as [Float]) {
            #expect((value - wanted).magnitude < 2e-3 * wanted.magnitude, "\(value), \(wanted)")
        }
        #expect(pass.codes.codes == [0, 1, 1, 0])
    }

    /// A column whose error costs a million times as much is met, whatever the others are.
    @Test func scalesMeetTheColumnThatCounts() throws {
        let sizes = Tensor(shape: [16], elements: (0..<16).map { $0 == 5 ? 1000 : 1 })
        let known = statistics(Tensor.normal([256, 16], seed: 6) * sizes)
        let weight = Tensor.normal([8, 16], seed: 7)
        let method = BAQ(groupSize: 16, damping: 0)
        let engine = try method.engine(for: known, pool: .shared)
        let pass = try method.rounded(
            weight.weightMatrix(), levels: method.uniform(16), engine: engine, pool: Self.pool)
        var compared = 0
        for row in 0..<8 {
            let (value, wanted) = (pass.codes.values[row * 16 + 5], weight.elements[row * 16 + 5])
            // Four levels leave a gap around 0 that is as wide as the scale.
            guard wanted.magnitude > 0.6 else { continue }
            compared += 1
            #expect((value - wanted).magnitude <= 0x1p-10 * wanted.magnitude, "row \(row)")
        }
        #expect(compared >= 3)
    }

    /// Columns are rounded by size of their inputs, and losses are told by column.
    @Test func groupedLossesBelongToTheirColumns() throws {
        let sizes = Tensor(shape: [32], elements: (0..<32).map { $0.isMultiple(of: 4) ? 8 : 1 })
        let known = statistics(Tensor.normal([512, 32], seed: 3) * sizes)
        let weight = Tensor.normal([64, 32], seed: 4)
        let method = BAQ(bits: 3, groupSize: 16)
        let engine = try method.engine(for: known, pool: .shared)
        let (first, second) = try method.passes(
            weight.weightMatrix(), inputs: known, engine: engine, pool: Self.pool)
        let (large, small) = (first.losses[4], first.losses[5])
        #expect(large > 3 * small, "\(large), \(small)")
        #expect(second.codes.levels[4] > second.codes.levels[5])
        #expect(second.codes.meanBits <= 3)
        #expect(second.loss < 0.5 * first.loss, "\(second.loss) of \(first.loss)")
        let stored = try method.stored(weight.weightMatrix(), inputs: known, pool: Self.pool)
        #expect(try stored.decoded() == second.codes.values)
    }
}
