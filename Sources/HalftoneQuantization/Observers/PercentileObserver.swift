import HalftoneTensor

/// The range that holds a share of all numbers seen, the same tail cut off at both ends.
///
/// Counts numbers in 4096 bins around zero. When one lies outside, the bins are made twice as
/// wide, as often as needed, and pairs of counts are merged; so memory is fixed, numbers come in
/// any order and number, and an end is off by at most a bin, 2⁻¹⁰ of the largest magnitude.
public struct PercentileObserver: Observer {
    /// Whether further numbers are ignored.
    public var isFrozen = false

    /// The share of the numbers that the range holds, above 0, up to 1.
    public var share: Double

    private var counts = [Int](repeating: 0, count: 4096)
    /// Half of what all bins span; 0 before a number other than 0 was seen.
    private var reach: Float = 0
    private var total = 0
    private var extremes: ClosedRange<Float>?

    /// Creates an observer that has seen nothing.
    public init(share: Double = 0.9999) { self.share = share }

    /// Counts numbers; NaN and infinities are a mistake of the caller.
    public mutating func update(_ x: Tensor) {
        let numbers = x.stopGradient()
        let (low, high) = (numbers.min().item, numbers.max().item)
        extremes =
            min(extremes?.lowerBound ?? low, low)...max(extremes?.upperBound ?? high, high)
        let largest = max(-low, high)
        precondition(largest.isFinite, "an infinite number has no place in a histogram")
        grow(to: largest)
        let middle = Float(counts.count / 2)
        let scale = reach == 0 ? 0 : middle / reach
        for number in numbers.elements {
            counts[min(max(Int(number * scale + middle), 0), counts.count - 1)] += 1
        }
        total += numbers.count
    }

    /// The range so far; nil before anything was seen.
    public var range: ClosedRange<Float>? {
        guard let extremes, total > 0 else { return nil }
        let tail = Int(Double(total) * (1 - share) / 2)
        let width = reach / Float(counts.count / 2)
        let low = -reach + width * Float(bin(counts, leaving: tail))
        let high = reach - width * Float(bin(counts.reversed(), leaving: tail))
        let start = max(low, extremes.lowerBound)
        return start...max(start, min(high, extremes.upperBound))
    }

    /// Bins from an end that can be left out with at most `tail` numbers in them.
    private func bin(_ counts: some Sequence<Int>, leaving tail: Int) -> Int {
        var seen = 0
        for (bin, count) in counts.enumerated() {
            seen += count
            if seen > tail { return bin }
        }
        return 0
    }

    private mutating func grow(to largest: Float) {
        guard largest > reach else { return }
        if reach == 0 {
            // What was seen so far are zeros, which lie in the middle whatever the width.
            reach = largest
            return
        }
        while reach < largest {
            var merged = [Int](repeating: 0, count: counts.count)
            for (bin, count) in counts.enumerated() { merged[counts.count / 4 + bin / 2] += count }
            counts = merged
            reach *= 2
        }
    }
}
