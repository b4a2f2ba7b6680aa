import Foundation
import HalftoneKernels
import HalftoneTesting
import Testing

private let pool = WorkerPool(threads: 2)

/// The transform by its definition, in Double.
private func definition(_ x: [Float], length: Int, isInverse: Bool) -> [Double] {
    var result: [Double] = []
    for row in 0..<x.count / (2 * length) {
        for k in 0..<length {
            var (real, imaginary) = (0.0, 0.0)
            for t in 0..<length {
                let angle =
                    (isInverse ? 2 : -2) * Double.pi * Double(k * t % length) / Double(length)
                let (a, b) = (
                    Double(x[2 * (row * length + t)]), Double(x[2 * (row * length + t) + 1])
                )
                real += a * cos(angle) - b * sin(angle)
                imaginary += a * sin(angle) + b * cos(angle)
            }
            result += [real, imaginary]
        }
    }
    return result
}

@Suite struct FourierTransformTests {
    // Powers, mixed radices, small and large primes, products of large primes.
    @Test(arguments: [1, 2, 3, 4, 5, 7, 8, 12, 30, 31, 37, 64, 97, 101, 210, 257, 331, 37 * 41])
    func transformsAgreeWithTheDefinition(length: Int) {
        let rows = 3
        let input = seededValues(rows * length * 2, seed: UInt64(length))
        for isInverse in [false, true] {
            let transform = FourierTransform(length: length, isInverse: isInverse, pool: pool)
            let output = filled(input.count) { transform.transform(input.span, into: &$0) }
            // The error grows with the logarithm of the length and the root of the energy; the
            // chirp adds two more transforms of at most four times the length. 8 units for each
            // of log₂ n + 4 stages bound it with room.
            let energy = innerProduct(input, input) / Double(rows)
            let stages = log2(Double(length)) + 4
            let bound = 8 * stages * 0x1p-24 * energy.squareRoot() * 2
            let expected = definition(input, length: length, isInverse: isInverse)
            #expect(checkClose(output, expected, within: bound, "length \(length)") == [])
        }
    }

    @Test(arguments: [8, 30, 101])
    func theScaledInverseUndoesTheTransform(length: Int) {
        let input = seededValues(2 * length * 2, seed: 5)
        let forward = FourierTransform(length: length, pool: pool)
        let inverse = FourierTransform(
            length: length, isInverse: true, scale: 1 / Float(length), pool: pool)
        let spectrum = filled(input.count) { forward.transform(input.span, into: &$0) }
        let output = filled(input.count) { inverse.transform(spectrum.span, into: &$0) }
        #expect(checkClose(output, input.map { Double($0) }, within: 200 * 0x1p-24) == [])
    }

    @Test func noRowsGiveNothing() {
        let transform = FourierTransform(length: 4, pool: pool)
        #expect(filled(0) { transform.transform([Float]().span, into: &$0) } == [])
    }
}

@Suite struct HaarTransformTests {
    @Test(arguments: [(8, 3), (8, 1), (7, 2), (2, 1), (1, 0), (5, 3), (13, 4), (0, 0)])
    func theInverseUndoesAnOrthonormalMap(length: Int, levels: Int) {
        let haar = HaarTransform(length: length, levels: levels)
        let input = seededValues(length, seed: 6)
        var values = input
        var span = values.mutableSpan
        haar.forward(&span)
        // Two roundings and that of the factor per level.
        let bound = Double(3 * levels + 1) * 0x1p-24 * 2
        #expect(abs(innerProduct(values, values) - innerProduct(input, input)) <= bound * 16)
        var back = values
        var backSpan = back.mutableSpan
        haar.inverse(&backSpan)
        #expect(checkClose(back, input.map { Double($0) }, within: bound * 4) == [])
    }

    @Test func knownCoefficients() {
        var values: [Float] = [1, 3, 5, 11, 2, 2, 0, 8]
        var span = values.mutableSpan
        HaarTransform(length: 8, levels: 3).forward(&span)
        let s = 2.0.squareRoot()
        // By hand: pairs 4, 16, 4, 8 and −2, −6, 0, −8 over √2; then 10, 6 and −6, −2; then
        // 16/√2 and 4/√2.
        let expected = [16 / s, 4 / s, -6, -2, -2 / s, -6 / s, 0, -8 / s]
        #expect(checkClose(values, expected, within: 32 * 0x1p-24 * 6) == [])
    }

    @Test func stridesReachColumns() {
        let input = seededValues(6 * 4, seed: 7)
        var values = input
        var span = values.mutableSpan
        let haar = HaarTransform(length: 6, levels: 2)
        for column in 0..<4 { haar.forward(&span, offset: column, stride: 4) }
        for column in 0..<4 {
            var row = (0..<6).map { input[$0 * 4 + column] }
            var rowSpan = row.mutableSpan
            haar.forward(&rowSpan)
            #expect(row == (0..<6).map { values[$0 * 4 + column] })
        }
    }

    @Test func levelsOfALength() {
        #expect(
            [0, 1, 2, 3, 4, 5, 8, 9].map(HaarTransform.maximumLevels) == [0, 0, 1, 2, 2, 3, 3, 4])
    }
}
