import HalftoneKernels

/// The least cost within several budgets at once, as an integer program that CBC solves.
///
/// A number for each choice says whether it is made: one of each unit, and of every budget no more
/// than there is. A unit that is a large part of a budget is tried choice by choice: bounds that mix
/// its choices are far below what any of them costs.
public struct IntegerProgramAllocator: Allocator {
    /// By how much, as a share, the cost may be above the least.
    public var gap = 5e-4

    /// When to be content with the best so far, in seconds.
    public var seconds = 60.0

    /// Units whose choices differ by more than this share of a budget are tried choice by choice.
    private static let wideShare = 0.05

    /// Creates an allocator.
    public init() {}

    /// Solves a problem.
    ///
    /// - Throws: ``AllocationError``; ``AllocationError/conflicting(budgets:)`` for budgets of which
    ///   only each for itself can be kept, ``AllocationError/undecided(budgets:seconds:)`` where the
    ///   time was over before anything was found.
    /// - Complexity: Exponential at worst; some seconds for some hundred units and two budgets.
    public func allocate(_ problem: AllocationProblem) throws(AllocationError) -> Allocation {
        try problem.check()
        return try solved(problem, seconds: seconds)
    }

    /// The best of the choices of the widest unit, or of all units where none is wide.
    private func solved(
        _ problem: AllocationProblem, seconds: Double
    ) throws(AllocationError) -> Allocation {
        guard let unit = Self.widest(problem) else {
            return try together(problem, seconds: seconds)
        }
        let choices = problem.units[unit].choices
        var best: Allocation?
        var bound = Double.infinity
        var isDecided = true
        for (place, choice) in choices.enumerated() {
            var part = problem
            part.units[unit].choices = [choice]
            do throws(AllocationError) {
                try part.check()
                var found = try solved(part, seconds: seconds / Double(choices.count))
                found.choices[unit] = place
                bound = min(bound, found.lowerBound)
                if found.cost < best?.cost ?? .infinity { best = found }
            } catch .undecided {
                isDecided = false
                bound = min(
                    bound, part.units.reduce(0) { $0 + ($1.choices.map(\.cost).min() ?? 0) })
            } catch {}
        }
        guard var best else {
            throw isDecided
                ? .conflicting(budgets: problem.budgets)
                : .undecided(budgets: problem.budgets, seconds: self.seconds)
        }
        best.lowerBound = min(bound, best.cost)
        return best
    }

    /// The unit whose choices differ most, as a share of a budget, if that is much.
    private static func widest(_ problem: AllocationProblem) -> Int? {
        var widest: (share: Double, unit: Int?) = (wideShare, nil)
        for (place, unit) in problem.units.enumerated() {
            for (budget, most) in problem.budgets.enumerated() {
                let sizes = unit.choices.map { $0.sizes[budget] }
                let share =
                    Double((sizes.max() ?? 0) - (sizes.min() ?? 0)) / Double(max(most, 1))
                if share > widest.share { widest = (share, place) }
            }
        }
        // Few units are all wide, and quickly done together.
        return problem.units.count > 20 ? widest.unit : nil
    }

    /// One program for all units.
    private func together(
        _ problem: AllocationProblem, seconds: Double
    ) throws(AllocationError) -> Allocation {
        guard !problem.units.isEmpty else {
            return Allocation(choices: [], cost: 0, size: 0, lowerBound: 0)
        }
        let program = Program(problem)
        var budgets = problem.budgets
        // Sums of floating point may pass a budget by some bytes: then it is made smaller by them.
        for _ in 0..<8 {
            let (ones, bound): ([Int], Double)
            switch program.solved(budgets, gap: gap, seconds: seconds) {
            case .found(let found, let lowerBound): (ones, bound) = (found, lowerBound)
            case .infeasible: throw .conflicting(budgets: problem.budgets)
            case .timeOver: throw .undecided(budgets: problem.budgets, seconds: seconds)
            }
            let choices = program.choices(ones)
            let excess = zip(problem.sizes(choices), problem.budgets).map { $0 - $1 }
            if excess.allSatisfy({ $0 <= 0 }) {
                let (cost, size) = problem.measure(choices)
                return Allocation(
                    choices: choices, cost: cost, size: size, lowerBound: min(bound, cost))
            }
            budgets = zip(budgets, excess).map { $0 - max($1, 0) }
        }
        throw .conflicting(budgets: problem.budgets)
    }
}

/// A problem with the numbers of an integer program.
private struct Program {
    private let problem: AllocationProblem
    /// The unit and the choice of each number.
    private let places: [(unit: Int, choice: Int)]
    /// What a cost is multiplied by: solvers take absolute differences of 10⁻⁷ for none.
    private let scale: Double

    init(_ problem: AllocationProblem) {
        self.problem = problem
        places = problem.units.enumerated().flatMap { unit, choices in
            choices.choices.indices.map { (unit, $0) }
        }
        let most = problem.units.reduce(0.0) {
            $0 + ($1.choices.map(\.cost.magnitude).max() ?? 0)
        }
        scale = most > 0 ? 1e6 / most : 1
    }

    /// The choices that some numbers make.
    func choices(_ ones: [Int]) -> [Int] {
        var choices = [Int](repeating: 0, count: problem.units.count)
        for one in ones { choices[places[one].unit] = places[one].choice }
        return choices
    }

    func solved(_ budgets: [Int], gap: Double, seconds: Double) -> BinaryProgram.Result {
        var numbers = [[Int]](repeating: [], count: problem.units.count)
        for (number, place) in places.enumerated() { numbers[place.unit].append(number) }
        let one = numbers.map { BinaryProgram.Limit($0.map { ($0, 1) }, in: 1...1) }
        let within = budgets.enumerated().map { place, budget in
            let unit = 1 / Double(max(budget, 1))
            return BinaryProgram.Limit(
                places.enumerated().map { number, place2 in
                    let choice = problem.units[place2.unit].choices[place2.choice]
                    return (number, Double(choice.sizes[place]) * unit)
                }, in: -Double.infinity...(budget > 0 ? 1 : 0))
        }
        let costs = places.map { problem.units[$0.unit].choices[$0.choice].cost * scale }
        let result = BinaryProgram(costs: costs, limits: one + within).solved(
            gap: gap, seconds: seconds)
        guard case .found(let ones, let bound) = result else { return result }
        return .found(ones: ones, lowerBound: bound / scale)
    }
}
