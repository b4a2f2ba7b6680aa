import Foundation
import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime
import Testing

/// Small random models of every architecture, and what they compute.
struct TransformFixture {
    let weights: DecoderWeights
    let tokens: [Int32]

    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/Models")

    /// The names of all.
    static let names = [
        "gemma2", "gemma3", "gpt2", "gpt_neox", "gpt_neox-sequential", "llama-bias", "llama-yarn",
        "llama2", "llama3", "mistral", "phi3", "qwen2", "qwen3", "smollm2",
    ]

    /// Those whose normalizations subtract a mean and have biases.
    static let layerNormed: Set<String> = ["gpt2", "gpt_neox", "gpt_neox-sequential"]

    /// Those that normalize what blocks write.
    static let postNormed: Set<String> = ["gemma2", "gemma3"]

    init(_ name: String) throws {
        let folder = Self.root.appending(path: name)
        weights = try LanguageModel(path: folder.path(), readsTokenizer: false).weights
        let expected = try SafetensorsFile(
            contentsOf: folder.appending(path: "expected.safetensors").path())
        let ids = try #require(expected.tensor(named: "input_ids"))
        tokens = (0..<ids.elementCount).map { Int32(ids.bytes.load(Int64.self, at: $0 * 8)) }
    }

    /// The logits of all tokens.
    func logits(_ weights: DecoderWeights) throws -> [Float] {
        let decoder = Decoder(weights, pool: WorkerPool(threads: 2))
        var output = [Float](
            repeating: .nan, count: tokens.count * decoder.spec.vocabularySize)
        try decoder.read(tokens, state: decoder.makeState()) { hidden, rows in
            decoder.logits(of: hidden, from: 0, count: rows, into: &output)
        }
        return output
    }

    /// The largest change of a logit, over the root of their mean square.
    func change(_ changed: DecoderWeights) throws -> Float {
        let (before, after) = (try logits(weights), try logits(changed))
        let worst = zip(before, after).map { abs($0 - $1) }.max() ?? .infinity
        let square = before.reduce(0) { $0 + $1 * $1 } / Float(before.count)
        return after.allSatisfy(\.isFinite) ? worst / square.squareRoot() : .infinity
    }
}
