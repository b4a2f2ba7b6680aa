import HalftoneFormats

/// The scale of least squared error of a group in any number format: a grid, refined by least
/// squares, all scales rounded to binary16 first.
public struct GroupScaleSearch: Sendable {
    /// The levels.
    public let format: NumberFormat

    /// Searches for a format.
    ///
    /// - Parameter format: With both signs; another is a mistake of the caller.
    public init(_ format: NumberFormat) {
        precondition(format.range.lowerBound < 0 && format.range.upperBound > 0, "both signs")
        self.format = format
    }

    /// The scale, and the squared error of the group with it.
    ///
    /// From the scale at which the largest magnitude is just covered, 25 scales are tried from 1.1
    /// times that down to a third of it; then codes and the scale that fits them best,
    /// `Σ x·q / Σ q²`, take turns twice.
    ///
    /// - Parameter values: Finite; the scale must not be beyond binary16, or the error is infinite.
    /// - Complexity: O(`values.count` · `NumberFormat.bits`), 27 times.
    public func best(_ values: ArraySlice<Float>) -> (scale: Float, squaredError: Double) {
        let largest = values.reduce(0) { max($0, $1.magnitude) }
        let reach = min(-format.range.lowerBound, format.range.upperBound)
        var best = measure(values, largest / reach)
        guard largest > 0 else { return (0, best.error) }
        for step in 0..<25 {
            let trial = measure(values, largest / reach * (1.1 - 0.032 * Float(step)))
            if trial.error < best.error { best = trial }
        }
        for _ in 0..<2 where best.square > 0 {
            let trial = measure(values, Float(best.cross / best.square))
            if trial.error < best.error { best = trial }
        }
        return (best.scale, best.error)
    }

    private func measure(
        _ values: ArraySlice<Float>, _ exact: Float
    ) -> (scale: Float, error: Double, cross: Double, square: Double) {
        let scale = SmallFloat.float16(SmallFloat.float16Bits(exact))
        var (error, cross, square) = (0.0, 0.0, 0.0)
        guard scale > 0, scale.isFinite else {
            for value in values { error += Double(value) * Double(value) }
            return (0, scale.isFinite ? error : .infinity, 0, 0)
        }
        for value in values {
            let level = Double(format.rounded(value / scale))
            let distance = Double(value) - Double(scale) * level
            error += distance * distance
            cross += Double(value) * level
            square += level * level
        }
        return (scale, error, cross, square)
    }
}
