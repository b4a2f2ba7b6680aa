import Foundation
import HalftoneAllocation
import HalftoneEvaluation
import HalftoneFiles
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneNN
import HalftoneQuantization
import HalftoneRuns
import HalftoneRuntime

/// From one number to a model: bits where they are worth most, never more bytes than allowed, and
/// never worse on held-out text than all layers alike at the same bytes.
///
/// What each way to store each matrix would cost is measured (``StorageCosts``), an exact allocator
/// chooses within the budget, error compensation finds codes, and scales and gains are tuned until
/// predictions are like the float model's (`PredictionTuning`). The best that layers stored alike
/// can do within the budget goes the same way up to tuning, and with the most effort a plan near the
/// allocated one that predicts better when it is run; of these the one that is nearer to
/// the float model on text that no step has read is tuned, and what tuning does is kept if it is
/// nearer still.
///
/// With a folder to keep what is done in, a job that was killed goes on behind the last finished
/// step, block, or some seconds of measuring or tuning, and ends with the same bytes as one that was
/// not.
public struct BudgetedCompression: Sendable {
    /// The float model.
    public let model: LanguageModel
    /// What may be used, and how near the result has to be.
    public internal(set) var budget: ModelBudget
    /// What is tried, in which order included.
    public let settings: BudgetSettings
    /// What is read to find codes, and to tune.
    public let calibration: CalibrationText
    /// What candidates are compared on, tokenized as a whole.
    public let heldOut: [Int32]
    /// What matrices cost, if it was measured before.
    public let costs: StorageCosts?
    /// The threads to use.
    public let pool: WorkerPool
    private let opening: Int32?
    /// Of the sequence whose memory is limited.
    private let cacheBytes: Int

    /// Sets up a job.
    ///
    /// - Parameters:
    ///   - model: The float model; packed matrices of its own are decoded first.
    ///   - budget: What may be used.
    ///   - settings: What is tried.
    ///   - tokens: A text; as many windows at its end as the settings say, at most a third of it, are
    ///     held out.
    ///   - opening: What begins each window, if anything does.
    ///   - costs: What matrices cost, of the same model (``SensitivityFile``); nil measures it.
    ///   - pool: The threads to use; with another number sums are rounded otherwise.
    /// - Throws: ``CompressionError`` for a text of fewer than two windows.
    public init(
        _ model: LanguageModel, budget: ModelBudget, settings: BudgetSettings = BudgetSettings(),
        tokens: [Int32], opening: Int32?, costs: StorageCosts? = nil, pool: WorkerPool
    ) throws(CompressionError) {
        let length = min(settings.length, model.spec.contextLength)
        let held = min(max(tokens.count / 3, length), settings.heldOutWindows * length)
        guard tokens.count >= 2 * length else {
            throw .badCalibration(
                "the text has \(tokens.count) tokens; two windows of \(length) are the least: one "
                    + "to calibrate with, and one to measure on")
        }
        // Rewritten, so that what will be written has the same types whether gains are tuned or not.
        self.model = model.rewritten(as: model.weights)
        self.budget = budget
        self.settings = settings.ordered(for: budget, model.spec, hasCosts: costs != nil)
        self.opening = opening
        self.costs = costs
        self.pool = pool
        cacheBytes =
            budget.memory.map {
                Decoder(model.weights, pool: pool).cacheByteCount(capacity: $0.context)
            } ?? 0
        heldOut = Array(tokens.suffix(held))
        calibration = try CalibrationText(
            tokens: tokens.dropLast(held), opening: opening, length: length,
            count: tokens.count / length)
    }
}

