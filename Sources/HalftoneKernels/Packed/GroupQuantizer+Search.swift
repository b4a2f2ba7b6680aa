import HalftoneFormats
import _HalftoneShims

extension GroupQuantizer {
    /// The choice with the least squared error that a search finds; never worse than
    /// ``covering(_:)``.
    ///
    /// From the scale that covers the group on, smaller scales are tried in steps of 8 % until
    /// several in a row are worse; each has several zero points when affine and both signs when
    /// symmetric (with an even number of levels the lowest code reaches one step further than the
    /// highest, so the largest value may go to either end). The best three are refined: codes, then the scale that fits the
    /// codes best, `Σ x·q / Σ q²`, until nothing is gained. At 1 bit, symmetric, the optimum is
    /// known: `2 · mean|x|`.
    ///
    /// - Parameter values: Finite.
    /// - Returns: As ``covering(_:)`` does when that has no finite scale or all values are zero.
    public func leastError(_ values: ArraySlice<Float>) -> Choice {
        let covering = covering(values)
        guard covering.scale != 0, covering.scale.isFinite else { return covering }
        return unsafe values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return covering }
            var search = unsafe Search(
                values: base, count: values.count, format: format, codec: codec, start: covering)
            if format.isSymmetric {
                if format.bits == 1 {
                    search.tryMean()
                } else {
                    search.trySymmetric()
                }
            } else {
                search.tryAffine()
            }
            search.refine()
            return search.best
        }
    }
}

/// A search for the scale and zero point with the least squared error.
@safe
private struct Search {
    private let values: UnsafePointer<Float>
    private let count: Int
    private let format: IntegerFormat
    private let codec: ScaleCodec
    private let unit: Float
    private let range: ClosedRange<Float>

    /// The best choice so far.
    private(set) var best: GroupQuantizer.Choice
    private var bestError = Double.infinity

    /// The most promising starts: what their codes could reach, and the scale that would.
    private var starts: [(error: Double, choice: GroupQuantizer.Choice)] = []

    /// Worse scales in a row after which a walk ends.
    private static let patience = 4

    /// The ratio of one scale to the next.
    private static let ratio: Float = 1 / 1.08

    init(
        values: UnsafePointer<Float>, count: Int, format: IntegerFormat, codec: ScaleCodec,
        start: GroupQuantizer.Choice
    ) {
        unsafe self.values = values
        self.count = count
        self.format = format
        self.codec = codec
        best = start
        var least: Float = 0
        var largest: Float = 0
        for index in 0..<count {
            let value = unsafe values[index]
            least = value < least ? value : least
            largest = value > largest ? value : largest
        }
        range = least...largest
        unit = GroupQuantizer.unit(for: max(-least, largest))
        _ = measure(start)
    }

    /// Measures a choice whose scale is as stored, and keeps it if it is the best.
    ///
    /// - Returns: What the codes could reach with the scale that fits them best.
    @discardableResult
    private mutating func measure(_ choice: GroupQuantizer.Choice) -> Double {
        let scale = choice.scale * unit
        guard scale != 0, scale.isFinite else { return .infinity }
        var fit = halftone_fit()
        unsafe halftone_packed_fit(
            Processor.features, values, Int64(count), unit, scale, choice.zero,
            Float(format.maximumCode), &fit)
        if fit.error < bestError {
            bestError = fit.error
            best = choice
        }
        guard fit.square > 0 else { return .infinity }
        let refit = fit.cross / fit.square
        // With levels q: Σ(x − rq)² = Σ(x − sq)² − (s − r)² Σq².
        let gap = Double(scale) - refit
        let reachable = fit.error - gap * gap * fit.square
        remember(reachable, .init(scale: Float(refit / Double(unit)), zero: choice.zero))
        return reachable
    }

    private mutating func remember(_ error: Double, _ choice: GroupQuantizer.Choice) {
        if starts.count == 3 {
            guard error < starts[2].error else { return }
            starts.removeLast()
        }
        let place = starts.firstIndex { error < $0.error } ?? starts.count
        starts.insert((error, choice), at: place)
    }

    /// Tries scales from one on downwards while they promise something.
    ///
    /// - Parameters:
    ///   - scale: The first scale.
    ///   - zeros: The zero points to try with a scale; those that are no code are left out.
    private mutating func walk(
        from scale: Float, _ zeros: (Float) -> (first: Float, count: Int)
    ) {
        let codes = 0...Float(format.maximumCode)
        var scale = scale
        var least = Double.infinity
        var misses = 0
        while misses < Self.patience, bestError > 0 {
            var reachable = Double.infinity
            let stored = codec.nearest(scale)
            let (first, count) = zeros(stored)
            for index in 0..<count {
                let zero = first + Float(index)
                guard codes.contains(zero) else { continue }
                reachable = min(reachable, measure(.init(scale: stored, zero: zero)))
            }
            misses = reachable < least ? 0 : misses + 1
            least = min(least, reachable)
            scale *= Self.ratio
        }
    }

    mutating func tryMean() {
        var sum = 0.0
        for index in 0..<count { unsafe sum += Double(values[index].magnitude) }
        let scale = Float(2 * sum / Double(count))
        measure(.init(scale: codec.nearest(scale), zero: 0.5))
    }

    mutating func trySymmetric() {
        let zero = format.symmetricZeroPoint
        let extreme = -range.lowerBound > range.upperBound ? range.lowerBound : range.upperBound
        for scale in [-extreme / zero, extreme / (Float(format.maximumCode) - zero)] {
            measure(.init(scale: codec.nearest(scale), zero: zero))
            walk(from: scale / Self.ratio.squareRoot()) { _ in (zero, 1) }
        }
    }

    mutating func tryAffine() {
        let maximum = Float(format.maximumCode)
        let centre = range.lowerBound / 2 + range.upperBound / 2
        let start = best.scale / Self.ratio.squareRoot()
        walk(from: start) { scale in
            guard scale > 0, scale.isFinite else { return (0, 0) }
            // The code of zero that puts the middle of the codes on the middle of the range.
            let middle = (maximum / 2 - centre / scale).rounded(.toNearestOrEven)
            return (middle - 1, 3)
        }
        // A range on one side of zero keeps the zero point at its end.
        let end: Float = range.upperBound > 0 ? 0 : maximum
        if range.lowerBound == 0 || range.upperBound == 0 {
            walk(from: start) { _ in (end, 1) }
        }
    }

    /// Refines the most promising starts.
    mutating func refine() {
        let starts = starts
        for start in starts {
            var choice = start.choice
            var reached = Double.infinity
            for _ in 0..<8 where bestError > 0 {
                choice.scale = codec.nearest(choice.scale)
                let scale = choice.scale * unit
                guard scale != 0, scale.isFinite else { break }
                var fit = halftone_fit()
                unsafe halftone_packed_fit(
                    Processor.features, values, Int64(count), unit, scale, choice.zero,
                    Float(format.maximumCode), &fit)
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
}
