import Foundation
import HalftoneRuntime
import HalftoneTensor
import Testing

struct SamplerTests {
    private func draws(_ options: SamplingOptions, _ logits: [Float], _ count: Int) -> [Int: Int] {
        var sampler = Sampler(options)
        var counts: [Int: Int] = [:]
        for _ in 0..<count {
            var copy = logits
            counts[Int(sampler.next(&copy)), default: 0] += 1
        }
        return counts
    }

    @Test func zeroTemperatureTakesTheFirstLargest() {
        #expect(draws(SamplingOptions(), [1, 3, 3, 2], 10) == [1: 10])
    }

    @Test func frequenciesFollowTheSoftmax() {
        var options = SamplingOptions()
        options.temperature = 1
        options.seed = 5
        // Probabilities 0.1, 0.2, 0.3, 0.4.
        let logits: [Float] = [1, 2, 3, 4].map { logf($0) }
        let counts = draws(options, logits, 20_000)
        for (token, probability) in [0.1, 0.2, 0.3, 0.4].enumerated() {
            let share = Double(counts[token, default: 0]) / 20_000
            // Five standard deviations of a binomial share.
            let bound = 5 * (probability * (1 - probability) / 20_000).squareRoot()
            #expect(abs(share - probability) < bound)
        }
    }

    @Test func filtersKeepOnlyTheMostLikely() {
        let logits: [Float] = [1, 2, 3, 4].map { logf($0) }
        var options = SamplingOptions()
        options.temperature = 1
        options.topK = 2
        #expect(Set(draws(options, logits, 500).keys) == [2, 3])
        options.topK = 0
        options.topP = 0.65
        #expect(Set(draws(options, logits, 500).keys) == [2, 3])
        options.topP = 1
        options.minP = 0.6
        #expect(Set(draws(options, logits, 500).keys) == [2, 3])
    }

    /// Tokens are those that a ranking of the whole vocabulary gives, whatever is filtered.
    @Test(
        arguments: [(0, 1), (40, 1), (0, 0.9), (0, 0.999), (40, 0.8), (3, 0.999)] as [(Int, Float)])
    func whatIsDrawnIsThatOfAFullRanking(topK: Int, topP: Float) {
        for (seed, spread) in [(1, 0.5), (2, 2), (3, 6), (4, 12)] as [(UInt64, Float)] {
            var options = SamplingOptions()
            (options.temperature, options.topK, options.topP) = (0.8, topK, topP)
            (options.minP, options.seed) = (seed == 3 ? 1e-3 : 0, seed)
            let logits = Tensor.normal([5000], seed: seed).elements.map { $0 * spread }
            let top = logits.max() ?? 0
            var ranked = logits.enumerated().map { (token: $0, weight: exp(($1 - top) / 0.8)) }
                .filter { $0.weight >= max(options.minP, 1e-12) }
                .sorted { ($0.weight, $1.token) > ($1.weight, $0.token) }
            if topK > 0 { ranked = Array(ranked.prefix(topK)) }
            func mass(_ count: Int) -> Double {
                ranked.prefix(count).reduce(0) { $0 + Double($1.weight) }
            }
            if topP < 1 {
                let wanted = Double(topP) * mass(ranked.count)
                let count = (1...ranked.count).first { mass($0) >= wanted }
                ranked = Array(ranked.prefix(count ?? ranked.count))
            }
            var sampler = Sampler(options)
            var generator = SeededGenerator(seed: seed)
            for _ in 0..<50 {
                var left = Double(generator.next() >> 11) * 0x1p-53 * mass(ranked.count)
                let drawn = ranked.first { candidate in
                    left -= Double(candidate.weight)
                    return left < 0
                }
                var copy = logits
                #expect(Int(sampler.next(&copy)) == drawn?.token)
            }
        }
    }

    @Test func sameSeedSameTokens() {
        var options = SamplingOptions()
        options.temperature = 1.3
        options.seed = 42
        let logits = (0..<100).map { Float($0 % 7) }
        #expect(draws(options, logits, 300) == draws(options, logits, 300))
    }

    @Test func thePenaltyMakesSeenTokensLessLikely() {
        var options = SamplingOptions()
        options.repetitionPenalty = 2
        var sampler = Sampler(options)
        sampler.note([1])
        var logits: [Float] = [3, 4, -1]
        #expect(sampler.next(&logits) == 0)
        #expect(logits == [3, 2, -1])
        var negative: [Float] = [-1, -3, -1.5]
        #expect(sampler.next(&negative) == 2)
        #expect(negative == [-2, -6, -1.5])
    }

    @Test func settingsOutsideTheirRangeAreRefused() {
        var options = SamplingOptions()
        options.topP = 0
        #expect(throws: SamplingError.self) { try options.validate() }
        options = SamplingOptions()
        options.temperature = .nan
        #expect(throws: SamplingError.self) { try options.validate() }
    }
}
