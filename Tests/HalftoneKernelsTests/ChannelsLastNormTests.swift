import HalftoneKernels
import HalftoneTesting
import Testing

/// Batch norm by its definition in Double, one channel after another.
private struct Reference {
    var values: [Double]
    var means: [Double]
    var variances: [Double]
    var gradient: [Double]
    var addend: [Double]
    var gains: [Double]
    var biases: [Double]

    /// - Parameter passed: What came out of the rectifier, if there is one: it decides where a
    ///   number is too near to 0 to tell.
    init(_ example: Example, passed: FloatArray?) {
        let (rows, channels) = (example.rows, example.channels)
        values = .init(repeating: 0, count: rows * channels)
        (gradient, addend) = (values, values)
        means = .init(repeating: 0, count: channels)
        (variances, gains, biases) = (means, means, means)
        let number = Double(rows)
        for channel in 0..<channels {
            let places = (0..<rows).map { $0 * channels + channel }
            let x = places.map { Double(example.x[$0]) }
            let mean = x.reduce(0, +) / number
            let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / number
            let factor = 1 / (variance + example.epsilon).squareRoot()
            let n = x.map { ($0 - mean) * factor }
            let gain = Double(example.gain[channel])
            var g = places.map { Double(example.upstream[$0]) }
            for (row, place) in places.enumerated() {
                var y = n[row] * gain + Double(example.bias[channel])
                if let other = example.other { y += Double(other[place]) }
                if let passed {
                    y = max(y, 0)
                    if passed[place] <= 0 { g[row] = 0 }
                }
                values[place] = y
                addend[place] = g[row]
            }
            (means[channel], variances[channel]) = (mean, variance)
            biases[channel] = g.reduce(0, +)
            gains[channel] = zip(g, n).reduce(0) { $0 + $1.0 * $1.1 }
            for (row, place) in places.enumerated() {
                gradient[place] =
                    factor * gain
                    * (g[row] - biases[channel] / number - n[row] * gains[channel] / number)
            }
        }
    }
}

private struct Example {
    let rows: Int
    let channels: Int
    let epsilon = 1e-5
    var x: FloatArray
    var upstream: FloatArray
    var gain: FloatArray
    var bias: FloatArray
    var other: FloatArray?

    /// Channels of several means.
    init(rows: Int, channels: Int, hasOther: Bool) {
        (self.rows, self.channels) = (rows, channels)
        let (count, seed) = (rows * channels, UInt64(rows * 1000 + channels))
        x = FloatArray(
            seededValues(count, seed: seed).enumerated().map {
                $1 + Float($0 % channels % 5) - 2
            })
        upstream = FloatArray(seededValues(count, seed: seed + 1))
        gain = FloatArray(seededValues(channels, seed: seed + 2).map { 1 + $0 / 2 })
        bias = FloatArray(seededValues(channels, seed: seed + 3).map { $0 / 2 })
        other = hasOther ? FloatArray(seededValues(count, seed: seed + 4)) : nil
    }
}

/// Everything that a norm gives.
private struct Results: Equatable {
    var values: FloatArray
    var means: FloatArray
    var variances: FloatArray
    var gradient: FloatArray
    var addend: FloatArray?
    var gains: FloatArray
    var biases: FloatArray

    init(_ example: Example, rectifies: Bool, features: UInt32, threads: Int = 2) {
        let norm = ChannelsLastNorm(
            rows: example.rows, channels: example.channels, rectifies: rectifies,
            features: features)
        let pool = WorkerPool(threads: threads)
        self = WorkerPool.$current.withValue(pool) { Self(norm, example, rectifies) }
    }

