import CCbc
import Synchronization

/// Least costs over numbers that are 0 or 1 and keep linear limits, by the branch and cut of CBC.
///
/// Numbers are float64: what a limit says to the last digit has to be checked where it matters.
public struct BinaryProgram: Sendable {
    /// A weighted sum of numbers with what it may be.
    public struct Limit: Sendable {
        /// The numbers that it has, and their factors.
        public var terms: [(number: Int, factor: Double)]
        /// What the sum may be; infinite where there is no end.
        public var range: ClosedRange<Double>

        /// States a limit.
        public init(_ terms: [(number: Int, factor: Double)], in range: ClosedRange<Double>) {
            self.terms = terms
            self.range = range
        }
    }

    /// CBC keeps some of what it does in memory of the whole program.
    private static let turn = Mutex(())

    /// What each number costs where it is 1.
    public var costs: [Double]
    /// What has to hold.
    public var limits: [Limit]

    /// States a program.
    public init(costs: [Double], limits: [Limit]) {
        self.costs = costs
        self.limits = limits
    }

    /// What was found.
    public enum Result: Sendable, Equatable {
        /// The numbers that are 1, and a cost that no others are below.
        case found(ones: [Int], lowerBound: Double)
        /// Nothing keeps all limits.
        case infeasible
        /// The time was over before anything was found.
        case timeOver
    }

    /// Solves the program.
    ///
    /// - Parameters:
    ///   - gap: By how much, as a share of the cost, what is given may cost more than the least.
    ///   - seconds: When to give the best so far.
    /// - Complexity: Exponential in the count of numbers at worst; within a fraction of a second for
    ///   some thousand numbers of which one in each of some hundred groups is 1.
    public func solved(gap: Double, seconds: Double) -> Result {
        for limit in limits {
            precondition(
                limit.terms.allSatisfy { costs.indices.contains($0.number) },
                "limits are on numbers that there are")
        }
        return Self.turn.withLock { _ in solvedAlone(gap: gap, seconds: seconds) }
    }

    private func solvedAlone(gap: Double, seconds: Double) -> Result {
        let model = unsafe Cbc_newModel()
        defer { unsafe Cbc_deleteModel(model) }
        unsafe Cbc_setLogLevel(model, 0)
        unsafe load(into: model)
        for number in costs.indices { unsafe Cbc_setInteger(model, Int32(number)) }
        unsafe Cbc_setParameter(model, "ratioGap", "\(gap)")
        unsafe Cbc_setParameter(model, "seconds", "\(seconds)")
        unsafe Cbc_solve(model)
        if unsafe Cbc_isProvenInfeasible(model) != 0 { return .infeasible }
        guard let values = unsafe Cbc_bestSolution(model) else { return .timeOver }
        return .found(
            ones: costs.indices.filter { unsafe values[$0] > 0.5 },
            lowerBound: unsafe Cbc_getBestPossibleObjValue(model))
    }

    /// Gives CBC the columns of the matrix of all limits.
    private func load(into model: UnsafeMutableRawPointer?) {
        var columns = [[(row: Int, factor: Double)]](repeating: [], count: costs.count)
        for (row, limit) in limits.enumerated() {
            for (number, factor) in limit.terms { columns[number].append((row, factor)) }
        }
        var starts: [Int32] = [0]
        for column in columns { starts.append(starts[starts.count - 1] + Int32(column.count)) }
        let entries = columns.flatMap(\.self)
        let zeros = [Double](repeating: 0, count: costs.count)
        let ones = [Double](repeating: 1, count: costs.count)
        unsafe Cbc_loadProblem(
            model, Int32(costs.count), Int32(limits.count), starts, entries.map { Int32($0.row) },
            entries.map(\.factor), zeros, ones, costs, limits.map(\.range.lowerBound),
            limits.map(\.range.upperBound))
    }
}
