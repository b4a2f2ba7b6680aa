/// One way to store a unit: what it costs and how large it is.
public struct AllocationChoice: Sendable, Hashable, Codable {
    /// What it is, such as `4 bits`.
    public var name: String
    /// The damage that it does, in any unit that adds up over units of a model; lower is better.
    public var cost: Double
    /// How much it takes of each budget, at least 0, in any whole unit: bits, bytes, nanoseconds.
    public var sizes: [Int]

    /// States a choice.
    ///
    /// - Parameters:
    ///   - name: What it is.
    ///   - cost: The damage that it does.
    ///   - sizes: How much it takes of each budget, of at least one.
    public init(_ name: String, cost: Double, sizes: [Int]) {
        precondition(!sizes.isEmpty, "a choice takes of a budget")
        self.name = name
        self.cost = cost
        self.sizes = sizes
    }

    /// States a choice where there is one budget.
    public init(_ name: String, cost: Double, size: Int) {
        self.init(name, cost: cost, sizes: [size])
    }

    /// How much of the first budget it takes.
    public var size: Int { sizes[0] }
}

/// What is given a choice of its own: a layer, a tensor, a group of columns.
///
/// Tensors that have to be stored alike are one unit with the sums of their costs and sizes.
public struct AllocationUnit: Sendable, Hashable, Codable {
    /// What it is, such as the path of a layer.
    public var name: String
    /// The ways to store it, in any order; at least one.
    public var choices: [AllocationChoice]

    /// States a unit.
    public init(_ name: String, choices: [AllocationChoice]) {
        self.name = name
        self.choices = choices
    }
}

/// Which choice each unit should get, so that sizes stay within budgets and costs are least.
public struct AllocationProblem: Sendable, Hashable, Codable {
    /// What is given choices.
    public var units: [AllocationUnit]
    /// What the sizes of all choices may add up to, each budget for itself.
    public var budgets: [Int]

    /// States a problem.
    ///
    /// - Parameters:
    ///   - units: What is given choices.
    ///   - budgets: At least one; each choice has a size for each.
    public init(units: [AllocationUnit], budgets: [Int]) {
        precondition(!budgets.isEmpty, "a problem has a budget")
        self.units = units
        self.budgets = budgets
    }

    /// States a problem of one budget.
    public init(units: [AllocationUnit], budget: Int) {
        self.init(units: units, budgets: [budget])
    }

    /// The first budget.
    public var budget: Int {
        get { budgets[0] }
        set { budgets[0] = newValue }
    }

    /// The least and the largest size in the first budget: what budgets make sense.
    public var sizeRange: ClosedRange<Int> { sizeRange(of: 0) }

    /// The least and the largest size in a budget.
    public func sizeRange(of budget: Int) -> ClosedRange<Int> {
        let sizes = units.map { $0.choices.map { $0.sizes[budget] } }
        let least = sizes.reduce(0) { $0 + ($1.min() ?? 0) }
        return least...max(least, sizes.reduce(0) { $0 + ($1.max() ?? 0) })
    }

    /// The same with one of the budgets alone.
    func alone(_ budget: Int) -> AllocationProblem {
        AllocationProblem(
            units: units.map { unit in
                AllocationUnit(
                    unit.name,
                    choices: unit.choices.map {
                        AllocationChoice($0.name, cost: $0.cost, size: $0.sizes[budget])
                    })
            }, budget: budgets[budget])
    }

    /// What a choice for every unit takes of each budget.
    ///
    /// - Parameter choices: The place of a choice for each unit.
    public func sizes(_ choices: [Int]) -> [Int] {
        precondition(choices.count == units.count, "a choice for each of \(units.count) units")
        return budgets.indices.map { budget in
            zip(units, choices).reduce(0) { $0 + $1.0.choices[$1.1].sizes[budget] }
        }
    }

    /// Whether a choice for every unit keeps all budgets.
    ///
    /// - Parameter choices: The place of a choice for each unit.
    public func fits(_ choices: [Int]) -> Bool {
        zip(sizes(choices), budgets).allSatisfy { $0 <= $1 }
    }

    /// What a choice for every unit costs, and what it takes of the first budget.
    ///
    /// - Parameter choices: The place of a choice for each unit.
    public func measure(_ choices: [Int]) -> (cost: Double, size: Int) {
        precondition(choices.count == units.count, "a choice for each of \(units.count) units")
        return zip(units, choices).reduce(into: (0, 0)) { sum, pair in
            let choice = pair.0.choices[pair.1]
            sum.0 += choice.cost
            sum.1 += choice.size
        }
    }