    private init(_ norm: ChannelsLastNorm, _ example: Example, _ rectifies: Bool) {
        (means, variances) = norm.statistics(example.x)
        let parameters = ChannelsLastNorm.Parameters(
            means: means,
            factors: FloatArray(variances.map { 1 / ($0 + Float(example.epsilon)).squareRoot() }),
            gains: example.gain, biases: example.bias)
        values = norm(example.x, parameters, adding: example.other)
        gradient = example.upstream
        let keeps = example.other != nil && rectifies
        let sums = norm.pullback(
            &gradient, example.x, parameters, result: keeps ? values : nil)
        (gains, biases, addend) = (sums.gain, sums.bias, sums.addend)
    }
}

@Suite struct ChannelsLastNormTests {
    private static let shapes = [
        (1, 1), (2, 7), (63, 16), (64, 17), (65, 32), (130, 33), (4097, 16), (9001, 40),
    ]

    /// Sums of 64 rows in float32, two running sums at most 64 long, and a dozen roundings: 76
    /// half units of the largest term, which for the rest is at most 4.
    @Test(arguments: shapes, [true, false])
    func agreesWithItsDefinition(shape: (rows: Int, channels: Int), rectifies: Bool) {
        for hasOther in [false, true] {
            let example = Example(
                rows: shape.rows, channels: shape.channels, hasOther: hasOther)
            let found = Results(example, rectifies: rectifies, features: Processor.features)
            let expected = Reference(example, passed: rectifies ? found.values : nil)
            let unit = 76 * 0x1p-24
            // With one row the variance is 0 and the factor 1/√ε multiplies what was rounded.
            let scale = shape.rows < 3 ? 1 / example.epsilon.squareRoot() : 4
            let sums = unit * 4 * Double(shape.rows)
            let failures =
                checkClose(found.means.array, expected.means, within: unit * 4, "means")
                + checkClose(
                    found.variances.array, expected.variances, within: unit * 2, "variances")
                + checkClose(
                    found.values.array, expected.values, within: unit * scale, "values")
                + checkClose(found.gains.array, expected.gains, within: sums, "gains")
                + checkClose(found.biases.array, expected.biases, within: sums, "biases")
                + checkClose(
                    found.gradient.array, expected.gradient, within: unit * scale * scale,
                    "gradient")
            #expect(failures == [], "\(shape), rectifies: \(rectifies), other: \(hasOther)")
            #expect((found.addend != nil) == (hasOther && rectifies))
            if let addend = found.addend {
                #expect(checkClose(addend.array, expected.addend, within: 0) == [])
            }
        }
    }

    @Test(arguments: shapes)
    func instructionsAndThreadsChangeNoBit(shape: (rows: Int, channels: Int)) {
        for (hasOther, rectifies) in [(false, false), (false, true), (true, true)] {
            let example = Example(
                rows: shape.rows, channels: shape.channels, hasOther: hasOther)
            let first = Results(example, rectifies: rectifies, features: 0, threads: 1)
            for features in Processor.featureSets {
                for threads in [1, 3] {
                    let other = Results(
                        example, rectifies: rectifies, features: features, threads: threads)
                    #expect(other == first, "\(shape), \(features), \(threads) threads")
                }
            }
        }
    }

    /// A constant far from 0 in one channel: naive sums of squares would leave no digit.
    @Test func varianceSurvivesALargeMean() {
        let (rows, channels) = (5000, 16)
        let x = FloatArray((0..<rows * channels).map { 4096 + Float($0 / channels % 2) })
        let (means, variances) = ChannelsLastNorm(rows: rows, channels: channels).statistics(x)
        // A block's mean is off by 2⁻¹² at most, the square of which adds to the variance.
        #expect(means.allSatisfy { $0 == 4096.5 })
        #expect(variances.allSatisfy { abs($0 - 0.25) <= 0x1p-22 })
    }

    @Test func notANumberStaysOne() {
        var example = Example(rows: 70, channels: 16, hasOther: false)
        example.x[16 * 9 + 3] = .nan
        for features in Processor.featureSets {
            let found = Results(example, rectifies: true, features: features)
            #expect(found.values[3].isNaN && !found.values[4].isNaN)
        }
    }
}
