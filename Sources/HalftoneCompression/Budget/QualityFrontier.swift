import HalftoneAllocation
import HalftoneEvaluation
import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns

/// What a model's predictions lose over a range of budgets: for each the bits where they are worth
/// most, the best that layers stored alike can do with as many bytes, and codes that an entropy coder
/// makes as small.
///
/// Costs are measured once for all budgets; every plan is quantized by error compensation and
/// compared with the float model on text that no other step has read, as ``BudgetedCompression``
/// does it. Mixtures of GGUF types stand beside them, encoded with the importance of inputs on the
/// same calibration text.
public struct QualityFrontier: Sendable {
    /// The budgets, in bits for each weight of the packed matrices, everything counted.
    public let bitsPerWeight: [Double]
    /// Mixtures to compare with.
    public let presets: [GGUFPreset]
    /// Allocations that do not know what is worth what, to compare with.
    public let controls: [ControlAllocator.Kind]
    private let job: BudgetedCompression
    /// Whether a budget would be spent on coded codes.
    private let isCoded: Bool

    /// Sets up the measurement.
    ///
    /// - Parameters:
    ///   - model: The float model.
    ///   - bitsPerWeight: The budgets, at least one.
    ///   - presets: Mixtures to compare with.
    ///   - controls: Allocations that do not know what is worth what, to compare with.
    ///   - settings: What is tried; coded codes where a budget would be spent on them; with a tuning,
    ///     these or else allocated candidates are tuned as well.
    ///   - tokens: A text; as many windows at its end as the settings say, at most a third of it, are
    ///     held out.
    ///   - opening: What begins each window, if anything does.
    ///   - costs: What matrices cost, of the same model (``SensitivityFile``); nil measures it.
    ///   - pool: The threads to use; with another number sums are rounded otherwise.
    /// - Throws: ``CompressionError`` for a text of fewer than two windows.
    public init(
        _ model: LanguageModel, bitsPerWeight: [Double], presets: [GGUFPreset] = [],
        controls: [ControlAllocator.Kind] = [], settings: BudgetSettings, tokens: [Int32],
        opening: Int32?, costs: StorageCosts? = nil,
        pool: WorkerPool
    ) throws(CompressionError) {
        precondition(!bitsPerWeight.isEmpty, "a frontier has budgets")
        self.bitsPerWeight = bitsPerWeight
        self.presets = presets
        self.controls = controls
        let budget = ModelBudget.bitsPerWeight(bitsPerWeight[0])
        let order = settings.ordered(for: budget, model.spec, hasCosts: costs != nil).order
        isCoded = order == .coded
        var allocating = settings
        allocating.order = .automatic
        job = try BudgetedCompression(
            model, budget: budget, settings: allocating, tokens: tokens, opening: opening,
            costs: costs, pool: pool)
    }
}

extension QualityFrontier {
    /// What was measured.
    public struct Outcome: Sendable, Codable, Equatable {
        /// What the weights of a budget are counted in.
        public var weightCount: Int
        /// The float model's perplexity on the held-out text.
        public var floatPerplexity: Double
        /// The budgets in their order.
        public var points: [Point]
        /// The mixtures in their order.
        public var presets: [PresetPoint]

        /// Bits per weight of a candidate, everything counted.
        public func bitsPerWeight(_ candidate: BudgetedCompression.Candidate) -> Double {
            Double(8 * candidate.packedBytes) / Double(max(weightCount, 1))
        }
    }

    /// A budget.
    public struct Point: Sendable, Codable, Equatable {
        /// What was allowed.
        public var bitsPerWeight: Double
        /// What keeps it: layers alike if any do, bits where they are worth most, coded codes if a budget
        /// would be spent on them, and tuned if that was asked for.
        public var candidates: [BudgetedCompression.Candidate]
    }

    /// A mixture of types.
    public struct PresetPoint: Sendable, Codable, Equatable {
        /// Which.
        public var preset: GGUFPreset
        /// What it takes and loses.
        public var candidate: BudgetedCompression.Candidate
    }

    /// The kind of the run that a folder of a measurement holds.
    public static let runKind = "frontier"

    private func unit(_ preset: GGUFPreset) -> String { "preset \(preset.rawValue)" }

    private func unit(_ kind: BudgetedCompression.Candidate.Kind, _ bits: Double) -> String {
        "\(kind.rawValue) at \(bits)"
    }

