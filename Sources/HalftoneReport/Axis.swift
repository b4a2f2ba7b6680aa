import Foundation

/// One axis of a chart.
public struct Axis: Sendable, Equatable {
    /// How values become positions.
    public enum Scale: Sendable, Equatable {
        /// Equal differences are equal lengths.
        case linear
        /// Equal ratios are equal lengths; values that are not positive are left out.
        case logarithmic
    }

    /// What is measured, with its unit: `time, s`.
    public var title: String
    /// How values become positions.
    public var scale: Scale
    /// The least values to show; nil takes it from the data.
    public var range: ClosedRange<Double>?
    /// Whether zero belongs to a linear axis in any case.
    public var includesZero: Bool

    /// Describes an axis.
    public init(
        _ title: String, scale: Scale = .linear, range: ClosedRange<Double>? = nil,
        includesZero: Bool = false
    ) {
        self.title = title
        self.scale = scale
        self.range = range
        self.includesZero = includesZero
    }
}

/// An axis with its ends and ticks chosen: maps values to 0...1.
struct AxisLayout: Equatable {
    var scale: Axis.Scale
    /// The ends in values.
    var lower: Double
    var upper: Double
    var ticks: [Double]

    /// Chooses ends and ticks.
    ///
    /// - Parameters:
    ///   - values: Those to be shown; what is not finite, and on a logarithmic axis not positive,
    ///     does not count.
    ///   - count: About how many ticks there is room for.
    init(_ axis: Axis, values: some Sequence<Double>, count: Int) {
        let isLog = axis.scale == .logarithmic
        var (low, high) = (Double.infinity, -Double.infinity)
        for value in values where value.isFinite && (!isLog || value > 0) {
            low = min(low, value)
            high = max(high, value)
        }
        if let range = axis.range, range.lowerBound.isFinite, range.upperBound.isFinite,
            !isLog || range.lowerBound > 0
        {
            (low, high) = (range.lowerBound, range.upperBound)
        }
        if low > high { (low, high) = isLog ? (1, 10) : (0, 1) }
        if axis.includesZero, !isLog { (low, high) = (min(low, 0), max(high, 0)) }
        // Positions are computed from differences, which must not overflow.
        (low, high) = (min(max(low, -1e300), 1e300), min(max(high, -1e300), 1e300))
        if isLog {
            self.init(logarithmicFrom: max(low, 1e-300), to: max(high, 1e-300), count: count)
        } else {
            self.init(linearFrom: low, to: high, count: count)
        }
    }

    private init(linearFrom low: Double, to high: Double, count: Int) {
        scale = .linear
        var (low, high) = (low, high)
        if high - low <= abs(high) * 1e-12 {
            let half = low == 0 ? 0.5 : abs(low) * 0.1
            (low, high) = (low - half, high + half)
        }
        let step = Self.niceStep((high - low) / Double(max(1, count)))
        let first = (low / step + 1e-9).rounded(.down)
        let last = (high / step - 1e-9).rounded(.up)
        lower = first * step
        upper = last * step
        ticks = (0...Int(last - first)).map { index in
            // Decimal fractions without the error of a product: 0.3, not 0.30000000000000004.
            let value = (first + Double(index)) * step
            let digits = max(0, 1 - Int(log10(step).rounded(.down)))
            let power = pow(10, Double(digits))
            return digits < 300 && power.isFinite && abs(value) * power < 1e15
                ? (value * power).rounded() / power + 0 : value
        }
    }

    private init(logarithmicFrom low: Double, to high: Double, count: Int) {
        scale = .logarithmic
        var (low, high) = (low, high)
        if high / low < 1.0001 { (low, high) = (low / 2, high * 2) }
        let span = log10(high / low)
        let first = Int((log10(low) + 1e-9).rounded(.down))
        let last = Int((log10(high) - 1e-9).rounded(.up))
        let mantissas: [Double] =
            span < 1.2 ? [1, 1.5, 2, 3, 4, 5, 6, 8] : span <= 3 ? [1, 2, 5] : [1]
        let stride = max(1, Int((Double(last - first) / Double(max(1, count))).rounded(.up)))
        func multiple(_ exponent: Int, _ rule: FloatingPointRoundingRule) -> Int {
            Int((Double(exponent) / Double(stride)).rounded(rule)) * stride
        }
        let exponents = Swift.stride(
            from: multiple(first, .down), through: max(first, multiple(last, .up)),
            by: mantissas.count > 1 ? 1 : stride)
        let all = exponents.flatMap { exponent in
            mantissas.map { $0 * pow(10, Double(exponent)) }
        }
        // Ends at the ticks around the data.
        let below = all.last { $0 <= low * (1 + 1e-9) } ?? low
        let above = all.first { $0 >= high * (1 - 1e-9) } ?? high
        lower = below
        upper = max(above, below * 1.0001)
        ticks = all.filter { $0 >= below * (1 - 1e-9) && $0 <= above * (1 + 1e-9) }
    }

    /// The step of 1, 2, 2.5 or 5 times a power of ten that is nearest above.
    static func niceStep(_ rough: Double) -> Double {
        guard rough > 0, rough.isFinite else { return 1 }
        let power = pow(10, log10(rough).rounded(.down))
        let factor = [1, 2, 2.5, 5].first { rough <= $0 * power * (1 + 1e-9) } ?? 10
        return factor * power
    }

    /// Where a value lies, 0 at the lower end and 1 at the upper, or nil when it has no place.
    func position(_ value: Double) -> Double? {
        guard value.isFinite else { return nil }
        switch scale {
        case .linear: return (value - lower) / (upper - lower)
        case .logarithmic:
            guard value > 0 else { return nil }
            return log(value / lower) / log(upper / lower)
        }
    }

    /// The ticks in words, all with as many decimals as the finest one needs.
    var labels: [String] {
        guard scale == .linear, ticks.count > 1 else { return ticks.map(NumberText.short) }
        let largest = ticks.map(abs).max() ?? 0
        let step = ticks[1] - ticks[0]
        guard largest < 1e6, step >= 1e-4 else { return ticks.map(NumberText.short) }
        let decimals = (0...5).first { digits in
            let power = pow(10, Double(digits))
            return ticks.allSatisfy { abs(($0 * power).rounded() / power - $0) < step * 1e-3 }
        }
        return ticks.map { NumberText.fixed($0, decimals: decimals ?? 5) }
    }
}