    /// Throws for what no allocation can be made of.
    ///
    /// - Throws: ``AllocationError``.
    public func check() throws(AllocationError) {
        for unit in units {
            if unit.choices.isEmpty { throw .noChoice(unit: unit.name) }
            for choice in unit.choices {
                precondition(
                    choice.sizes.count == budgets.count, "a choice has a size for each budget")
                let least = choice.sizes.min() ?? 0
                guard choice.cost.isFinite, least >= 0 else {
                    throw .badChoice(
                        unit: unit.name, choice: choice.name, cost: choice.cost, size: least)
                }
            }
        }
        for (place, budget) in budgets.enumerated() {
            let least = sizeRange(of: place).lowerBound
            if budget < least { throw .infeasible(budget: budget, least: least) }
        }
    }
}

/// A choice for every unit.
public struct Allocation: Sendable, Hashable, Codable {
    /// The place of each unit's choice among its choices.
    public var choices: [Int]
    /// The sum of their costs.
    public var cost: Double
    /// The sum of their sizes in the first budget, at most that.
    public var size: Int
    /// A cost that no allocation within the budget is below: ``cost`` itself for a proven optimum.
    public var lowerBound: Double

    /// States an allocation.
    public init(choices: [Int], cost: Double, size: Int, lowerBound: Double) {
        self.choices = choices
        self.cost = cost
        self.size = size
        self.lowerBound = lowerBound
    }

    /// How much of the cost a better allocation could save at most, as a share; 0 for an optimum.
    public var gap: Double {
        cost <= lowerBound ? 0 : (cost - lowerBound) / max(cost.magnitude, lowerBound.magnitude)
    }
}

/// Chooses for every unit within all budgets.
public protocol Allocator: Sendable {
    /// Solves a problem.
    ///
    /// - Throws: ``AllocationError``.
    func allocate(_ problem: AllocationProblem) throws(AllocationError) -> Allocation
}

extension Allocator {
    /// Several allocations within the budget: the best, and for each choice that it does not make
    /// the best that makes it, one constraint at a time.
    ///
    /// - Returns: Different allocations, the least cost first.
    /// - Throws: ``AllocationError``.
    /// - Complexity: As many problems as there are choices.
    public func alternatives(
        _ problem: AllocationProblem
    ) throws(AllocationError) -> [Allocation] {
        let best = try allocate(problem)
        var seen: Set<[Int]> = [best.choices]
        var found = [best]
        for (unit, choice) in best.choices.enumerated() {
            for other in problem.units[unit].choices.indices where other != choice {
                var forced = problem
                forced.units[unit].choices = [problem.units[unit].choices[other]]
                guard forced.budget >= forced.sizeRange.lowerBound else { continue }
                var allocation = try allocate(forced)
                allocation.choices[unit] = other
                if seen.insert(allocation.choices).inserted { found.append(allocation) }
            }
        }
        return found.sorted { ($0.cost, $0.size) < ($1.cost, $1.size) }
    }
}

/// Why there is no allocation.
public enum AllocationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The budget is below the least size that there is.
    case infeasible(budget: Int, least: Int)
    /// Each of several budgets can be kept, but not all at once.
    case conflicting(budgets: [Int])
    /// Whether several budgets can be kept at once was not known when the time was over.
    case undecided(budgets: [Int], seconds: Double)
    /// A unit has no choice.
    case noChoice(unit: String)
    /// A cost is not finite, or a size below 0.
    case badChoice(unit: String, choice: String, cost: Double, size: Int)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .infeasible(let budget, let least):
            "a budget of \(budget) is below \(least), the least that the choices take together"
        case .conflicting(let budgets):
            "budgets of " + budgets.map { "\($0)" }.joined(separator: " and ")
                + " cannot be kept at once, only each of them"
        case .undecided(let budgets, let seconds):
            "in \(seconds) seconds no way was found to keep budgets of "
                + budgets.map { "\($0)" }.joined(separator: " and ")
                + " at once; give larger ones, or more time"
        case .noChoice(let unit): "\(unit): has no choice"
        case .badChoice(let unit, let choice, let cost, let size):
            "\(unit), \(choice): cost \(cost) and size \(size); costs are finite and sizes at least 0"
        }
    }
}
