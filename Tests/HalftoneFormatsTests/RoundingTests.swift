import HalftoneFormats
import Testing

private let formats: [NumberFormat] = NumberFormat.known

/// Numbers between and beyond the levels of a format, the middles and what is beside them too.
private func points(_ format: NumberFormat) -> [Float] {
    let levels = format.levels
    let between = zip(levels, levels.dropFirst()).flatMap { lower, upper -> [Float] in
        [0.25, 0.5, 0.7].flatMap { (share: Double) -> [Float] in
            let point = Float(Double(lower) + share * (Double(upper) - Double(lower)))
            return [point.nextDown, point, point.nextUp].filter { $0 > lower && $0 < upper }
        }
    }
    let ends: [Float] = [levels[0], levels[levels.count - 1]]
    let beyond: [Float] = ends.map { 1.5 * $0 - 1 } + ends.map { 1.5 * $0 + 1 }
    return levels + between + beyond.filter { $0.isFinite }
}

@Suite("Rounding to the levels of a format")
struct RoundingTests {
    @Test("each rule takes the level that its words say", arguments: formats)
    func rulesHold(format: NumberFormat) {
        let levels = format.levels
        for x in points(format) {
            let lower = levels.last { $0 <= x } ?? levels[0]
            let upper = levels.first { $0 >= x } ?? levels[levels.count - 1]
            #expect(format.rounded(x, .down) == lower, "\(x)")
            let inward = levels.filter { $0 * x >= 0 && $0.magnitude <= x.magnitude }
            let toward =
                inward.max { $0.magnitude < $1.magnitude }
                ?? levels.filter { x < 0 ? $0 < 0 : $0 >= 0 }
                .min { $0.magnitude < $1.magnitude } ?? levels[0]
            #expect(format.rounded(x, .towardZero) == toward, "\(x)")
            // Sums of two float32 are exact, or far from equal.
            let twice = 2 * Double(x)
            let sum = Double(lower) + Double(upper)
            for rounding in [Rounding.nearestEven, .nearestAway] {
                let chosen = format.rounded(x, rounding)
                if twice != sum {
                    #expect(chosen == (twice < sum ? lower : upper), "\(x)")
                } else if lower != upper {
                    let code = format.code(of: x, rounding: rounding)
                    switch (rounding, format.definition) {
                    case (.nearestAway, _):
                        #expect(chosen.magnitude == max(lower.magnitude, upper.magnitude), "\(x)")
                    case (_, .codebook(let book)):
                        let inner = lower.magnitude < upper.magnitude ? lower : upper
                        #expect(chosen == (book.ties == .lower ? lower : inner), "\(x)")
                    case (_, .float(let float)) where float.mantissaBits == 0:
                        let inner = lower.magnitude < upper.magnitude ? lower : upper
                        let outer = inner == lower ? upper : lower
                        let isBoth = lower == -upper
                        #expect(chosen == (isBoth ? upper : inner == 0 ? inner : outer), "\(x)")
                    case (_, .integer(let integer)) where integer.levels > 2:
                        #expect(chosen.truncatingRemainder(dividingBy: 2) == 0, "\(x)")
                    default:
                        #expect(code.isMultiple(of: 2) && (chosen == lower || chosen == upper))
                    }
                }
            }
        }
    }

    @Test("an offset of zero is rounding to nearest, of −½ down, of ½ up", arguments: formats)
    func offsetsMoveTheThreshold(format: NumberFormat) {
        guard case .codebook = format.definition else {
            for x in points(format) {
                let lower = format.levels.last { $0 <= x } ?? format.levels[0]
                let upper = format.levels.first { $0 >= x } ?? format.levels.last
                #expect(format.rounded(x, .offset(-0.5)) == lower)
                #expect(format.rounded(x, .offset(0.5)) == upper)
                guard let upper, lower < upper else { continue }
                let share = (Double(x) - Double(lower)) / (Double(upper) - Double(lower))
                if (share - 0.5).magnitude > 1e-9 {
                    #expect(format.rounded(x, .offset(0)) == format.rounded(x))
                }
                let place = share + Double(Float(0.3))
                guard (place - 0.5).magnitude > 1e-9 else { continue }
                #expect(format.rounded(x, .offset(0.3)) == (place > 0.5 ? upper : lower))
            }
            return
        }
    }

    /// With n draws of probability p the mean is off by less than five standard errors,
    /// `5 · √(p(1 − p) / n)` of the distance of the neighbours, but once in 1.7 million.
    @Test("stochastic rounding gives the number on average", arguments: formats)
    func stochasticRoundingIsUnbiased(format: NumberFormat) {
        var generator = TestGenerator(state: 17)
        let draws = 20_000
        let levels = format.levels
        for place in Set([0, levels.count / 3, levels.count - 2]) {
            let (lower, upper) = (Double(levels[place]), Double(levels[place + 1]))
            for share in [0.1, 0.5, 0.8] {
                let x = Float(lower + share * (upper - lower))
                var ups = 0
                for _ in 0..<draws {
                    let code = format.code(of: x, stochasticallyUsing: &generator)
                    let value = format.value(of: code)
                    #expect(value == levels[place] || value == levels[place + 1])
                    if value == levels[place + 1] { ups += 1 }
                }
                let exact = (Double(x) - lower) / (upper - lower)
                let error = (exact * (1 - exact) / Double(draws)).squareRoot()
                #expect((Double(ups) / Double(draws) - exact).magnitude < 5 * error, "\(x)")
            }
        }
    }

    @Test("the same seed gives the same codes")
    func stochasticRoundingRepeats() {
        func codes(_ seed: UInt64) -> [UInt8] {
            var generator = TestGenerator(state: seed)
            return (0..<100).map {
                NumberFormat.e2m1.code(of: Float($0) / 20, stochasticallyUsing: &generator)
            }
        }
        #expect(codes(1) == codes(1))
        #expect(codes(1) != codes(2))
    }

    @Test(
        "codes of few bits come from codes of many by a second rounding", arguments: 2...8, 1...8)
    func twoStages(high: Int, low: Int) {
        guard low <= high else { return }
        let shift = high - low
        let rounded = TwoStageRounding(from: high, to: low)
        let nested = TwoStageRounding(from: high, to: low, mode: .nested)
        for code in 0..<1 << high {
            let signed = Double(code - 1 << (high - 1))
            let expected = (signed / Double(1 << shift) + 0.5).rounded(.down)
            let half = Double(1 << (low - 1))
            let clamped = min(max(expected, -half), half - 1)
            #expect(Double(rounded.code(from: UInt8(code))) == clamped + half)
            #expect(
                rounded.steps(of: rounded.code(from: UInt8(code)))
                    == Float(clamped * Double(1 << shift)))
            // A prefix, whichever widths lie between, and never further than half a wide step.
            let prefix = nested.code(from: UInt8(code))
            #expect(Int(prefix) == code >> shift)
            for middle in low...high where middle > 1 {
                let first = TwoStageRounding(from: high, to: middle, mode: .nested)
                let second = TwoStageRounding(from: middle, to: low, mode: .nested)
                #expect(second.code(from: first.code(from: UInt8(code))) == prefix)
            }
            let wide = Float(1 << shift)
            #expect((nested.steps(of: prefix) - Float(signed)).magnitude <= (wide - 1) / 2)
        }
    }
}
