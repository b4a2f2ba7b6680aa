import HalftoneAllocation
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneRuns

/// The measures of sensitivity that come along, by the names that commands take.
public enum SensitivityMeasure: String, Sendable, Hashable, Codable, CaseIterable {
    /// The curvature of predictions by outputs times the change of outputs (``OutputCurvature``).
    case curvature
    /// The change of outputs as a share of them (``OutputError``).
    case error
    /// The divergence that a change causes, measured by running the model (``PredictionChange``).
    case kl
    /// The loss that a change adds, measured by running the model (``PredictionChange``).
    case loss
    /// The Fisher information of each weight times its squared change (``FisherDiagonal``).
    case fisher
    /// The mean second derivative of the loss times the squared change (``HessianWeightedError``).
    case hessian
    /// How much a block turns the residual stream (``ScoredError``).
    case lim
    /// How few weights of a block are far above the mean (``ScoredError``).
    case zd
    /// The entropy of a matrix's codes (``ScoredError``).
    case entropy
    /// What columns cost under error compensation (``ColumnLosses``).
    case columnLoss = "column-loss"

    /// What a cost counts.
    public var unit: CostUnit {
        switch self {
        case .curvature, .kl, .fisher: .divergence
        case .loss, .hessian: .loss
        case .error, .columnLoss: .outputShare
        case .lim, .zd, .entropy: .scoredShare
        }
    }

    /// Whether the model is run once for each change, so that time goes with their number.
    public var isMeasured: Bool { self == .kl || self == .loss }

    /// Whether gradients are taken, which only models of the Llama family have.
    public var needsGradients: Bool {
        [.curvature, .fisher, .hessian].contains(self)
    }

    /// The measure made ready for a model.
    ///
    /// - Parameters:
    ///   - weights: The float model.
    ///   - text: What is read; the measures that run the model for each change read
    ///     `trialTokens` of it.
    ///   - trialTokens: About so many.
    ///   - seed: Draws what is drawn.
    ///   - pool: The threads to use.
    ///   - display: Makes displays of what takes a while.
    /// - Throws: ``CompressionError`` for text that does not serve, `ModelError` for a model that
    ///   gradients cannot be taken of.
    public func prepared(
        for weights: DecoderWeights, reading text: CalibrationText, trialTokens: Int = 256,
        seed: UInt64 = 1, pool: WorkerPool,
        display: BudgetedCompression.Display = { _, _, _ in nil }
    ) throws -> any Sensitivity {
        let count = text.sequences.count
        func shown<Value>(
            _ title: String, _ total: Int, _ unit: String, _ body: (RunProgress?) throws -> Value
        ) rethrows -> Value {
            try BudgetedCompression.shown(title, display, total: total, unit: unit, body)
        }
        switch self {
        case .curvature:
            return try shown("Measuring what outputs are worth", count, "windows") { progress in
                try OutputCurvature(of: weights, text: text, seed: seed) {
                    progress?.update(completed: $0)
                }
            }
        case .fisher:
            return try shown("Measuring what weights are worth", count, "windows") { progress in
                try FisherDiagonal(of: weights, text: text, seed: seed) {
                    progress?.update(completed: $0)
                }
            }
        case .hessian:
            let estimate = HessianTrace(samples: 4)
            return try shown("Estimating Hessian traces", 2 * estimate.samples, "gradients") {
                progress in
                try HessianWeightedError(
                    of: weights, text: text.beginning(trialTokens), estimate: estimate, seed: seed
                ) { progress?.update(completed: $0) }
            }
        case .kl, .loss:
            return try PredictionChange(
                of: weights, text: text.beginning(trialTokens), unit: unit, pool: pool)
        case .lim: return try ScoredError(.inputModification, of: weights, text: text, pool: pool)
        case .zd: return try ScoredError(.zScoreDistribution, of: weights, text: text, pool: pool)
        case .entropy: return try ScoredError(entropyOf: weights, pool: pool)
        case .error: return OutputError()
        case .columnLoss: return ColumnLosses(pool: pool)
        }
    }
}

extension CalibrationText {
    /// The beginnings of windows, up to 128 tokens each, about so many tokens in all.
    func beginning(_ tokens: Int) -> CalibrationText {
        let length = min(sequences.map(\.count).min() ?? 0, 128, max(tokens, 4))
        let count = max(1, tokens / max(length, 1))
        return CalibrationText(sequences: sequences.prefix(count).map { Array($0.prefix(length)) })
    }

    /// Some windows, evenly spread.
    func few(_ count: Int) -> CalibrationText {
        let taken = min(count, sequences.count)
        return CalibrationText(
            sequences: (0..<taken).map { sequences[$0 * sequences.count / taken] })
    }
}