extension BudgetedCompression {
    /// What came of it.
    public struct Outcome: Sendable {
        /// The model.
        public let model: CompressedModel
        /// What the weight file takes.
        public let fileBytes: Int
        /// What was chosen before tuning.
        public let plan: StoragePlan
        /// What each way to store each matrix was expected to cost.
        public let costs: StorageCosts
        /// Every candidate with what it is away from the float model, the chosen one last.
        public let candidates: [Candidate]
        /// The float model's perplexity on the held-out text.
        public let floatPerplexity: Double
        /// What was tried where the budget limits the loss, in that order; else empty.
        public let trials: [Trial]
        /// The tokens a second that the times of kernels foretell, where the budget limits them.
        public let expectedTokensPerSecond: Double?
        /// The bytes of resident memory that are foretold, where the budget limits them.
        public let expectedMemoryBytes: Int?
        /// In which order a folder is to hold the model's codes; a GGUF file has its own.
        public let order: StorageOrder
        /// What was measured of each way to store each matrix; of coded codes `costs` has only the written one.
        let measuredCosts: StorageCosts
        /// What outputs are worth, where that was measured.
        let curvature: OutputCurvature?
    }

    /// A model within the budget.
    public struct Candidate: Sendable, Codable, Equatable {
        /// How its bits were chosen.
        public enum Kind: String, Sendable, Codable {
            /// The best that layers stored alike can do.
            case uniform
            /// Each matrix in its own way.
            case allocated
            /// Layers alike, and what that leaves of the budget where it is worth most.
            case filled
            /// Codes that an entropy coder makes small, each row with the step that it is worth.
            case coded
            /// A plan near that one, chosen by what all its matrices do together.
            case evolved
            /// One of these, tuned.
            case tuned
            /// Bits of a control that knows nothing, or the wrong thing, of what matrices are worth.
            case random, shuffled, reversed
            /// A mixture of types that other programs make, to compare with.
            case preset
        }

        /// How its bits were chosen.
        public var kind: Kind
        /// Bytes of its packed matrices.
        public var packedBytes: Int
        /// The divergence from the float model that costs foretold, if they have that unit.
        public var expected: Double?
        /// The divergence on held-out text, nats per token.
        public var divergence: Double
        /// Its standard error.
        public var divergenceError: Double
        /// Perplexity on held-out text.
        public var perplexity: Double
    }

    /// A size that was tried on the way to a limit of loss.
    public struct Trial: Sendable, Codable, Equatable {
        /// Bytes of the packed matrices.
        public var packedBytes: Int
        /// The divergence on held-out text, nats per token, tuned where that is nearer.
        public var divergence: Double
        /// Perplexity on held-out text.
        public var perplexity: Double
    }

    /// Shows a step that takes a while: its title, units of work if known, and what they are.
    public typealias Display = (_ title: String, _ total: Int?, _ unit: String) -> RunProgress?

    /// The kind of the run that a folder of a job holds.
    public static let runKind = "compress-to-budget"

    /// Does the job.
    ///
    /// - Parameters:
    ///   - path: A folder to keep what is done in; nil for none.
    ///   - display: Makes displays.
    /// - Throws: ``CompressionError/infeasible(limit:possible:)`` for a limit that no plan keeps,
    ///   `AllocationError.conflicting` for limits that none keeps at once, other
    ///   ``CompressionError``s, and what the disk says.
    public func run(
        keepingAt path: String? = nil, display: @escaping Display = { _, _, _ in nil }
    ) throws -> Outcome {
        let trials = try BudgetTrials(self, keepingAt: path, display)
        return try budget.limitsLoss ? trials.smallest() : trials.best()
    }

    /// Whether the model is one that gradients can be taken of.
    var isTunable: Bool { model.spec.hasGradients }

    var windows: EvaluationWindows {
        var windows = EvaluationWindows()
        windows.length = min(settings.length, model.spec.contextLength)
        windows.firstToken = opening
        return windows
    }

