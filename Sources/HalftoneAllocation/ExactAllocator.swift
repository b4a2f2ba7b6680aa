/// The least cost within a budget, proven: a multiple-choice knapsack problem solved exactly.
///
/// Units are taken one after another. Of all partial choices those are kept that no other beats in
/// both size and cost (G. Nemhauser and Z. Ullmann, "Discrete Dynamic Programming and Capital
/// Allocation", Management Science 15, 1969) and whose Lagrangian bound is below the best known
/// allocation (A. Geoffrion, "Lagrangean Relaxation for Integer Programming", 1974): with any price
/// `λ ≥ 0` for size, `Σ min(cost + λ·size) − λ·budget` is at most the least cost.
///
/// The allocation is optimal unless more partial choices than ``stateLimit`` were left at once;
/// then the least promising were dropped, and ``Allocation/gap`` says what they could have saved.
///
/// Of several budgets those are left out that nothing exceeds; what more than one is left of goes to
/// an ``IntegerProgramAllocator``.
public struct ExactAllocator: Allocator {
    /// The most partial choices that are kept at once.
    public var stateLimit: Int

    /// Creates an allocator.
    public init(stateLimit: Int = 1 << 16) {
        precondition(stateLimit >= 1, "at least one state is kept")
        self.stateLimit = stateLimit
    }

    /// Solves a problem.
    ///
    /// - Complexity: O(choices · states), with at most ``stateLimit`` states; memory is 8 bytes for
    ///   each state of each unit.
    public func allocate(_ problem: AllocationProblem) throws(AllocationError) -> Allocation {
        try problem.check()
        let binding = problem.budgets.indices.filter {
            problem.sizeRange(of: $0).upperBound > problem.budgets[$0]
        }
        guard binding.count < 2 else { return try IntegerProgramAllocator().allocate(problem) }
        guard problem.budgets.count == 1 else {
            var found = try allocate(problem.alone(binding.first ?? 0))
            found.size = problem.measure(found.choices).size
            return found
        }
        let prices = SizePrices(problem)
        var best = prices.start
        if prices.isFree { return optimum(problem, best) }
        var search = StateList()
        var stages: [StateList.Stage] = []
        var dropped = Double.infinity
        for (place, unit) in problem.units.enumerated() {
            let known = problem.measure(best).cost
            // What is equal but for rounding is kept: a bound must not cut the optimum off.
            let limit = known + 1e-12 * (known.magnitude + prices.scale)
            stages.append(
                search.extend(by: unit) { size, cost in
                    prices.bound(after: place + 1, size: size, cost: cost) <= limit
                })
            if search.count > stateLimit {
                let bounds = search.states.map {
                    prices.bound(after: place + 1, size: $0.size, cost: $0.cost)
                }
                dropped = min(dropped, search.keep(stateLimit, bounds, &stages[place]))
            }
        }
        // Sizes rise and costs fall along the list.
        if let last = search.states.last, last.cost < problem.measure(best).cost {
            best = StateList.choices(stages, from: search.count - 1)
        }
        var result = optimum(problem, best)
        result.lowerBound = min(result.cost, max(dropped, prices.rootBound))
        if dropped == .infinity { result.lowerBound = result.cost }
        return result
    }

    private func optimum(_ problem: AllocationProblem, _ choices: [Int]) -> Allocation {
        let (cost, size) = problem.measure(choices)
        return Allocation(choices: choices, cost: cost, size: size, lowerBound: cost)
    }
}

/// Partial choices of which none beats another in both size and cost: sizes rise, costs fall.
private struct StateList {
    struct State {
        var size: Int
        var cost: Double
        /// Its place in the list before, and the choice that made it.
        var parent: Int32
        var choice: Int32
    }

    /// Where each state of a unit came from.
    typealias Stage = [(parent: Int32, choice: Int32)]

    private(set) var states = [State(size: 0, cost: 0, parent: 0, choice: 0)]

    var count: Int { states.count }

    /// Adds every choice of a unit to every state, and keeps what is not beaten and is promising.
    mutating func extend(
        by unit: AllocationUnit, isPromising: (_ size: Int, _ cost: Double) -> Bool
    ) -> Stage {
        var all: [State] = []
        for (number, choice) in unit.choices.enumerated() {
            for (place, state) in states.enumerated() {
                let (size, cost) = (state.size + choice.size, state.cost + choice.cost)
                guard isPromising(size, cost) else { continue }
                all.append(
                    State(
                        size: size, cost: cost, parent: Int32(truncatingIfNeeded: place),
                        choice: Int32(truncatingIfNeeded: number)))
            }
        }
        all.sort {
            ($0.size, $0.cost, $0.choice, $0.parent) < ($1.size, $1.cost, $1.choice, $1.parent)
        }
        states.removeAll(keepingCapacity: true)
        for state in all where state.cost < states.last?.cost ?? .infinity { states.append(state) }
        return states.map { ($0.parent, $0.choice) }
    }

    /// Keeps the states with the least bounds.
    ///
    /// - Returns: The least bound of those that are dropped.
    mutating func keep(_ limit: Int, _ bounds: [Double], _ stage: inout Stage) -> Double {
        let order = bounds.indices.sorted { (bounds[$0], $0) < (bounds[$1], $1) }
        let kept = order.prefix(limit).sorted()
        states = kept.map { states[$0] }
        stage = kept.map { stage[$0] }
        return bounds[order[limit]]
    }

    /// Follows a state back to the first unit.
    static func choices(_ stages: [Stage], from last: Int) -> [Int] {
        var place = last
        var choices: [Int] = []
        for stage in stages.reversed() {
            choices.append(Int(stage[place].choice))
            place = Int(stage[place].parent)
        }
        return choices.reversed()
    }
}
