import HalftoneTensor

extension Loss {
    /// Which distribution the mean is taken under.
    public enum Direction: String, Sendable, Codable {
        /// KL(reference ‖ model): the model has to cover all that the reference does.
        case forward
        /// KL(model ‖ reference): the model has to stay where the reference is.
        case reverse
    }

    /// Kullback–Leibler divergence of the softmaxes of two sets of logits along the last axis.
    ///
    /// Both sides get gradients; stop the reference's where it is a teacher.
    ///
    /// - Parameters:
    ///   - logits: The model's, `[…, classes]`.
    ///   - reference: In the same shape.
    ///   - direction: Which of the two distributions weighs.
    ///   - temperature: Both are divided by it; multiply the loss by its square to keep the size of
    ///     the gradient (G. Hinton et al., arXiv:1503.02531).
    ///   - reduction: The mean is over rows.
    public static func klDivergence(
        _ logits: Tensor, reference: Tensor, direction: Direction = .forward,
        temperature: Float = 1, reduction: LossReduction = .mean
    ) -> Tensor {
        let model = (logits * (1 / temperature)).logSoftmax()
        let teacher = (reference * (1 / temperature)).logSoftmax()
        let (p, q) = direction == .forward ? (teacher, model) : (model, teacher)
        return reduction((p.exp() * (p - q)).sum(axes: [-1]))
    }

    /// InfoNCE over pairs: each row of one side has to find its partner among all of the other's.
    ///
    /// Rows are scaled to unit length; logits are `a bᵀ / temperature`; the loss is the mean of the
    /// cross-entropies along rows and along columns.
    ///
    /// Source: A. van den Oord et al., arXiv:1807.03748, eq. 4, both ways as in A. Radford et al.,
    /// arXiv:2103.00020, figure 3.
    ///
    /// - Parameters:
    ///   - first: `[pairs, width]`, no row of zeros.
    ///   - second: In the same shape.
    ///   - temperature: Above 0.
    ///   - isSymmetric: Whether columns count too.
    public static func contrastive(
        _ first: Tensor, _ second: Tensor, temperature: Float = 0.07, isSymmetric: Bool = true
    ) -> Tensor {
        func unit(_ x: Tensor) -> Tensor {
            x * x.squared().sum(axes: [-1], keepDimensions: true).reciprocalSquareRoot()
        }
        let logits =
            unit(first).matmul(unit(second), transposingSecond: true) * (1 / temperature)
        let own = IndexTensor(0..<first.shape[0])
        let rows = crossEntropy(logits, own)
        guard isSymmetric else { return rows }
        return (rows + crossEntropy(logits.transposed(), own)) * 0.5
    }
}
