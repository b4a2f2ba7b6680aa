import HalftoneKernels
import HalftoneModels
import HalftoneRuntime

/// What a model computes for the windows of a text, kept so that many others can be compared
/// with it: hidden states rather than logits, which take less memory than a vocabulary per token.
public struct ReferenceStates: Sendable {
    /// The windows, equally long.
    public let windows: [[Int32]]

    let model: Decoder
    let settings: EvaluationWindows
    let hidden: [[Float]]

    /// Bytes that the states of a text take.
    ///
    /// - Parameters:
    ///   - width: Of the model's residual stream.
    ///   - tokens: Of all windows.
    public static func byteCount(width: Int, tokens: Int) -> Int { 4 * width * tokens }
}

extension Evaluator {
    /// Reads a text with the model that others are to be compared with.
    ///
    /// - Parameters:
    ///   - model: The reference.
    ///   - tokens: The text, tokenized as a whole.
    ///   - progress: Called after each window with the windows done and their number.
    public func reference(
        _ model: Decoder, tokens: [Int32], progress: (Int, Int) -> Void = { _, _ in }
    ) throws(EvaluationError) -> ReferenceStates {
        let windows = try self.windows.windows(of: tokens)
        var hidden: [[Float]] = []
        for window in windows {
            hidden.append(try hiddenStates(model, window))
            progress(hidden.count, windows.count)
        }
        return ReferenceStates(
            windows: windows, model: model, settings: self.windows, hidden: hidden)
    }

    /// Compares a model with what another computed before.
    ///
    /// - Parameters:
    ///   - candidate: The model under test.
    ///   - reference: Of this evaluator, or one with the same ``windows``.
    ///   - progress: Called after each window with the windows done, their number and the mean
    ///     divergence so far.
    public func compare(
        _ candidate: Decoder, with reference: ReferenceStates,
        progress: (Int, Int, Double) -> Void = { _, _, _ in }
    ) throws(EvaluationError) -> ModelComparison {
        try compare(reference, head: candidate, progress: progress) {
            index throws(EvaluationError) in
            try hiddenStates(candidate, reference.windows[index])
        }
    }

    /// Compares what a staged run ends with, whatever was done to it on the way, with what a
    /// model computed before.
    ///
    /// - Parameters:
    ///   - run: Of the reference's windows, behind its last block.
    ///   - reference: Of this evaluator, or one with the same ``windows``.
    public func compare(
        _ run: StagedRun, with reference: ReferenceStates
    ) throws(EvaluationError) -> ModelComparison {
        precondition(
            run.lengths == reference.windows.map(\.count), "the run is of the same windows")
        let head = Decoder(run.weights, pool: pool)
        return try compare(reference, head: head, progress: { _, _, _ in }) {
            index throws(EvaluationError) in run.hidden(ofSequence: index)
        }
    }

    /// Measures the model that others are compared with: no divergence.
    public func perplexity(of reference: ReferenceStates) -> PerplexityResult {
        precondition(windows == reference.settings, "the reference is of the same windows")
        var losses: [Double] = []
        for (window, hidden) in zip(reference.windows, reference.hidden) {
            eachRows(window, windows.scored) { rows, targets in
                losses += LogitMetrics.losses(
                    logits(reference.model, hidden, rows),
                    vocabularySize: reference.model.spec.vocabularySize, targets: targets,
                    pool: pool)
            }
        }
        return PerplexityResult(loss: MeanEstimate(losses), windows: reference.windows.count)
    }

    private func compare(
        _ reference: ReferenceStates, head: Decoder, progress: (Int, Int, Double) -> Void,
        hidden: (Int) throws(EvaluationError) -> [Float]
    ) throws(EvaluationError) -> ModelComparison {
        precondition(windows == reference.settings, "the reference is of the same windows")
        return try compare(
            reference.windows, reference.model, { reference.hidden[$0] }, head, hidden, progress)
    }

    /// Compares two models window by window.
    ///
    /// - Parameters:
    ///   - windows: Equally long.
    ///   - reference: Makes logits of the reference's hidden states.
    ///   - first: The reference's hidden states for a window.
    ///   - candidate: Makes logits of the candidate's.
    ///   - second: The candidate's hidden states for a window.
    ///   - progress: As for the public functions.
    func compare(
        _ windows: [[Int32]], _ reference: Decoder,
        _ first: (Int) throws(EvaluationError) -> [Float], _ candidate: Decoder,
        _ second: (Int) throws(EvaluationError) -> [Float],
        _ progress: (Int, Int, Double) -> Void
    ) throws(EvaluationError) -> ModelComparison {
        let size = reference.spec.vocabularySize
        guard candidate.spec.vocabularySize == size else {
            throw .vocabulariesDiffer(size, candidate.spec.vocabularySize)
        }
        var tally = Tally()
        for (index, window) in windows.enumerated() {
            let (one, other) = (try first(index), try second(index))
            eachRows(window, self.windows.scored) { rows, targets in
                tally.add(
                    logits(reference, one, rows), logits(candidate, other, rows), targets,
                    vocabularySize: size, pool: pool)
            }
            progress(index + 1, windows.count, tally.meanDivergence)
        }
        return tally.result(windows: windows.count)
    }
}
