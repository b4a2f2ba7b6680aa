import HalftoneFormats

/// The searches for the scales of blocks in two levels: a scale, and perhaps an offset, for each
/// part of a block, themselves small integers times one binary16 number.
///
/// Each part first gets the scale of least squares that ``ScaleFinder`` finds; then the scales of the whole block are rounded, and each rounded one is moved by one as long as the
/// error falls. The same is done from the scales that rounding to nearest takes, those that just
/// cover the part, and the better block is kept: no block is worse than by rounding to nearest.
/// Sums are in Double.
enum BlockSearch {
    /// A part's scale and offset: its values are `scale · code − offset`.
    typealias Fit = OffsetFit

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
    enum Levels: ScaledLevels {
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
                var (low, high) = (0, table.count - 1)
                while low < high {
                    let middle = (low + high) / 2
                    if steps > (table[middle] + table[middle + 1]) / 2 {
                        low = middle + 1
                    } else {
                        high = middle
                    }
                }
                return low
            }
        }

        var ends: ClosedRange<Float> {
            switch self {
            case .integers(let range): Float(range.lowerBound)...Float(range.upperBound)
            case .table(let table): table[0]...table[table.count - 1]
            }
        }

        var zeroPoints: ZeroPoints { .fixed(0) }

        /// The level nearest to a number of steps; NaN gives the lowest.
        func level(nearest steps: Float) -> Float {
            guard case .integers(let range) = self else { return level(code(steps)) }
            let (low, high) = (Float(range.lowerBound), Float(range.upperBound))
            let held = steps > low ? min(steps, high) : low
            // Adding and subtracting 1.5 · 2²³ rounds to the nearest even integer.
            return (held + 0x1.8p23) - 0x1.8p23
        }

        /// In float32 lanes, the same on every processor.
        func fit(
            _ values: ArraySlice<Float>, _ importance: ArraySlice<Float>?, unit: Float,
            scale: Float, zero: Float
        ) -> ScaleFit {
            switch self {
            case .integers(let range):
                .ofCodes(
                    values, importance, unit: unit, scale: scale,
                    zero: zero - Float(range.lowerBound),
                    maximum: Float(range.upperBound - range.lowerBound))
            case .table(let table):
                .ofTable(table, values, importance, unit: unit, scale: scale)
            }
        }
    }

    /// A part of a block: its values, and what their squares count.
    struct Part {
        let values: ArraySlice<Float>
        let importance: ArraySlice<Float>?
    }

    /// The codes of a part for a scale and an offset.
    static func codes(_ part: Part, _ fit: Fit, _ levels: Levels) -> [Int] {
        let zero = levels.code(0)
        return part.values.map { value in
            fit.scale == 0 ? zero : levels.code((value + fit.offset) / fit.scale)
        }
    }

    /// The squared error of a part for a scale and an offset.
    static func error(_ part: Part, _ fit: Fit, _ levels: Levels) -> Double {
        let zero = levels.level(levels.code(0))
        let isZero = fit.scale == 0
        var error = 0.0
        var place = part.importance?.startIndex ?? 0
        for value in part.values {
            let level = isZero ? zero : levels.level(nearest: (value + fit.offset) / fit.scale)
            let distance = Double(fit.scale * level - fit.offset) - Double(value)
            let weight = part.importance.map { Double($0[place]) } ?? 1
            error += weight * distance * distance
            place += 1
        }
        return error
    }

    /// The scale that just covers a part, and the one of least squares.
    static func signedFits(
        _ part: Part, _ levels: Levels, scales codec: ScaleCodec = ScaleCodec(.float32)
    ) -> (cover: Fit, best: Fit) {
        var extreme: Float = 0
        for value in part.values where value.magnitude > extreme.magnitude { extreme = value }
        let cover = Fit(scale: codec.nearest(extreme / levels.ends.lowerBound))
        guard cover.scale != 0, cover.scale.isFinite else { return (cover, cover) }
        let choice = ScaleFinder(levels, scales: codec).choice(
            part.values, importance: part.importance, by: .leastError)
        let best = Fit(scale: choice.scale)
        let isBetter = error(part, best, levels) < error(part, cover, levels)
        return (cover, isBetter ? best : cover)
    }

    /// The better of two blocks: from covering scales and from those of least squares.
    ///
    /// - Parameters:
    ///   - x: Whole parts.
    ///   - importance: What each square counts, as many as values; nil for 1.
    ///   - part: Values of a part.
    ///   - levels: The codes.
    ///   - scales: The range of the sub-scales; the part with the largest gets an end of it.
    ///   - hasOffsets: Whether parts have offsets, with sub-offsets from 0 to the largest sub-scale.
    static func block(
        _ x: ArraySlice<Float>, importance: ArraySlice<Float>?, part: Int, levels: Levels,
        scales: ClosedRange<Int>, hasOffsets: Bool
    ) -> Block {
        let parts = stride(from: 0, to: x.count, by: part).map { first in
            Part(
                values: x.dropFirst(first).prefix(part),
                importance: importance?.dropFirst(first).prefix(part))
        }
        let finder = ScaleFinder(levels, scales: ScaleCodec(.float32))
        let fits = parts.map { part in
            hasOffsets
                ? finder.offsetFits(
                    part.values, importance: part.importance, isNeverNegative: true)
                : signedFits(part, levels)
        }
        let candidates = [fits.map(\.cover), fits.map(\.best)].map {
            assemble(parts, $0, levels, scales)
        }
        return candidates[1].error < candidates[0].error ? candidates[1] : candidates[0]
    }

    /// Rounds the scales of a block and improves them.
    private static func assemble(
        _ parts: [Part], _ fits: [Fit], _ levels: Levels, _ range: ClosedRange<Int>
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
            let (unit, offsetUnit) = (block.unit, block.offsetUnit)
            func stored(_ scale: Int, _ offset: Int) -> Fit {
                Fit(scale: unit * Float(scale), offset: offsetUnit * Float(offset))
            }
            var least = error(x, stored(scale, offset), levels)
            var hasMoved = block.unit.isFinite && block.offsetUnit.isFinite
            while hasMoved {
                hasMoved = false
                let moves = [(-1, 0), (1, 0), (0, -1), (0, 1), (1, 1), (-1, -1)]
                for (right, up) in moves where block.offsetUnit != 0 || up == 0 {
                    guard range.contains(scale + right),
                        (0...range.upperBound).contains(offset + up)
                    else { continue }
                    let next = error(x, stored(scale + right, offset + up), levels)
                    if next < least {
                        (least, hasMoved) = (next, true)
                        (scale, offset) = (scale + right, offset + up)
                    }
                }
            }
            block.scales.append(scale)
            block.offsets.append(offset)
            block.codes += codes(x, stored(scale, offset), levels)
            block.error += least
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
