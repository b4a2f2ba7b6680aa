import HalftoneKernels
import HalftoneModels
import HalftoneNN
import HalftoneQuantization
import HalftoneTensor
import Synchronization

/// What a change of each output of a model's matrices costs its predictions, to second order.
///
/// The divergence of the changed predictions from those of the model is `½ Σ_r c_r · E[Δy_r²]` for
/// changes `Δy` of outputs that are small and independent from token to token, where `c_r` is the
/// mean over tokens of the squared gradient, at output *r*, of the log-probabilities of texts that
/// the model itself would write: the diagonal of its Fisher information. The texts here are one
/// draw of every token of a calibration text.
///
/// Source: J. Martens and R. Grosse, "Optimizing Neural Networks with Kronecker-factored Approximate
/// Curvature", arXiv:1503.05671, section 3; here with the diagonal of the second factor, and the
/// first one left to who knows the inputs.
public struct OutputCurvature: Sendable {
    /// `c_r` of every output of the linear layers, and for the head of every token's logit.
    public private(set) var outputs: [Role: [Float]] = [:]

    /// The same for each channel of what the embedding gives.
    public private(set) var embedding: [Float] = []

    /// Measures a model.
    ///
    /// - Parameters:
    ///   - weights: A model of the Llama family, as `LlamaNetwork` takes it.
    ///   - text: What is read; some thousand tokens do.
    ///   - seed: Draws the tokens.
    ///   - progress: Called after each sequence with how many are done.
    /// - Throws: `ModelError` for another architecture.
    /// - Complexity: A pass back and forth through the model; float32 copies of its matrices and
    ///   what layers keep of one sequence are in memory.
    public init(
        of weights: DecoderWeights, text: CalibrationText, seed: UInt64 = 1,
        progress: (Int) -> Void = { _ in }
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
        let sums = SquareSums()
        var generator = SeededGenerator(seed: seed)
        let head = Role(.head)
        let table = Role(.embedding)
        for (done, sequence) in text.sequences.enumerated() {
            let pass = ForwardContext(network, recordsGradients: true)
            var start: Tensor?
            pass.hook { activation, site in
                guard site.name == "output" else { return nil }
                if let role = paths[site.path] {
                    return role == head ? nil : sums.watch(activation, as: role)
                }
                guard site.path == "model.embed_tokens" else { return nil }
                let leaf = activation.tracked()
                start = leaf
                return leaf
            }
            let tokens = IndexTensor(shape: [1, sequence.count], elements: sequence)
            let logits = network(tokens, pass)
            let chances = logits.stopGradient().softmax()
            // The expected square of `chance − drawn`, which need not be drawn.
            sums.add(chances - chances.squared(), as: head)
            let drawn = Self.drawn(chances, using: &generator)
            guard let start else { preconditionFailure("a pass begins with the embedding") }
            let gradient = logits.crossEntropy(drawn).sum().gradients(for: [start])[0]
            sums.add(gradient.squared(), as: table)
            progress(done + 1)
        }
        let tokens = Double(text.sequences.reduce(0) { $0 + $1.count })
        for (role, sum) in sums.values {
            outputs[role] = sum.map { Float($0 / tokens) }
        }
        embedding = outputs.removeValue(forKey: table) ?? []
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

/// The sums over tokens of squares, by channel.
private final class SquareSums: Sendable {
    private let sums = Mutex<[Role: [Double]]>([:])

    var values: [Role: [Double]] { sums.withLock { $0 } }

    /// Adds `[…, channels]` squares.
    func add(_ squares: Tensor, as role: Role) {
        let axes = Array(0..<squares.shape.count - 1)
        let found = squares.sum(axes: axes).elements.map { Double($0) }
        sums.withLock { all in
            guard let known = all[role] else { return all[role] = found }
            all[role] = zip(known, found).map { $0 + $1 }
        }
    }

    /// The same numbers, whose gradient is noted when it flows back.
    func watch(_ activation: Tensor, as role: Role) -> Tensor {
        Tensor.custom([activation], value: activation.stopGradient()) { upstream in
            self.add(upstream.squared(), as: role)
            return [upstream]
        }
    }
}
