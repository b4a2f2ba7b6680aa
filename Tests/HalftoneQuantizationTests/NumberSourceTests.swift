import Foundation
import HalftoneFormats
import HalftoneQuantization
import HalftoneTensor
import Testing

/// Evenly spaced levels on both sides of zero, none of them zero.
private func midRise(_ count: Int) -> NumberFormat {
    NumberFormat(
        .codebook(
            Codebook("uniform", values: (0..<count).map { Float($0) - Float(count - 1) / 2 })))
}

/// A normal number from each of a million intervals of equal probability.
///
/// Only the two outermost intervals are wider than a cell of a format, and with 10⁻⁶ of the
/// numbers each they hold less than 0.3 % of the error, even at 8 bits.
private let samples: [Float] = {
    var generator = SeededGenerator(seed: 11)
    let count = 1_000_000
    return (0..<count).map {
        let place = Double.random(in: 0x1p-53..<1, using: &generator)
        return Float(NumberSource.normal.quantile((Double($0) + place) / Double(count)))
    }
}()

/// The mean squared error of encoding and decoding the samples.
private func measured(_ format: NumberFormat, scale: Double) -> Double {
    let unit = Float(scale)
    let sum = samples.reduce(0.0) { sum, x in
        let y = Double(scale) * Double(format.value(of: format.code(of: x / unit)))
        return sum + (Double(x) - y) * (Double(x) - y)
    }
    return sum / Double(samples.count)
}

/// The least mean squared errors of a normal source, computed without ``NumberSource``.
///
/// The density is cut into equal pieces from −6.5 to 6.5, each a point of its mass (Simpson's rule).
/// That leaves out the spread inside a piece, `h² / 12` with h = 4·10⁻⁴, which is added: of the
/// least error here, 4·10⁻⁵ at 8 bits, it is 0.03 %. Beyond the ends lies 10⁻¹⁰ of the mass.
private struct TheoreticalErrors {
    /// With the best of all levels.
    ///
    /// Sources of the question: S. Lloyd (1957) and J. Max, "Quantizing for Minimum Distortion",
    /// IRE Transactions on Information Theory 6 (1960).
    let best: Double
    /// With the best of evenly spaced levels.
    let uniform: Double

    private static let pieces = 32_768
    private static let width = 13.0 / Double(pieces)

    init(levels: Int) {
        let (pieces, width) = (Self.pieces, Self.width)
        func density(_ x: Double) -> Double { exp(-x * x / 2) / (2 * Double.pi).squareRoot() }
        let points = (0..<pieces).map { (Double($0) + 0.5) * width - 6.5 }
        let masses = points.map {
            (density($0 - width / 2) + 4 * density($0) + density($0 + width / 2)) * width / 6
        }
        // Sums of 1, x and x² over the pieces before each.
        var sums = [(0.0, 0.0, 0.0)]
        for (x, mass) in zip(points, masses) {
            let last = sums[sums.count - 1]
            sums.append((last.0 + mass, last.1 + mass * x, last.2 + mass * x * x))
        }
        func cell(_ from: Int, _ to: Int) -> Double {
            let mass = sums[to].0 - sums[from].0
            let first = sums[to].1 - sums[from].1
            return mass > 0 ? sums[to].2 - sums[from].2 - first * first / mass : 0
        }
        // The best division of the first pieces into one cell more, by where its last cell begins:
        // that place never goes back as pieces are added (X. Wu, 1991), so halves are solved
        // between their neighbours.
        var least = (0...pieces).map { cell(0, $0) }
        for _ in 1..<levels {
            var next = least
            var ranges = [(1, pieces, 0, pieces)]
            while let (low, high, first, last) = ranges.popLast() {
                guard low <= high else { continue }
                let middle = (low + high) / 2
                var (error, place) = (Double.infinity, first)
                for start in first...min(last, middle - 1) {
                    let trial = least[start] + cell(start, middle)
                    if trial < error { (error, place) = (trial, start) }
                }
                next[middle] = error
                ranges.append((low, middle - 1, first, place))
                ranges.append((middle + 1, high, place, last))
            }
            least = next
        }
        let spread = width * width / 12
        best = least[pieces] + spread
        func error(_ step: Double) -> Double {
            zip(points, masses).reduce(spread) {
                let half = Double(levels) / 2
                let cell = min(max(($1.0 / step).rounded(.down), -half), half - 1)
                let distance = $1.0 - (cell + 0.5) * step
                return $0 + $1.1 * distance * distance
            }
        }
        // Steps of a fifth of a percent around the best, after steps of ten.
        var step =
            (0..<60).map { 4.0 / Double(levels) * pow(1.1, Double($0) - 20) }
            .min { error($0) < error($1) } ?? 1
        step = (-60...60).map { step * pow(1.002, Double($0)) }.min { error($0) < error($1) } ?? 1
        uniform = error(step)
    }
}

