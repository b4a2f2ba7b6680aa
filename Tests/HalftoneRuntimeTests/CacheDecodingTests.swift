import Foundation
import HalftoneFormats
import HalftoneModels
import HalftoneRuntime
import Testing

/// Models whose keys and values are packed: alone, together, with guesses and read at once.
struct CacheDecodingTests {
    static let policies = [
        "float16", "int8", "K:uint4/channel32,V:uint4/token32,window=7,protect=2",
        "K:bfp4/token16,V:nf4/token16,order=weights", "K:uint2/channel16,V:ternary/channel16",
        "K:16xuint2/channel32+binary/channel32/fourier,V:ternary/channel32,order=ranges",
    ]

    private func decoder(_ name: String, _ policy: String, threads: Int = 2) throws -> Decoder {
        try PackedDecodingTests.decoder(
            name, threads: threads, cache: KeyValuePolicy(parsing: policy))
    }

    private func tokens(_ count: Int, _ decoder: Decoder) -> [Int32] {
        (0..<count).map { Int32(($0 * 37 + 11) % decoder.spec.vocabularySize) }
    }

    @Test(arguments: policies, ["llama2", "gemma3", "qwen3", "gpt_neox", "phi3"])
    func readingAtOnceIsReadingOneByOne(policy: String, name: String) throws {
        let decoder = try decoder(name, policy)
        let size = decoder.spec.vocabularySize
        let text = tokens(60, decoder)
        let (one, all) = (decoder.makeState(), decoder.makeState(capacity: 60))
        var alone: [[Float]] = []
        for token in text { alone.append(try decoder.logits(after: [token], state: one)) }
        var together = [Float](repeating: 0, count: 40 * size)
        _ = try decoder.logits(after: Array(text[..<20]), state: all)
        try decoder.logits(after: Array(text[20...]), state: all, last: 40, into: &together)
        var error = 0.0
        var squares = 0.0
        for row in 0..<40 {
            for index in 0..<size {
                let own = Double(alone[20 + row][index])
                error += pow(Double(together[row * size + index]) - own, 2)
                squares += own * own
            }
        }
        // Sums in another order round a few keys that are a tie apart to different codes, and
        // activations to different bytes; tokens seen in the wrong form are off by far more.
        #expect(error < 0.05 * 0.05 * squares, "\(error) of \(squares)")
        #expect(one.cacheByteCount > 0)
    }

    @Test(arguments: policies)
    func neitherThreadsNorNeighboursChangeABit(policy: String) throws {
        let texts = [tokens(33, try decoder("llama3", policy)), [1], [5, 6, 7, 8, 9]]
        var results: [[Float]] = []
        for threads in [1, 2, 3] {
            let decoder = try decoder("llama3", policy, threads: threads)
            let size = decoder.spec.vocabularySize
            let alone = texts.map { _ in decoder.makeState() }
            let states = texts.map { _ in decoder.makeState() }
            for (index, text) in texts.enumerated() {
                _ = try decoder.logits(after: text, state: alone[index])
                _ = try decoder.logits(after: text, state: states[index])
            }
            let batch = decoder.makeBatch(states)
            var output = [Float](repeating: .nan, count: 3 * size)
            for step in 0..<9 {
                let next = texts.indices.map { Int32((step * 3 + $0 * 5) % size) }
                try decoder.logits(after: next, batch: batch, into: &output)
                for index in texts.indices {
                    let own = try decoder.logits(after: [next[index]], state: alone[index])
                    #expect(own == Array(output[index * size..<(index + 1) * size]))
                }
            }
            results.append(output)
        }
        #expect(results[0] == results[1] && results[0] == results[2])
    }

    /// Threads take passages of 64 tokens where each token is stored on its own, and a prompt that
    /// goes on behind another begins anywhere.
    @Test(arguments: policies + ["K:uint4/token16,V:int8,protect=3", "K:float32,V:bfp4/token16"])
    func neitherThreadsNorWhatAPromptFollowsChangeABit(policy: String) throws {
        var results: [[Float]] = []
        for threads in [1, 2, 3] {
            let decoder = try decoder("llama3", policy, threads: threads)
            let text = tokens(211, decoder)
            let state = decoder.makeState()
            _ = try decoder.logits(after: Array(text[..<5]), state: state)
            var last = [Float](repeating: 0, count: 3 * decoder.spec.vocabularySize)
            try decoder.logits(after: Array(text[5...]), state: state, last: 3, into: &last)
            results.append(last + (try decoder.logits(after: [7], state: state)))
        }
        #expect(results[0] == results[1] && results[0] == results[2])
    }

