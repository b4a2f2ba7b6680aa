import Foundation
import HalftoneKernels
import Testing

/// No, one or several whole parts of a vector loop and each rest.
private let lengths = 1...1100

/// Half a unit in the last place of 1.
private let u = 0x1p-24

/// Repeatable values spread over a range.
private func values(_ count: Int, in range: ClosedRange<Float>, seed: UInt64) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let unit = Float(state >> 40) * 0x1p-24
        return range.lowerBound + (range.upperBound - range.lowerBound) * unit
    }
}

/// The distance of a float from the exact value in units of the float's last place.
private func ulps(_ found: Float, _ exact: Double) -> Double {
    abs(Double(found) - exact) / Double(Float(exact).ulp)
}

@Suite struct FloatOpsTests {
    @Test func exponentialIsWithinItsBoundOverTheWholeRange() {
        var worst = 0.0
        var x = values(200_000, in: -87.3...88.7, seed: 1)
        let input = x
        FloatOps.exp(&x, offset: 0, count: x.count)
        for (index, found) in x.enumerated() {
            worst = max(worst, ulps(found, Foundation.exp(Double(input[index]))))
        }
        #expect(worst <= 1.5, "the worst value is \(worst) ulp away")
    }

    @Test func exponentialAtTheEnds() {
        var x: [Float] = [0, -0.0, .infinity, -.infinity, .nan, 89, 88.72, -87.4, -100, -104, 1e30]
        FloatOps.exp(&x, offset: 0, count: x.count)
        #expect(x[0] == 1 && x[1] == 1 && x[2] == .infinity && x[3] == 0 && x[4].isNaN)
        #expect(x[5] == .infinity && x[6].isFinite && x[9] == 0 && x[10] == .infinity)
        // Subnormal results: the rounding of the last product is half a step of 2⁻¹⁴⁹, and the
        // value before it is as good as elsewhere.
        for (index, exponent) in [(7, -87.4), (8, -100.0)] {
            let exact = Foundation.exp(Double(Float(exponent)))
            #expect(abs(Double(x[index]) - exact) <= 0x1p-149 + exact * 0x1p-22)
        }
    }

    @Test func hyperbolicTangentIsWithinItsBound() {
        var worst = 0.0
        for range: ClosedRange<Float> in [-0.001...0.001, -0.7...0.7, -12...12] {
            var x = values(100_000, in: range, seed: 2)
            let input = x
            FloatOps.tanh(&x, offset: 0, count: x.count)
            for (index, found) in x.enumerated() {
                worst = max(worst, ulps(found, Foundation.tanh(Double(input[index]))))
            }
        }
        #expect(worst <= 3, "the worst value is \(worst) ulp away")
        var ends: [Float] = [.infinity, -.infinity, .nan, 0, -0.0, 1e-30]
        FloatOps.tanh(&ends, offset: 0, count: ends.count)
        #expect(ends[0] == 1 && ends[1] == -1 && ends[2].isNaN && ends[3].sign == .plus)
        #expect(ends[4] == 0 && ends[4].sign == .minus && ends[5] == 1e-30)
    }

    @Test(arguments: lengths)
    func softmaxAgreesWithDouble(count: Int) {
        let offset = 3
        var x = values(count + 5, in: -20...20, seed: UInt64(count))
        let input = x
        FloatOps.softmax(&x, offset: offset, count: count)
        #expect(Array(x[..<offset]) == Array(input[..<offset]), "it wrote before the run")
        #expect(Array(x[(offset + count)...]) == Array(input[(offset + count)...]))
        let run = input[offset..<offset + count].map(Double.init)
        let maximum = run.max() ?? 0
        let exact = run.map { Foundation.exp($0 - maximum) }
        let sum = exact.reduce(0, +)
        // Per element: x − max rounds with up to 40·u, exp adds 3u; the sum of positive terms has
        // the same error and count/16 + 5 additions; two more operations for the quotient.
        let bound = (2 * (40 + 3) + Double(count) / 16 + 5 + 2) * u
        let areClose = (0..<count).allSatisfy { index in
            let probability = exact[index] / sum
            return abs(Double(x[offset + index]) - probability) <= bound * probability
        }
        #expect(areClose)
    }