@Suite("Errors of formats on known sources")
struct NumberSourceTests {
    /// Theory from scratch: the best levels by dynamic programming, the best even ones by trying
    /// steps, both on a density cut into 32,768 equal pieces (``TheoreticalErrors``).
    @Test(
        "the best levels and steps have the errors of another computation",
        arguments: [1, 2, 3, 4, 5, 6, 8])
    func errorsAreThoseOfTheory(bits: Int) throws {
        let theory = TheoreticalErrors(levels: 1 << bits)
        let even = try #require(NumberSource.normal.bestScale(of: midRise(1 << bits)))
        #expect((even.squaredError / theory.uniform - 1).magnitude < 0.001, "\(even)")
        let error = NumberSource.normal.squaredError(
            levels: NumberSource.normal.bestLevels(count: 1 << bits))
        #expect((error / theory.best - 1).magnitude < 0.001, "\(error), not \(theory.best)")
        // P. Panter and W. Dite, "Quantization Distortion in Pulse-Count Modulation with
        // Nonuniform Spacing of Levels" (1951): √3π / 2 · N⁻² for many levels, less for few.
        let square = Double(1 << (2 * bits))
        let asymptote = 3.0.squareRoot() * Double.pi / 2 / square
        #expect(error < asymptote && (bits < 8 || error > 0.99 * asymptote))
        // Rate-distortion: no code of log₂ N bits is below N⁻².
        #expect(error > 1 / square)
    }

    @Test("encoders reach what theory says", arguments: [2, 3, 4, 6, 8])
    func measuredErrorsFollowTheory(bits: Int) throws {
        let theory = TheoreticalErrors(levels: 1 << bits)
        let lloydMax = NumberFormat(.codebook(.leastError(bits: bits, for: .normal)))
        for (format, expected) in [
            (midRise(1 << bits), theory.uniform), (lloydMax, theory.best),
            (NumberFormat.int(bits), NumberSource.normal.bestScale(of: .int(bits))?.squaredError),
        ] {
            let (scale, _) = try #require(NumberSource.normal.bestScale(of: format))
            let mean = measured(format, scale: scale)
            let error = try #require(expected)
            #expect((mean / error - 1).magnitude < 0.01, "\(format): \(mean), not \(error)")
        }
    }

    @Test("partial moments are the integrals of the density", arguments: NumberSource.allCases)
    func momentsAreIntegrals(source: NumberSource) {
        // Simpson's rule with steps of 10⁻³: its error is below 10⁻¹² of the fourth derivative.
        func density(_ x: Double) -> Double {
            switch source {
            case .normal: exp(-x * x / 2) / (2 * Double.pi).squareRoot()
            case .heavyTailed: 0.375 * 2.0.squareRoot() * pow(1 + x * x / 2, -2.5)
            }
        }
        for end in [-1.5, 0.25, 3.0] {
            let start = -4.0
            let steps = Int((end - start) / 0.001)
            var sums = (0.0, 0.0, 0.0)
            for index in 0...steps {
                let x = start + Double(index) * 0.001
                let isEnd = index == 0 || index == steps
                let weight = (isEnd ? 1.0 : index.isMultiple(of: 2) ? 2 : 4) * 0.001 / 3
                sums.0 += weight * density(x)
                sums.1 += weight * density(x) * x
                sums.2 += weight * density(x) * x * x
            }
            let (low, high) = (source.moments(below: start), source.moments(below: end))
            #expect((high.mass - low.mass - sums.0).magnitude < 1e-10)
            #expect((high.first - low.first - sums.1).magnitude < 1e-10)
            #expect((high.second - low.second - sums.2).magnitude < 1e-10)
        }
        let all = source.moments(below: .infinity)
        #expect(all.mass == 1 && all.first == 0 && all.second == 1)
        #expect((source.moments(below: source.quantile(0.9)).mass - 0.9).magnitude < 1e-14)
    }

    @Test("no scale beside the best one is better", arguments: NumberFormat.known)
    func bestScaleIsBest(format: NumberFormat) {
        for source in NumberSource.allCases {
            guard let (scale, error) = source.bestScale(of: format) else {
                #expect(format.range.lowerBound >= 0)
                continue
            }
            // By powers of two the error of floats differs in the share of the subnormals alone, which
            // the end of the grid cuts off at 10⁻⁵ of it; the grid may miss as much between its points.
            for factor in [0.5, 0.9, 0.999, 1.001, 1.1, 2, 4] {
                let levels = format.levels.map { Double($0) * scale * factor }
                #expect(source.squaredError(levels: levels) >= error * (1 - 1e-4), "\(factor)")
            }
            // The bound of Shannon for a normal source: bits · 6.02 dB.
            if source == .normal {
                #expect(error > 1 / Double(format.values.count * format.values.count))
            }
        }
    }
}
