import HalftoneTensor

/// Upgrades taken one by one, the largest saving for its size first, until none fits.
///
/// This is what is often done, and a stack of residuals can do no other (BitStack sorts its parts
/// so). It needs no more than sorting, and misses the optimum by what the last upgrades do not use.
/// Where what is small in one budget is large in another, it may find no start.
public struct GreedyAllocator: Allocator {
    /// The place of each unit's first choice, within the budgets; nil takes what is smallest.
    public var start: [Int]?

    /// Creates an allocator.
    public init(from start: [Int]? = nil) { self.start = start }

    /// Chooses.
    ///
    /// - Complexity: O(choices) for each upgrade.
    public func allocate(_ problem: AllocationProblem) throws(AllocationError) -> Allocation {
        try problem.check()
        let first: [Int]
        if let start { first = start } else { first = try problem.smallest() }
        precondition(problem.fits(first), "the first choices keep the budgets")
        let choices = problem.upgraded(first, units: problem.units.indices) { saving, share in
            saving / share
        }
        return problem.allocation(choices)
    }
}

/// Allocations that do not know which unit is worth what: what others have to be better than.
public struct ControlAllocator: Allocator {
    /// What is wrong with it.
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// Upgrades are drawn.
        case random
        /// Each unit has the sensitivity of another one.
        case shuffled
        /// The most sensitive unit has the sensitivity of the least.
        case reversed
    }

    /// What is wrong with it.
    public var kind: Kind
    /// Draws.
    public var seed: UInt64

    /// Creates an allocator.
    public init(_ kind: Kind, seed: UInt64 = 1) {
        (self.kind, self.seed) = (kind, seed)
    }

    /// Chooses; the budgets are kept and spent as by others.
    public func allocate(_ problem: AllocationProblem) throws(AllocationError) -> Allocation {
        try problem.check()
        var generator = SeededGenerator(seed: seed)
        guard kind == .random else {
            let mistaken = mistaken(problem, using: &generator)
            return problem.allocation(try ExactAllocator().allocate(mistaken).choices)
        }
        let choices = problem.upgraded(
            try problem.smallest(), units: problem.units.indices
        ) { _, _ in Double.random(in: 0..<1, using: &generator) }
        return problem.allocation(choices)
    }

    /// The same with the sensitivities of other units: costs for a share of the first size.
    private func mistaken(
        _ problem: AllocationProblem, using generator: inout SeededGenerator
    ) -> AllocationProblem {
        let worth = problem.units.map { unit in
            let sizes = unit.choices.map(\.size).max() ?? 0
            let costs = unit.choices.map(\.cost).max() ?? 0
            return costs / Double(max(sizes, 1))
        }
        let order = worth.indices.sorted { (worth[$0], $0) < (worth[$1], $1) }
        let others =
            kind == .reversed
            ? Array(order.reversed()) : order.shuffled(using: &generator)
        var mistaken = problem
        for (unit, other) in zip(order, others) where worth[unit] > 0 {
            for place in mistaken.units[unit].choices.indices {
                mistaken.units[unit].choices[place].cost *= worth[other] / worth[unit]
            }
        }
        return mistaken
    }
}

extension AllocationProblem {
    /// For each unit the choice that takes least of the budgets.
    ///
    /// - Throws: ``AllocationError/conflicting(budgets:)`` where these choices exceed one.
    func smallest() throws(AllocationError) -> [Int] {
        let choices = units.map { unit in
            unit.choices.indices.min {
                share(unit.choices[$0].sizes) < share(unit.choices[$1].sizes)
            } ?? 0
        }
        guard fits(choices) else {
            throw .conflicting(budgets: budgets)
        }
        return choices
    }

    /// Sizes as shares of the budgets, added up.
    private func share(_ sizes: [Int]) -> Double {
        zip(sizes, budgets).reduce(0) { $0 + Double($1.0) / Double(max($1.1, 1)) }
    }

    /// Takes changes that save cost, the one of most worth first, until none fits.
    ///
    /// - Parameters:
    ///   - start: The place of each unit's choice.
    ///   - free: Units that may change.
    ///   - worth: Of what a change saves and takes of the budgets, as a share.
    func upgraded(
        _ start: [Int], units free: some Sequence<Int>,
        worth: (_ saving: Double, _ share: Double) -> Double
    ) -> [Int] {
        var choices = start
        var taken = sizes(start)
        let free = Array(free)
        while true {
            var best: (unit: Int, choice: Int, worth: Double)?
            for unit in free {
                let all = units[unit].choices
                let own = all[choices[unit]]
                for (place, choice) in all.enumerated() where choice.cost < own.cost {
                    let more = zip(choice.sizes, own.sizes).map { $0 - $1 }
                    guard zip(zip(taken, more), budgets).allSatisfy({ $0.0 + $0.1 <= $1 }) else {
                        continue
                    }
                    // What takes nothing comes first.
                    let found = worth(
                        own.cost - choice.cost, max(share(more), .leastNormalMagnitude))
                    if found > best?.worth ?? -1 { best = (unit, place, found) }
                }
            }
            guard let best else { return choices }
            let all = units[best.unit].choices
            let (new, old) = (all[best.choice].sizes, all[choices[best.unit]].sizes)
            taken = zip(taken, zip(new, old)).map { $0 + $1.0 - $1.1 }
            choices[best.unit] = best.choice
        }
    }

    /// Choices as an allocation, with the bound of the relaxed problem.
    func allocation(_ choices: [Int]) -> Allocation {
        let (cost, size) = measure(choices)
        let bound = budgets.indices.map { SizePrices(alone($0)).rootBound }.max() ?? 0
        return Allocation(choices: choices, cost: cost, size: size, lowerBound: min(cost, bound))
    }
}
