import HalftoneKernels
import HalftoneModels
import HalftoneNN
import HalftoneTensor
import Synchronization

/// Passes back and forth through a model on texts that it would write itself: one draw of every
/// token of a calibration text.
struct FisherPass {
    /// What flows at a matrix during one sequence.
    struct Flow {
        /// The matrix; the head has ``Role/Part/head`` whether it is tied or not.
        var role: Role
        /// What the matrix reads, `[tokens, columns]`; nil for a table that is looked up.
        var input: Tensor?
        /// The tokens that are looked up.
        var tokens: [Int32]
        /// The squared gradient of the log-probability at the outputs, `[tokens, outputs]`; at
        /// logits its mean over all draws.
        var squares: Tensor
    }

    /// Reads a text.
    ///
    /// - Parameters:
    ///   - weights: A model of the Llama family, as `LlamaNetwork` takes it.
    ///   - text: What is read.
    ///   - seed: Draws the tokens.
    ///   - progress: Called after each sequence with how many are done.
    ///   - take: Called with every flow, also while gradients flow back.
    /// - Throws: `ModelError` for another architecture.
    static func run(
        _ weights: DecoderWeights, text: CalibrationText, seed: UInt64,
        progress: (Int) -> Void, take: @escaping @Sendable (Flow) -> Void
    ) throws(ModelError) {
        let network = try LlamaNetwork(weights)
        network.freeze()
        let roles = Dictionary(
            uniqueKeysWithValues: weights.spec.slots.compactMap { slot in
                network.linear(slot.role).map { (ObjectIdentifier($0), slot.role) }
            })
        let paths = Dictionary(
            uniqueKeysWithValues: network.namedModules.compactMap { path, module in
                roles[ObjectIdentifier(module)].map { (path, $0) }
            })
        var generator = SeededGenerator(seed: seed)
        for (done, sequence) in text.sequences.enumerated() {
            let pass = ForwardContext(network, recordsGradients: true)
            var start: Tensor?
            var last: Tensor?
            var inputs: [Role: Tensor] = [:]
            pass.hook { activation, site in
                let isOutput = site.name == "output"
                guard isOutput || site.name == "input" else { return nil }
                if let role = paths[site.path], role != Role(.head) {
                    guard isOutput else {
                        inputs[role] = activation.stopGradient()
                        return nil
                    }
                    return watch(activation, role, inputs.removeValue(forKey: role), take)
                }
                if isOutput, site.path == "model.norm" { last = activation.stopGradient() }
                guard isOutput, site.path == "model.embed_tokens" else { return nil }
                let leaf = activation.tracked()
                start = leaf
                return leaf
            }
            let tokens = IndexTensor(shape: [1, sequence.count], elements: sequence)
            let logits = network(tokens, pass)
            let chances = logits.stopGradient().softmax()
            // The expected square of `chance − drawn`, which need not be drawn.
            take(
                Flow(
                    role: Role(.head), input: last?.rowsOfTokens, tokens: [],
                    squares: (chances - chances.squared()).rowsOfTokens))
            let drawn = drawn(chances, using: &generator)
            guard let start else { preconditionFailure("a pass begins with the embedding") }
            let gradient = logits.crossEntropy(drawn).sum().gradients(for: [start])[0]
            take(
                Flow(
                    role: Role(.embedding), input: nil, tokens: sequence,
                    squares: gradient.squared().rowsOfTokens))
            progress(done + 1)
        }
    }

    /// The same numbers, whose gradient is handed on when it flows back.
    private static func watch(
        _ activation: Tensor, _ role: Role, _ input: Tensor?,
        _ take: @escaping @Sendable (Flow) -> Void
    ) -> Tensor {
        Tensor.custom([activation], value: activation.stopGradient()) { upstream in
            take(
                Flow(
                    role: role, input: input?.rowsOfTokens, tokens: [],
                    squares: upstream.squared().rowsOfTokens))
            return [upstream]
        }
    }

    /// A token for each place of `[1, length, vocabulary]` chances.
    private static func drawn(
        _ chances: Tensor, using generator: inout SeededGenerator
    ) -> IndexTensor {
        let (length, size) = (chances.shape[1], chances.shape[2])
        let values = chances.elements.span
        let tokens = (0..<length).map { place in
            var left = Float.random(in: 0..<1, using: &generator)
            for token in 0..<size {
                left -= values[place * size + token]
                if left < 0 { return Int32(token) }
            }
            return Int32(size - 1)
        }
        return IndexTensor(shape: [1, length], elements: tokens)
    }
}

extension Tensor {
    /// `[…, channels]` as `[tokens, channels]`.
    fileprivate var rowsOfTokens: Tensor { reshaped([-1, shape.last ?? 1]) }
}
