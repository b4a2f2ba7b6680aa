import HalftoneFormats

/// The searches for the scales of blocks in two levels: a scale, and perhaps an offset, for each
/// part of a block, themselves small integers times one binary16 number.
///
/// Each part first gets the scale of least squares, from codes that several trial scales give; then
/// the scales of the whole block are rounded, and each rounded one is moved by one as long as the
/// error falls. The same is done from the scales that rounding to nearest takes, those that just
/// cover the part, and the better block is kept: no block is worse than by rounding to nearest.
/// Sums are in Double.
enum BlockSearch {
    /// A part's scale and offset: its values are `scale · code − offset`.
    struct Fit {
        var scale: Float
        var offset: Float = 0
    }

    /// A block with its scales rounded.
    struct Block {
        /// What the sub-scales count, as binary16; what the sub-offsets count.
        var unit: Float = 0
        var offsetUnit: Float = 0
        var scales: [Int] = []
        var offsets: [Int] = []
        /// A code per value, in the range of the format.
        var codes: [Int] = []
        var error = 0.0
    }

    /// The levels of a format: code times scale, or a table's entry times scale.
    enum Levels {
        case integers(ClosedRange<Int>)
        case table([Float])

        /// The number whose product with the scale is the value.
        func level(_ code: Int) -> Float {
            switch self {
            case .integers: Float(code)
            case .table(let table): table[code]
            }
        }

        /// The code nearest to a number of steps; NaN gives the lowest.
        func code(_ steps: Float) -> Int {
            switch self {
            case .integers(let range):
                guard steps > Float(range.lowerBound) else { return range.lowerBound }
                guard steps < Float(range.upperBound) else { return range.upperBound }
                return Int(steps.rounded(.toNearestOrEven))
            case .table(let table):
                var code = 0
                while code + 1 < table.count, steps > (table[code] + table[code + 1]) / 2 {
                    code += 1
                }
                return code
            }
        }

        /// The levels of the two ends.
        var ends: (low: Float, high: Float) {
            switch self {
            case .integers(let range): (Float(range.lowerBound), Float(range.upperBound))
            case .table(let table): (table[0], table[table.count - 1])
            }
        }
    }

    /// The codes of a part for a scale and an offset, and their squared error.
    static func round(
        _ x: ArraySlice<Float>, _ fit: Fit, _ levels: Levels
    ) -> (codes: [Int], error: Double) {
        var error = 0.0
        let zero = levels.code(0)
        let codes = x.map { value in
            let code = fit.scale == 0 ? zero : levels.code((value + fit.offset) / fit.scale)
            let distance = Double(fit.scale * levels.level(code) - fit.offset) - Double(value)
            error += distance * distance
            return code
        }
        return (codes, error)
    }

    /// The scale that just covers a part, and the one of least squares.
    static func signedFits(_ x: ArraySlice<Float>, _ levels: Levels) -> (cover: Fit, best: Fit) {
        var extreme: Float = 0
        for value in x where value.magnitude > extreme.magnitude { extreme = value }
        let (low, high) = levels.ends
        let cover = Fit(scale: extreme / low)
        guard cover.scale != 0 else { return (cover, cover) }
        var best = (fit: cover, error: round(x, cover, levels).error)
        for end in [low, high] {
            for step in -9...9 {
                let trial = Fit(scale: extreme / (end * (1 + 0.025 * Float(step))))
                let codes = round(x, trial, levels).codes
                var (cross, square) = (0.0, 0.0)
                for (value, code) in zip(x, codes) {
                    let level = Double(levels.level(code))
                    cross += Double(value) * level
                    square += level * level
                }
                guard square > 0 else { continue }
                let fit = Fit(scale: Float(cross / square))
                let error = round(x, fit, levels).error
                if error < best.error { best = (fit, error) }
            }
        }
        return (cover, best.fit)
    }

