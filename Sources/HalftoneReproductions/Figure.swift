import Foundation

/// A measured number with one value per seed.
public struct Figure: Sendable, Equatable, Codable {
    /// What was measured, in a few words: `TIES`, `the mean of the models`.
    public let label: String

    /// One value per seed, in the order of the seeds; never empty.
    public let values: [Double]

    /// The unit, or what the number is: `accuracy`, `nats`, `bytes`.
    public let unit: String

    /// Digits after the point when it is printed.
    public let digits: Int

    /// Names values.
    public init(_ label: String, _ values: [Double], unit: String, digits: Int = 3) {
        precondition(!values.isEmpty, "\(label): a figure has a value")
        self.label = label
        self.values = values
        self.unit = unit
        self.digits = digits
    }

    /// The mean over seeds.
    public var mean: Double { values.reduce(0, +) / Double(values.count) }

    /// The standard deviation over seeds, with n − 1; 0 for one seed.
    public var deviation: Double {
        guard values.count > 1 else { return 0 }
        let mean = mean
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(values.count - 1)).squareRoot()
    }

    /// The value, or `mean ± standard deviation` over seeds.
    public var text: String {
        let mean = Self.decimal(mean, digits)
        return values.count > 1 ? "\(mean) ± \(Self.decimal(deviation, digits))" : mean
    }

    private static func decimal(_ value: Double, _ digits: Int) -> String {
        String(format: "%.\(digits)f", value)
    }
}

extension Figure {
    /// How far this figure is surely above another, seed by seed.
    ///
    /// The lower end of the one-sided 95 % interval of the mean difference between figures of the
    /// same seeds, by Student's t: with three seeds the mean less 1.69 standard deviations of the
    /// differences. For one seed it is −∞, since nothing is known of the noise.
    public func lead(over other: Figure) -> Double {
        precondition(values.count == other.values.count, "figures of the same seeds")
        let differences = Figure("", zip(values, other.values).map { $0 - $1 }, unit: unit)
        return differences.lowerBound
    }

    /// The lower end of the one-sided 95 % interval of the mean; −∞ for one seed.
    public var lowerBound: Double {
        guard values.count > 1 else { return -.infinity }
        return mean - Self.student95(values.count - 1) * deviation
            / Double(values.count).squareRoot()
    }

    /// The 95 % quantile of Student's t distribution.
    ///
    /// Source: M. Abramowitz and I. Stegun, "Handbook of Mathematical Functions", table 26.10.
    private static func student95(_ freedom: Int) -> Double {
        let quantiles = [6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833]
        return freedom <= quantiles.count ? quantiles[freedom - 1] : 1.813
    }
}