    @Test func softmaxOfMaskedRows() {
        var x: [Float] = [-.infinity, 1, -.infinity, 1]
        FloatOps.softmax(&x, offset: 0, count: 4)
        #expect(x == [0, 0.5, 0, 0.5])
        var none = [Float](repeating: -.infinity, count: 11)
        FloatOps.softmax(&none, offset: 0, count: 11)
        #expect(none == [Float](repeating: 0, count: 11))
        for count in [3, 8, 11] {
            var bad = [Float](repeating: -.infinity, count: count)
            bad[count - 1] = .nan
            FloatOps.softmax(&bad, offset: 0, count: count)
            #expect(bad.allSatisfy { $0.isNaN }, "a NaN was hidden in \(count) values")
            bad = [Float](repeating: 1, count: count)
            bad[0] = .nan
            FloatOps.softmax(&bad, offset: 0, count: count)
            #expect(bad.allSatisfy { $0.isNaN }, "a NaN was hidden in \(count) values")
        }
    }

    @Test(arguments: lengths)
    func logarithmOfSumsAgreesWithDouble(count: Int) {
        let x = values(count + 2, in: -20...20, seed: UInt64(count) + 9)
        let run = x[1..<count + 1].map(Double.init)
        let exact = Foundation.log(run.map(Foundation.exp).reduce(0, +))
        let found = Double(FloatOps.logSumExp(x, offset: 1, count: count))
        // The relative error of the sum becomes an absolute one; the result rounds twice.
        #expect(abs(found - exact) <= (43 + Double(count) / 16 + 5 + 4 * 30) * u)
        #expect(FloatOps.logSumExp(x, offset: 0, count: 0) == -.infinity)
    }

    @Test(arguments: lengths)
    func siluAgreesWithDouble(count: Int) {
        var gate = values(count + 1, in: -30...30, seed: UInt64(count) + 1)
        let up = values(count + 1, in: -2...2, seed: UInt64(count) + 2)
        let input = gate
        FloatOps.siluMultiply(gate: &gate, up: up, count: count)
        #expect(gate[count] == input[count], "it wrote after the run")
        let areClose = (0..<count).allSatisfy { index in
            let g = Double(input[index])
            let exact = g / (1 + Foundation.exp(-g)) * Double(up[index])
            // exp 3u, the sum, the quotient and the product u each.
            return abs(Double(gate[index]) - exact) <= 6.1 * u * abs(exact)
        }
        #expect(areClose)
        var far: [Float] = [-1e30, 1e30]
        FloatOps.siluMultiply(gate: &far, up: [1, 1], count: 2)
        #expect(far == [0, 1e30])
    }

    @Test(arguments: lengths, [GELUForm.tanh, .erf])
    func geluAgreesWithDouble(count: Int, form: GELUForm) {
        var x = values(count + 2, in: -9...9, seed: UInt64(count) + 3)
        let up = values(count + 2, in: -2...2, seed: UInt64(count) + 4)
        let input = x
        FloatOps.gelu(&x, offset: 1, count: count, form: form)
        #expect(x[0] == input[0] && x[count + 1] == input[count + 1])
        var product = input
        FloatOps.geluMultiply(gate: &product, up: up, count: count, form: form)
        var areClose = true
        for index in 0..<count + 1 {
            let v = Double(input[index])
            let exact: Double
            let relative: Double
            switch form {
            case .tanh:
                let inner = (2 / Double.pi).squareRoot() * (v + 0.044715 * v * v * v)
                // x·sigmoid(2·inner), which has no cancellation; 2·inner rounds 6 times.
                exact = v / (1 + Foundation.exp(-2 * inner))
                relative = 6 + 12 * abs(inner)
            case .erf:
                exact = v / 2 * Foundation.erfc(-v / 2.0.squareRoot())
                // z = |v|/√2 rounds twice, which z² doubles, and rounds once itself.
                relative = 2 * 4 + 5 * (v * v / 2) + 4
            }
            if index > 0 {
                let error = abs(Double(x[index]) - exact)
                areClose = areClose && error <= relative * u * abs(exact) + 0x1p-149
            }
            if index < count {
                let wanted = exact * Double(up[index])
                let error = abs(Double(product[index]) - wanted)
                areClose = areClose && error <= (relative + 1) * u * abs(wanted) + 0x1p-148
            }
        }
        #expect(areClose)
    }

    @Test func geluOfFarValuesIsTheValueOrZero() {
        for form in [GELUForm.tanh, .erf] {
            var x: [Float] = [40, -40, 1e20, -1e20, 0]
            FloatOps.gelu(&x, offset: 0, count: 5, form: form)
            #expect(x == [40, 0, 1e20, 0, 0])
        }
    }

