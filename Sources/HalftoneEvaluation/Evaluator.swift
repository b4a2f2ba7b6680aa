import Foundation
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime

/// The mean of measurements and the standard error of that mean.
public struct MeanEstimate: Sendable, Equatable, Codable {
    /// The mean.
    public let mean: Double
    /// The standard error of the mean.
    public let standardError: Double
    /// The number of measurements.
    public let count: Int

    /// Computes both from measurements taken as independent.
    public init(_ values: [Double]) {
        count = values.count
        let mean = values.reduce(0, +) / Double(max(values.count, 1))
        self.mean = mean
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        standardError =
            values.count > 1
            ? (squares / Double(values.count - 1) / Double(values.count)).squareRoot() : .nan
    }

    /// Half the width of the 95 % interval.
    public var interval95: Double { 1.96 * standardError }
}

/// How well a model predicts a text.
public struct PerplexityResult: Sendable, Equatable, Codable {
    /// Loss per scored token in nats.
    public let loss: MeanEstimate
    /// Windows scored.
    public let windows: Int

    /// States a result.
    public init(loss: MeanEstimate, windows: Int) {
        self.loss = loss
        self.windows = windows
    }

    /// `e^loss`.
    public var perplexity: Double { exp(loss.mean) }
    /// The standard error of the perplexity, to first order.
    public var standardError: Double { perplexity * loss.standardError }
}

/// How far a model is from another on the same text.
public struct ModelComparison: Sendable, Equatable, Codable {
    /// The model that is compared with.
    public let reference: PerplexityResult
    /// The model under test.
    public let candidate: PerplexityResult
    /// KL(reference ‖ candidate) per scored position in nats.
    public let divergence: MeanEstimate
    /// The divergences that 50, 99 and 99.9 % of positions stay below, and the largest.
    public let divergenceQuantiles: [Double]
    /// The share of positions where both find the same token most likely.
    public let sameTopToken: Double
    /// The largest distance between two logits of the same token.
    public let largestLogitDifference: Float
}

/// Measures models on token sequences.
public struct Evaluator: Sendable {
    /// How the text is cut.
    public var windows: EvaluationWindows
    let pool: WorkerPool

    /// Rows of logits that are held at once.
    private static let rowsAtOnce = 64

    /// Creates an evaluator that shares a pool with the models it measures.
    public init(windows: EvaluationWindows, pool: WorkerPool) {
        self.windows = windows
        self.pool = pool
    }

    /// Measures the perplexity of a text.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - tokens: The text, tokenized as a whole.
    ///   - progress: Called after each window with the windows done, their number and the
    ///     perplexity so far; returns whether to go on.
    public func perplexity(
        of model: Decoder, tokens: [Int32],
        progress: (Int, Int, Double) -> Void = { _, _, _ in }
    ) throws(EvaluationError) -> PerplexityResult {
        let windows = try self.windows.windows(of: tokens)
        var losses: [Double] = []
        for (index, window) in windows.enumerated() {
            let hidden = try hiddenStates(model, window)
            eachRows(window, self.windows.scored) { rows, targets in
                losses += LogitMetrics.losses(
                    logits(model, hidden, rows), vocabularySize: model.spec.vocabularySize,
                    targets: targets, pool: pool)
            }
            progress(index + 1, windows.count, exp(losses.reduce(0, +) / Double(losses.count)))
        }
        return PerplexityResult(loss: MeanEstimate(losses), windows: windows.count)
    }

    /// Compares two models in lock-step: no logits are stored.
    ///
    /// - Parameters:
    ///   - candidate: The model under test.
    ///   - reference: The model that it should equal.
    ///   - tokens: The text, tokenized as a whole.
    ///   - progress: Called after each window with the windows done, their number and the mean
    ///     divergence so far.
    public func compare(
        _ candidate: Decoder, with reference: Decoder, tokens: [Int32],
        progress: (Int, Int, Double) -> Void = { _, _, _ in }
    ) throws(EvaluationError) -> ModelComparison {
        let windows = try self.windows.windows(of: tokens)
        return try compare(
            windows, reference,
            { index throws(EvaluationError) in try hiddenStates(reference, windows[index]) },
            candidate,
            { index throws(EvaluationError) in try hiddenStates(candidate, windows[index]) },
            progress)
    }

