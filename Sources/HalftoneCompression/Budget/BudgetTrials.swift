import HalftoneAllocation
import HalftoneEvaluation
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns

/// The candidates of a job: each made, measured, and kept where the job keeps its steps.
final class BudgetTrials {
    /// What each way to store each matrix was expected to cost.
    let costs: StorageCosts
    /// What outputs are worth, once it was measured.
    private let curvature: OutputCurvature?
    /// How long tokens take, where the budget limits that.
    private let times: TokenTimes?
    private let job: BudgetedCompression
    private let steps: BudgetSteps
    private let display: BudgetedCompression.Display
    private var known: HeldOutComparison?

    /// A plan with what was measured of it, the best last, and the model that was the best.
    private struct Result {
        var plan: StoragePlan
        /// The ways that the plan chose from.
        var costs: StorageCosts
        var candidates: [BudgetedCompression.Candidate]
        /// What the weight file takes whose codes are coded; nil where they are not.
        var codedBytes: Int?
        var model: () throws -> CompressedModel

        var divergence: Double { candidates.last?.divergence ?? .infinity }
        var perplexity: Double { candidates.last?.perplexity ?? .infinity }

        /// The same with another candidate, which is written if it is nearer.
        func with(
            _ found: BudgetedCompression.Candidate, of plan: StoragePlan,
            _ costs: StorageCosts, codedBytes: Int? = nil,
            _ model: @escaping () throws -> CompressedModel
        ) -> Result {
            guard found.divergence < divergence else {
                var same = self
                same.candidates.insert(found, at: 0)
                return same
            }
            return Result(
                plan: plan, costs: costs, candidates: candidates + [found],
                codedBytes: codedBytes, model: model)
        }
    }

    /// Opens the steps of a job and measures costs.
    init(
        _ job: BudgetedCompression, keepingAt path: String?,
        _ display: @escaping BudgetedCompression.Display
    ) throws {
        self.display = display
        var units = [
            "program", "curvature", "costs", "times", "measured uniform", "lessons",
            "measured allocated", "measured filled", "evolved", "measured evolved", "tuned",
            "measured tuned",
        ]
        units += (1...CodedSearch.turns).flatMap { turn in
            ["coded \(turn)"] + (1...CodedSearch.tableTurns).map { "coded \(turn), tables \($0)" }
        }
        units.append("measured coded")
        if job.budget.limitsLoss {
            units += (1...job.settings.trials).flatMap { trial in
                ["measured \(trial)", "tuned \(trial)", "measured tuned \(trial)"]
            }
        }
        steps = try BudgetSteps(
            path: path, job: job, kind: BudgetedCompression.runKind, budget: "\(job.budget)",
            units: units)
        let steps = steps
        // What a program takes differs by some pages from start to start; a job that goes on has
        // the budget that it began with.
        var kept = job
        if let memory = job.budget.memory {
            kept.budget.memory?.programBytes = try steps.value("program") { memory.programBytes }
        }
        let job = kept
        self.job = job
        if job.settings.order == .coded { try Self.checkCoding(job) }
        var curvature: OutputCurvature?
        if job.isTunable, job.costs == nil || job.settings.order == .coded {
            curvature = try steps.value("curvature") { try job.measureCurvature(display) }
        }
        self.curvature = curvature
        costs = try steps.measured("costs") {
            try job.measureCosts(display, knowing: $0, curvature)
        }
        times = try job.budget.tokensPerSecond.map { _ in
            try steps.value("times") { try job.measureTimes(display) }
        }
    }

