import HalftoneAllocation
import HalftoneTensor
import Testing

/// Allocations within several budgets, against all that there are.
struct IntegerProgramAllocatorTests {
    /// Units whose cheaper choices take more of every budget, though not in proportion.
    private func problem(units: Int, choices: Int, shares: [Double], seed: UInt64)
        -> AllocationProblem
    {
        var random = SeededGenerator(seed: seed)
        let units = (0..<units).map { unit in
            AllocationUnit(
                "layer \(unit)",
                choices: (1...choices).map { choice in
                    let cost = Double.random(in: 0.5...1.5, using: &random)
                    return AllocationChoice(
                        "\(choice)", cost: cost / Double(choice * choice),
                        sizes: shares.map { _ in
                            choice * Int.random(in: 500_000...3_000_000, using: &random)
                        })
                })
        }
        var problem = AllocationProblem(units: units, budgets: shares.map { _ in 0 })
        for (place, share) in shares.enumerated() {
            let range = problem.sizeRange(of: place)
            problem.budgets[place] =
                range.lowerBound + Int(share * Double(range.upperBound - range.lowerBound))
        }
        return problem
    }

    /// The least cost of all combinations that fit; infinite when none does.
    private func leastCost(_ problem: AllocationProblem) -> Double {
        var best = Double.infinity
        func extend(_ unit: Int, _ cost: Double, _ left: [Int]) {
            guard left.allSatisfy({ $0 >= 0 }) else { return }
            guard unit < problem.units.count else {
                best = min(best, cost)
                return
            }
            for choice in problem.units[unit].choices {
                extend(unit + 1, cost + choice.cost, zip(left, choice.sizes).map { $0 - $1 })
            }
        }
        extend(0, 0, problem.budgets)
        return best
    }

    @Test(arguments: 0..<30 as Range<UInt64>)
    func equalsBruteForce(seed: UInt64) throws {
        for shares in [[0.3, 0.4], [0.1, 0.9], [0.5, 0.2, 0.6], [0.7], [0.02, 0.02]] {
            let problem = problem(
                units: 1 + Int(seed % 6), choices: 1 + Int(seed % 4), shares: shares, seed: seed)
            let expected = leastCost(problem)
            guard expected.isFinite else {
                #expect(throws: AllocationError.conflicting(budgets: problem.budgets)) {
                    try IntegerProgramAllocator().allocate(problem)
                }
                continue
            }
            for allocator in [IntegerProgramAllocator(), ExactAllocator()] as [any Allocator] {
                let found = try allocator.allocate(problem)
                #expect(
                    zip(problem.sizes(found.choices), problem.budgets).allSatisfy { $0 <= $1 })
                #expect(found.size == problem.measure(found.choices).size)
                // The gap that is allowed.
                #expect(found.cost <= expected * 1.0005 + 1e-9, "seed \(seed), \(shares)")
                #expect(found.cost >= expected - 1e-12 && found.lowerBound <= expected + 1e-9)
            }
        }
    }

    @Test func oneBudgetIsAsTheExactAllocatorSays() throws {
        let problem = problem(units: 120, choices: 6, shares: [0.4], seed: 7)
        let exact = try ExactAllocator().allocate(problem)
        let found = try IntegerProgramAllocator().allocate(problem)
        #expect(exact.gap == 0 && found.size <= problem.budget)
        #expect(found.cost >= exact.cost - 1e-12 && found.cost <= exact.cost * 1.0005)
    }

    /// Also where one of the units is a fifth of the whole, as the table of a small model is.
    @Test(arguments: [1, 60])
    func manyUnitsAreSolvedWithAProof(largest: Int) throws {
        var problem = problem(units: 211, choices: 7, shares: [0.3, 0.35], seed: 3)
        for place in problem.units[0].choices.indices {
            problem.units[0].choices[place].cost *= Double(largest)
            for budget in problem.budgets.indices {
                let size = problem.units[0].choices[place].sizes[budget]
                problem.units[0].choices[place].sizes[budget] = largest * size
                if place == 3 { problem.budgets[budget] += (largest - 1) * size }
            }
        }
        let found = try ExactAllocator().allocate(problem)
        #expect(zip(problem.sizes(found.choices), problem.budgets).allSatisfy { $0 <= $1 })
        #expect(found.gap < 1e-3)
        // Neither budget for itself allows less than both.
        for budget in problem.budgets.indices {
            let alone = AllocationProblem(
                units: problem.units.map { unit in
                    AllocationUnit(
                        unit.name,
                        choices: unit.choices.map {
                            AllocationChoice($0.name, cost: $0.cost, size: $0.sizes[budget])
                        })
                }, budget: problem.budgets[budget])
            #expect(try ExactAllocator().allocate(alone).cost <= found.cost + 1e-9)
        }
    }

    @Test func budgetsThatDoNotBindAreLeftOut() throws {
        var problem = problem(units: 9, choices: 4, shares: [1, 0.3], seed: 2)
        let both = try ExactAllocator().allocate(problem)
        #expect(both.gap == 0 && both.size == problem.measure(both.choices).size)
        problem.budgets[0] = .max / 2
        #expect(try ExactAllocator().allocate(problem) == both)
        let least = problem.sizeRange(of: 1).lowerBound
        problem.budgets[1] = least - 1
        #expect(throws: AllocationError.infeasible(budget: least - 1, least: least)) {
            try ExactAllocator().allocate(problem)
        }
    }
}
