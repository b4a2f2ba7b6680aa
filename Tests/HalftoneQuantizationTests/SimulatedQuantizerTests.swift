import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor
import Testing

/// Quantizers as maps of tensors: values against the scalar definition, gradients against the
/// rules written out.
struct SimulatedQuantizerTests {
    private static let counts = [1, 7, 8, 9, 31, 33, 1023]

    @Test(arguments: counts, TieRule.allCases)
    func valuesAreTheDefinition(_ count: Int, _ ties: TieRule) {
        let codes = CodeRange.signed(bits: 4)
        // Numbers at every quarter of a step, so that halves occur.
        let x = Tensor(
            shape: [count], elements: (0..<count).map { Float(($0 * 7) % 97 - 48) / 4 * 0.5 })
        let step = Tensor(0.5)
        let expected = x.elements.map { codes.nearest($0 / 0.5, ties: ties) }
        #expect(x.codes(step: step, codes: codes, ties: ties).elements.array == expected)
        #expect(
            x.simulated(step: step, codes: codes, ties: ties).elements.array
                == expected.map { $0 * 0.5 })
    }

    @Test func halvesGoWhereTheRuleSays() {
        let x = Tensor(shape: [6], elements: [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
        let codes = CodeRange.signed(bits: 4)
        let even = x.codes(step: Tensor(1), codes: codes).elements.array
        let up = x.codes(step: Tensor(1), codes: codes, ties: .up).elements.array
        #expect(even == [-2, -2, 0, 0, 2, 2])
        #expect(up == [-2, -1, 0, 1, 2, 3])
        let wrong = Tensor(Float.nan).codes(step: Tensor(1), codes: codes)
        #expect(wrong.item.isNaN && codes.nearest(.nan).isNaN)
        #expect(Tensor(Float.infinity).codes(step: Tensor(1), codes: codes).item == 7)
    }

    @Test func rulesSayWhatFlowsBack() {
        let x = Tensor(shape: [5], elements: [-1.2, -0.8, 0.3, 0.8, 1.6]).tracked()
        let step = Tensor(shape: [1], elements: [0.1]).tracked()
        let codes = CodeRange(-8...8)
        let upstream = Tensor(shape: [5], elements: [1, 2, 3, 4, 5])
        func gradients(_ rule: some GradientRule) -> [[Float]] {
            x.simulated(step: step, codes: codes, rule: rule)
                .gradients(for: [x, step], upstream: upstream).map(\.elements.array)
        }
        #expect(gradients(StraightThrough()) == [[1, 2, 3, 4, 5], [0]])
        let clipped = gradients(ClippedStraightThrough())
        // ±0.8 / 0.1 is ±8 in float32: the outermost codes.
        #expect(clipped == [[0, 2, 3, 4, 0], [0]])
        let learned = gradients(LearnedStep())
        #expect(learned[0] == [0, 0, 3, 0, 0])
        // 0.3 / 0.1 is 3 within a rounding; the sum holds numbers up to 64.
        #expect(abs(learned[1][0] - (1 * -8 + 2 * -8 + 4 * 8 + 5 * 8)) <= 64 * 0x1p-22)
        #expect(LearnedStep(count: 100, codes: codes).gradientScale == 1 / Float(800).squareRoot())
    }

    /// Inside, the value moves with the step by the code; LSQ subtracts the share of the number.
    @Test func learnedStepIsLSQPerChannel() {
        let x = Tensor.normal([3, 40], seed: 31).tracked()
        let step = Tensor(shape: [3, 1], elements: [0.2, 0.5, 1.1]).tracked()
        let codes = CodeRange.signed(bits: 3)
        let upstream = Tensor.normal([3, 40], seed: 32)
        let found = x.simulated(step: step, codes: codes, rule: LearnedStep())
            .gradients(for: [step], upstream: upstream)[0]
        for row in 0..<3 {
            var sum = 0.0
            for column in 0..<40 {
                let v = Double(x[row, column]) / Double(step[row, 0])
                let slope = v <= -4 ? -4 : v >= 3 ? 3 : v.rounded(.toNearestOrEven) - v
                sum += slope * Double(upstream[row, column])
            }
            // 40 terms of at most 4 · 3, each with four roundings.
            #expect(abs(Double(found[row, 0]) - sum) <= 40 * 12 * 5 * 0x1p-24)
        }
    }

    @Test func zeroIsALevelOfEveryGrid() {
        var generator = SeededGenerator(seed: 33)
        for bits in [1, 2, 4, 8, 12] {
            for _ in 0..<50 {
                let low = Float.random(in: -3...1, using: &generator)
                let grid = AffineGrid(low...low + .random(in: 0...4, using: &generator), bits: bits)
                let zero = Tensor.zeros([1])
                #expect(zero.simulated(grid).item == 0)
                #expect(zero.codes(grid).item == Float(grid.zeroPoint))
                let x = Tensor.uniform([64], in: grid.range, using: &generator)
                let errors = (x.simulated(grid) - x).abs().max().item
                // Half a step, and two roundings of numbers up to the range's ends.
                let ends = max(-grid.range.lowerBound, grid.range.upperBound)
                #expect(errors <= grid.step / 2 + ends * 0x1p-22)
            }
        }
        #expect(AffineGrid(0...0, bits: 8).step == 0x1p-100)
    }

    @Test func slicesHaveGridsOfTheirOwn() {
        let x =
            Tensor.uniform([3, 50], in: -1...2, seed: 34)
            * Tensor(
                shape: [3, 1], elements: [0.01, 1, 100])
        let value = x.simulatedPerChannelAffine(bits: 8)
        for row in 0..<3 {
            let slice = x[row: row]
            let step = (slice.max().item - slice.min().item) / 255
            #expect((value[row: row] - slice).abs().max().item <= step * 0.51)
        }
    }

    @Test func stochasticRoundingHasTheNumberAsItsMean() {
        var generator = SeededGenerator(seed: 35)
        let x = Tensor.filled([40_000], with: 1.3)
        let rounded = x.stochasticallyRounded(using: &generator)
        #expect(rounded.elements.allSatisfy { $0 == 1 || $0 == 2 })
        // The deviation of the mean is √(0.3 · 0.7 / 40 000) = 0.0023; five of them.
        #expect(abs(rounded.mean().item - 1.3) < 0.0115)
    }

    @Test(arguments: counts)
    func ranksAreThoseOfSorting(_ count: Int) {
        let x = Tensor.normal([count], seed: UInt64(count))
        let sorted = x.elements.map(\.magnitude).sorted()
        #expect(x.medianMagnitude == sorted[(count - 1) / 2])
        for rank in Set([0, count / 3, count - 1]) {
            #expect(x.magnitude(rank: rank) == sorted[rank])
        }
    }
}