    /// As ``signedFits(_:_:)`` with an offset that is not negative.
    static func affineFits(_ x: ArraySlice<Float>, _ levels: Levels) -> (cover: Fit, best: Fit) {
        let low = min(x.min() ?? 0, 0)
        let high = max(x.max() ?? 0, low)
        let most = levels.ends.high
        // In halves, so that the range of two large numbers is no infinity.
        let cover = Fit(scale: (high / most - low / most), offset: -low)
        guard cover.scale > 0, cover.scale.isFinite else { return (cover, cover) }
        var best = (fit: cover, error: round(x, cover, levels).error)
        let count = Double(x.count)
        for step in -10...8 {
            let trial = Fit(
                scale: cover.scale * most / (most + 0.1 * Float(step) * min(most / 3, 1)),
                offset: cover.offset)
            let codes = round(x, trial, levels).codes
            var (sum, square, values, cross) = (0.0, 0.0, 0.0, 0.0)
            for (value, code) in zip(x, codes) {
                sum += Double(code)
                square += Double(code * code)
                values += Double(value)
                cross += Double(value) * Double(code)
            }
            let determinant = count * square - sum * sum
            guard determinant > 0, square > 0 else { continue }
            var scale = (count * cross - values * sum) / determinant
            var offset = -(square * values - sum * cross) / determinant
            if offset < 0 {
                offset = 0
                scale = cross / square
            }
            guard scale > 0 else { continue }
            let fit = Fit(scale: Float(scale), offset: Float(offset))
            let error = round(x, fit, levels).error
            if error < best.error { best = (fit, error) }
        }
        return (cover, best.fit)
    }

    /// The better of two blocks: from covering scales and from those of least squares.
    ///
    /// - Parameters:
    ///   - x: Whole parts.
    ///   - part: Values of a part.
    ///   - levels: The codes.
    ///   - scales: The range of the sub-scales; the part with the largest gets an end of it.
    ///   - hasOffsets: Whether parts have offsets, with sub-offsets from 0 to the largest sub-scale.
    static func block(
        _ x: ArraySlice<Float>, part: Int, levels: Levels, scales: ClosedRange<Int>,
        hasOffsets: Bool
    ) -> Block {
        let parts = stride(from: x.startIndex, to: x.endIndex, by: part).map { x[$0..<$0 + part] }
        let fits = parts.map { hasOffsets ? affineFits($0, levels) : signedFits($0, levels) }
        let candidates = [fits.map(\.cover), fits.map(\.best)].map {
            assemble(parts, $0, levels, scales)
        }
        return candidates[1].error < candidates[0].error ? candidates[1] : candidates[0]
    }

    /// Rounds the scales of a block and improves them.
    private static func assemble(
        _ parts: [ArraySlice<Float>], _ fits: [Fit], _ levels: Levels, _ range: ClosedRange<Int>
    ) -> Block {
        var block = Block()
        var extreme: Float = 0
        for fit in fits where fit.scale.magnitude > extreme.magnitude { extreme = fit.scale }
        // Signed sub-scales reach one further below zero.
        let end = range.lowerBound < 0 ? range.lowerBound : range.upperBound
        block.unit = half(extreme / Float(end))
        let most = fits.map(\.offset).max() ?? 0
        block.offsetUnit = half(most / Float(range.upperBound))
        for (x, fit) in zip(parts, fits) {
            var scale = nearest(fit.scale, block.unit, range)
            var offset = nearest(fit.offset, block.offsetUnit, 0...range.upperBound)
            func rounded(_ scale: Int, _ offset: Int) -> (codes: [Int], error: Double) {
                let fit = Fit(
                    scale: block.unit * Float(scale), offset: block.offsetUnit * Float(offset))
                return round(x, fit, levels)
            }
            var best = rounded(scale, offset)
            var hasMoved = block.unit.isFinite && block.offsetUnit.isFinite
            while hasMoved {
                hasMoved = false
                let moves = [(-1, 0), (1, 0), (0, -1), (0, 1), (1, 1), (-1, -1)]
                for (right, up) in moves where block.offsetUnit != 0 || up == 0 {
                    guard range.contains(scale + right),
                        (0...range.upperBound).contains(offset + up)
                    else { continue }
                    let next = rounded(scale + right, offset + up)
                    if next.error < best.error {
                        (best, hasMoved) = (next, true)
                        (scale, offset) = (scale + right, offset + up)
                    }
                }
            }
            block.scales.append(scale)
            block.offsets.append(offset)
            block.codes += best.codes
            block.error += best.error
        }
        return block
    }

    /// A number as binary16 keeps it.
    static func half(_ value: Float) -> Float { SmallFloat.float16(SmallFloat.float16Bits(value)) }

    private static func nearest(_ value: Float, _ unit: Float, _ range: ClosedRange<Int>) -> Int {
        guard unit != 0, unit.isFinite else {
            return min(max(0, range.lowerBound), range.upperBound)
        }
        let steps = (value / unit).rounded(.toNearestOrEven)
        return steps < Float(range.lowerBound)
            ? range.lowerBound
            : steps < Float(range.upperBound) ? Int(steps) : range.upperBound
    }
}
