import HalftoneTensor

/// What becomes of the losses of single elements.
public enum LossReduction: String, Sendable, Codable {
    /// Their mean.
    case mean
    /// Their sum.
    case sum
    /// They stay.
    case none

    func callAsFunction(_ losses: Tensor) -> Tensor {
        switch self {
        case .mean: losses.mean()
        case .sum: losses.sum()
        case .none: losses
        }
    }
}

/// Losses, each a function of predictions and what they should be.
public enum Loss {}
