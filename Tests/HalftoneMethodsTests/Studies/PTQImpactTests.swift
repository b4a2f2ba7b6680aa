import Foundation
import HalftoneFormats
import HalftoneMethods
import HalftoneQuantization
import HalftoneTensor
import Testing

/// The arms' tables and bits, the draw of tokens, and the scores, by hand.
@Suite struct PTQImpactTests {
    /// From the definition of bitsandbytes: 254 middles of cells, 0 and 1.
    @Test func dynamicCodeIsThatOfTheDefinition() {
        let levels = PTQImpact.dynamicCode.levels
        #expect(levels.count == 256 && PTQImpact.dynamicCode.bits == 8)
        #expect(levels.last == 1 && levels.contains(0))
        // One cell of 10⁻⁷ to 10⁻⁶ has its middle at 0.55 · 10⁻⁶; of 64 cells from 0.1 to 1 the
        // last is 0.1 + 0.9 · 63.5 / 64.
        let magnitudes = levels.map(\.magnitude).filter { $0 > 0 }
        #expect(abs((magnitudes.min() ?? 0) / 0.55e-6 - 1) < 1e-6)
        #expect(abs(levels[254] - 0.99296875) < 1e-6)
        #expect(levels[0] == -levels[254])
        // As many in each tenth as in all smaller ones and one more, of either sign.
        for power in 0..<7 {
            let top = Float(pow(10, Double(power - 6)))
            let count = levels.count { $0 > top / 10 && $0 < top }
            #expect(count == 1 << power, "below \(top)")
        }
    }

    /// 4 + 32 / 64 bits, and with quantized scales 4 + 8 / 64 + 32 / (64 · 256), and one mean.
    @Test func bitsAreThoseOfTheFormats() throws {
        let study = PTQImpact()
        func bits(_ arm: PTQImpact.Arm) throws -> Double {
            let form = try #require(study.form(arm))
            return try form.bitsPerWeight(rows: 1024, columns: 1024)
        }
        #expect(study.form(.float) == nil)
        for arm in [PTQImpact.Arm.nf4, .fp4] { #expect(try bits(arm) == 4.5) }
        let mean = 32 / 1024.0 / 1024
        for arm in [PTQImpact.Arm.nf4Double, .fp4Double] {
            #expect(try bits(arm) == 4 + 0.125 + 32.0 / (64 * 256) + mean)
        }
        #expect(try bits(.int8) == 8 + 32 / 1024.0)
    }

    /// Relative squared errors of normal weights, to 5 %.
    ///
    /// Another simulation gave 0.0085 for NF4 and 0.0149 for the FP4 of bitsandbytes.
    @Test(arguments: [(PTQImpact.Arm.nf4, 0.0085), (.fp4, 0.0149)])
    func errorsAreThoseOfTheFormats(arm: PTQImpact.Arm, expected: Double) throws {
        let weight = Array(Tensor.normal([256, 512], seed: 2).elements)
        let total = weight.reduce(0) { $0 + Double($1) * Double($1) }
        func error(_ arm: PTQImpact.Arm) throws -> Double {
            let form = try #require(PTQImpact().form(arm))
            let stored = try StoredMatrix(
                weight, rows: 256, columns: 512, form: form, search: .absmax)
            return zip(weight, try stored.decoded()).reduce(0) {
                $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
            } / total
        }
        let plain = try error(arm)
        #expect(abs(plain / expected - 1) < 0.05, "\(plain)")
        // Scales are off by 2⁻⁷ of the largest difference from the mean at most: their squares
        // vanish beside the rounding of weights.
        let double = try error(arm == .nf4 ? .nf4Double : .fp4Double)
        #expect(abs(double / plain - 1) < 0.02, "\(double) after \(plain)")
    }

    @Test func tokensFollowTheCumulativeDistribution() {
        // Probabilities 1/8, 5/8, 1/4 at temperature 1; their squares over 30 at 1/2.
        let logits: [Float] = [1, 5, 2].map { log($0) }
        func token(_ uniform: Double, _ temperature: Double = 1) -> Int32 {
            PTQImpact.token(logits, temperature: temperature, uniform: uniform)
        }
        #expect([0, 0.124, 0.126, 0.749, 0.751, 0.999].map { token($0) } == [0, 0, 1, 1, 2, 2])
        #expect([0.033, 0.034, 0.866, 0.867].map { token($0, 0.5) } == [0, 1, 1, 2])
        // So cold that all others have probability 0.
        #expect(token(0.999_999, 1e-3) == 1 && token(0, 1e-3) == 1)
    }

    @Test func repetitionAndPairsByHand() {
        // Pairs 12, 23, 31, 12, 23: three of five. Runs of four: 1231, 2312.
        #expect(PTQImpact.distinctPairs([1, 2, 3, 1, 2, 3]) == 0.6)
        #expect(PTQImpact.distinctPairs([1]) == 1)
        #expect(PTQImpact.repetition([1, 2, 3, 1, 2]) == 0)
        #expect(PTQImpact.repetition([7, 7, 7, 7, 7, 7]) == 1 - 1 / 3.0)
        #expect(PTQImpact.repetition([1, 2]) == 0)
    }

    @Test func sensitivityIsTheRangeOfMeans() {
        #expect(PTQImpact.sensitivity([[1, 3], [2, 4], [0, 3]]) == 1.5)
        var generator = SeededGenerator(seed: 1)
        // All texts alike: each draw gives the same, 3 less 1.
        let sure = PTQImpact.sensitivityInterval(
            of: [[0, 0, 0], [3, 3, 3]], above: [[1, 1, 1], [2, 2, 2]], using: &generator)
        #expect(sure == 2...2)
        // The same scores on both sides: drawn together they never differ.
        let scores = [[0.0, 5, 1, 2], [7, 1, 0, 3]]
        #expect(
            PTQImpact.sensitivityInterval(of: scores, above: scores, using: &generator) == 0...0)
        let noisy = PTQImpact.sensitivityInterval(
            of: scores, above: [[1, 1, 1, 1], [1, 1, 1, 1]], using: &generator)
        #expect(noisy.lowerBound < noisy.upperBound && noisy.lowerBound >= 0)
    }
}
