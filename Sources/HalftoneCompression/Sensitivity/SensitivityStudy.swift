import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns

/// Measures what parts of a model are worth, on the text and with the settings of a budget.
public struct SensitivityStudy: Sendable {
    /// The float model.
    public let weights: DecoderWeights
    /// The measure, how much text is read, and the ways to store a matrix.
    public let settings: BudgetSettings
    /// Windows to choose from.
    public let text: CalibrationText
    /// The threads to use.
    public let pool: WorkerPool
    /// What outputs are worth, where an equal study has measured it.
    private let known: OutputCurvature?

    /// Sets up the measurement.
    ///
    /// - Parameters:
    ///   - weights: The float model.
    ///   - settings: The measure, how much text is read, and the ways to store a matrix.
    ///   - text: Windows of one length, at least one.
    ///   - pool: The threads to use.
    public init(
        _ weights: DecoderWeights, settings: BudgetSettings, text: CalibrationText,
        pool: WorkerPool
    ) {
        self.weights = weights
        self.settings = settings
        self.text = text
        self.pool = pool
        known = nil
    }

    /// The same, of which it is known what outputs are worth.
    init(_ other: SensitivityStudy, knowing known: OutputCurvature?) {
        (weights, settings, text, pool) = (other.weights, other.settings, other.text, other.pool)
        self.known = known
    }

    /// The measure: that of the settings, else the curvature where gradients can be taken, and the
    /// error of outputs elsewhere.
    public var measure: SensitivityMeasure {
        settings.sensitivity ?? (hasGradients ? .curvature : .error)
    }

    private var hasGradients: Bool { weights.spec.hasGradients }

    /// What each way to store each matrix costs.
    ///
    /// - Parameters:
    ///   - numbers: What an equal study has measured before; by default nothing.
    ///   - display: Makes displays.
    /// - Throws: As ``SensitivityMeasure/prepared(for:reading:trialTokens:seed:pool:display:)``.
    public func costs(
        knowing numbers: MeasuredNumbers = MeasuredNumbers(),
        display: BudgetedCompression.Display = { _, _, _ in nil }
    ) throws -> StorageCosts {
        let (measure, tables) = try prepared(display)
        let progress = display("Measuring what bits are worth", work { _ in true }, "weights")
        defer { progress?.finish() }
        return try StorageCosts(
            weights, packings: settings.packings,
            method: settings.costWindows > 0 ? GPTQ() : RoundToNearest(), measure: measure,
            tables: tables, calibration: read, judges: judges, rowStep: settings.costRowStep,
            leastRows: settings.costRows, codingTokens: codingTokens, numbers: numbers, pool: pool,
            progress: progress)
    }

    /// What parts of matrices or whole blocks cost.
    ///
    /// - Parameters:
    ///   - partition: What is changed by itself.
    ///   - parts: Into how many parts channels and columns of a matrix are cut.
    ///   - isWanted: Which matrices are measured; by default all.
    ///   - display: Makes displays.
    /// - Throws: As ``costs(knowing:display:)``.
    public func map(
        by partition: SensitivityMap.Partition, parts: Int = 16,
        where isWanted: (Role) -> Bool = { _ in true },
        display: BudgetedCompression.Display = { _, _, _ in nil }
    ) throws -> SensitivityMap {
        let (measure, tables) = try prepared(display)
        let progress = display(
            "Measuring what \(partition.title) are worth", work(isWanted), "weights")
        defer { progress?.finish() }
        // Parts are of all rows.
        let walk = SiteWalk(
            weights: weights, calibration: read, judges: judges, rowStep: 1, leastRows: 1,
            tables: tables, pool: pool)
        return try SensitivityMap(
            walk, by: partition, parts: parts, measure: measure, method: GPTQ(),
            packings: { isWanted($0) ? settings.packings(for: $0, columns: $1) : [] },
            progress: progress)
    }

    /// What outputs are worth; nil for a model that no gradients can be taken of.
    func curvature(_ display: BudgetedCompression.Display) throws -> OutputCurvature? {
        if let known { return known }
        return hasGradients ? try ready(.curvature, display) as? OutputCurvature : nil
    }

    /// A measure made ready on the text that judges.
    private func ready(
        _ measure: SensitivityMeasure, _ display: BudgetedCompression.Display
    ) throws -> any Sensitivity {
        try measure.prepared(
            for: weights,
            reading: judges > 0 ? CalibrationText(sequences: read.sequences.suffix(judges)) : read,
            trialTokens: settings.trialTokens, seed: settings.seed, pool: pool, display: display)
    }

    /// Windows that codes are found on, then those that they are judged on.
    var read: CalibrationText { text.few(settings.costTextWindows) }

    /// Tokens that codes are found on that are to be coded.
    private var codingTokens: Int {
        text.few(settings.codedWindows).sequences.reduce(0) { $0 + $1.count }
    }

    /// A short text has at most half of it to judge; where no codes are found for it, all of it judges.
    private var judges: Int {
        settings.costWindows == 0 ? 0 : min(settings.judgingWindows, read.sequences.count / 2)
    }

    /// The measure made ready, and what errors of tables count.
    private func prepared(
        _ display: BudgetedCompression.Display
    ) throws -> (any Sensitivity, OutputCurvature?) {
        let tables = try curvature(display)
        if measure == .curvature, let tables { return (tables, tables) }
        return (try ready(measure, display), tables)
    }

    /// Weights that are quantized, each as often as there are ways.
    private func work(_ isWanted: (Role) -> Bool) -> Int {
        weights.spec.slots.filter { $0.role.isPackable && isWanted($0.role) }.reduce(0) {
            $0 + settings.packings(for: $1.role, columns: $1.shape[1]).count
                * $1.shape.reduce(1, *)
        }
    }
}
