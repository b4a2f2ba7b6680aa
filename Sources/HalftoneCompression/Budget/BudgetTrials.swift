import HalftoneAllocation
import HalftoneEvaluation
import HalftoneMethods
import HalftoneModels
import HalftoneRuns

/// The candidates of a job: each made, measured, and kept where the job keeps its steps.
final class BudgetTrials {
    /// What each way to store each matrix was expected to cost.
    let costs: StorageCosts
    private let job: BudgetedCompression
    private let steps: BudgetSteps
    private let display: BudgetedCompression.Display
    private var known: HeldOutComparison?

    /// A plan with what was measured of it, the best last, and the model that was the best.
    private struct Result {
        var plan: StoragePlan
        var candidates: [BudgetedCompression.Candidate]
        var model: () throws -> CompressedModel

        var divergence: Double { candidates.last?.divergence ?? .infinity }

        /// The same with another candidate, which is written if it is nearer.
        func with(
            _ found: BudgetedCompression.Candidate, of plan: StoragePlan,
            _ model: @escaping () throws -> CompressedModel
        ) -> Result {
            guard found.divergence < divergence else {
                return Result(plan: self.plan, candidates: [found] + candidates, model: self.model)
            }
            return Result(plan: plan, candidates: candidates + [found], model: model)
        }
    }

    /// Opens the steps of a job and measures costs.
    init(
        _ job: BudgetedCompression, keepingAt path: String?,
        _ display: @escaping BudgetedCompression.Display
    ) throws {
        self.job = job
        self.display = display
        var units = ["costs", "measured uniform", "measured allocated", "tuned", "measured tuned"]
        if case .divergence = job.budget {
            units += (1...job.settings.trials).flatMap { trial in
                ["measured \(trial)", "tuned \(trial)", "measured tuned \(trial)"]
            }
        }
        steps = try BudgetSteps(
            path: path, job: job, kind: BudgetedCompression.runKind, budget: "\(job.budget)",
            units: units)
        costs = try steps.value("costs") { try job.measureCosts(display) }
    }

    /// The float model on held-out text, read when it is first asked for.
    private func comparison() throws -> HeldOutComparison {
        if let known { return known }
        let made = try job.comparison(display)
        known = made
        return made
    }

    /// The best model within a number of bytes.
    func spent(_ bytes: Int) throws -> BudgetedCompression.Outcome {
        let uniform = try job.fitting(bytes) { costs.uniformPlan(byteCount: $0) }
        let allocated = try job.fitting(bytes) { try costs.plan(byteCount: $0) }
        var best: Result?
        for (kind, plan) in [(.uniform, uniform), (.allocated, allocated)]
            as [(BudgetedCompression.Candidate.Kind, StoragePlan?)]
        {
            guard let plan else { continue }
            best = try measured(plan, kind, named: kind.rawValue, beside: best)
        }
        guard let best else { preconditionFailure("the plan is a candidate") }
        return try outcome(tuned(best, named: "tuned"))
    }

    /// The smallest model whose divergence on held-out text is at most a number.
    ///
    /// - Throws: ``CompressionError/unreachable(divergence:least:packedBytes:)`` when none is.
    func smallest(within most: Double) throws -> BudgetedCompression.Outcome {
        let allocator = ExactAllocator(stateLimit: 1 << 10)
        var search = DivergenceSearch(
            limit: most, sizes: costs.byteRange, trials: job.settings.trials
        ) { [costs] bytes in
            (try? costs.plan(byteCount: bytes, by: allocator).cost) ?? .infinity
        }
        var trials: [BudgetedCompression.Trial] = []
        var best: Result?
        while let bytes = search.next() {
            let plan = try costs.plan(byteCount: bytes)
            let name = "\(trials.count + 1)"
            let found = try tuned(
                measured(plan, .allocated, named: name, beside: nil), named: "tuned " + name)
            trials.append(
                BudgetedCompression.Trial(
                    packedBytes: plan.byteCount, divergence: found.divergence))
            search.note(asked: bytes, size: plan.byteCount, divergence: found.divergence)
            if found.divergence <= most { best = found }
        }
        guard let found = best else {
            let nearest = trials.min { $0.divergence < $1.divergence }
            throw CompressionError.unreachable(
                divergence: most, least: nearest?.divergence ?? .infinity,
                packedBytes: nearest?.packedBytes ?? 0)
        }
        var chosen = found
        if let uniform = costs.uniformPlan(byteCount: found.plan.byteCount) {
            chosen = try measured(uniform, .uniform, named: "uniform", beside: found)
        }
        return try outcome(chosen, trials)
    }

    private func outcome(
        _ result: Result, _ trials: [BudgetedCompression.Trial] = []
    ) throws -> BudgetedCompression.Outcome {
        BudgetedCompression.Outcome(
            model: try result.model(),
            fileBytes: try job.settings.target.fileByteCount(
                of: job.model, recipe: result.plan.recipe),
            plan: result.plan, costs: costs, candidates: result.candidates,
            floatPerplexity: try comparison().floatPerplexity, trials: trials)
    }
}

extension BudgetTrials {
    /// Finds the codes of a plan and measures them, unless that is done.
    private func measured(
        _ plan: StoragePlan, _ kind: BudgetedCompression.Candidate.Kind, named name: String,
        beside other: Result?
    ) throws -> Result {
        var known: CompressedModel?
        let make = { [self] in
            if let known { return known }
            let journal = try steps.journal(
                name, model: job.model, recipe: plan.recipe,
                calibration: job.few(job.settings.calibrationWindows))
            let title = kind == .uniform ? "Quantizing all layers alike" : "Quantizing as allocated"
            let made = try job.measured(title, display, total: costs.weightCount, unit: "weights") {
                try job.quantized(plan, costs, journal: journal, progress: $0)
            }
            known = made
            return made
        }
        let found = try steps.value("measured " + name) {
            try comparison().candidate(kind, make(), costs.foretold(plan))
        }
        let none = Result(plan: plan, candidates: [], model: make)
        return (other ?? none).with(found, of: plan, make)
    }

    /// Tunes a model and measures that, unless it is done or nothing is to be tuned.
    private func tuned(_ result: Result, named name: String) throws -> Result {
        guard let tuning = job.settings.tuning, job.isTunable else { return result }
        let make = { [self] in
            let packed = try result.model()
            return try packed.tuned(
                steps.parameters(name, of: job.model.spec) {
                    try job.tune(packed, tuning, display)
                })
        }
        let found = try steps.value("measured " + name) {
            try comparison().candidate(.tuned, make(), nil)
        }
        return result.with(found, of: result.plan, make)
    }
}
