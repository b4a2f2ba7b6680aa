import HalftoneFormats

/// A scale as it is stored, and the level of the value zero.
public struct ScaleChoice: Sendable, Equatable {
    /// The distance of two levels that differ by 1; may be negative, is 0 when all values are.
    public var scale: Float
    /// The level whose value is zero; ½ with two integer levels.
    public var zero: Float

    /// States a choice.
    public init(scale: Float, zero: Float) {
        self.scale = scale
        self.zero = zero
    }
}

/// What becomes of scales when they are stored.
public protocol ScaleRounding: Sendable {
    /// The stored scale nearest to one; infinite beyond the range.
    func nearest(_ scale: Float) -> Float

    /// The stored scale of the least magnitude that is not below that of one.
    func covering(_ scale: Float) -> Float

    /// The least magnitude that is stored with full precision.
    var leastNormal: Float { get }

    /// Whether only scales of at least 0 are stored.
    var isPositive: Bool { get }
}

extension ScaleRounding {
    /// False.
    public var isPositive: Bool { false }
}

/// The one search for scales: of a group of numbers, in any format, by any `ScaleSearch`.
///
/// Scales are taken through the ``ScaleCodec`` before anything is measured, so that what was
/// searched is what is stored. A group is whatever shares a scale: a tensor, a channel, a run of a
/// row, a column, a part of a block.
public struct ScaleFinder<Levels: ScaledLevels>: Sendable {
    /// The levels.
    public let levels: Levels

    /// How scales are stored.
    public let codec: any ScaleRounding

    /// Whether scales are never negative; by default where they are stored without a sign. (With a
    /// negative scale the lowest level, which may reach further than the highest, is at the positive
    /// end.)
    public var isPositive: Bool

    /// Searches for a format and a way to store scales.
    public init(_ levels: Levels, scales codec: any ScaleRounding) {
        self.levels = levels
        self.codec = codec
        isPositive = codec.isPositive
    }

    /// The scale of a group.
    ///
    /// - Parameters:
    ///   - values: Finite.
    ///   - importance: What each square counts, not negative, as many as values; nil for 1.
    ///   - search: How to choose. Percentiles and statistics may have more error than
    ///     `ScaleSearch.absmax`, the others never have.
    /// - Returns: A scale of 0 for zeros, an infinite one when the codec has none that covers.
    /// - Complexity: O(`values.count`) for each scale that is tried, some 60 by least squares.
    public func choice(
        _ values: ArraySlice<Float>, importance: ArraySlice<Float>? = nil, by search: ScaleSearch
    ) -> ScaleChoice {
        found(values, importance, search)
    }

    func found(
        _ values: ArraySlice<Float>, _ importance: ArraySlice<Float>?, _ search: ScaleSearch
    ) -> ScaleChoice {
        precondition(importance.map { $0.count == values.count } ?? true, "a weight for each")
        // Numbers that all count alike are as good as none.
        let importance = importance.flatMap { one in
            one.allSatisfy { $0 == one.first } ? nil : Self.normalized(one).weights
        }
        let covering = covering(values)
        guard covering.scale != 0, covering.scale.isFinite else { return covering }
        if search == .absmax { return covering }
        if case .percentile(let share) = search {
            let reach = Self.magnitude(covering: share, of: values, importance)
            let range = Self.range(values)
            let clipped = max(range.lowerBound, -reach)...min(range.upperBound, reach)
            let scale = codec.nearest(coveringScale(clipped))
            guard scale != 0 else { return covering }
            return ScaleChoice(
                scale: scale, zero: zeroPoint(least: clipped.lowerBound, scale: scale))
        }
        if case .statistic(let rule) = search {
            guard case .fixed(let zero) = levels.zeroPoints else { return covering }
            let (low, high) = reaches(zero: zero)
            let scale = codec.nearest(rule.scale(of: values) / (high > 0 ? high : -low))
            return scale == 0 ? covering : ScaleChoice(scale: scale, zero: zero)
        }
        var walk = ScaleWalk(self, values, importance, start: covering)
        switch search {
        case .grid(let steps, let least): walk.tryGrid(steps: steps, least: least)
        case .iterative(let turns): walk.refine(from: covering, turns: turns)
        default: walk.leastError()
        }
        return walk.best
    }

    /// The error of a choice, in squares of the values' unit.
    ///
    /// - Parameters:
    ///   - choice: As it is stored.
    ///   - values: Finite.
    ///   - importance: What each square counts; nil for 1.
    public func squaredError(
        of choice: ScaleChoice, _ values: ArraySlice<Float>, importance: ArraySlice<Float>? = nil
    ) -> Double {
        let unit = Self.unit(for: values)
        let scale = choice.scale * unit
        guard scale != 0, scale.isFinite else {
            return zip(values, importance ?? [Float](repeating: 1, count: values.count)[...])
                .reduce(0) { $0 + Double($1.0) * Double($1.0) * Double($1.1) }
        }
        let normalized = importance.map { Self.normalized($0) }
        let fit = levels.fit(
            values, normalized?.weights, unit: unit, scale: scale, zero: choice.zero)
        return fit.error / (Double(unit) * Double(unit)) / Double(normalized?.unit ?? 1)
    }

    /// Importance times the power of two that brings the largest to between 1 and 2.
    private static func normalized(
        _ importance: ArraySlice<Float>
    ) -> (weights: ArraySlice<Float>, unit: Float) {
        let unit = GroupQuantizer.unit(for: importance.max() ?? 0)
        return unit == 1 ? (importance, 1) : (ArraySlice(importance.map { $0 * unit }), unit)
    }

