import HalftoneAllocation
import HalftoneTensor
import Testing

/// Allocators that are no optimum.
struct GreedyAllocatorTests {
    /// Layers of different worth and size, each in 2 to 5 bits, whose errors fall fourfold by bit.
    private func problem(seed: UInt64, budgets: Int = 1) -> AllocationProblem {
        var generator = SeededGenerator(seed: seed)
        let units = (0..<24).map { place in
            let worth = Double.random(in: 0.01...1, using: &generator)
            let size = Int.random(in: 50...200, using: &generator)
            return AllocationUnit(
                "\(place)",
                choices: (2...5).map { bits in
                    AllocationChoice(
                        "\(bits)", cost: worth * Double(size) / Double(1 << (2 * bits)),
                        sizes: [size * bits, size * (bits + 3)].prefix(budgets).map(\.self))
                })
        }
        let least = AllocationProblem(units: units, budget: 0).sizeRange.lowerBound
        return AllocationProblem(
            units: units, budgets: [least * 3 / 2, 1 << 20].prefix(budgets).map(\.self))
    }

    /// All keep the budgets; greedy ones are nearly the optimum, controls are worse, and reversed
    /// sensitivities are the worst.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func orderOfWorth(seed: UInt64) throws {
        let problem = problem(seed: seed)
        let best = try ExactAllocator().allocate(problem)
        let greedy = try GreedyAllocator().allocate(problem)
        #expect(greedy.size <= problem.budget && greedy.size > problem.budget * 98 / 100)
        #expect(best.cost <= greedy.cost && greedy.cost < 1.1 * best.cost)
        #expect(greedy.lowerBound <= best.cost && greedy.gap >= 0)
        let controls = try ControlAllocator.Kind.allCases.map {
            try ControlAllocator($0, seed: seed).allocate(problem)
        }
        for control in controls {
            #expect(control.size <= problem.budget && control.size > problem.budget * 95 / 100)
            #expect(control.cost > 1.1 * best.cost)
            #expect(control.cost == problem.measure(control.choices).cost)
        }
        #expect(controls[2].cost > max(controls[1].cost, greedy.cost))
        #expect(try ControlAllocator(.random, seed: seed).allocate(problem) == controls[0])
    }

    /// A second budget is kept, and what cannot be kept is refused.
    @Test func severalBudgetsAreKept() throws {
        var problem = problem(seed: 5, budgets: 2)
        problem.budgets[1] = problem.sizeRange(of: 1).lowerBound * 11 / 10
        let greedy = try GreedyAllocator().allocate(problem)
        #expect(zip(problem.sizes(greedy.choices), problem.budgets).allSatisfy { $0 <= $1 })
        problem.budgets[0] = problem.sizeRange.lowerBound - 1
        for allocator in [GreedyAllocator(), ControlAllocator(.random)] as [any Allocator] {
            #expect(throws: AllocationError.self) { _ = try allocator.allocate(problem) }
        }
    }
}