    /// Measures all budgets, or those that are not in the folder yet.
    ///
    /// - Parameters:
    ///   - path: A folder to keep what is done in; nil for none.
    ///   - display: Makes displays.
    /// - Throws: `AllocationError.infeasible` for a budget below the least that there is, before
    ///   anything is quantized; ``CompressionError``, and what the disk says.
    public func run(
        keepingAt path: String? = nil, display: BudgetedCompression.Display = { _, _, _ in nil }
    ) throws -> Outcome {
        let kinds: [BudgetedCompression.Candidate.Kind] =
            [.uniform, .allocated] + controls.map(\.candidate)
        let measured = isCoded ? kinds + [.coded] : kinds
        let steps = try BudgetSteps(
            path: path, job: job, kind: Self.runKind, budget: "\(bitsPerWeight)",
            units: ["curvature", "costs", "float"]
                + bitsPerWeight.flatMap { bits in measured.map { unit($0, bits) } }
                + presets.map(unit))
        let range = (bitsPerWeight.min() ?? 0)...(bitsPerWeight.max() ?? 0)
        var curvature: OutputCurvature?
        if isCoded {
            curvature = try steps.value("curvature") { try job.measureCurvature(display) }
        }
        let costs = try steps.measured("costs") { [curvature] in
            try job.measureCosts(over: range, display, knowing: $0, curvature)
        }
        let plans = try bitsPerWeight.map { bits in
            let bytes = Int(bits * Double(costs.weightCount) / 8)
            let controls = try controls.map {
                try costs.plan(
                    byteCount: bytes, by: ControlAllocator($0, seed: job.settings.seed))
            }
            return [costs.uniformPlan(byteCount: bytes), try costs.plan(byteCount: bytes)]
                + controls
        }
        var known: HeldOutComparison?
        func comparison() throws -> HeldOutComparison {
            if let known { return known }
            let made = try job.comparison(display)
            known = made
            return made
        }
        var outcome = Outcome(
            weightCount: costs.weightCount,
            floatPerplexity: try steps.value("float") { try comparison().floatPerplexity },
            points: [], presets: [])
        let pending =
            try
            (bitsPerWeight.flatMap { bits in measured.map { unit($0, bits) } }
            + presets.map(unit)).filter { try !steps.isDone($0) }
        if !pending.isEmpty { _ = try comparison() }
        let progress = display(
            "Measuring \(pending.count) plans", pending.count * costs.weightCount, "weights")
        defer { progress?.finish() }
        var uniform: [StoragePlan: [BudgetedCompression.Candidate]] = [:]
        for (bits, plans) in zip(bitsPerWeight, plans) {
            var point = Point(bitsPerWeight: bits, candidates: [])
            for (kind, plan) in zip(kinds, plans) {
                point.candidates += try steps.value(unit(kind, bits)) {
                    // What need not be quantized counts as done.
                    if kind == .uniform, let same = plan.map({ uniform[$0] }) ?? [] {
                        progress?.advance(by: costs.weightCount)
                        return same
                    }
                    guard let plan else { return [] }
                    return try measure(plan, kind, costs, comparison(), progress)
                }
                if kind == .uniform, let plan { uniform[plan] = point.candidates }
            }
            if let curvature {
                point.candidates += try steps.value(unit(.coded, bits)) {
                    try measure(bits, curvature, costs, comparison(), progress)
                }
            }
            outcome.points.append(point)
        }
        var importance: ImportanceMatrix?
        for preset in presets {
            let found = try steps.value(unit(preset)) {
                let inputs = try importance ?? job.importance()
                importance = inputs
                return try measure(preset, inputs, comparison(), progress)
            }
            outcome.presets.append(PresetPoint(preset: preset, candidate: found))
        }
        return outcome
    }

    private func measure(
        _ preset: GGUFPreset, _ importance: ImportanceMatrix, _ comparison: HeldOutComparison,
        _ progress: RunProgress?
    ) throws -> BudgetedCompression.Candidate {
        let inputs = try importance.statistics(for: job.model)
        let compressed = try CompressedModel(
            job.model, recipe: preset.recipe(for: job.model.spec), method: RoundToNearest(),
            pool: job.pool, progress: progress
        ) { inputs[$0] }
        return try comparison.candidate(
            .preset, compressed, packedBytes: compressed.size.packedByteCount)
    }

    private func measure(
        _ plan: StoragePlan, _ kind: BudgetedCompression.Candidate.Kind,
        _ costs: StorageCosts, _ comparison: HeldOutComparison, _ progress: RunProgress?
    ) throws -> [BudgetedCompression.Candidate] {
        let compressed = try job.quantized(plan, costs, journal: nil, progress: progress)
        var found = [
            try comparison.candidate(
                kind, compressed, packedBytes: plan.byteCount, expected: costs.foretold(plan))
        ]
        if kind == .allocated, !isCoded {
            found += try tuned(compressed, found[0], comparison, progress)
        }
        return found
    }

    /// Codes that take a budget when they are coded, and these tuned.
    private func measure(
        _ bits: Double, _ curvature: OutputCurvature, _ costs: StorageCosts,
        _ comparison: HeldOutComparison, _ progress: RunProgress?
    ) throws -> [BudgetedCompression.Candidate] {
        let bytes = Int(bits * Double(costs.weightCount) / 8)
        progress?.advance(by: 0, note: "coding")
        let coded = try job.coded(
            within: bytes, curvature, costs, { _, _, _ in nil }, limit: { _ in bytes },
            journal: { _ in nil }
        ) { _, make in
            let model = try make()
            return CodedModel(sizes: try CodedSizes(model), model: { model })
        }
        progress?.advance(by: costs.weightCount)
        guard let coded else { return [] }
        let model = try coded.model()
        let found = try comparison.candidate(.coded, model, packedBytes: coded.sizes.packed)
        return [found] + (try tuned(model, found, comparison, progress))
    }

    /// The same tuned, if anything is to be.
    private func tuned(
        _ model: CompressedModel, _ candidate: BudgetedCompression.Candidate,
        _ comparison: HeldOutComparison, _ progress: RunProgress?
    ) throws -> [BudgetedCompression.Candidate] {
        guard let tuning = job.settings.tuning, job.isTunable else { return [] }
        progress?.advance(by: 0, note: "tuning")
        let tuned = try model.tuned(
            job.tune(model, tuning, candidate.divergence) { _, _, _ in nil })
        return [try comparison.candidate(.tuned, tuned, packedBytes: candidate.packedBytes)]
    }
}

extension ControlAllocator.Kind {
    /// The kind of a candidate that is allocated so.
    fileprivate var candidate: BudgetedCompression.Candidate.Kind {
        switch self {
        case .random: .random
        case .shuffled: .shuffled
        case .reversed: .reversed
        }
    }
}
