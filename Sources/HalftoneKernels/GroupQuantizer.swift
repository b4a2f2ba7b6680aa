import HalftoneFormats

/// Chooses the scale and zero point of one group of weights, and rounds the group.
public struct GroupQuantizer: Sendable {
    /// The levels.
    public let format: IntegerFormat

    /// Shares of the full range that the search tries, beside the full range itself.
    private static let shares: [Float] = [1.08, 1.04, 0.96, 0.92, 0.88, 0.84, 0.8, 0.75, 0.7, 0.64]

    /// A scale and the code of the value zero.
    public struct Choice: Sendable, Equatable {
        /// The distance of two levels; may be negative.
        public var scale: Float
        /// The code whose value is zero; ½ at 1 bit, symmetric.
        public var zero: Float

        /// States a choice.
        public init(scale: Float, zero: Float) {
            self.scale = scale
            self.zero = zero
        }
    }

    /// Quantizes to the levels of a format.
    public init(_ format: IntegerFormat) { self.format = format }

    /// The choice whose codes cover every value.
    ///
    /// Symmetric: `max|x| / (2^(bits−1) − 1)`, at 1 bit `2 · max|x|`. Affine: the range from the
    /// least to the largest value, zero included, in `2^bits − 1` steps.
    public func covering(_ values: ArraySlice<Float>) -> Choice {
        var least: Float = 0
        var largest: Float = 0
        for value in values {
            least = min(least, value)
            largest = max(largest, value)
        }
        if format.isSymmetric {
            let magnitude = max(-least, largest)
            let steps = format.bits == 1 ? 0.5 : Float(format.levels / 2 - 1)
            return Choice(scale: magnitude / steps, zero: format.symmetricZeroPoint)
        }
        let scale = (largest - least) / Float(format.maximumCode)
        return Choice(scale: scale, zero: zeroPoint(least: least, scale: scale))
    }

    /// The choice with the least squared error among a grid of ranges, each refined by least
    /// squares; never worse than the covering one.
    ///
    /// - Parameters:
    ///   - values: The group.
    ///   - stored: Rounds a scale to what will be stored; errors are measured with that.
    public func leastError(
        _ values: ArraySlice<Float>, stored: (Float) -> Float
    ) -> Choice {
        var best = covering(values)
        best.scale = stored(best.scale)
        guard best.scale != 0, best.scale.isFinite else { return best }
        return unsafe values.withUnsafeBufferPointer { values in
            var bestError = unsafe measure(values, best).error
            for start in unsafe candidates(values) {
                var candidate = start
                // The refit is a step of Lloyd's algorithm; the second one gains little more.
                for _ in 0..<2 {
                    candidate.scale = stored(candidate.scale)
                    guard candidate.scale != 0, candidate.scale.isFinite else { break }
                    let result = unsafe measure(values, candidate)
                    if result.error < bestError {
                        bestError = result.error
                        best = candidate
                    }
                    candidate.scale = result.refit
                }
            }
            return best
        }
    }

    /// Rounds a group to codes.
    ///
    /// - Parameters:
    ///   - values: The group.
    ///   - choice: With the scale as it is stored.
    ///   - codes: Receives the codes from `offset` on.
    ///   - offset: Where the group begins.
    public func round(
        _ values: ArraySlice<Float>, _ choice: Choice, into codes: inout [UInt8], at offset: Int
    ) {
        let inverse = choice.scale == 0 ? 0 : 1 / choice.scale
        var index = offset
        if format.bits == 1 && format.isSymmetric {
            for value in values {
                codes[index] = value * choice.scale >= 0 ? 1 : 0
                index += 1
            }
            return
        }
        for value in values {
            codes[index] = format.code(steps: value * inverse + choice.zero)
            index += 1
        }
    }

    private func zeroPoint(least: Float, scale: Float) -> Float {
        guard scale > 0 else { return 0 }
        return min(max((-least / scale).rounded(.toNearestOrEven), 0), Float(format.maximumCode))
    }

    @unsafe
    private func candidates(_ values: UnsafeBufferPointer<Float>) -> [Choice] {
        var least: Float = 0
        var largest: Float = 0
        var sum: Float = 0
        for index in values.indices {
            let value = unsafe values[index]
            least = min(least, value)
            largest = max(largest, value)
            sum += value.magnitude
        }
        if !format.isSymmetric {
            return Self.shares.map { share in
                let scale = (largest - least) * share / Float(format.maximumCode)
                return Choice(scale: scale, zero: zeroPoint(least: least * share, scale: scale))
            }
        }
        let zero = format.symmetricZeroPoint
        if format.bits == 1 {
            // Minimizes Σ (x − s·sign(x)/2)² exactly: s/2 is the mean magnitude.
            return [Choice(scale: 2 * sum / Float(max(values.count, 1)), zero: zero)]
        }
        // The lowest code reaches one step further than the highest: either sign may profit.
        let extreme = -least > largest ? least : largest
        let reach = Float(format.levels / 2)
        return ([1] + Self.shares).flatMap { share in
            [
                Choice(scale: -extreme * share / reach, zero: zero),
                Choice(scale: extreme * share / (reach - 1), zero: zero),
            ]
        }
    }

    /// The squared error of a choice, and the scale that fits its codes best.
    @unsafe
    private func measure(
        _ values: UnsafeBufferPointer<Float>, _ choice: Choice
    ) -> (error: Float, refit: Float) {
        let inverse = 1 / choice.scale
        let low = -choice.zero
        let high = Float(format.maximumCode) - choice.zero
        var error = SIMD8<Float>.zero
        var cross = SIMD8<Float>.zero
        var square = SIMD8<Float>.zero
        let base = values.baseAddress!
        let count = values.count
        var index = 0
        while index < count {
            let rest = count - index
            let x = unsafe rest >= 8
                ? FloatRun.load(base + index) : FloatRun.load(base + index, count: rest, padding: 0)
            var q = levels(x * inverse, low: low, high: high)
            if rest < 8, format.bits == 1, format.isSymmetric {
                // Padding has no level of value zero here: leave it out.
                for lane in rest..<8 { q[lane] = 0 }
            }
            let difference = x - q * choice.scale
            error += difference * difference
            cross += x * q
            square += q * q
            index += 8
        }
        let squares = VectorMath.sum(square)
        return (VectorMath.sum(error), squares > 0 ? VectorMath.sum(cross) / squares : 0)
    }

    /// The levels nearest to values given in steps from zero, in steps from zero.
    @inline(__always)
    private func levels(_ steps: SIMD8<Float>, low: Float, high: Float) -> SIMD8<Float> {
        // min(a, b) = (a + b − |a − b|) / 2 and its twin: comparisons of vectors are slow on
        // plain x86-64. Far outside the range the sums lose bits, so bound the steps first by
        // what the halves leave: clipped values end within rounding of the border.
        let upper = (steps + high - VectorMath.magnitude(steps - high)) * 0.5
        let inside = (upper + low + VectorMath.magnitude(upper - low)) * 0.5
        if format.bits == 1 && format.isSymmetric {
            // Two levels at ±½: round to the odd half.
            let shift: Float = 0x1.8p23
            return (inside + 0.5 + shift) - shift - 0.5
        }
        let shift: Float = 0x1.8p23
        return (inside + shift) - shift
    }
}