    /// Refuses what codes cannot be coded for.
    private static func checkCoding(_ job: BudgetedCompression) throws {
        guard job.isTunable else {
            throw CompressionError.badSensitivity(
                "what rows are worth, which coded codes go by, is known of the Llama family alone; "
                    + "spend the budget with the automatic order")
        }
        guard job.budget.limitsBytesAlone, job.settings.target == .folder else {
            throw CompressionError.badSensitivity(
                "coded codes make the file of a folder small, and nothing else: spend \(job.budget) "
                    + "with the automatic order")
        }
        guard job.settings.tuning?.codeRate ?? 0 == 0 else {
            throw CompressionError.badSensitivity(
                "codes that are tuned take other bytes when they are coded: tune them with the "
                    + "automatic order")
        }
    }

    /// The float model on held-out text, read when it is first asked for.
    private func comparison() throws -> HeldOutComparison {
        if let known { return known }
        let made = try job.comparison(display)
        known = made
        return made
    }

    /// How long a token may take.
    private var timeLimit: StorageCosts.TimeLimit? {
        guard let times, let speed = job.budget.tokensPerSecond else { return nil }
        return StorageCosts.TimeLimit(times, nanoseconds: Int(min(1e9 / speed, 0x1p62)))
    }

    /// The bytes that packed matrices can take, once it is known that there is a plan.
    ///
    /// - Throws: ``CompressionError/infeasible(limit:possible:)``.
    private func packedRange() throws -> ClosedRange<Int> {
        let most = try job.packedBudget(costs)
        let least = costs.byteRange.lowerBound
        guard most >= least else { throw try job.infeasible(costs) }
        guard let limit = timeLimit else { return least...most }
        let fastest = try costs.leastNanoseconds(byteCount: most, limit.times)
        guard limit.nanoseconds >= fastest else {
            throw CompressionError.infeasible(
                limit: "\(job.budget)",
                possible: "up to \(Int(1e9 / Double(max(fastest, 1)))) tokens per second with as "
                    + "many bytes")
        }
        return min(try costs.leastByteCount(within: limit), most)...most
    }

    /// The best model whose codes are coded, beside layers alike; nil where none comes to the budget.
    ///
    /// It takes fewer bits than the least widths do.
    private func bestCoded() throws -> BudgetedCompression.Outcome? {
        let bytes = try job.packedBudget(costs)
        guard bytes >= job.leastCodedByteCount(costs) else { return nil }
        let uniform = try job.fitting(bytes) { costs.uniformPlan(byteCount: $0) }
        let best = try uniform.map {
            try measured($0, .uniform, named: "uniform", beside: nil)
        }
        let known = try (uniform ?? costs.leastUniformPlan).map { plan in
            try costs.knowing(
                steps.value("lessons") {
                    try job.lessons(
                        of: (best?.model ?? maker(plan, .uniform, named: "uniform"))(), costs,
                        curvature, isNear: uniform != nil)
                })
        }
        return try coded(bytes, known ?? costs, beside: best).map {
            try outcome(tuned($0, named: "tuned"), knowing: known)
        }
    }

    /// The best model within the budget.
    func best() throws -> BudgetedCompression.Outcome {
        if job.settings.order == .coded, let found = try bestCoded() { return found }
        let (bytes, time) = (try packedRange().upperBound, timeLimit)
        let uniform = try job.fitting(bytes) { costs.uniformPlan(byteCount: $0, within: time) }
        var best = try uniform.map {
            try measured($0, .uniform, named: "uniform", beside: nil)
        }
        let allocated = try job.fitting(bytes) { try costs.plan(byteCount: $0, within: time) }
        if let allocated {
            best = try measured(allocated, .allocated, named: "allocated", beside: best)
        }
        if let uniform, best?.candidates.last?.kind == .uniform {
            let filled = try job.fitting(bytes) {
                try costs.filled(uniform, byteCount: $0, within: time)
            }
            if let filled, filled.packings != uniform.packings {
                best = try measured(filled, .filled, named: "filled", beside: best)
            }
        }
        if let search = job.settings.evolution, let allocated {
            let evolved = try steps.measured("evolved") {
                try job.evolved(
                    allocated, costs, byteCount: allocated.byteCount, within: time, by: search,
                    display, knowing: $0)
            }
            if evolved.packings != allocated.packings, try job.excess(evolved) <= 0 {
                best = try measured(evolved, .evolved, named: "evolved", beside: best)
            }
        }
        guard let best else { throw try job.infeasible(costs) }
        return try outcome(tuned(best, named: "tuned"))
    }