    /// The exact scale whose levels cover every value, before it is stored.
    ///
    /// With a fixed zero point `max|x|` over the nearer end, in formats of one sign over their
    /// only one, where the other sign is cut off. With zero points of groups the range from the
    /// least to the largest value, zero included, over that of the levels. Infinite when float32
    /// has no such number.
    ///
    /// - Parameter values: Finite.
    public func coveringScale(_ values: ArraySlice<Float>) -> Float {
        coveringScale(Self.range(values))
    }

    /// The choice whose levels cover every value.
    ///
    /// The stored scale is the next one not below ``coveringScale(_:)``. (A zero point is rounded
    /// to a code, which moves the ends of the range by at most half a step.)
    ///
    /// - Parameter values: Finite.
    public func covering(_ values: ArraySlice<Float>) -> ScaleChoice {
        let range = Self.range(values)
        let scale = codec.covering(coveringScale(range))
        return ScaleChoice(scale: scale, zero: zeroPoint(least: range.lowerBound, scale: scale))
    }
}

// Callers in other modules would run the search on levels of an unknown type, which takes twice as
// long; here the types are known.

extension ScaleFinder where Levels == IntegerFormat {
    /// The scale of a group; see ``choice(_:importance:by:)`` of any levels.
    public func choice(
        _ values: ArraySlice<Float>, importance: ArraySlice<Float>? = nil, by search: ScaleSearch
    ) -> ScaleChoice {
        found(values, importance, search)
    }
}

extension ScaleFinder where Levels == NumberFormat {
    /// The scale of a group; see ``choice(_:importance:by:)`` of any levels.
    public func choice(
        _ values: ArraySlice<Float>, importance: ArraySlice<Float>? = nil, by search: ScaleSearch
    ) -> ScaleChoice {
        guard case .integer(let format) = levels.definition else {
            return found(values, importance, search)
        }
        // Codes are levels that are moved; a walk over them has no table to carry along.
        var codes = ScaleFinder<IntegerFormat>(format, scales: codec)
        codes.isPositive = isPositive
        var choice = codes.found(values, importance, search)
        if format.isSymmetric { choice.zero = 0 }
        return choice
    }
}

extension ScaleFinder {
    /// The distances of the ends from a fixed zero point, below and above.
    func reaches(zero: Float) -> (low: Float, high: Float) {
        (levels.ends.lowerBound - zero, levels.ends.upperBound - zero)
    }

    func coveringScale(_ range: ClosedRange<Float>) -> Float {
        guard case .fixed(let zero) = levels.zeroPoints else {
            let steps = Double(levels.ends.upperBound) - Double(levels.ends.lowerBound)
            let width = Double(range.upperBound) - Double(range.lowerBound)
            let scale = Float(width / steps)
            // Rounding down would leave an end uncovered by a little more than half a step.
            return Double(scale) * steps < width ? scale.nextUp : scale
        }
        let (low, high) = reaches(zero: zero)
        if low >= 0 { return range.upperBound / high }
        if high <= 0 { return range.lowerBound / low }
        return max(-range.lowerBound, range.upperBound) / min(-low, high)
    }

    func zeroPoint(least: Float, scale: Float) -> Float {
        if case .fixed(let zero) = levels.zeroPoints { return zero }
        guard scale > 0, scale.isFinite else { return levels.ends.lowerBound }
        return levels.level(nearest: -least / scale)
    }

    /// The least and the largest value, zero included.
    static func range(_ values: ArraySlice<Float>) -> ClosedRange<Float> {
        GroupQuantizer.range(values)
    }

    /// The power of two that brings the largest magnitude to between 1 and 2.
    static func unit(for values: ArraySlice<Float>) -> Float { GroupQuantizer.unit(for: values) }

    /// The least magnitude that is not below a share of all numbers, or of their importance.
    ///
    /// - Complexity: O(`values.count`) on average: of two parts the one without it is left as it is.
    static func magnitude(
        covering share: Double, of values: ArraySlice<Float>, _ importance: ArraySlice<Float>?
    ) -> Float {
        var all = values.map { (size: $0.magnitude, weight: 1.0) }
        if let importance {
            for (place, weight) in importance.enumerated() { all[place].weight = Double(weight) }
        }
        var wanted = share * all.reduce(0) { $0 + $1.weight }
        var part = 0..<all.count
        while part.count > 1 {
            let pivot = all[(part.lowerBound + part.upperBound) / 2].size
            // Smaller ones in front, larger ones at the end.
            var (smaller, next, larger) = (part.lowerBound, part.lowerBound, part.upperBound)
            var (below, equal) = (0.0, 0.0)
            while next < larger {
                let one = all[next]
                if one.size < pivot {
                    below += one.weight
                    all.swapAt(smaller, next)
                    (smaller, next) = (smaller + 1, next + 1)
                } else if one.size > pivot {
                    larger -= 1
                    all.swapAt(next, larger)
                } else {
                    equal += one.weight
                    next += 1
                }
            }
            if below >= wanted, smaller > part.lowerBound {
                part = part.lowerBound..<smaller
            } else if below + equal >= wanted || larger == part.upperBound {
                return pivot
            } else {
                wanted -= below + equal
                part = larger..<part.upperBound
            }
        }
        return part.first.map { all[$0].size } ?? 0
    }
}
