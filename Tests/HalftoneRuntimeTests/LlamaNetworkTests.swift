import Foundation
import HalftoneKernels
import HalftoneModels
import HalftoneNN
import HalftoneRuntime
import HalftoneTensor
import Testing

/// Networks that are made of a decoder's parameters.
struct LlamaNetworkTests {
    private func model(_ name: String) throws -> LanguageModel {
        try LanguageModel(
            path: PackedDecodingTests.root.appending(path: name).path, readsTokenizer: false)
    }

    @Test(
        "a network of a decoder's parameters computes its logits", arguments: ["llama2", "smollm2"])
    func computesTheSame(name: String) throws {
        let weights = try model(name).weights
        let tokens: [Int32] = [5, 17, 3, 60, 9, 41, 2]
        let size = weights.spec.vocabularySize
        let decoder = Decoder(weights, pool: WorkerPool(threads: 1))
        var expected = [Float](repeating: 0, count: tokens.count * size)
        try decoder.logits(
            after: tokens, state: decoder.makeState(), last: tokens.count, into: &expected)
        let network = try LlamaNetwork(weights)
        let logits = network(
            IndexTensor(shape: [1, tokens.count], elements: tokens), ForwardContext())
        #expect(logits.shape == [1, tokens.count, size])
        let largest = expected.map(\.magnitude).max() ?? 0
        let furthest = zip(logits.elements, expected).map { ($0 - $1).magnitude }.max()
        // Sums of at most 64 products in two orders, some ten layers deep.
        #expect(largest > 0.01 && (furthest ?? .infinity) <= 1e-5 * max(largest, 1))
        #expect(network.linear(Role(.down, block: 1)) === network.blocks[1].perceptron.down)
        #expect(network.linear(Role(.down, block: network.blocks.count)) == nil)
        #expect(network.linear(Role(.embedding)) == nil)
    }

    @Test(
        "what is no plain Llama is refused",
        arguments: ["llama-bias", "llama-linear", "llama3", "qwen3", "gemma2", "phi3", "gpt2"])
    func othersAreRefused(name: String) throws {
        let weights = try model(name).weights
        #expect(throws: ModelError.self) { try LlamaNetwork(weights) }
    }
}
