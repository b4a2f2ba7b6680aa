import Foundation
import HalftoneFormats
import HalftoneQuantization
import HalftoneTensor
import Testing

/// Normal numbers, by the method of Box and Muller.
private func normals(_ count: Int, seed: UInt64) -> [Float] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count / 2).flatMap { _ -> [Float] in
        let radius = (-2 * log(1 - Double.random(in: 0..<1, using: &generator))).squareRoot()
        let angle = Double.random(in: 0..<2 * Double.pi, using: &generator)
        return [Float(radius * cos(angle)), Float(radius * sin(angle))]
    }
}

/// Evenly spaced levels on both sides of zero, none of them zero.
private func midRise(_ count: Int) -> NumberFormat {
    NumberFormat(
        .codebook(
            Codebook("uniform", values: (0..<count).map { Float($0) - Float(count - 1) / 2 })))
}

private let samples = normals(1_000_000, seed: 11)

/// The mean squared error of encoding and decoding the samples, with its standard error.
private func measured(_ format: NumberFormat, scale: Double) -> (mean: Double, deviation: Double) {
    var sum = 0.0
    var squares = 0.0
    let unit = Float(scale)
    for x in samples {
        let y = unit * format.value(of: format.code(of: x / unit))
        let error = Double(x - y) * Double(x - y)
        sum += error
        squares += error * error
    }
    let count = Double(samples.count)
    let mean = sum / count
    return (mean, ((squares / count - mean * mean) / count).squareRoot())
}

@Suite("Errors of formats on known sources")
struct NumberSourceTests {
    /// The published figures.
    ///
    /// J. Max, "Quantizing for Minimum Distortion", IRE Transactions on Information Theory 6
    /// (1960), tables I and II: mean squared errors of the best levels and of the best evenly
    /// spaced ones. For 64 and 256 levels N. Jayant and P. Noll, "Digital Coding of Waveforms"
    /// (1984), tables 4.1 and 4.3, give decibels, whose two decimals are 0.12 %.
    @Test(
        "the best levels and steps have the published errors",
        arguments: [
            (2, 0.3634, 0.3634), (4, 0.1175, 0.1188), (8, 0.03454, 0.03744),
            (16, 0.009497, 0.01154), (32, 0.002499, 0.003495),
            (64, pow(10, -3.189), pow(10, -2.983)), (256, nil, pow(10, -4.034)),
        ] as [(Int, Double?, Double)])
    func errorsArePublishedOnes(count: Int, best: Double?, uniform: Double) throws {
        let even = try #require(NumberSource.normal.bestScale(of: midRise(count)))
        #expect((even.squaredError / uniform - 1).magnitude < 0.01, "\(even)")
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
            let (mean, deviation) = measured(format, scale: scale)
            // One per cent, and the standard error shows that a million samples can tell it.
            #expect((mean / error - 1).magnitude < 0.01, "\(format): \(mean), not \(error)")
            #expect(5 * deviation < 0.02 * error)
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
            for factor in [0.5, 0.9, 0.999, 1.001, 1.1, 2, 4] {
                let levels = format.levels.map { Double($0) * scale * factor }
                #expect(source.squaredError(levels: levels) >= error * (1 - 1e-9), "\(factor)")
            }
            // The bound of Shannon for a normal source: bits · 6.02 dB.
            if source == .normal {
                #expect(error > 1 / Double(format.values.count * format.values.count))
            }
        }
    }
}