    /// The smallest model within the budget whose loss on held-out text is at most what it says.
    ///
    /// - Throws: ``CompressionError/unreachable(loss:least:packedBytes:)`` when none is.
    func smallest() throws -> BudgetedCompression.Outcome {
        let time = timeLimit
        let allocator = ExactAllocator(stateLimit: 1 << 10)
        let scale = 1 / job.budget.likelyDivergence
        var search = LossSearch(
            limit: 1, sizes: try packedRange(), trials: job.settings.trials
        ) { [costs] bytes in
            (try? costs.plan(byteCount: bytes, by: allocator).cost * scale) ?? .infinity
        }
        var trials: [BudgetedCompression.Trial] = []
        var best: Result?
        while let bytes = search.next() {
            guard
                let plan = try job.fitting(bytes, { try costs.plan(byteCount: $0, within: time) })
            else { break }
            let name = "\(trials.count + 1)"
            let found = try tuned(
                measured(plan, .allocated, named: name, beside: nil), named: "tuned " + name)
            trials.append(
                BudgetedCompression.Trial(
                    packedBytes: plan.byteCount, divergence: found.divergence,
                    perplexity: found.perplexity))
            let loss = try job.budget.loss(
                divergence: found.divergence, perplexity: found.perplexity,
                floatPerplexity: comparison().floatPerplexity)
            search.note(asked: bytes, size: plan.byteCount, loss: loss)
            if loss <= 1 { best = found }
        }
        guard let found = best else {
            let nearest = trials.min { $0.divergence < $1.divergence }
            throw try CompressionError.unreachable(
                loss: "\(job.budget)",
                least: "a divergence of \(nearest?.divergence ?? .infinity) nats per token and a "
                    + "perplexity of \(nearest?.perplexity ?? .infinity), where the float model "
                    + "has \(comparison().floatPerplexity)",
                packedBytes: nearest?.packedBytes ?? 0)
        }
        var chosen = found
        if let uniform = costs.uniformPlan(byteCount: found.plan.byteCount, within: time) {
            chosen = try measured(uniform, .uniform, named: "uniform", beside: found)
        }
        return try outcome(chosen, trials)
    }

    private func outcome(
        _ result: Result, _ trials: [BudgetedCompression.Trial] = [],
        knowing known: StorageCosts? = nil
    ) throws -> BudgetedCompression.Outcome {
        let model = try result.model()
        let fileBytes =
            try result.codedBytes
            ?? job.settings.target.fileByteCount(of: job.model, recipe: result.plan.recipe)
        return BudgetedCompression.Outcome(
            model: model, fileBytes: fileBytes, plan: result.plan, costs: result.costs,
            candidates: result.candidates, floatPerplexity: try comparison().floatPerplexity,
            trials: trials,
            expectedTokensPerSecond: times.map {
                1e9 / Double(max(costs.nanoseconds(result.plan, $0), 1))
            },
            expectedMemoryBytes: job.budget.memory.map { fileBytes + job.beside($0) },
            order: result.codedBytes == nil ? .automatic : .coded, measuredCosts: known ?? costs,
            curvature: curvature)
    }
}

extension BudgetTrials {
    /// Finds the codes of a plan when it is first asked for them.
    private func maker(
        _ plan: StoragePlan, _ kind: BudgetedCompression.Candidate.Kind, named name: String
    ) -> () throws -> CompressedModel {
        Self.once { [self] in
            let journal = try steps.journal(
                name, model: job.model, recipe: plan.recipe,
                calibration: job.few(job.settings.calibrationWindows))
            let titles: [BudgetedCompression.Candidate.Kind: String] = [
                .uniform: "Quantizing all layers alike", .evolved: "Quantizing as tried",
            ]
            let title = titles[kind] ?? "Quantizing as allocated"
            return try BudgetedCompression.shown(
                title, display, total: costs.weightCount, unit: "weights"
            ) {
                try job.quantized(plan, costs, journal: journal, progress: $0)
            }
        }
    }

