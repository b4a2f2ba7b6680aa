import HalftoneKernels
import HalftoneModels
import HalftoneTensor
import Synchronization

/// What a change of each weight costs the predictions, each weight for itself: `½ Σ F_ij · d_ij²`
/// with the diagonal `F` of the Fisher information.
///
/// `F_ij` is the mean over tokens of `g_i² · x_j²` for the gradient `g` of the log-probability at the
/// outputs and the input `x`; each token's part of the gradient counts for itself. Of a table that
/// is looked up, row *t* has the sum of `g_j²` over the places of token *t*, over all tokens. Unlike
/// ``OutputCurvature`` it does not see that errors of columns make up for each other, so that what
/// error compensation does looks worse to it than it is.
///
/// Source: S. Kim et al., "SqueezeLLM: Dense-and-Sparse Quantization", arXiv:2306.07629, equation 4,
/// which takes gradients of whole texts; here those of texts that the model itself would write.
public struct FisherDiagonal: Sensitivity {
    /// `F` of each matrix, `[rows, columns]`.
    private let values: [Role: Tensor]

    /// Measures a model.
    ///
    /// - Parameters:
    ///   - weights: A model of the Llama family, as `LlamaNetwork` takes it.
    ///   - text: What is read; some thousand tokens do.
    ///   - seed: Draws the tokens.
    ///   - progress: Called after each sequence with how many are done.
    /// - Throws: `ModelError` for another architecture.
    /// - Complexity: A pass back and forth through the model, and a product of the size of a gradient
    ///   for each matrix; two float32 copies of its matrices are in memory.
    public init(
        of weights: DecoderWeights, text: CalibrationText, seed: UInt64 = 1,
        progress: (Int) -> Void = { _ in }
    ) throws(ModelError) {
        let sums = Mutex<[Role: Tensor]>([:])
        let size = weights.spec.vocabularySize
        try FisherPass.run(weights, text: text, seed: seed, progress: progress) { flow in
            let part: Tensor
            if let input = flow.input {
                part = flow.squares.transposed().matmul(input.squared())
            } else {
                let table = Tensor.zeros([size, flow.squares.shape[1]])
                part = table.scatterAddingSlices(
                    flow.squares,
                    at: IndexTensor(shape: [flow.tokens.count], elements: flow.tokens))
            }
            // A tied head is the embedding.
            let isTable = flow.role == Role(.head) && weights.spec.isHeadTied
            let role = isTable ? Role(.embedding) : flow.role
            sums.withLock { all in all[role] = all[role].map { $0 + part } ?? part }
        }
        let tokens = Float(text.sequences.reduce(0) { $0 + $1.count })
        values = sums.withLock { $0 }.mapValues { $0 * (1 / tokens) }
    }

    /// The divergence to second order.
    public var unit: CostUnit { .divergence }

    /// What a change costs.
    public func cost(of change: WeightChange) -> Double {
        let site = change.site
        guard let all = values[site.role] else { return 0 }
        let taken =
            site.rowStep == 1
            ? all : all.sliced(.from(nil, by: site.rowStep)) * Float(site.rowStep)
        return 0.5 * Double((taken * change.difference.squared()).sum().item)
    }
}
