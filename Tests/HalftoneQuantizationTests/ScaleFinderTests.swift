import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import HalftoneTensor
import Testing

/// Formats of every kind: integers of any number of levels, affine ones, floats, codebooks, ternary
/// and binary levels, powers of two.
private let everyKind =
    NumberFormat.known.filter { $0.range.lowerBound < 0 && $0.range.upperBound > 0 }
    + [2, 3, 5, 16].map { NumberFormat(.integer(IntegerFormat(levels: $0, symmetric: false))) }
    + [NumberFormat(.codebook(.dualBinary(first: 1, second: -0.5)))]

/// The weighted squared error of a choice, from the definition, in Double.
private func definedError(
    _ format: NumberFormat, _ choice: ScaleChoice, _ values: [Float], _ weights: [Float]?
) -> Double {
    zip(values, weights ?? values.map { _ in 1 }).reduce(0.0) {
        let steps = choice.scale == 0 ? choice.zero : $1.0 / choice.scale + choice.zero
        let level = Double(format.rounded(steps)) - Double(choice.zero)
        let distance = Double($1.0) - Double(choice.scale) * level
        return $0 + Double($1.1) * distance * distance
    }
}

@Suite("One search for scales, in any format")
struct ScaleFinderTests {
    /// Float32 sums of 8 lanes in integer formats: 10⁻⁵ of the error.
    ///
    /// A number halfway between two
    /// levels may go either way there, which leaves the error as it is.
    @Test(
        "the error is that of the codes, and at most that of the covering scale",
        arguments: everyKind, ScaleSearch.allCases)
    func errorsAreTrue(format: NumberFormat, search: ScaleSearch) {
        var generator = SeededGenerator(seed: 2)
        let finder = ScaleFinder(format, scales: ScaleCodec(.float16))
        for index in 0..<20 {
            let values = (0..<33).map { _ in Float.random(in: -1...1, using: &generator) }
            let weights =
                index.isMultiple(of: 2)
                ? nil : values.map { _ in Float.random(in: 0...2, using: &generator) }
            let choice = finder.choice(values[...], importance: weights?[...], by: search)
            #expect(SmallFloat.float16(SmallFloat.float16Bits(choice.scale)) == choice.scale)
            let error = finder.squaredError(of: choice, values[...], importance: weights?[...])
            let defined = definedError(format, choice, values, weights)
            #expect((error - defined).magnitude <= 1e-5 * defined + 1e-12, "\(error) \(defined)")
            if case .percentile = search { continue }
            if case .statistic = search { continue }
            let absmax = finder.covering(values[...])
            let bound = definedError(format, absmax, values, weights)
            #expect(error <= bound * (1 + 1e-5) + 1e-12, "\(choice), not \(absmax)")
        }
    }

    @Test("a group of levels is kept, zeros are too")
    func levelsAreKept() {
        let format = NumberFormat.e2m1
        let finder = ScaleFinder(format, scales: ScaleCodec(.float16))
        let values = format.values.map { $0 * 0.125 }
        for search in ScaleSearch.allCases where search != .statistic(.mean) {
            let choice = finder.choice(values[...], by: search)
            #expect(choice == ScaleChoice(scale: 0.125, zero: 0), "\(search)")
            #expect(finder.squaredError(of: choice, values[...]) == 0)
            #expect(finder.choice([0, 0, 0], by: search).scale == 0)
        }
    }

    /// The least weighted error of 10,000 scales in Double.
    ///
    /// The search comes within a twelfth of it on average. Weights over four orders of magnitude
    /// make it another problem than least squares.
    @Test(
        "least weighted squares are near the best there is",
        arguments: [NumberFormat.int(3), .e2m1, .nf4, .ternary, .binary])
    func weightedSearchIsNearTheBest(format: NumberFormat) {
        var generator = SeededGenerator(seed: 3)
        let finder = ScaleFinder(format, scales: ScaleCodec(.float32))
        var (found, best, unweighted) = (0.0, 0.0, 0.0)
        for _ in 0..<20 {
            let values = (0..<32).map { _ in
                Float.random(in: -1...1, using: &generator)
                    * Float.random(in: 0...1, using: &generator)
            }
            let weights = values.map { _ in
                let x = Float.random(in: 0...1, using: &generator)
                return x * x * x * x
            }
            let choice = finder.choice(values[...], importance: weights[...], by: .leastError)
            found += definedError(format, choice, values, weights)
            let plain = finder.choice(values[...], by: .leastError)
            unweighted += definedError(format, plain, values, weights)
            let covering = finder.coveringScale(values[...])
            var least = Double.infinity
            for step in 1...10_000 {
                for sign: Float in [1, -1] {
                    let scale = sign * covering * 1.5 * Float(step) / 10_000
                    let trial = ScaleChoice(scale: scale, zero: 0)
                    least = min(least, definedError(format, trial, values, weights))
                }
            }
            best += least
        }
        #expect(found <= 1.08 * best, "\(found / best) of the least error")
        // With two levels of one magnitude both optima are means, weighted and not.
        #expect(found < unweighted, "\(found / unweighted) of the search without weights")
    }

