import HalftoneFormats

/// The walk over scales of one group, and the turns that refine its best places.
struct ScaleWalk<Levels: ScaledLevels> {
    private let finder: ScaleFinder<Levels>
    private let values: ArraySlice<Float>
    private let importance: ArraySlice<Float>?
    private let unit: Float
    private let range: ClosedRange<Float>

    /// The best choice so far.
    private(set) var best: ScaleChoice
    private var bestError = Double.infinity

    /// The most promising starts: what their codes could reach, and the scale that would.
    private var starts: [(error: Double, choice: ScaleChoice)] = []

    /// Worse scales in a row after which a walk ends; where few numbers count, errors are less
    /// smooth.
    private var patience: Int { importance == nil ? 4 : 8 }

    /// The ratio of one scale to the next.
    private static var ratio: Float { 1 / 1.08 }

    init(
        _ finder: ScaleFinder<Levels>, _ values: ArraySlice<Float>,
        _ importance: ArraySlice<Float>?, start: ScaleChoice
    ) {
        self.finder = finder
        self.values = values
        self.importance = importance
        best = start
        range = ScaleFinder<Levels>.range(values)
        unit = GroupQuantizer.unit(for: max(-range.lowerBound, range.upperBound))
        starts.reserveCapacity(8)
        _ = measure(start)
    }

    private func isAllowed(_ scale: Float) -> Bool { scale > 0 || !finder.isPositive }

    private func fit(_ scale: Float, _ zero: Float) -> ScaleFit {
        finder.levels.fit(values, importance, unit: unit, scale: scale, zero: zero)
    }

    /// Measures a choice whose scale is as stored, and keeps it if it is the best.
    ///
    /// - Returns: What the codes could reach with the scale that fits them best.
    @discardableResult
    private mutating func measure(_ choice: ScaleChoice) -> Double {
        let scale = choice.scale * unit
        guard scale != 0, scale.isFinite, isAllowed(scale) else { return .infinity }
        let fit = fit(scale, choice.zero)
        if fit.error < bestError {
            bestError = fit.error
            best = choice
        }
        guard fit.square > 0 else { return .infinity }
        let refit = fit.cross / fit.square
        // With levels q: Σ(x − rq)² = Σ(x − sq)² − (s − r)² Σq².
        let gap = Double(scale) - refit
        let reachable = fit.error - gap * gap * fit.square
        remember(reachable, ScaleChoice(scale: Float(refit / Double(unit)), zero: choice.zero))
        return reachable
    }

    private mutating func remember(_ error: Double, _ choice: ScaleChoice) {
        if starts.count == (importance == nil ? 3 : 8) {
            guard error < starts[starts.count - 1].error else { return }
            starts.removeLast()
        }
        let place = starts.firstIndex { error < $0.error } ?? starts.count
        starts.insert((error, choice), at: place)
    }

    /// The zero points to try with a scale.
    private enum Zeros {
        case one(Float)
        /// Those that put the middle of the levels near the middle of a range.
        case centred(ClosedRange<Float>)
    }

    /// Tries scales from one on downwards while they promise something.
    ///
    /// - Parameters:
    ///   - scale: The first scale.
    ///   - zeros: The zero points to try with each; those beyond the ends are left out.
    private mutating func walk(from scale: Float, _ zeros: Zeros) {
        var scale = scale
        var least = Double.infinity
        var misses = 0
        while misses < patience, bestError > 0 {
            let stored = finder.codec.nearest(scale)
            let reachable = measure(scale: stored, zeros)
            misses = reachable < least ? 0 : misses + 1
            least = min(least, reachable)
            scale *= Self.ratio
        }
    }

    private mutating func measure(scale: Float, _ zeros: Zeros) -> Double {
        switch zeros {
        case .one(let zero): return measureAllowed(ScaleChoice(scale: scale, zero: zero))
        case .centred(let range):
            guard scale > 0, scale.isFinite else { return .infinity }
            let ends = finder.levels.ends
            let centre = range.lowerBound / 2 + range.upperBound / 2
            let middle = (ends.lowerBound + ends.upperBound) / 2 - centre / scale
            let nearest = middle.rounded(.toNearestOrEven)
            var reachable = Double.infinity
            for step in -1...1 {
                let choice = ScaleChoice(scale: scale, zero: nearest + Float(step))
                reachable = min(reachable, measureAllowed(choice))
            }
            return reachable
        }
    }

    /// Measures a choice unless its zero point is beyond the ends.
    private mutating func measureAllowed(_ choice: ScaleChoice) -> Double {
        let levels = finder.levels
        guard levels.zeroPoints != .codes || levels.ends.contains(choice.zero) else {
            return .infinity
        }
        return measure(choice)
    }
}