    /// Finds the codes of a plan and measures them, unless that is done.
    private func measured(
        _ plan: StoragePlan, _ kind: BudgetedCompression.Candidate.Kind, named name: String,
        beside other: Result?
    ) throws -> Result {
        let make = maker(plan, kind, named: name)
        let found = try steps.value("measured " + name) {
            try comparison().candidate(
                kind, make(), packedBytes: plan.byteCount, expected: costs.foretold(plan))
        }
        let none = Result(plan: plan, costs: costs, candidates: [], model: make)
        return (other ?? none).with(found, of: plan, costs, make)
    }

    /// Finds codes that take the bytes of the budget when they are coded, and measures them; nil when a
    /// few turns do not come to that.
    private func coded(
        _ bytes: Int, _ costs: StorageCosts, beside other: Result?
    ) throws -> Result? {
        guard let curvature else { preconditionFailure("what outputs are worth was measured") }
        let recipe = job.codedRecipe(costs)
        let found = try job.coded(
            within: bytes, curvature, costs, display,
            limit: { [self] in packedLimit($0) },
            journal: { [self] in
                try steps.journal(
                    $0, model: job.model, recipe: recipe,
                    calibration: job.few(job.settings.codedWindows))
            },
            step: { [self] name, make in
                let model = Self.once(make)
                return CodedModel(
                    sizes: try steps.value(name) { try CodedSizes(model()) }, model: model)
            })
        return try found.map { try measured($0, beside: other) }
    }

    private func measured(_ coded: CodedModel, beside other: Result?) throws -> Result {
        let chosen = costs.coded(coded.sizes.matrices)
        let plan = try chosen.plan(byteCount: coded.sizes.packed)
        let found = try steps.value("measured coded") {
            try comparison().candidate(
                .coded, coded.model(), packedBytes: coded.sizes.packed)
        }
        let none = Result(plan: plan, costs: chosen, candidates: [], model: coded.model)
        return (other ?? none).with(
            found, of: plan, chosen, codedBytes: coded.sizes.file, coded.model)
    }

    /// What matrices may take beside all else that a file has.
    private func packedLimit(_ sizes: CodedSizes) -> Int {
        let left = job.fileLimit.map { $0 - (sizes.file - sizes.packed) } ?? .max
        let most = job.budget.bitsPerWeight.map { Int($0 * Double(costs.weightCount) / 8) }
        return min(left, most ?? .max)
    }

    /// What makes a model when it is first asked for, and keeps it.
    private static func once(
        _ make: @escaping () throws -> CompressedModel
    ) -> () throws -> CompressedModel {
        var known: CompressedModel?
        return {
            if let known { return known }
            let made = try make()
            known = made
            return made
        }
    }

    /// Tunes a model and measures that, unless it is done or nothing is to be tuned.
    private func tuned(_ result: Result, named name: String) throws -> Result {
        guard let tuning = job.settings.tuning, job.isTunable else { return result }
        let make = { [self] in
            let packed = try result.model()
            return try packed.tuned(
                steps.parameters(name, of: job.model.spec) { start, keep in
                    try job.tune(
                        packed, tuning, result.divergence, display, from: start, keep: keep)
                })
        }
        let found = try steps.value("measured " + name) {
            try comparison().candidate(
                .tuned, make(), packedBytes: result.plan.byteCount)
        }
        // What is tuned has the same codes.
        return result.with(
            found, of: result.plan, result.costs, codedBytes: result.codedBytes, make)
    }
}
