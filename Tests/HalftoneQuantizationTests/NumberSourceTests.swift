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

@Suite("Errors of formats on known sources")
struct NumberSourceTests {
    /// The published figures.
    ///
    /// J. Max, "Quantizing for Minimum Distortion", IRE Transactions on Information Theory 6
    /// (1960), tables I and II: mean squared errors of the best levels and of the best evenly
    /// spaced ones. For 64 levels N. Jayant and P. Noll, "Digital Coding of Waveforms"
    /// (1984), give decibels, whose two decimals are 0.12 %.
    @Test(
        "the best levels and steps have the published errors",
        arguments: [
            (2, 0.3634, 0.3634), (4, 0.1175, 0.1188), (8, 0.03454, 0.03744),
            (16, 0.009497, 0.01154), (32, 0.002499, 0.003495),
            (64, pow(10, -3.189), pow(10, -2.983)), (256, nil, nil),
        ] as [(Int, Double?, Double?)])
    func errorsArePublishedOnes(count: Int, best: Double?, uniform: Double?) throws {
        let even = try #require(NumberSource.normal.bestScale(of: midRise(count)))
        if let uniform { #expect((even.squaredError / uniform - 1).magnitude < 0.01, "\(even)") }
        let levels = NumberSource.normal.bestLevels(count: count)
        let error = NumberSource.normal.squaredError(levels: levels)
        if let best { #expect((error / best - 1).magnitude < 0.01, "\(error)") }
        // P. Panter and W. Dite, "Quantization Distortion in Pulse-Count Modulation with
        // Nonuniform Spacing of Levels" (1951): √3π / 2 · N⁻² for many levels, less for few.
        let asymptote = 3.0.squareRoot() * Double.pi / 2 / Double(count * count)
        #expect(error < asymptote && (count < 256 || error > 0.99 * asymptote))
        // Rate-distortion: no code of log₂ N bits is below N⁻².
        #expect(error > 1 / Double(count * count))
    }

    @Test("encoders reach what theory says", arguments: [2, 3, 4, 6, 8])
    func measuredErrorsFollowTheory(bits: Int) throws {
        let formats = [
            NumberFormat.int(bits), midRise(1 << bits),
            NumberFormat(.codebook(.leastError(bits: bits, for: .normal))),
        ]
        for format in formats {
            let (scale, error) = try #require(NumberSource.normal.bestScale(of: format))
            let mean = measured(format, scale: scale)
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