extension ScaleWalk {
    /// Least squares, with importance least weighted squares.
    ///
    /// Walks from the scale that covers the group on, in steps of 8 % until several in a row are
    /// worse: with several zero points where groups have their own, else from both ends of the
    /// levels (the lowest may reach one step further than the highest, so the largest value may
    /// go to either). The best three places are refined, with importance the best eight. With two
    /// levels of one magnitude the optimum is known: the mean magnitude.
    mutating func leastError() {
        if case .fixed(let zero) = finder.levels.zeroPoints {
            let (low, high) = finder.reaches(zero: zero)
            if low == -high, isTwoLevels {
                tryMean(zero, high)
            } else {
                tryEnds(zero, low, high)
            }
        } else {
            tryAffine()
        }
        for start in starts { refine(from: start.choice, turns: 8) }
    }

    private var isTwoLevels: Bool {
        let ends = finder.levels.ends
        let middle = ends.lowerBound / 2 + ends.upperBound / 2
        let step = (ends.upperBound - ends.lowerBound) / 8
        return finder.levels.level(nearest: middle + step) == ends.upperBound
            && finder.levels.level(nearest: middle - step) == ends.lowerBound
    }

    private mutating func tryMean(_ zero: Float, _ level: Float) {
        var (sum, total) = (0.0, 0.0)
        for (index, value) in values.enumerated() {
            let weight = importance.map { Double($0[$0.startIndex + index]) } ?? 1
            sum += weight * Double(value.magnitude)
            total += weight
        }
        guard total > 0 else { return }
        let scale = Float(sum / total / Double(level))
        measure(ScaleChoice(scale: finder.codec.nearest(scale), zero: zero))
    }

    private mutating func tryEnds(_ zero: Float, _ low: Float, _ high: Float) {
        for range in ranges {
            let extreme = -range.lowerBound > range.upperBound ? range.lowerBound : range.upperBound
            for end in [low, high] where end != 0 {
                let scale = finder.isPositive ? (extreme / end).magnitude : extreme / end
                measure(ScaleChoice(scale: finder.codec.nearest(scale), zero: zero))
                walk(from: scale / Self.ratio.squareRoot(), .one(zero))
            }
        }
        // Floats of many exponents reach a scale that binary16 holds coarsely: larger ones do too.
        let normal = finder.codec.leastNormal
        if best.scale.magnitude < normal { walk(from: 8 * normal, .one(zero)) }
    }

    private mutating func tryAffine() {
        let ends = finder.levels.ends
        for range in ranges {
            let start = finder.codec.covering(finder.coveringScale(range))
            let first = start / Self.ratio.squareRoot()
            walk(from: first, .centred(range))
            // A range on one side of zero keeps the zero point at its end.
            let end = range.upperBound > 0 ? ends.lowerBound : ends.upperBound
            if range.lowerBound == 0 || range.upperBound == 0 {
                walk(from: first, .one(end))
            }
        }
    }

    /// What walks start by covering: all numbers, and those that have nine tenths and all of the
    /// importance.
    private var ranges: [ClosedRange<Float>] {
        guard let importance else { return [range] }
        let largest = zip(values, importance).reduce(Float(0)) { largest, pair in
            pair.1 > 0 ? max(largest, pair.0.magnitude) : largest
        }
        let most = ScaleFinder<Levels>.magnitude(covering: 0.9, of: values, importance)
        let more = [largest, most].map { reach in
            max(range.lowerBound, -reach)...min(range.upperBound, reach)
        }
        return [range] + more.filter { $0 != range && $0.lowerBound < $0.upperBound }
    }

    /// The best of evenly spaced scales below that of the first choice.
    mutating func tryGrid(steps: Int, least: Double) {
        let covering = best
        for step in 1...max(steps, 1) {
            let share = 1 - (1 - least) * Double(step) / Double(max(steps, 1))
            let scale = finder.codec.nearest(covering.scale * Float(share))
            if finder.levels.zeroPoints == .codes {
                _ = measure(scale: scale, .centred(range))
                _ = measure(scale: scale, .one(covering.zero))
            } else {
                measure(ScaleChoice(scale: scale, zero: covering.zero))
            }
        }
    }

    /// Codes and the scale that fits them best take turns while the error falls.
    mutating func refine(from start: ScaleChoice, turns: Int) {
        var choice = start
        var reached = Double.infinity
        for _ in 0..<turns where bestError > 0 {
            choice.scale = finder.codec.nearest(choice.scale)
            let scale = choice.scale * unit
            guard scale != 0, scale.isFinite, isAllowed(scale) else { break }
            let fit = fit(scale, choice.zero)
            guard fit.error < reached, fit.square > 0 else { break }
            reached = fit.error
            if fit.error < bestError {
                bestError = fit.error
                best = choice
            }
            choice.scale = Float(fit.cross / fit.square / Double(unit))
        }
    }
}

extension ScaleCodec: ScaleRounding {
    /// The least magnitude that is stored with full precision.
    public var leastNormal: Float {
        switch format {
        case .float16: 0x1p-14
        case .float32, .bfloat16: .leastNormalMagnitude
        case .float8: 0x1p-6 * factor.magnitude
        case .unsignedFloat8: 0x1p-2 * factor.magnitude
        }
    }

    /// Whether there is no sign.
    public var isPositive: Bool { format == .unsignedFloat8 }
}