    @Test(arguments: ["weights", "magnitudes", "ranges"], ["smollm2", "gemma3", "phi3", "gpt2"])
    func anOrderOfExactKeysChangesNothing(order: String, name: String) throws {
        var ordered = try decoder(name, "K:float32,V:float16,order=\(order)")
        let text = tokens(40, ordered)
        try ordered.orderKeys(by: Array(text[..<30]))
        let plain = try decoder(name, "K:float32,V:float16")
        let first = try ordered.logits(after: text, state: ordered.makeState())
        let second = try plain.logits(after: text, state: plain.makeState())
        let worst = zip(first, second).map { abs($0 - $1) }.max() ?? .infinity
        let largest = second.map(\.magnitude).max() ?? 0
        // Scores are summed in another order; activations may round to other bytes.
        #expect(worst < 0.02 * largest)
    }

    @Test func anyOrderCanBeGiven() throws {
        let text = tokens(40, try decoder("smollm2", "float16"))
        func logits(_ policy: String, reversed: Bool) throws -> [Float] {
            var decoder = try decoder("smollm2", policy)
            if reversed {
                decoder.orderKeys(
                    as: decoder.spec.blocks.map { block in
                        let width = block.attention.headDim
                        return (0..<block.attention.keyHeads).flatMap { _ in
                            (0..<width).reversed()
                        }
                    })
            }
            return try decoder.logits(after: text, state: decoder.makeState())
        }
        func change(_ policy: String) throws -> Float {
            let plain = try logits(policy, reversed: false)
            let other = try logits(policy, reversed: true)
            let largest = plain.map(\.magnitude).max() ?? 0
            return (zip(plain, other).map { abs($0 - $1) }.max() ?? .infinity) / largest
        }
        // Scores are summed in another order; activations may round to other bytes.
        #expect(try change("K:float32,V:float16") < 0.02)
        // Coefficients are others, and so is what rounding makes of them: orders are heeded.
        #expect(try change("K:bfp2/token16/fourier,V:float16") > 0.02)
    }

    @Test func statisticsAreThoseOfKeys() throws {
        let decoder = try decoder("smollm2", "float16")
        let text = tokens(9, decoder)
        let long = try decoder.keyStatistics(of: text)
        let short = try decoder.keyStatistics(of: Array(text[..<8]))
        let one = try decoder.keyStatistics(of: [text[0]])
        #expect(long.count == decoder.spec.blocks.count)
        for block in long.indices {
            for channel in long[block].ranges.indices {
                // One token has no range, and its magnitude is that of its only number.
                #expect(one[block].ranges[channel] == 0)
                #expect(one[block].magnitudes[channel] == abs(one[block].least[channel]))
                // More tokens widen ranges and are weighed alike.
                #expect(long[block].ranges[channel] >= short[block].ranges[channel] - 1e-6)
                let sums = (long[block].magnitudes[channel], short[block].magnitudes[channel])
                let last = sums.0 * 9 - sums.1 * 8
                let bound = max(long[block].most[channel], -long[block].least[channel])
                #expect(last >= -1e-4 && last <= bound + 1e-4)
            }
        }
    }

    @Test func equalSizesKeepTheirOrder() {
        #expect(
            ChannelOrder.descending([1, 3, 3, 2, 5, 5, 5, 6], headDim: 4)
                == [1, 2, 3, 0, 3, 0, 1, 2])
    }

    @Test(arguments: policies)
    func guessesChangeNothing(policy: String) throws {
        let decoder = try decoder("llama2", policy)
        let prompt = (0..<16).map { Int32($0 % 4 + 1) }
        var results: [[Int32]] = []
        for lookup in [nil, PromptLookup(count: 7)] {
            let state = decoder.makeState()
            var sampler = Sampler(SamplingOptions())
            var tokens: [Int32] = []
            let report = try decoder.generate(
                prompt, state: state, sampler: &sampler, limit: 80, stopTokens: [],
                guesses: lookup
            ) {
                tokens.append($0)
                return true
            }
            // This text repeats itself; whether others do is the random model's affair.
            if lookup != nil, policy == "float16" { #expect(report.guessedTokens > 0) }
            results.append(tokens)
        }
        #expect(results[0] == results[1])
    }

    @Test func memoryShrinksAsItIsSaid() throws {
        let bytes = try ["float32", "float16", "int8", "K:uint4,V:uint4"].map {
            try decoder("llama3", $0).makeState(capacity: 4096).cacheByteCount
        }
        #expect(bytes[1] * 2 == bytes[0])
        #expect(bytes[2] < bytes[1] && bytes[3] < bytes[2])
    }
}