    /// About the bits that each weight of a block gets, by which candidates are narrowed down; nil
    /// when the budget does not say.
    private var bitsPerWeight: Double? {
        guard !budget.limitsLoss, budget.tokensPerSecond == nil else { return nil }
        let packed = model.spec.slots.filter {
            $0.role.isPackable && !settings.packings(for: $0.role, columns: $0.shape[1]).isEmpty
        }
        let weights = Double(max(packed.reduce(0) { $0 + $1.shape.reduce(1, *) }, 1))
        var any = CompressionRecipe(bits: 8)
        any.embedding = nil
        for slot in packed {
            any.overrides[slot.role] =
                settings.packings(for: slot.role, columns: slot.shape[1]).first
        }
        // What is in a file beside packed matrices.
        let others =
            ((try? settings.target.fileByteCount(of: model, recipe: any)) ?? 0)
            - CompressedSize(of: model.spec, recipe: any, order: .automatic).packedByteCount
        let fromBytes = fileLimit.map { Double(8 * max($0 - others, 0)) / weights }
        guard let bits = [budget.bitsPerWeight, fromBytes].compactMap(\.self).min() else {
            return nil
        }
        guard let tables = settings.tableByteCount(of: model.spec) else { return bits }
        // Which leave the rest to layers.
        let layers = packed.filter { $0.role.block != nil }.reduce(0) { $0 + $1.shape.reduce(1, *) }
        return max(bits * weights - Double(8 * tables), 0) / Double(max(layers, 1))
    }
}

extension BudgetedCompression {
    func few(_ count: Int) -> CalibrationText {
        calibration.few(count)
    }

    /// Does something while a display shows it.
    static func shown<Value>(
        _ title: String, _ display: Display, total: Int? = nil, unit: String = "windows",
        _ body: (RunProgress?) throws -> Value
    ) rethrows -> Value {
        let progress = display(title, total, unit)
        defer { progress?.finish() }
        return try body(progress)
    }

    /// Measures what each way to store each matrix costs that the budget can be worth.
    func measureCosts(
        _ display: Display, knowing numbers: MeasuredNumbers, _ curvature: OutputCurvature? = nil
    ) throws -> StorageCosts {
        try measureCosts(over: bitsPerWeight.map { $0...$0 }, display, knowing: numbers, curvature)
    }

    /// What outputs are worth; nil for a model that no gradients can be taken of.
    func measureCurvature(_ display: Display) throws -> OutputCurvature? {
        try SensitivityStudy(model.weights, settings: settings, text: calibration, pool: pool)
            .curvature(display)
    }

    /// What is tried, without the widths that the budget cannot be worth.
    var likelySettings: BudgetSettings {
        bitsPerWeight.map { settings.narrowed(to: $0...$0) } ?? settings
    }

    /// Measures what each way to store each matrix costs.
    ///
    /// - Parameters:
    ///   - range: The bits per weight that budgets give; nil when they can be any.
    ///   - display: Makes displays.
    ///   - numbers: What was measured before.
    ///   - curvature: What outputs are worth, where that is known.
    func measureCosts(
        over range: ClosedRange<Double>?, _ display: Display, knowing numbers: MeasuredNumbers,
        _ curvature: OutputCurvature? = nil
    ) throws -> StorageCosts {
        if let costs { return costs }
        let study = SensitivityStudy(
            model.weights, settings: range.map { settings.narrowed(to: $0) } ?? settings,
            text: calibration, pool: pool)
        return try SensitivityStudy(study, knowing: curvature)
            .costs(knowing: numbers, display: display)
    }

    /// What the packed matrices may take within the budget.
    func packedBudget(_ costs: StorageCosts) throws -> Int {
        let range = costs.byteRange
        var most = range.upperBound
        if let bits = budget.bitsPerWeight {
            most = Int(min(Double(most), bits * Double(costs.weightCount) / 8))
        }
        if let bytes = fileLimit {
            // What a file holds beside packed matrices is nearly the same for all plans.
            let any = try costs.plan(byteCount: range.upperBound)
            let file = try settings.target.fileByteCount(of: model, recipe: any.recipe)
            most = min(most, bytes - (file - any.byteCount))
        }
        return most
    }

    /// The bytes below which coded codes leave little of a model: one bit for each weight, beside tables that
    /// have bytes of their own.
    func leastCodedByteCount(_ costs: StorageCosts) -> Int {
        guard let tables = settings.tableByteCount(of: model.spec) else {
            return costs.weightCount / 8
        }
        return tables + (costs.weightCount - costs.tableWeightCount) / 8
    }

