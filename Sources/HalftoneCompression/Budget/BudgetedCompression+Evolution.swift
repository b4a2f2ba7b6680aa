import HalftoneAllocation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import HalftoneTensor

extension BudgetedCompression {
    /// A plan near one that predicts more like the float model, tried with all its matrices at once.
    ///
    /// Each layer is quantized for the inputs that it has in the float model as the plan says, with
    /// the next fewer bytes and with the next more; plans of these are run on text that no codes are
    /// found for. What the errors of layers do together is in that, where costs only add up.
    ///
    /// - Parameters:
    ///   - plan: Where the search starts.
    ///   - costs: What foretells the worth of changes.
    ///   - byteCount: What all matrices may take.
    ///   - time: How long a token may take besides.
    ///   - search: How long is searched.
    ///   - display: Makes displays.
    ///   - numbers: What plans tried before do.
    /// - Returns: The best plan that was tried, with the cost that is foretold for it.
    func evolved(
        _ plan: StoragePlan, _ costs: StorageCosts, byteCount: Int,
        within time: StorageCosts.TimeLimit?, by search: EvolutionarySearch, _ display: Display,
        knowing numbers: MeasuredNumbers
    ) throws -> StoragePlan {
        let near = costs.near(plan)
        let packed = try Self.shown(
            "Quantizing what is near", display, total: near.choiceWeightCount, unit: "weights"
        ) { try matrices(of: near, $0) }
        let fits = few(settings.calibrationWindows).sequences
        let other = calibration.sequences.filter { !fits.contains($0) }
        let judging = CalibrationText(
            sequences: (other.isEmpty ? fits : other).suffix(settings.evolutionWindows))
        let change = try PredictionChange(of: model.weights, text: judging, pool: pool)
        let trials = 1 + search.generations * search.offspring
        return try Self.shown("Trying plans", display, total: trials, unit: "plans") {
            progress in
            try near.improved(
                plan, byteCount: byteCount, within: time, by: search,
                progress: { progress?.advance(by: 1, note: "\($0) nats") }
            ) { plan in
                let places = near.places(of: plan)
                return try numbers.number(places.map { "\($0)" }.joined(separator: " ")) {
                    try change.cost(
                        replacing: plan.packings.reduce(into: [:]) { all, entry in
                            all[entry.key] = packed[entry.key]?[entry.value]
                        })
                }
            }
        }
    }

    /// Every matrix in every way.
    private func matrices(
        of costs: StorageCosts, _ progress: RunProgress?
    ) throws -> [Role: [WeightPacking: any WeightMatrix]] {
        var found: [Role: [WeightPacking: any WeightMatrix]] = [:]
        let packings = Dictionary(
            uniqueKeysWithValues: costs.units.map { ($0.role, $0.choices.map(\.packing)) })
        func pack(_ site: WeightSite, _ method: any WeightMethod) throws(CompressionError) {
            for packing in packings[site.role] ?? [] {
                let packed = try site.packed(packing, by: method, pool: pool)
                found[site.role, default: [:]][packing] = packed.matrix
                progress?.advance(by: site.original.count, note: "\(site.role), \(packing)")
            }
        }
        let walk = SiteWalk(
            weights: model.weights, calibration: few(settings.calibrationWindows), judges: 0,
            rowStep: 1, leastRows: 1, tables: nil, pool: pool)
        _ = try walk.each(
            GPTQ(), where: { $0.role.block != nil && packings[$0.role] != nil }, pack)
        let tables = costs.tables.statistics
        for role in packings.keys where role.block == nil {
            try pack(
                WeightSite(role, model.weights.matrix(role), inputs: tables[role]), GPTQ())
        }
        return found
    }
}

extension StorageCosts {
    /// The same with few ways to store each layer.
    ///
    /// These are that of a plan, and the best ones with fewer bytes and with more for what they cost;
    /// embedding and head stay as they are planned.
    func near(_ plan: StoragePlan) -> StorageCosts {
        let units = units.map { unit -> Unit in
            guard let own = unit.choices.first(where: { $0.packing == plan.packings[unit.role] })
            else { return unit }
            var near = unit
            func worth(_ choice: Choice) -> Double {
                (own.cost - choice.cost) / Double(choice.byteCount - own.byteCount)
            }
            let larger = unit.choices.filter { $0.byteCount > own.byteCount && $0.cost < own.cost }
                .max { worth($0) < worth($1) }
            near.choices =
                unit.isTable
                ? [own] : [own] + [unit.best(below: own), larger].compactMap(\.self)
            return near
        }
        return StorageCosts(unit, units, tables)
    }

    /// The weights of all matrices, each as often as there are ways to store it.
    var choiceWeightCount: Int {
        units.reduce(0) { $0 + $1.weightCount * $1.choices.count }
    }

    /// The best plan that a search finds.
    ///
    /// - Parameters:
    ///   - plan: Where it starts; made of these choices.
    ///   - byteCount: What all matrices may take.
    ///   - time: How long a token may take besides.
    ///   - search: Looks.
    ///   - progress: Called after each trial with the least loss so far.
    ///   - loss: What a plan does.
    func improved(
        _ plan: StoragePlan, byteCount: Int, within time: TimeLimit?, by search: EvolutionarySearch,
        progress: (Double) -> Void, loss: (StoragePlan) throws -> Double
    ) rethrows -> StoragePlan {
        let problem = problem(byteCount, time)
        let found = try search.improve(problem, from: places(of: plan), progress: progress) {
            try loss(self.plan($0, problem, gap: 0))
        }
        // What is expected to cost more than the start is further from what costs least.
        let cost = problem.measure(found.choices).cost
        let least = plan.cost * (1 - plan.gap)
        return self.plan(found.choices, problem, gap: cost > least ? 1 - least / cost : 0)
    }
}
