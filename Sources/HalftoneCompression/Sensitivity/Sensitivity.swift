/// What it costs to store parts of a model otherwise: the seam between measures of sensitivity and
/// allocators of bits.
///
/// A larger cost is worse and 0 is that of no change. Allocators add up the costs of changes that
/// are made together; the cost of a list of changes is what they cost as one.
public protocol Sensitivity {
    /// What a cost counts.
    var unit: CostUnit { get }

    /// Whether a matrix has to be changed with all of its rows, rather than some that stand for all.
    var needsAllRows: Bool { get }

    /// What a change costs.
    ///
    /// - Throws: ``CompressionError`` for a change that the measure says nothing of.
    func cost(of change: WeightChange) throws(CompressionError) -> Double

    /// What changes cost that are made together: by default the sum of what each costs.
    ///
    /// - Parameter changes: Of different matrices of one model, at least one.
    /// - Throws: ``CompressionError`` for a change that the measure says nothing of.
    func cost(of changes: [WeightChange]) throws(CompressionError) -> Double
}

/// What a cost counts.
public enum CostUnit: String, Sendable, Hashable, Codable, CaseIterable {
    /// The divergence `KL(float ‖ changed)` of predictions, nats per token; at least 0.
    case divergence
    /// What is added to the loss on a text, nats per token; below 0 where a change helps by chance.
    case loss
    /// The squared change of the outputs as a share of their square; at least 0.
    case outputShare
    /// A score times the squared change of weights as a share of their square, each matrix counted
    /// by its share of the model's weights; at least 0.
    case scoredShare

    /// The unit in words for axes and tables.
    public var title: String {
        switch self {
        case .divergence: "divergence, nats per token"
        case .loss: "added loss, nats per token"
        case .outputShare: "change of outputs, share of their squares"
        case .scoredShare: "score × change of weights, share of their squares"
        }
    }
}

extension Sensitivity {
    /// Some rows are enough.
    public var needsAllRows: Bool { false }

    /// The sum of what each costs.
    public func cost(of changes: [WeightChange]) throws(CompressionError) -> Double {
        var sum = 0.0
        for change in changes { sum += try cost(of: change) }
        return sum
    }
}
