import HalftoneTensor

/// How far a model's predictions are from those of the float model, which tuning makes small.
///
/// Both come as logits, `[…, vocabulary]`; each loss is a mean over positions, at least 0, and 0
/// only where predictions are the same.
public enum PredictionLoss: Sendable, Hashable, Codable {
    /// `KL(float ‖ model)`.
    ///
    /// Source: G. Hinton et al., arXiv:1503.02531, at temperature 1.
    case divergence

    /// `KL(float ‖ model)` over the tokens that the float model finds most likely, so many of them,
    /// and `KL(model ‖ float)` over all others: what sampling can pick is to be covered, and where
    /// the float model has no chance there is to be none.
    ///
    /// Both sums are generalized, `a log(a/b) − a + b`: as they are printed, moving chances from the
    /// others to the likely tokens makes the loss smaller than that of equal predictions.
    ///
    /// Source: TopKLD, arXiv:2501.06218, as far as its abstract and reviews tell.
    case topTokens(Int)

    /// `KL(float ‖ model)`, where tokens that either finds ambiguous count more: by
    /// `E_f^g · E_m^(1−g)`, the entropies of the float model and of the model, in shares of their
    /// mean. The weight is taken as a constant.
    ///
    /// Source: deviation-aware distillation, H. Chen et al., "DB-LLM", arXiv:2402.11960, section 3.3;
    /// the exponent is not in what could be read of it.
    case ambiguity(floatShare: Float)

    /// The loss with a name: `kl`, `topkld` or `topkld-40`, `dad` or `dad-0.5`.
    public init?(named name: String) {
        let parts = name.split(separator: "-", maxSplits: 1).map(String.init)
        switch parts.first {
        case "kl" where parts.count == 1: self = .divergence
        case "topkld":
            guard let count = Int(parts.count > 1 ? parts[1] : "40"), count > 0 else { return nil }
            self = .topTokens(count)
        case "dad":
            guard let share = Float(parts.count > 1 ? parts[1] : "0.5"), (0...1).contains(share)
            else { return nil }
            self = .ambiguity(floatShare: share)
        default: return nil
        }
    }

    /// The loss, from which gradients flow to the model's logits alone.
    ///
    /// - Parameters:
    ///   - logits: The model's.
    ///   - float: The float model's, in the same shape.
    public func callAsFunction(_ logits: Tensor, float: Tensor) -> Tensor {
        let own = logits.stopGradient().logSoftmax()
        let target = float.stopGradient().logSoftmax()
        let share = 1 / Float(logits.shape.dropLast().reduce(1, *))
        let (value, slope) = parts(own, target)
        return Tensor.custom([logits], value: value.sum() * share) { upstream in
            [slope * (upstream * share)]
        }
    }

    /// What each token adds to the loss of a position, and how that changes with each logit, both
    /// `[…, vocabulary]`.
    ///
    /// - Parameters:
    ///   - own: Logarithms of the model's chances.
    ///   - target: Of the float model's.
    private func parts(_ own: Tensor, _ target: Tensor) -> (value: Tensor, slope: Tensor) {
        let (chances, wanted) = (own.exp(), target.exp())
        switch self {
        case .divergence:
            return (wanted * (target - own), chances - wanted)
        case .topTokens(let count):
            let least = target.top(min(count, target.shape.last ?? 0)).values
                .min(axes: [-1], keepDimensions: true)
            let isTop = target .>= least
            let value = (wanted * (target - own) - wanted + chances)
                .choosing(where: isTop, else: chances * (own - target) - chances + wanted)
            // With the logarithm of each chance; the softmax takes off what all have in common.
            let slope = (chances - wanted)
                .choosing(where: isTop, else: chances * (own - target))
            return (value, slope - chances * slope.sum(axes: [-1], keepDimensions: true))
        case .ambiguity(let floatShare):
            let weight = Self.ambiguity(own, target, floatShare: floatShare)
            let shares = weight * (1 / max(weight.mean().item, .leastNormalMagnitude))
            return (wanted * (target - own) * shares, (chances - wanted) * shares)
        }
    }

    /// `E_f^g · E_m^(1−g)` of each position, `[…, 1]`, from logarithms of chances.
    static func ambiguity(_ own: Tensor, _ target: Tensor, floatShare: Float) -> Tensor {
        func power(_ log: Tensor, _ share: Float) -> Tensor {
            let entropy = -(log.exp() * log).sum(axes: [-1], keepDimensions: true)
            return Tensor.maximum(entropy, Tensor(1e-6)).power(share)
        }
        return power(target, floatShare) * power(own, 1 - floatShare)
    }
}

extension PredictionLoss: CustomStringConvertible {
    /// The name.
    public var description: String {
        switch self {
        case .divergence: "kl"
        case .topTokens(let count): "topkld-\(count)"
        case .ambiguity(let share): "dad-\(share)"
        }
    }
}
