import HalftoneTensor

/// Sets numbers to 0 at random in training, and scales the others so that the mean stays.
///
/// Source: N. Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from
/// Overfitting", JMLR 15, 2014; whole channels: J. Tompson et al., arXiv:1411.4280; whole samples
/// (stochastic depth): G. Huang et al., arXiv:1603.09382.
public final class Dropout: Layer {
    /// What is dropped together.
    public enum Unit: String, Sendable, Codable {
        /// Each number by itself.
        case element
        /// Each channel of each sample: what lies beyond the first two dimensions.
        case channel
        /// Each sample: what lies beyond the first dimension.
        case sample
    }

    /// The probability of being dropped, from 0 to 1.
    public var probability: Float
    /// What is dropped together.
    public let unit: Unit

    /// A layer that drops with a probability.
    public init(_ probability: Float, unit: Unit = .element) {
        precondition(probability >= 0 && probability <= 1, "a probability is within 0...1")
        self.probability = probability
        self.unit = unit
    }

    /// The names of checkpoints.
    public var parts: Parts { [:] }

    /// The input itself outside of training.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        guard context.isTraining, probability > 0 else { return x }
        if probability == 1 { return x * 0 }
        let kept =
            switch unit {
            case .element: x.rank
            case .channel: min(2, x.rank)
            case .sample: min(1, x.rank)
            }
        let shape = x.shape.enumerated().map { $0 < kept ? $1 : 1 }
        let draws = Tensor.uniform(shape, in: 0...1, using: &context.generator)
        return x * ((draws .>= probability) * (1 / (1 - probability)))
    }
}
