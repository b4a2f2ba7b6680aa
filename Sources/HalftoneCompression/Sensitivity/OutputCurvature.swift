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
public struct OutputCurvature: Sendable, Codable {
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
        let sums = SquareSums()
        try FisherPass.run(weights, text: text, seed: seed, progress: progress) { flow in
            sums.add(flow.squares, as: flow.role)
        }
        let tokens = Double(text.sequences.reduce(0) { $0 + $1.count })
        for (role, sum) in sums.values {
            outputs[role] = sum.map { Float($0 / tokens) }
        }
        embedding = outputs.removeValue(forKey: Role(.embedding)) ?? []
    }
}

/// The sums over tokens of squares, by channel.
private final class SquareSums: Sendable {
    private let sums = Mutex<[Role: [Double]]>([:])

    var values: [Role: [Double]] { sums.withLock { $0 } }

    /// Adds `[tokens, channels]` squares.
    func add(_ squares: Tensor, as role: Role) {
        let found = squares.sum(axes: [0]).elements.map { Double($0) }
        sums.withLock { all in
            guard let known = all[role] else { return all[role] = found }
            all[role] = zip(known, found).map { $0 + $1 }
        }
    }
}