    @Test(arguments: lengths)
    func normsAgreeWithDouble(width: Int) {
        let rows = 3
        let x = values(rows * width, in: -3...5, seed: UInt64(width) + 5)
        let gain = values(width, in: 0.5...2, seed: 6)
        let bias = values(width, in: -1...1, seed: 7)
        let epsilon: Float = 1e-5
        var rms = [Float](repeating: .nan, count: rows * width + 1)
        FloatOps.rmsNorm(x, rows: rows, width: width, gain: gain, epsilon: epsilon, into: &rms)
        var layer = [Float](repeating: .nan, count: rows * width + 1)
        FloatOps.layerNorm(
            x, rows: rows, width: width, gain: gain, bias: bias, epsilon: epsilon, into: &layer)
        var plain = layer
        FloatOps.layerNorm(
            x, rows: rows, width: width, gain: gain, bias: nil, epsilon: epsilon, into: &plain)
        #expect(rms[rows * width].isNaN && layer[rows * width].isNaN, "it wrote after the rows")
        // A sum of n terms in sixteen parts: n/16 + 5 additions at most on one term.
        let sumError = (Double(width) / 16 + 5) * u
        var areClose = true
        for row in 0..<rows {
            let values = x[row * width..<(row + 1) * width].map(Double.init)
            let square = values.map { $0 * $0 }.reduce(0, +) / Double(width)
            let root = (square + Double(epsilon)).squareRoot()
            let mean = values.reduce(0, +) / Double(width)
            let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(width)
            let deviation = (variance + Double(epsilon)).squareRoot()
            // The mean is off by at most 5·sumError, and by u of itself from the division.
            let shift = 5 * (sumError + u)
            for column in 0..<width {
                let index = row * width + column
                let exact = values[column] / root * Double(gain[column])
                let error = abs(Double(rms[index]) - exact)
                areClose = areClose && error <= (sumError / 2 + 6 * u) * abs(exact)
                let scale = Double(gain[column]) / deviation
                let centred = (values[column] - mean) * scale
                // The shift moves the element, and the deviation by at most as much.
                let moved = shift * scale + abs(centred) * (shift / deviation * 2 + sumError / 2)
                let rounding = (6 * abs(centred) + 2 * abs(centred + Double(bias[column]))) * u
                let bound = moved + rounding + 8 * u * scale
                let plainError = abs(Double(plain[index]) - centred)
                let layerError = abs(Double(layer[index]) - centred - Double(bias[column]))
                areClose = areClose && plainError <= bound && layerError <= bound
            }
        }
        #expect(areClose)
    }

    @Test(arguments: lengths)
    func softcapSumsAndProductsAgreeWithDouble(count: Int) {
        let first = values(count, in: -90...90, seed: UInt64(count) + 8)
        let second = values(count, in: -1...1, seed: UInt64(count) + 10)
        var capped = first
        FloatOps.softcap(&capped, offset: 0, count: count, cap: 30)
        var added = first
        FloatOps.addScaled(&added, second, scale: -0.3, count: count)
        var scaled = first
        FloatOps.scale(&scaled, offset: 0, count: count, by: 0.7)
        var exactDot = 0.0
        var magnitudes = 0.0
        var areClose = true
        for index in 0..<count {
            let x = Double(first[index])
            let y = Double(second[index])
            let cap = 30 * Foundation.tanh(x / 30)
            // tanh 6u, the product u, the quotient u with a slope of at most 1.
            areClose = areClose && abs(Double(capped[index]) - cap) <= 8.1 * u * abs(cap)
            let sum = x + y * Double(Float(-0.3))
            let error = abs(Double(added[index]) - sum)
            areClose = areClose && error <= u * abs(sum) + u * abs(y) * 0.3
            areClose = areClose && scaled[index] == first[index] * 0.7
            exactDot += x * y
            magnitudes += abs(x * y)
        }
        #expect(areClose)
        let dot = Double(FloatOps.dot(first, second, count: count))
        // Products u, then at most count/16 + 5 + 7 additions.
        #expect(abs(dot - exactDot) <= (Double(count) / 16 + 13) * u * magnitudes)
    }

    @Test func emptyRunsAreAllowed() {
        var none: [Float] = []
        FloatOps.softmax(&none, offset: 0, count: 0)
        FloatOps.gelu(&none, offset: 0, count: 0, form: .erf)
        FloatOps.siluMultiply(gate: &none, up: [], count: 0)
        #expect(none.isEmpty && FloatOps.dot([], [], count: 0) == 0)
    }
}