    @Test("what has no importance does not matter")
    func zeroImportance() {
        let finder = ScaleFinder(NumberFormat.int(4), scales: ScaleCodec(.float32))
        var generator = SeededGenerator(seed: 4)
        let values = (0..<16).map { _ in Float.random(in: -1...1, using: &generator) }
        let alone = finder.choice(
            values[...], importance: [Float](repeating: 1, count: 16)[...], by: .leastError)
        let outlier = values + [40]
        let weights = [Float](repeating: 1, count: 16) + [0]
        let beside = finder.choice(outlier[...], importance: weights[...], by: .leastError)
        let errors = [alone, beside].map {
            finder.squaredError(of: $0, values[...])
        }
        // The walk starts from another scale, so it passes other points.
        #expect(errors[1] <= 1.1 * errors[0])
        #expect(
            finder.squaredError(of: finder.choice(outlier[...], by: .leastError), values[...])
                > 10 * errors[0])
    }

    @Test("percentiles cover a share of the numbers, or of their importance")
    func percentiles() {
        let values = (1...100).map { Float($0) * ($0.isMultiple(of: 2) ? 1 : -1) }
        let finder = ScaleFinder(NumberFormat.int(4), scales: ScaleCodec(.float32))
        #expect(finder.choice(values[...], by: .percentile(0.9)).scale == Float(90) / 7)
        #expect(finder.choice(values[...], by: .percentile(1)).scale == Float(100) / 7)
        // All importance on magnitudes up to 50.
        let weights = (1...100).map { Float($0 <= 50 ? 1 : 0) }
        let half = finder.choice(values[...], importance: weights[...], by: .percentile(1))
        #expect(half.scale == Float(50) / 7)
        // Affine: −10 … 90 of −10 … 100.
        let shifted = (-10...100).map { Float($0) }
        let affine = ScaleFinder(
            NumberFormat(.integer(IntegerFormat(levels: 11, symmetric: false))),
            scales: ScaleCodec(.float32))
        let share = (90.0 + 1 + 10) / 111
        let choice = affine.choice(shifted[...], by: .percentile(share))
        #expect(choice == ScaleChoice(scale: 10, zero: 1))
    }

    /// Numbers in any order, many of them equal, and weights whose sums are exact.
    @Test(
        "a share of the importance is what sorted numbers say",
        arguments: [0.05, 0.5, 0.9, 0.99, 1])
    func sharesOfImportance(share: Double) {
        var generator = SeededGenerator(seed: 5)
        let finder = ScaleFinder(NumberFormat.int(4), scales: ScaleCodec(.float32))
        for count in 1...70 {
            let values = (0..<count).map { _ in
                Float(Int.random(in: -count...count, using: &generator))
            }
            let weights = values.map { _ in Float(Int.random(in: 0...3, using: &generator)) }
            let sorted = zip(values, weights).sorted { $0.0.magnitude < $1.0.magnitude }
            let wanted = share * sorted.reduce(0) { $0 + Double($1.1) }
            var sum = 0.0
            let reach = sorted.first { pair in
                sum += Double(pair.1)
                return sum >= wanted
            }
            guard let reach = reach?.0.magnitude, reach > 0, wanted > 0 else { continue }
            let choice = finder.choice(
                values[...], importance: weights[...], by: .percentile(share))
            let alike = weights.allSatisfy { $0 == weights[0] }
            #expect(choice.scale == reach / 7 || alike, "\(values) \(weights)")
        }
    }

    @Test("statistics are what the highest level stands for")
    func statistics() {
        let values: [Float] = [1, -2, 3, -10]
        for (format, level) in [(NumberFormat.ternary, Float(1)), (.binary, 0.5), (.int(4), 7)] {
            let finder = ScaleFinder(format, scales: ScaleCodec(.float32))
            for (rule, size) in [(MagnitudeScale.mean, Float(4)), (.median, 2), (.largest, 10)] {
                let scale = finder.choice(values[...], by: .statistic(rule)).scale
                #expect(scale == size / level)
            }
        }
    }

    @Test("a grid is the best of its scales")
    func grids() {
        var generator = SeededGenerator(seed: 5)
        let finder = ScaleFinder(NumberFormat.nf4, scales: ScaleCodec(.float32))
        for _ in 0..<20 {
            let values = (0..<24).map { _ in Float.random(in: -1...1, using: &generator) }
            let covering = finder.covering(values[...])
            let errors = (0...10).map { step -> Double in
                let scale = covering.scale * Float(1 - 0.5 * Double(step) / 10)
                return definedError(
                    .nf4, ScaleChoice(scale: scale, zero: 0), values, nil)
            }
            let choice = finder.choice(values[...], by: .grid(steps: 10, least: 0.5))
            let least = errors.min() ?? 0
            #expect(definedError(.nf4, choice, values, nil) <= least * (1 + 1e-9))
        }
    }

    /// Where turns end, the scale fits its own codes: `s = Σxq / Σq²`, to the last bits of float32.
    @Test("turns end where nothing changes")
    func turnsConverge() {
        var generator = SeededGenerator(seed: 6)
        let finder = ScaleFinder(NumberFormat.e2m1, scales: ScaleCodec(.float32))
        for _ in 0..<20 {
            let values = (0..<32).map { _ in Float.random(in: -1...1, using: &generator) }
            let scale = finder.choice(values[...], by: .iterative(turns: 100)).scale
            let levels = values.map { Double(NumberFormat.e2m1.rounded($0 / scale)) }
            let cross = zip(values, levels).reduce(0.0) { $0 + Double($1.0) * $1.1 }
            let square = levels.reduce(0.0) { $0 + $1 * $1 }
            #expect((cross / square / Double(scale) - 1).magnitude < 1e-6)
        }
    }

    @Test("importance of columns is used at every granularity, and checked")
    func roundToNearestHasImportance() throws {
        let weight = Tensor.normal([6, 40], seed: 7)
        let importance = (0..<40).map { Float($0 % 5 == 0 ? 100 : 1) }
        func error(_ tensor: QuantizedTensor) -> Double {
            zip(tensor.dequantized().elements, weight.elements).enumerated().reduce(0.0) {
                let distance = Double($1.element.0) - Double($1.element.1)
                return $0 + Double(importance[$1.offset % 40]) * distance * distance
            }
        }
        for granularity in [Granularity.tensor, .channel, .group(16)] {
            let scheme = WeightScheme(
                format: IntegerFormat(bits: 3, symmetric: true), granularity: granularity)
            let plain = try RoundToNearest().quantize(weight, scheme: scheme)
            let found = try RoundToNearest(weighsInputs: true).quantize(
                weight, scheme: scheme, inputs: InputStatistics(meanSquares: importance))
            #expect(error(found) < error(plain), "\(granularity)")
        }
        let scheme = WeightScheme(format: IntegerFormat(bits: 3, symmetric: true))
        for bad in [[], [1, 2], importance.map { -$0 }, importance.map { _ in .nan }] {
            #expect(throws: QuantizationError.self) {
                try RoundToNearest(weighsInputs: true).quantize(
                    weight, scheme: scheme, inputs: InputStatistics(meanSquares: bad))
            }
        }
        #expect(throws: QuantizationError.scalesPerColumn) {
            let column = WeightScheme(format: scheme.format, granularity: .column)
            _ = try RoundToNearest().quantize(weight, scheme: column)
        }
    }

    @Test("names of searches are the inverse of descriptions")
    func names() {
        let others = [
            ScaleSearch.percentile(0.9), .grid(steps: 7, least: 0.5), .iterative(turns: 3),
            .statistic(.aboveThreshold),
        ]
        for search in ScaleSearch.allCases + others {
            #expect(ScaleSearch(named: search.description) == search)
        }
        #expect(ScaleSearch(named: "grid") == .grid(steps: 100, least: 0.2))
        for name in [
            "", "max", "percentile-0", "percentile-2", "grid-0-0.5", "grid-5-1",
            "iterative-0", "iterative-x", "statistic-x", "grid-5", "absmax-1",
        ] {
            #expect(ScaleSearch(named: name) == nil, "\(name)")
        }
    }
}
