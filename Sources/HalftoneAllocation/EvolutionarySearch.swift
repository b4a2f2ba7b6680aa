import HalftoneTensor

/// Betters an allocation by what it really does, where costs of units only foretell that.
///
/// Each generation changes the best allocation so far at random: some units get another choice,
/// others pay for it, and what is left of the budgets is spent where it is expected to save most. Of
/// many such changes those that are expected to cost least are tried, and the best takes over if it
/// loses less.
///
/// Source: O. Sieberling et al., "EvoPress: Towards Optimal Dynamic Model Compression via
/// Evolutionary Search", arXiv:2410.14649, algorithm 1 with its level switches; there offspring is
/// not sifted by expected costs, but tried on growing texts.
public struct EvolutionarySearch: Sendable, Hashable, Codable {
    /// How often the best so far is changed.
    public var generations = 16

    /// The changes of a generation that are tried.
    public var offspring = 8

    /// The changes that are made for each that is tried.
    public var sifting = 8

    /// Draws the changes.
    public var seed: UInt64 = 1

    /// The usual settings.
    public init() {}

    /// Looks for a better allocation.
    ///
    /// - Parameters:
    ///   - problem: Choices and budgets.
    ///   - start: The place of each unit's choice, within the budgets.
    ///   - progress: Called after each trial with the least loss so far.
    ///   - loss: What an allocation does.
    /// - Returns: The best that was tried, `start` among them, and its loss.
    public func improve(
        _ problem: AllocationProblem, from start: [Int], progress: (Double) -> Void = { _ in },
        loss: ([Int]) throws -> Double
    ) rethrows -> (choices: [Int], loss: Double) {
        precondition(problem.fits(start), "the search starts within the budgets")
        var generator = SeededGenerator(seed: seed)
        var best = (choices: start, loss: try loss(start))
        progress(best.loss)
        var tried: Set<[Int]> = [start]
        for _ in 0..<generations {
            var changes: [[Int]: Double] = [:]
            for _ in 0..<offspring * sifting {
                guard let changed = changed(best.choices, problem, using: &generator),
                    !tried.contains(changed)
                else { continue }
                changes[changed] = problem.measure(changed).cost
            }
            // All that is near was tried.
            if changes.isEmpty { break }
            for choices in changes.sorted(by: { Self.precedes($0, $1) }).prefix(offspring)
                .map(\.key)
            {
                tried.insert(choices)
                let found = try loss(choices)
                if found < best.loss { best = (choices, found) }
                progress(best.loss)
            }
        }
        return best
    }

    /// Expected costs first, and an order that does not depend on the run where they are equal.
    private static func precedes(
        _ first: (key: [Int], value: Double), _ second: (key: [Int], value: Double)
    ) -> Bool {
        first.value != second.value
            ? first.value < second.value : first.key.lexicographicallyPrecedes(second.key)
    }

    /// Another allocation within the budgets, or nil where the draw leads to none.
    private func changed(
        _ choices: [Int], _ problem: AllocationProblem, using generator: inout SeededGenerator
    ) -> [Int]? {
        let free = problem.units.indices.filter { problem.units[$0].choices.count > 1 }
        guard !free.isEmpty else { return nil }
        var changed = choices
        var kept: Set<Int> = []
        // One switch, seldom several.
        repeat {
            let unit = free[Int.random(in: 0..<free.count, using: &generator)]
            let count = problem.units[unit].choices.count
            let other = Int.random(in: 0..<count - 1, using: &generator)
            changed[unit] = other < choices[unit] ? other : other + 1
            kept.insert(unit)
        } while Bool.random(using: &generator) && kept.count < free.count
        // Others pay.
        for unit in free.shuffled(using: &generator) where !kept.contains(unit) {
            if problem.fits(changed) { break }
            let sizes = problem.units[unit].choices.map(\.size)
            guard
                let smaller = sizes.indices.filter({ sizes[$0] < sizes[changed[unit]] })
                    .max(by: { sizes[$0] < sizes[$1] })
            else { continue }
            changed[unit] = smaller
            kept.insert(unit)
        }
        guard problem.fits(changed) else { return nil }
        // What is left is spent.
        changed = problem.upgraded(changed, units: free.filter { !kept.contains($0) }) {
            $0 / $1
        }
        return changed == choices ? nil : changed
    }
}
