import HalftoneFormats

/// A scale and an offset that is a real number: values are `scale · level − offset`.
struct OffsetFit: Equatable {
    var scale: Float
    var offset: Float = 0
}

extension ScaleFinder {
    /// The scale and offset that just cover a group, and those of least squares.
    ///
    /// Nineteen trial scales around the covering one give codes; for the codes the best scale and
    /// offset solve two linear equations.
    ///
    /// - Parameters:
    ///   - values: Finite.
    ///   - importance: What each square counts; nil for 1.
    ///   - isNeverNegative: Whether offsets are at least 0, as some blocks store them.
    func offsetFits(
        _ values: ArraySlice<Float>, importance: ArraySlice<Float>?, isNeverNegative: Bool
    ) -> (cover: OffsetFit, best: OffsetFit) {
        var low = values.min() ?? 0
        if isNeverNegative { low = min(low, 0) }
        let high = max(values.max() ?? 0, low)
        let first = levels.ends.lowerBound
        let most = levels.ends.upperBound - first
        // In parts, so that the range of two large numbers is no infinity.
        let step = high / most - low / most
        let cover = OffsetFit(scale: step, offset: step * first - low)
        guard cover.scale > 0, cover.scale.isFinite else { return (cover, cover) }
        var best = (fit: cover, error: error(of: cover, values, importance))
        for step in -10...8 {
            let share = most / (most + 0.1 * Float(step) * min(most / 3, 1))
            let trial = OffsetFit(scale: cover.scale * share, offset: cover.offset)
            guard
                let fit = solve(trial, values, importance, isNeverNegative: isNeverNegative)
            else { continue }
            let error = error(of: fit, values, importance)
            if error < best.error { best = (fit, error) }
        }
        return (cover, best.fit)
    }

    /// The best scale and offset for the codes that a trial gives.
    private func solve(
        _ trial: OffsetFit, _ values: ArraySlice<Float>, _ importance: ArraySlice<Float>?,
        isNeverNegative: Bool
    ) -> OffsetFit? {
        var (count, sum, square, total, cross) = (0.0, 0.0, 0.0, 0.0, 0.0)
        for (index, value) in values.enumerated() {
            let weight = importance.map { Double($0[$0.startIndex + index]) } ?? 1
            let level = Double(levels.level(nearest: (value + trial.offset) / trial.scale))
            count += weight
            sum += weight * level
            square += weight * level * level
            total += weight * Double(value)
            cross += weight * Double(value) * level
        }
        let determinant = count * square - sum * sum
        guard determinant > 0, square > 0 else { return nil }
        var scale = (count * cross - total * sum) / determinant
        var offset = -(square * total - sum * cross) / determinant
        if isNeverNegative, offset < 0 { (scale, offset) = (cross / square, 0) }
        guard scale > 0 else { return nil }
        return OffsetFit(scale: Float(scale), offset: Float(offset))
    }

    /// The squared error of a group, its values rounded to float32.
    func error(
        of fit: OffsetFit, _ values: ArraySlice<Float>, _ importance: ArraySlice<Float>?
    ) -> Double {
        var error = 0.0
        for (index, value) in values.enumerated() {
            let level =
                levels.level(nearest: fit.scale == 0 ? 0 : (value + fit.offset) / fit.scale)
            let distance = Double(fit.scale * level - fit.offset) - Double(value)
            let weight = importance.map { Double($0[$0.startIndex + index]) } ?? 1
            error += weight * distance * distance
        }
        return error
    }
}
