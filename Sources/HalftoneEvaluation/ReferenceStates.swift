import HalftoneModels
import HalftoneRuntime

/// What a model computes for the windows of a text, kept so that many others can be compared
/// with it: hidden states rather than logits, which take less memory than a vocabulary per token.
public struct ReferenceStates: Sendable {
    /// The windows, equally long.
    public let windows: [[Int32]]

    let model: Decoder
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
        return ReferenceStates(windows: windows, model: model, hidden: hidden)
    }

    /// Compares a model with what another computed before.
    ///
    /// - Parameters:
    ///   - candidate: The model under test.
    ///   - reference: Of the same ``windows``.
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
    ///   - reference: Of the same ``windows``.
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

    private func compare(
        _ reference: ReferenceStates, head: Decoder, progress: (Int, Int, Double) -> Void,
        hidden: (Int) throws(EvaluationError) -> [Float]
    ) throws(EvaluationError) -> ModelComparison {
        let model = reference.model
        guard head.spec.vocabularySize == model.spec.vocabularySize else {
            throw .vocabulariesDiffer(model.spec.vocabularySize, head.spec.vocabularySize)
        }
        var tally = Tally()
        for (index, window) in reference.windows.enumerated() {
            let states = try hidden(index)
            eachRows(window, windows.scored) { rows, targets in
                tally.add(
                    logits(model, reference.hidden[index], rows), logits(head, states, rows),
                    targets, vocabularySize: model.spec.vocabularySize, pool: pool)
            }
            progress(index + 1, reference.windows.count, tally.meanDivergence)
        }
        return tally.result(windows: reference.windows.count)
    }
}