    /// What to say of limits that are below the least size, and what sizes there are.
    func infeasible(_ costs: StorageCosts) throws -> CompressionError {
        let sizes = costs.byteRange
        func bits(_ bytes: Int) -> String {
            String(format: "%.3f", Double(8 * bytes) / Double(max(costs.weightCount, 1)))
        }
        func file(_ bytes: Int) throws -> Int {
            let plan = try costs.plan(byteCount: bytes)
            return try settings.target.fileByteCount(of: model, recipe: plan.recipe)
        }
        let (least, most) = try (file(sizes.lowerBound), file(sizes.upperBound))
        let memory = budget.memory.map { memory in
            "; \(least + beside(memory)) to \(most + beside(memory)) bytes of memory at "
                + "\(memory.context) tokens"
        }
        return .infeasible(
            limit: "\(budget)",
            possible: "\(bits(sizes.lowerBound)) to \(bits(sizes.upperBound)) bits per weight, "
                + "that is files of \(least) to \(most) bytes" + (memory ?? ""))
    }

    /// Bytes that the weight file may have, if that is limited: a program that runs it maps it.
    var fileLimit: Int? {
        [budget.fileBytes, budget.memory.map { $0.bytes - beside($0) }].compactMap(\.self).min()
    }

    /// Bytes of a program that runs the model beside its file.
    func beside(_ memory: ModelBudget.Memory) -> Int {
        memory.programBytes + cacheBytes
    }

    /// The best plan whose file fits: names and places in a file take some bytes that depend on what
    /// is in it.
    func fitting(
        _ budget: Int, _ plan: (Int) throws -> StoragePlan?
    ) throws -> StoragePlan? {
        var bytes = budget
        while let found = try plan(bytes) {
            let excess = try excess(found)
            if excess <= 0 { return found }
            bytes = found.byteCount - excess
        }
        return nil
    }

    /// By how many bytes the file of a plan is larger than it may be; 0 where that is not limited.
    func excess(_ plan: StoragePlan) throws -> Int {
        guard let limit = fileLimit else { return 0 }
        return try settings.target.fileByteCount(of: model, recipe: plan.recipe) - limit
    }

    /// Times tokens by how matrices are stored.
    func measureTimes(_ display: Display) throws -> TokenTimes {
        let count = TokenTimes.count(model.weights, packings: settings.packings)
        return try Self.shown("Timing tokens", display, total: count, unit: "ways") {
            try TokenTimes(
                model.weights, packings: settings.packings, pool: pool, progress: $0)
        }
    }

    /// Finds the codes of a plan.
    func quantized(
        _ plan: StoragePlan, _ costs: StorageCosts, journal: CompressionJournal?,
        progress: RunProgress?
    ) throws -> CompressedModel {
        try CompressedModel(
            model, recipe: plan.recipe, method: GPTQ(),
            calibration: few(settings.calibrationWindows),
            tables: costs.tables.statistics, journal: journal, pool: pool, progress: progress)
    }

    /// Tunes a model that is so far from the float model, in nats per token.
    ///
    /// - Parameters:
    ///   - start: Where such a tuning was stopped, if it was.
    ///   - keep: Called after each step with how many are done, and what makes their state.
    func tune(
        _ compressed: CompressedModel, _ tuning: PredictionTuning, _ divergence: Double,
        _ display: Display, from start: SavedState? = nil,
        keep: (Int, () -> SavedState) throws -> Void = { _, _ in }
    ) throws -> TunedParameters {
        let tuning = tuning.slowed(for: divergence)
        return try Self.shown(
            "Tuning", display, total: tuning.steps, unit: "steps"
        ) {
            progress in
            try tuning.tuned(
                compressed.matrices, in: compressed.weights, float: model.weights,
                texts: calibration.sequences, pool: pool, from: start
            ) { step in
                progress?.update(completed: step.number + 1, note: "\(step.loss) nats")
                try keep(step.number + 1, step.state)
            }
        }
    }
}
