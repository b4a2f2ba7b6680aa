/// Prices of size for Lagrangian bounds, around the one whose bound is best.
struct SizePrices {
    /// An allocation within the budget: the one of the best price, improved choice by choice.
    let start: [Int]
    /// Whether the start is the cheapest of all choices: then the budget does not bind.
    let isFree: Bool
    /// The best bound before any choice.
    let rootBound: Double
    /// The size of the numbers that bounds add up, for their rounding.
    let scale: Double

    private let budget: Int
    private let prices: [Double]
    /// For each unit on, the least size of the rest.
    private let leastSizes: [Int]
    /// For each price, for each unit on, the least `cost + price · size` of the rest.
    private let rests: [[Double]]

    /// Prices the sizes of a problem that has an allocation.
    init(_ problem: AllocationProblem) {
        let units = problem.units
        budget = problem.budget
        let free = Self.choices(units, price: 0)
        isFree = problem.measure(free).size <= problem.budget
        scale = units.reduce(0) { $0 + ($1.choices.map(\.cost.magnitude).max() ?? 0) }
        leastSizes = Self.suffixSums(units.map { $0.choices.map(\.size).min() ?? 0 })
        guard !isFree else {
            (start, rootBound, prices, rests) = (free, problem.measure(free).cost, [], [])
            return
        }
        // Above this price every unit takes its smallest choice.
        var high = units.reduce(0.0) { top, unit in
            let costs = unit.choices.map(\.cost)
            return max(top, (costs.max() ?? 0) - (costs.min() ?? 0))
        }
        var low = 0.0
        var fitting = Self.choices(units, price: high)
        // The bound is largest where the size of the choices passes the budget.
        for _ in 0..<200 {
            let middle = low + (high - low) / 2
            guard middle > low, middle < high else { break }
            let choices = Self.choices(units, price: middle)
            if problem.measure(choices).size <= problem.budget {
                (high, fitting) = (middle, choices)
            } else {
                low = middle
            }
        }
        if problem.measure(fitting).size > problem.budget {
            fitting = units.map { unit in
                unit.choices.indices.min { a, b in
                    let (a, b) = (unit.choices[a], unit.choices[b])
                    return (a.size, a.cost) < (b.size, b.cost)
                } ?? 0
            }
        }
        start = problem.upgraded(fitting, units: units.indices) { saving, _ in saving }
        // Prices of the rest differ from that of the whole: some on both sides.
        let all = (-24...24).map { high * Self.power(1.15, $0) } + [0]
        prices = all
        let sums = all.map { price in
            Self.suffixSums(
                units.map { unit in
                    unit.choices.reduce(Double.infinity) {
                        min($0, $1.cost + price * Double($1.size))
                    }
                })
        }
        rests = sums
        rootBound = zip(all, sums).reduce(-Double.infinity) { best, pair in
            max(best, pair.1[0] - pair.0 * Double(problem.budget))
        }
    }

    /// What no completion of a partial choice costs less than; infinite when none fits.
    ///
    /// - Parameters:
    ///   - count: Units that have a choice, the first ones.
    ///   - size: What their choices take.
    ///   - cost: What they cost.
    func bound(after count: Int, size: Int, cost: Double) -> Double {
        let room = budget - size
        guard leastSizes[count] <= room else { return .infinity }
        var best = -Double.infinity
        for (price, rest) in zip(prices, rests) {
            best = max(best, rest[count] - price * Double(room))
        }
        return cost + best
    }

    /// For each unit the choice of least `cost + price · size`, the smallest of equals.
    private static func choices(_ units: [AllocationUnit], price: Double) -> [Int] {
        units.map { unit in
            unit.choices.indices.min { a, b in
                let (a, b) = (unit.choices[a], unit.choices[b])
                let (left, right) = (
                    a.cost + price * Double(a.size), b.cost + price * Double(b.size)
                )
                return (left, a.size) < (right, b.size)
            } ?? 0
        }
    }

    /// The sums of the elements from each place on, and 0 after the last.
    private static func suffixSums<Number: AdditiveArithmetic>(_ list: [Number]) -> [Number] {
        var sums = [Number](repeating: .zero, count: list.count + 1)
        for place in list.indices.reversed() { sums[place] = sums[place + 1] + list[place] }
        return sums
    }

    private static func power(_ base: Double, _ exponent: Int) -> Double {
        (0..<exponent.magnitude).reduce(1) { product, _ in
            exponent < 0 ? product / base : product * base
        }
    }
}
