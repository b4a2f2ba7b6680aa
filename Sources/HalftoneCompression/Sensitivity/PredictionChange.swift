import HalftoneEvaluation
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime

/// What a change does to the predictions, measured: the model is run with the change and compared
/// with itself as it was.
///
/// The float model is run once and its residual stream is kept before each block; a change is
/// computed from the first block that it is in. Nothing is assumed of the size of errors, so this
/// is what other measures are held to.
public struct PredictionChange: Sensitivity {
    /// What is measured.
    public let unit: CostUnit

    private let text: CalibrationText
    private let evaluator: Evaluator
    private let reference: ReferenceStates
    private let pool: WorkerPool
    /// Before each block, and behind the last.
    private let prefixes: [StagedRun]

    /// Reads a text with the float model.
    ///
    /// - Parameters:
    ///   - weights: The float model.
    ///   - text: Windows of one length, at least 4; all positions count. Few tokens do: matrices are
    ///     compared on the same ones.
    ///   - unit: ``CostUnit/divergence`` or ``CostUnit/loss``.
    ///   - pool: The threads to use.
    /// - Throws: ``CompressionError/badCalibration(_:)`` for text that cannot be compared on.
    /// - Complexity: A pass over the text, and one from the changed block on for each change;
    ///   `4 · tokens · width · (blocks + 1)` bytes.
    public init(
        of weights: DecoderWeights, text: CalibrationText, unit: CostUnit = .divergence,
        pool: WorkerPool
    ) throws(CompressionError) {
        precondition(unit == .divergence || unit == .loss, "predictions have no \(unit.title)")
        self.unit = unit
        self.text = text
        self.pool = pool
        let length = text.sequences.first?.count ?? 0
        guard text.sequences.allSatisfy({ $0.count == length }) else {
            throw .badCalibration("the windows of the text differ in length")
        }
        var windows = EvaluationWindows()
        windows.length = length
        windows.scoring = .all
        evaluator = Evaluator(windows: windows, pool: pool)
        do {
            reference = try evaluator.reference(
                Decoder(weights, pool: pool), tokens: text.sequences.flatMap(\.self))
            let run = try StagedRun(weights, sequences: text.sequences, pool: pool)
            var prefixes = [run.branch()]
            for _ in weights.spec.blocks {
                run.run()
                prefixes.append(run.branch())
            }
            self.prefixes = prefixes
        } catch {
            throw .badCalibration("\(error)")
        }
    }

    /// All rows are multiplied.
    public var needsAllRows: Bool { true }

    /// What a change does.
    public func cost(of change: WeightChange) throws(CompressionError) -> Double {
        try cost(of: [change])
    }

    /// What the changes together do.
    public func cost(of changes: [WeightChange]) throws(CompressionError) -> Double {
        try cost(replacing: Dictionary(changes.map { ($0.site.role, $0.matrix) }) { $1 })
    }

    /// What other matrices in place of the model's do.
    func cost(
        replacing matrices: [Role: any WeightMatrix]
    ) throws(CompressionError) -> Double {
        do {
            let run = try start(matrices)
            while run.block < prefixes.count - 1 { run.run() }
            let found = try evaluator.compare(run, with: reference)
            return unit == .divergence
                ? found.divergence.mean : found.candidate.loss.mean - found.reference.loss.mean
        } catch {
            throw .badCalibration("\(error)")
        }
    }

    /// A run before the first block that anything is changed in.
    private func start(_ matrices: [Role: any WeightMatrix]) throws -> StagedRun {
        guard matrices[Role(.embedding)] == nil else {
            let weights = prefixes[0].branch(replacing: matrices).weights
            return try StagedRun(weights, sequences: text.sequences, pool: pool)
        }
        let last = prefixes.count - 1
        let first = matrices.keys.map { $0.block ?? last }.min() ?? last
        return prefixes[first].branch(replacing: matrices)
    }
}
