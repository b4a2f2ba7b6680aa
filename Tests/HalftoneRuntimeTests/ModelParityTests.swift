import Foundation
import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime
import Testing

/// Logits of small random models, held to those that transformers computed in float32.
///
/// The fixtures come from `Tests/Reference/make_model_fixtures.py`.
struct ModelParityTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/Models")

    private static let names = [
        "gemma2", "gemma3", "gemma3-rope-parameters", "gpt2", "gpt_neox", "gpt_neox-sequential",
        "llama-bias", "llama-linear", "llama-yarn", "llama2", "llama3", "mistral", "phi3", "qwen2",
        "qwen3", "smollm2",
    ]

    private struct Fixture {
        let weights: DecoderWeights
        let decoder: Decoder
        let tokens: [Int32]
        let logits: [Float]
    }

    private func fixture(_ name: String, threads: Int = 2) throws -> Fixture {
        let folder = Self.root.appending(path: name)
        let text = try Data(contentsOf: folder.appending(path: "config.json"))
        let configuration = try ConfigurationReader(JSONParser.parse(Array(text)))
        let architecture = try Architectures.named(
            modelType: try configuration.string("model_type"))
        let weights = try DecoderWeights.load(
            SafetensorsCheckpoint(contentsOf: folder.path()),
            spec: try architecture.spec(configuration), architecture: architecture)
        let expected = try SafetensorsFile(
            contentsOf: folder.appending(path: "expected.safetensors").path())
        let ids = try #require(expected.tensor(named: "input_ids"))
        return Fixture(
            weights: weights, decoder: Decoder(weights, pool: WorkerPool(threads: threads)),
            tokens: (0..<ids.elementCount).map { Int32(ids.bytes.load(Int64.self, at: $0 * 8)) },
            logits: try #require(expected.tensor(named: "logits")).floats())
    }

    private func logits(_ fixture: Fixture) throws -> [Float] {
        let decoder = fixture.decoder
        let count = fixture.tokens.count
        var output = [Float](repeating: .nan, count: count * decoder.spec.vocabularySize)
        let state = decoder.makeState()
        try decoder.read(fixture.tokens, state: state) { hidden, rows in
            decoder.logits(of: hidden, from: 0, count: rows, into: &output)
        }
        return output
    }

    private func worst(_ first: [Float], _ second: [Float]) -> Float {
        zip(first, second).map { abs($0 - $1) }.max() ?? .infinity
    }

    @Test(arguments: names)
    func logitsEqualThoseOfTransformers(name: String) throws {
        let fixture = try fixture(name)
        let found = try logits(fixture)
        #expect(found.count == fixture.logits.count)
        // Float32 and float64 differ by up to 4.2e-5 on these models (logits of rms up to 8.5);
        // every setting that the fixtures exercise moves the logits by more than 5e-4.
        #expect(worst(found, fixture.logits) < 1e-4)
    }

    @Test(arguments: names)
    func oneTokenAtATimeGivesTheSame(name: String) throws {
        let fixture = try fixture(name, threads: 1)
        let width = fixture.decoder.spec.vocabularySize
        let state = fixture.decoder.makeState(capacity: 1)
        for (index, token) in fixture.tokens.enumerated() {
            let row = try fixture.decoder.logits(after: [token], state: state)
            let expected = Array(fixture.logits[index * width..<(index + 1) * width])
            #expect(worst(row, expected) < 1e-4, "token \(index)")
        }
    }

    /// Sequences of different lengths, one of them a single token, stage by stage.
    @Test(arguments: names)
    func stagesGiveTheSame(name: String) throws {
        let fixture = try fixture(name)
        let tokens = fixture.tokens
        let run = try StagedRun(
            fixture.weights, sequences: [tokens, [tokens[0]], Array(tokens.prefix(5))],
            pool: WorkerPool(threads: 2))
        for block in fixture.weights.spec.blocks {
            var seen: [(BlockStage, Int, Int)] = []
            run.run { stage, inputs in
                seen.append((stage, inputs.sequence, inputs.count))
                #expect(inputs.width == stage.width(of: block, in: fixture.weights.spec))
                #expect(inputs.values.contains { $0 != 0 })
            } replacing: { stage in
                // What is put in place of itself changes nothing.
                let role = Role(stage.parts(of: block)[0], block: run.block)
                return [role: fixture.weights.matrix(role)]
            }
            #expect(seen.map(\.0) == BlockStage.allCases.flatMap { [$0, $0, $0] })
            #expect(seen.map(\.2) == (0..<4).flatMap { _ in [tokens.count, 1, 5] })
        }
        let width = fixture.decoder.spec.vocabularySize
        for (sequence, count) in run.lengths.enumerated() {
            var logits = [Float](repeating: .nan, count: count * width)
            fixture.decoder.logits(
                of: run.hidden(ofSequence: sequence), from: 0, count: count, into: &logits)
            #expect(worst(logits, Array(fixture.logits[..<(count * width)])) < 1e-4)
        }
    }

    /// What is replaced at a stop is what the block computes with from there on.
    @Test(arguments: ["llama3", "gpt2", "gpt_neox", "phi3", "gemma2"])
    func replacedMatricesAreUsed(name: String) throws {
        let fixture = try fixture(name)
        var changed = fixture.weights
        let run = try StagedRun(
            fixture.weights, sequences: [fixture.tokens], pool: WorkerPool(threads: 2))
        for block in fixture.weights.spec.blocks {
            run.run { _, _ in
            } replacing: { stage in
                var replaced: [Role: any WeightMatrix] = [:]
                for part in stage.parts(of: block) {
                    let role = Role(part, block: run.block)
                    let old = fixture.weights.matrix(role)
                    let order = (0..<old.rows).map { old.rows - 1 - $0 }
                    replaced[role] = old.gatheringRows(order)
                    changed.replace(role, with: old.gatheringRows(order))
                }
                return replaced
            }
        }
        let decoder = Decoder(changed, pool: WorkerPool(threads: 2))
        var expected: [Float] = []
        try decoder.read(fixture.tokens, state: decoder.makeState()) { hidden, rows in
            expected += hidden[..<(rows * decoder.spec.width)]
        }
        let scale = expected.map { abs($0) }.max() ?? 0
        #expect(worst(run.hidden(ofSequence: 0), expected) < 1e-4 * scale)
    }

    @Test func truncatingGoesBackInTime() throws {
        let fixture = try fixture("llama3")
        let state = fixture.decoder.makeState()
        _ = try fixture.decoder.logits(after: fixture.tokens, state: state)
        state.truncate(to: 5)
        let again = try fixture.decoder.logits(after: Array(fixture.tokens[5..<9]), state: state)
        let width = fixture.decoder.spec.vocabularySize
        #expect(worst(again, Array(fixture.logits[8 * width..<9 * width])) < 1e-4)
    }

    @Test func tokensOutsideTheVocabularyAreRefused() throws {
        let fixture = try fixture("llama2")
        let state = fixture.decoder.makeState()
        let size = fixture.decoder.spec.vocabularySize
        #expect(throws: DecoderError.tokenOutOfRange(Int32(size), vocabularySize: size)) {
            try fixture.decoder.logits(after: [0, Int32(size)], state: state)
        }
        #expect(throws: DecoderError.noTokens) {
            try fixture.decoder.logits(after: [], state: state)
        }
    }

    @Test func aTableOfPositionsEnds() throws {
        let fixture = try fixture("gpt2")
        let limit = try #require(fixture.decoder.spec.learnedPositions)
        let state = fixture.decoder.makeState()
        #expect(throws: DecoderError.contextExceeded(tokens: limit + 1, limit: limit)) {
            try fixture.decoder.logits(
                after: [Int32](repeating: 1, count: limit + 1), state: state)
        }
    }

    @Test func missingTensorsAreListedTogether() throws {
        let folder = Self.root.appending(path: "llama2")
        let archive = try SafetensorsCheckpoint(contentsOf: folder.path())
        let text = try Data(contentsOf: folder.appending(path: "config.json"))
        var configuration = try #require(JSONParser.parse(Array(text)).object)
        configuration["num_hidden_layers"] = 3
        configuration["vocab_size"] = 50
        let spec = try Llama.spec(ConfigurationReader(.object(configuration)))
        do {
            _ = try DecoderWeights.load(archive, spec: spec, architecture: Llama.self)
            Issue.record("a model without its third layer was loaded")
        } catch let ModelError.tensorMismatch(missing, misshapen) {
            #expect(missing.count == 9)
            #expect(misshapen.count == 2)
        }
    }
}
