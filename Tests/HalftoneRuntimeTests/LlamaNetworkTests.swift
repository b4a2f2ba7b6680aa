import Foundation
import HalftoneFiles
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

    /// Fixtures that a network stands for: with biases, stretched positions, heads of another width
    /// and normalized heads.
    private static let names = [
        "llama2", "llama3", "llama-bias", "llama-linear", "llama-yarn", "qwen2", "qwen3", "smollm2",
    ]

    @Test("a network of a decoder's parameters computes its logits", arguments: names)
    func computesTheSame(name: String) throws {
        let weights = try model(name).weights
        let stored = try SafetensorsFile(
            contentsOf: PackedDecodingTests.root.appending(path: name)
                .appending(path: "expected.safetensors").path)
        let ids = try #require(stored.tensor(named: "input_ids"))
        let tokens = (0..<ids.elementCount).map { Int32(ids.bytes.load(Int64.self, at: $0 * 8)) }
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
        // As in `ModelParityTests`.
        let reference = try #require(stored.tensor(named: "logits")).floats()
        #expect(reference.count == logits.count)
        #expect(zip(logits.elements, reference).allSatisfy { ($0 - $1).magnitude < 1e-4 })
        #expect(network.linear(Role(.down, block: 1)) === network.blocks[1].perceptron.down)
        #expect(network.linear(Role(.down, block: network.blocks.count)) == nil)
        #expect(network.linear(Role(.embedding)) == nil)
    }

    @Test(
        "what is not of the family is refused",
        arguments: ["mistral", "gemma2", "gemma3", "phi3", "gpt2", "gpt_neox"])
    func othersAreRefused(name: String) throws {
        let weights = try model(name).weights
        #expect(throws: ModelError.self) { try LlamaNetwork(weights) }
    }

    /// Every parameter has a place and a gradient; the slope along biases and gains of heads is
    /// the loss's.
    @Test(arguments: ["llama-bias", "qwen2", "qwen3"])
    func gradientsReachEveryParameter(name: String) throws {
        let weights = try model(name).weights
        let network = try LlamaNetwork(weights)
        let tokens = IndexTensor(shape: [1, 7], elements: [5, 17, 3, 60, 9, 41, 2])
        let targets = IndexTensor(shape: [1, 7], elements: [17, 3, 60, 9, 41, 2, 5])
        func loss(_ pass: ForwardContext) -> Tensor {
            network(tokens, pass).crossEntropy(targets).mean()
        }
        let pass = ForwardContext(network, isTraining: true)
        let gradients = pass.gradients(of: loss(pass))
        let vectors = try weights.spec.slots.compactMap { slot -> (Parameter, Tensor)? in
            let parameter = try #require(network.parameter(slot.role))
            let gradient = try #require(gradients[parameter], "\(slot.role)")
            #expect(gradient.elements.contains { $0 != 0 }, "\(slot.role)")
            let isWanted = slot.role.isBias || slot.role.part == .queryNorm
            return isWanted ? (parameter, gradient) : nil
        }
        let square = vectors.reduce(0) { $0 + $1.1.squared().sum().item }
        func moved(_ share: Float) -> Float {
            let starts = vectors.map(\.0.value)
            for (parameter, gradient) in vectors {
                parameter.set(parameter.value + gradient * share)
            }
            defer { for (vector, start) in zip(vectors, starts) { vector.0.set(start) } }
            return loss(ForwardContext(network)).item
        }
        // Steps that are as long for each fixture; the loss is rounded to some 2⁻²¹.
        let share = 0.02 / square.squareRoot()
        let slope = (moved(share) - moved(-share)) / (2 * share)
        #expect((slope - square).magnitude < 0.01 * square, "\(slope), \(square)")
    }

    /// Shapes that were stored before they had all fields are those of the first Llama.
    @Test func formerShapesAreRead() throws {
        let text = """
            {"vocabularySize": 96, "width": 32, "layers": 2, "heads": 4, "keyHeads": 2,
             "hiddenWidth": 64, "contextLength": 256, "ropeTheta": 10000, "normEpsilon": 0.00001,
             "isHeadTied": false}
            """
        let shape = LlamaNetwork.Shape(
            vocabularySize: 96, width: 32, layers: 2, heads: 4, keyHeads: 2, hiddenWidth: 64,
            contextLength: 256, isHeadTied: false)
        let decoder = JSONDecoder()
        #expect(try decoder.decode(LlamaNetwork.Shape.self, from: Data(text.utf8)) == shape)
        for name in Self.names {
            let other = try LlamaNetwork.Shape(model(name).spec)
            let data = try JSONEncoder().encode(other)
            #expect(try decoder.decode(LlamaNetwork.Shape.self, from: data) == other)
        }
    }

    @Test("a network's config.json describes it or is refused", arguments: names)
    func configurationsDescribeTheNetwork(name: String) throws {
        let weights = try model(name).weights
        let network = try LlamaNetwork(weights)
        if ["llama2", "llama-bias", "smollm2"].contains(name) {
            let configuration = try network.configuration(bos: 1, eos: 2)
            #expect(try Llama.spec(ConfigurationReader(configuration)) == weights.spec)
        } else {
            #expect(throws: ModelError.self) { try network.configuration() }
        }
    }
}