    /// Compares a model with the logits that another program computed for the same tokens.
    ///
    /// All tokens are read as one window and all positions that have a next token count.
    public func compare(
        _ candidate: Decoder, with reference: StoredLogits
    ) throws(EvaluationError) -> ModelComparison {
        guard candidate.spec.vocabularySize == reference.vocabularySize else {
            throw .vocabulariesDiffer(reference.vocabularySize, candidate.spec.vocabularySize)
        }
        let tokens = reference.tokens
        let hidden = try hiddenStates(candidate, tokens)
        var tally = Tally()
        eachRows(tokens, 0..<tokens.count - 1) { rows, targets in
            tally.add(
                reference.rows(rows), logits(candidate, hidden, rows), targets,
                vocabularySize: reference.vocabularySize, pool: pool)
        }
        return tally.result(windows: 1)
    }

    func hiddenStates(
        _ model: Decoder, _ window: [Int32]
    ) throws(EvaluationError) -> [Float] {
        let state = model.makeState(capacity: window.count)
        var hidden: [Float] = []
        hidden.reserveCapacity(window.count * model.spec.width)
        do {
            try model.read(window, state: state) { chunk, count in
                hidden += chunk[0..<count * model.spec.width]
            }
        } catch {
            throw .unreadable(error.description)
        }
        return hidden
    }

    /// Calls a closure with some scored positions at a time and the tokens that follow them.
    func eachRows(
        _ window: [Int32], _ scored: Range<Int>, _ body: (Range<Int>, [Int32]) -> Void
    ) {
        for start in stride(from: scored.lowerBound, to: scored.upperBound, by: Self.rowsAtOnce) {
            let rows = start..<min(start + Self.rowsAtOnce, scored.upperBound)
            body(rows, Array(window[rows.lowerBound + 1..<rows.upperBound + 1]))
        }
    }

    func logits(_ model: Decoder, _ hidden: [Float], _ rows: Range<Int>) -> [Float] {
        var output = [Float](repeating: 0, count: rows.count * model.spec.vocabularySize)
        model.logits(
            of: hidden, from: rows.lowerBound * model.spec.width, count: rows.count, into: &output)
        return output
    }
}

/// What a comparison has seen so far.
struct Tally {
    private var reference: [Double] = []
    private var candidate: [Double] = []
    private var divergences: [Double] = []
    private var agreements = 0
    private var largestDifference: Float = 0

    /// The mean divergence so far.
    var meanDivergence: Double { MeanEstimate(divergences).mean }

    /// Counts positions: logits `[targets.count, vocabularySize]` of both, and what came next.
    mutating func add(
        _ p: [Float], _ q: [Float], _ targets: [Int32], vocabularySize: Int, pool: WorkerPool
    ) {
        reference += LogitMetrics.losses(
            p, vocabularySize: vocabularySize, targets: targets, pool: pool)
        candidate += LogitMetrics.losses(
            q, vocabularySize: vocabularySize, targets: targets, pool: pool)
        divergences += LogitMetrics.divergences(
            p, q, rows: targets.count, vocabularySize: vocabularySize, pool: pool)
        let first = LogitMetrics.mostLikely(
            p, rows: targets.count, vocabularySize: vocabularySize, pool: pool)
        let second = LogitMetrics.mostLikely(
            q, rows: targets.count, vocabularySize: vocabularySize, pool: pool)
        agreements += zip(first, second).count { $0 == $1 }
        largestDifference = max(
            largestDifference, LogitMetrics.largestDifference(p, q))
    }

    func result(windows: Int) -> ModelComparison {
        let sorted = divergences.sorted()
        let quantiles = [0.5, 0.99, 0.999, 1].map {
            sorted[min(Int($0 * Double(sorted.count)), sorted.count - 1)]
        }
        return ModelComparison(
            reference: PerplexityResult(loss: MeanEstimate(reference), windows: windows),
            candidate: PerplexityResult(loss: MeanEstimate(candidate), windows: windows),
            divergence: MeanEstimate(divergences), divergenceQuantiles: quantiles,
            sameTopToken: Double(agreements) / Double(max(divergences.count, 1)),
            largestLogitDifference: largestDifference)
    }
}
