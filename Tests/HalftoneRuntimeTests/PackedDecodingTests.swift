import Foundation
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import Testing

/// Models of packed weights with integer products: alone, together and with guesses.
struct PackedDecodingTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/Models")

    /// A model with random weights in eight bits, groups of 16 where widths are small.
    private func decoder(_ name: String, threads: Int = 2) throws -> Decoder {
        try Self.decoder(name, threads: threads)
    }

    /// The same with a policy for keys and values.
    static func decoder(
        _ name: String, threads: Int = 2, cache: KeyValuePolicy = .float32
    ) throws -> Decoder {
        let pool = WorkerPool(threads: threads)
        return Decoder(
            try weights(name, IntegerFormat(bits: 8, symmetric: true), pool), pool: pool,
            activations: .int8, cache: cache)
    }

    /// A model whose matrices are packed in groups of 16.
    static func weights(
        _ name: String, _ format: IntegerFormat, _ pool: WorkerPool
    ) throws -> DecoderWeights {
        let folder = root.appending(path: name)
        let text = try Data(contentsOf: folder.appending(path: "config.json"))
        let configuration = try ConfigurationReader(JSONParser.parse(Array(text)))
        let architecture = try Architectures.named(
            modelType: try configuration.string("model_type"))
        var weights = try DecoderWeights.load(
            SafetensorsCheckpoint(contentsOf: folder.path()),
            spec: try architecture.spec(configuration), architecture: architecture)
        for slot in weights.spec.slots where slot.shape.count == 2 {
            let packed = try RoundToNearest().quantize(
                weights.matrix(slot.role),
                scheme: WeightScheme(format: format, granularity: .group(16)), pool: pool)
            weights.replace(slot.role, with: packed.matrix)
        }
        return weights
    }

    @Test(arguments: ["llama2", "gemma3", "qwen2", "gpt2", "gpt_neox", "phi3"])
    func sequencesTogetherAreAsEachAlone(name: String) throws {
        let decoder = try decoder(name)
        let size = decoder.spec.vocabularySize
        let prompts: [[Int32]] = [[1, 2, 3], [4], [5, 6, 7, 8, 9]]
        let alone = prompts.map { _ in decoder.makeState() }
        let states = prompts.map { _ in decoder.makeState() }
        for (index, prompt) in prompts.enumerated() {
            _ = try decoder.logits(after: prompt, state: alone[index])
            _ = try decoder.logits(after: prompt, state: states[index])
        }
        let batch = decoder.makeBatch(states)
        var output = [Float](repeating: .nan, count: 3 * size)
        for step in 0..<4 {
            let tokens = prompts.indices.map { Int32((step * 3 + $0 * 5) % size) }
            try decoder.logits(after: tokens, batch: batch, into: &output)
            for index in prompts.indices {
                let own = try decoder.logits(after: [tokens[index]], state: alone[index])
                #expect(own == Array(output[index * size..<(index + 1) * size]))
            }
        }
        #expect(states.map(\.position) == [7, 5, 9])
    }

    /// Long prompts are cut up among threads; no bit depends on how.
    @Test(arguments: ["llama2", "llama3", "gemma3", "gpt_neox", "phi3"])
    func promptsAreAsTheirTokensOneAfterAnother(name: String) throws {
        let decoders = try [1, 2, 3].map { try decoder(name, threads: $0) }
        let size = decoders[0].spec.vocabularySize
        let tokens = (0..<203).map { Int32(($0 * 7 + $0 / 5) % size) }
        let one = decoders[0].makeState()
        var expected: [Float] = []
        for (index, token) in tokens.enumerated() {
            let row = try decoders[0].logits(after: [token], state: one)
            if index >= 201 { expected += row }
        }
        for decoder in decoders {
            let state = decoder.makeState()
            var output = [Float](repeating: .nan, count: 2 * size)
            try decoder.logits(after: tokens, state: state, last: 2, into: &output)
            #expect(output == expected, "\(decoder.spec.blocks.count) blocks")
            let again = decoder.makeState()
            var hidden: [Float] = []
            try decoder.read(tokens, state: again) { states, _ in hidden = states }
            output = [Float](repeating: .nan, count: 2 * size)
            decoder.logits(
                of: hidden, from: 201 * decoder.spec.width, count: 2, into: &output)
            #expect(output == expected)
        }
    }

    @Test func logitsOfTheLastPositionsAreThoseOfOneAfterAnother() throws {
        let decoder = try decoder("smollm2")
        let size = decoder.spec.vocabularySize
        let (one, several) = (decoder.makeState(), decoder.makeState())
        let tokens: [Int32] = [3, 1, 4, 1, 5]
        var output = [Float](repeating: .nan, count: 3 * size)
        _ = try decoder.logits(after: [9, 2], state: several)
        try decoder.logits(after: tokens, state: several, last: 3, into: &output)
        _ = try decoder.logits(after: [9, 2], state: one)
        for (index, token) in tokens.enumerated() {
            let row = try decoder.logits(after: [token], state: one)
            guard index >= 2 else { continue }
            #expect(row == Array(output[(index - 2) * size..<(index - 1) * size]))
        }
    }

    @Test(arguments: [Float(0), 0.9])
    func guessesChangeNothing(temperature: Float) throws {
        let decoder = try decoder("llama2")
        // A prompt that repeats itself, and tokens that the sampler prefers among few.
        let prompt = [Int32](repeating: 0, count: 4).indices.flatMap { _ in [1, 2, 3, 4] as [Int32]
        }
        var options = SamplingOptions()
        options.temperature = temperature
        options.topK = 2
        options.seed = 3
        var results: [[Int32]] = []
        var positions: [Int] = []
        var guessed: [Int] = []
        for lookup in [nil, PromptLookup(count: 1), PromptLookup(count: 6)] {
            let state = decoder.makeState()
            var sampler = Sampler(options)
            var tokens: [Int32] = []
            let report = try decoder.generate(
                prompt, state: state, sampler: &sampler, limit: 60, stopTokens: [],
                guesses: lookup
            ) {
                tokens.append($0)
                return true
            }
            results.append(tokens)
            positions.append(state.position)
            guessed.append(report.guessedTokens)
            #expect(report.newTokens == 60 && tokens.count == 60)
        }
        #expect(results[0] == results[1] && results[0] == results[2])
        #expect(positions == [75, 75, 75])
        #expect(guessed[0] == 0)
        // Greedy text of a small model soon repeats itself.
        if temperature == 0 { #expect(guessed[1] > 0 && guessed[2] >= guessed[1]) }
    }

    @Test(arguments: [1, 3, 7, 20])
    func aGenerationStopsWhereItIsTold(stop: Int) throws {
        let decoder = try decoder("llama2")
        let prompt: [Int32] = [1, 2, 3, 4, 1, 2, 3, 4, 1, 2]
        for lookup in [nil, PromptLookup(count: 4)] {
            let state = decoder.makeState()
            var sampler = Sampler(SamplingOptions())
            var count = 0
            let report = try decoder.generate(
                prompt, state: state, sampler: &sampler, limit: 30, stopTokens: [],
                guesses: lookup
            ) { _ in
                count += 1
                return count < stop
            }
            #expect(report.reason == .cancelled && report.newTokens == stop)
            // The prompt and all new tokens but the last.
            #expect(state.position == prompt.count + stop - 1)
        }
    }
}
