import Foundation
import HalftoneFormats

/// A distribution of numbers with mean 0 and variance 1, whose partial moments are known exactly.
public enum NumberSource: String, Sendable, Hashable, CaseIterable {
    /// The normal distribution.
    case normal
    /// Student's t distribution with 4 degrees of freedom, scaled to variance 1: heavy tails, with
    /// an infinite fourth moment.
    case heavyTailed = "heavy-tailed"

    /// The integrals of 1, x and x² over the density from −∞ to a point.
    ///
    /// Normal: `Φ(x)`, `−φ(x)`, `Φ(x) − x·φ(x)`. Heavy-tailed, with `s = t / √(4 + t²)` and
    /// `c² = 1 − s²` at `t = √2·x`: `½ + ¾(s − s³/3)`, `−½c³ / √2`, `½(1 + s³)`.
    public func moments(below x: Double) -> (mass: Double, first: Double, second: Double) {
        switch self {
        case .normal:
            let mass = 0.5 * erfc(-x / 2.0.squareRoot())
            guard x.isFinite else { return (mass, 0, mass) }
            let density = exp(-x * x / 2) / (2 * Double.pi).squareRoot()
            return (mass, -density, mass - x * density)
        case .heavyTailed:
            guard x.isFinite else { return x < 0 ? (0, 0, 0) : (1, 0, 1) }
            let t = x * 2.0.squareRoot()
            let s = t / (4 + t * t).squareRoot()
            let c = 2 / (4 + t * t).squareRoot()
            return (
                0.5 + 0.75 * (s - s * s * s / 3), -0.5 * c * c * c / 2.0.squareRoot(),
                0.5 * (1 + s * s * s)
            )
        }
    }

    /// The point below which a share of the numbers lies, by bisection to the last bit.
    ///
    /// - Parameter share: Above 0 and below 1.
    public func quantile(_ share: Double) -> Double {
        var (low, high) = (-1e6, 1e6)
        while true {
            let middle = (low + high) / 2
            if middle <= low || middle >= high { return middle }
            if moments(below: middle).mass < share { low = middle } else { high = middle }
        }
    }

    /// The mean squared error of rounding a number of this source to the nearest of some levels.
    ///
    /// The sum over the cells between the middles of neighbours of `∫(x − level)²`, from the
    /// partial moments: exact but for rounding in Double, about 10⁻¹⁵.
    ///
    /// - Parameter levels: Ascending, at least one.
    public func squaredError(levels: [Double]) -> Double {
        var below = moments(below: -.infinity)
        var error = 0.0
        for (index, level) in levels.enumerated() {
            let end = index + 1 < levels.count ? (level + levels[index + 1]) / 2 : .infinity
            let above = moments(below: end)
            error += above.second - below.second - 2 * level * (above.first - below.first)
            error += level * level * (above.mass - below.mass)
            below = above
        }
        return error
    }

    /// The scale of a format with the least mean squared error on this source, and that error.
    ///
    /// A grid of 400 scales, 2.5 % apart, places the largest level between 0.5 and 10⁴ standard
    /// deviations; a golden-section search refines the best of them.
    ///
    /// - Returns: nil for a format without both signs.
    public func bestScale(of format: NumberFormat) -> (scale: Double, squaredError: Double)? {
        guard format.range.lowerBound < 0, format.range.upperBound > 0 else { return nil }
        let levels = format.levels.map(Double.init)
        let largest = max(-levels[0], levels[levels.count - 1])
        func error(_ scale: Double) -> Double { squaredError(levels: levels.map { scale * $0 }) }
        let scales = (0..<402).map { 0.5 / largest * pow(1.025, Double($0)) }
        let errors = scales.map(error)
        let best = (1..<401).min { errors[$0] < errors[$1] } ?? 1
        let refined = Self.minimum(of: error, between: scales[best - 1], and: scales[best + 1])
        return error(refined) < errors[best]
            ? (refined, error(refined)) : (scales[best], errors[best])
    }

    /// How far from 0 the outermost of evenly spaced levels around 0 are where the mean squared
    /// error is least.
    ///
    /// - Parameter levels: 2 to 256; the source is to be the normal distribution, whose error has
    ///   one minimum.
    func bestReach(levels count: Int) -> Double {
        let places = (0..<count).map { 2 * Double($0) / Double(count - 1) - 1 }
        return Self.minimum(
            of: { reach in squaredError(levels: places.map { reach * $0 }) },
            between: 0.5, and: 6)
    }

    /// Where a function with one minimum has it, by golden section.
    private static func minimum(
        of function: (Double) -> Double, between low: Double, and high: Double
    ) -> Double {
        var (low, high) = (low, high)
        let golden = (5.0.squareRoot() - 1) / 2
        while high - low > 1e-9 * high {
            let first = high - golden * (high - low)
            let second = low + golden * (high - low)
            if function(first) < function(second) { high = second } else { low = first }
        }
        return (low + high) / 2
    }

    /// The levels with the least mean squared error on this source.
    ///
    /// From levels spread as the density to the power of ⅓ asks (P. Panter and W. Dite, 1951), or
    /// quantiles where that is not known, levels and cells take turns: each level becomes the mean
    /// of its cell (J. Max, "Quantizing for Minimum Distortion", 1960; S. Lloyd, 1982), until the
    /// error falls by less than 10⁻⁹ of itself.
    ///
    /// - Parameter count: 1 to 256.
    public func bestLevels(count: Int) -> [Double] {
        precondition((1...256).contains(count), "there are 1 to 256 levels")
        // The third root of the normal density is a normal density √3 times as wide.
        let spread = self == .normal ? 3.0.squareRoot() : 1
        var levels = (0..<count).map { spread * quantile((Double($0) + 0.5) / Double(count)) }
        var error = squaredError(levels: levels)
        while true {
            var below = moments(below: -.infinity)
            for index in levels.indices {
                let isLast = index + 1 == levels.count
                let end = isLast ? .infinity : (levels[index] + levels[index + 1]) / 2
                let above = moments(below: end)
                levels[index] = (above.first - below.first) / (above.mass - below.mass)
                below = above
            }
            let next = squaredError(levels: levels)
            guard next < error * (1 - 1e-9) else { return levels }
            error = next
        }
    }
}

extension Codebook {
    /// The codebook with the least mean squared error on a source, scaled to a largest level of 1.
    ///
    /// - Parameters:
    ///   - bits: 1 to 8.
    ///   - source: What numbers to expect.
    public static func leastError(bits: Int, for source: NumberSource) -> Self {
        let levels = source.bestLevels(count: 1 << bits)
        let largest = levels.map(\.magnitude).max() ?? 1
        return Self("\(source.rawValue)\(bits)", values: levels.map { Float($0 / largest) })
    }
}
