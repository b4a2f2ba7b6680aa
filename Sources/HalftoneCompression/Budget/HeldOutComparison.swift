import HalftoneEvaluation
import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneRuns
import HalftoneRuntime

/// The float model on held-out text, which candidates are compared with.
struct HeldOutComparison {
    let evaluator: Evaluator
    let reference: ReferenceStates
    let pool: WorkerPool

    /// The float model's perplexity.
    var floatPerplexity: Double { evaluator.perplexity(of: reference).perplexity }

    /// Measures a candidate.
    ///
    /// - Parameters:
    ///   - kind: How its bits were chosen.
    ///   - compressed: It.
    ///   - packedBytes: What its packed matrices take.
    ///   - expected: The divergence that costs foretold.
    func candidate(
        _ kind: BudgetedCompression.Candidate.Kind, _ compressed: CompressedModel,
        packedBytes: Int, expected: Double? = nil
    ) throws -> BudgetedCompression.Candidate {
        let found = try evaluator.compare(Decoder(compressed.weights, pool: pool), with: reference)
        return BudgetedCompression.Candidate(
            kind: kind, packedBytes: packedBytes, expected: expected,
            divergence: found.divergence.mean,
            divergenceError: found.divergence.standardError,
            perplexity: found.candidate.perplexity)
    }
}

extension BudgetedCompression {
    /// What inputs of matrices are worth on the calibration text, as encoders of blocks ask for it.
    func importance() throws -> ImportanceMatrix {
        try ImportanceMatrix(
            model, text: few(settings.calibrationWindows), dataset: "calibration", pool: pool)
    }

    /// Reads the held-out text with the float model.
    func comparison(_ display: Display) throws -> HeldOutComparison {
        let evaluator = Evaluator(windows: windows, pool: pool)
        let reference = try Self.shown("Reading held-out text", display) { progress in
            try evaluator.reference(Decoder(model.weights, pool: pool), tokens: heldOut) {
                progress?.update(completed: $0, note: "of \($1)")
            }
        }
        return HeldOutComparison(evaluator: evaluator, reference: reference, pool: pool)
    }
}
