import HalftoneAllocation
import HalftoneTensor
import Testing

/// Allocations against all that there are, and against bounds.
struct ExactAllocatorTests {
    /// Costs that fall about fourfold a bit, with noise; sizes that are not all multiples of one.
    private func problem(
        units: Int, choices: Int, share: Double, seed: UInt64, whole: Bool = false
    ) -> AllocationProblem {
        var random = SeededGenerator(seed: seed)
        let units = (0..<units).map { unit in
            let weights = Int.random(in: 1...9, using: &random)
            let scale = Double.random(in: 0.1...10, using: &random)
            return AllocationUnit(
                "layer \(unit)",
                choices: (0..<choices).map { choice in
                    let cost = scale * Double.random(in: 0.5...1.5, using: &random)
                    let power = (0...choice).reduce(1.0) { power, _ in power / 3 }
                    return AllocationChoice(
                        "\(choice)", cost: whole ? (cost * power * 20).rounded() : cost * power,
                        size: weights * (choice + 2) + (whole ? 0 : choice % 2))
                })
        }
        var problem = AllocationProblem(units: units, budget: 0)
        let range = problem.sizeRange
        problem.budget =
            range.lowerBound + Int(share * Double(range.upperBound - range.lowerBound))
        return problem
    }

    /// The least cost of all combinations that fit.
    private func leastCost(_ problem: AllocationProblem) -> Double {
        var best = Double.infinity
        func extend(_ unit: Int, _ cost: Double, _ size: Int) {
            guard size <= problem.budget else { return }
            guard unit < problem.units.count else {
                best = min(best, cost)
                return
            }
            for choice in problem.units[unit].choices {
                extend(unit + 1, cost + choice.cost, size + choice.size)
            }
        }
        extend(0, 0, 0)
        return best
    }

    @Test(arguments: 0..<60 as Range<UInt64>)
    func equalsBruteForce(seed: UInt64) throws {
        for share in [0, 0.1, 0.35, 0.6, 0.9, 1] {
            let problem = problem(
                units: 1 + Int(seed % 7), choices: 1 + Int(seed % 5), share: share, seed: seed,
                whole: seed.isMultiple(of: 3))
            let found = try ExactAllocator().allocate(problem)
            let measured = problem.measure(found.choices)
            #expect(measured.size <= problem.budget && found.size == measured.size)
            #expect(found.cost == measured.cost && found.gap == 0)
            let expected = leastCost(problem)
            // Sums of at most 7 numbers in another order.
            #expect(
                abs(found.cost - expected) <= 1e-12 * max(expected.magnitude, 1), "seed \(seed)")
        }
    }

    @Test func aChoiceThatIsOnNoHullIsFound() throws {
        // By price alone only sizes 0 and 10 are chosen; the best that fits 5 is the one between.
        let unit = AllocationUnit(
            "a",
            choices: [
                AllocationChoice("none", cost: 10, size: 0),
                AllocationChoice("half", cost: 9, size: 5),
                AllocationChoice("all", cost: 0, size: 10),
            ])
        let problem = AllocationProblem(units: [unit, unit], budget: 15)
        let found = try ExactAllocator().allocate(problem)
        #expect(found.cost == 9 && found.size == 15 && Set(found.choices) == [1, 2])
        #expect(try ExactAllocator().allocate(AllocationProblem(units: [], budget: 0)).cost == 0)
    }

    @Test(arguments: [0.2, 0.5, 0.8])
    func largeProblemsAreSolvedWithAProof(share: Double) throws {
        let problem = problem(units: 200, choices: 7, share: share, seed: 5)
        let found = try ExactAllocator().allocate(problem)
        #expect(found.gap == 0 && found.size <= problem.budget)
        // No change of one choice, nor of two at once, is better and fits.
        for (first, unit) in problem.units.enumerated() {
            for choice in unit.choices.indices {
                var changed = found.choices
                changed[first] = choice
                let (cost, size) = problem.measure(changed)
                #expect(size > problem.budget || cost >= found.cost - 1e-9)
            }
        }
    }

    @Test func fewStatesLeaveAGapThatIsTrue() throws {
        let problem = problem(units: 40, choices: 6, share: 0.4, seed: 9)
        let exact = try ExactAllocator().allocate(problem)
        let rough = try ExactAllocator(stateLimit: 2).allocate(problem)
        #expect(exact.gap == 0 && rough.size <= problem.budget)
        #expect(rough.lowerBound <= exact.cost + 1e-12 && exact.cost <= rough.cost)
        #expect(rough.gap < 0.05)
    }

    @Test func alternativesAreDifferentAndFit() throws {
        let problem = problem(units: 5, choices: 3, share: 0.5, seed: 3)
        let all = try ExactAllocator().alternatives(problem)
        #expect(all[0] == (try ExactAllocator().allocate(problem)))
        #expect(Set(all.map(\.choices)).count == all.count && all.count > 3)
        for (first, second) in zip(all, all.dropFirst()) { #expect(first.cost <= second.cost) }
        for allocation in all {
            let (cost, size) = problem.measure(allocation.choices)
            #expect(size <= problem.budget && allocation.size == size)
            #expect(abs(allocation.cost - cost) <= 1e-12)
        }
        // Every choice that fits at all is in one of them.
        for (unit, choices) in problem.units.enumerated() {
            for choice in choices.choices.indices {
                var forced = problem
                forced.units[unit].choices = [choices.choices[choice]]
                let fits = forced.sizeRange.lowerBound <= problem.budget
                #expect(all.contains { $0.choices[unit] == choice } == fits)
            }
        }
    }

    @Test func whatCannotBeSolvedIsRefused() throws {
        var problem = problem(units: 3, choices: 3, share: 0.5, seed: 1)
        let least = problem.sizeRange.lowerBound
        problem.budget = least - 1
        #expect(throws: AllocationError.infeasible(budget: least - 1, least: least)) {
            try ExactAllocator().allocate(problem)
        }
        problem.budget = least
        #expect(try ExactAllocator().allocate(problem).size == least)
        problem.units[1].choices[0].cost = .nan
        #expect(throws: AllocationError.self) { try ExactAllocator().allocate(problem) }
        problem.units[1].choices = []
        #expect(throws: AllocationError.noChoice(unit: "layer 1")) {
            try ExactAllocator().allocate(problem)
        }
    }
}
