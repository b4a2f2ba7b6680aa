import Foundation
import HalftoneTensor

/// Tables of categories with labels whose probabilities are known.
///
/// The logit of a row is a sum of terms that the caller states, so a test knows which columns,
/// values and pairs matter and the best AUC that can be had.
public struct ClickTable: Sendable {
    /// What adds to the logit, with columns given by their positions.
    public enum Term: Sendable, Equatable {
        /// A weight for each value of a column, of a standard deviation; a share of the values,
        /// drawn at random, weighs nothing.
        case main(column: Int, deviation: Float, useless: Float = 0)
        /// The product of two vectors, one for each value of two columns, of a rank.
        case product(Int, Int, rank: Int, deviation: Float)
        /// A weight for each pair of values of two columns, which no short vectors express.
        case memorized(Int, Int, deviation: Float)
        /// A strength times the product of a hidden sign for each value of some columns.
        case signs([Int], strength: Float)
    }

    /// The number of values of each column.
    public let valueCounts: [Int]
    /// What adds to the logit.
    public let terms: [Term]
    /// What every logit starts from.
    public let bias: Float
    /// The seed of weights and rows.
    public let seed: UInt64

    /// Weights of each term, by value or by pair of values.
    private let weights: [[Float]]

    /// Draws the weights.
    ///
    /// - Parameters:
    ///   - valueCounts: The number of values of each column, each at least 1.
    ///   - terms: What adds to the logit; columns outside the table are a mistake of the caller.
    ///   - bias: What every logit starts from.
    ///   - seed: Equal seeds give equal weights and rows.
    public init(valueCounts: [Int], terms: [Term], bias: Float = 0, seed: UInt64) {
        precondition(valueCounts.allSatisfy { $0 > 0 }, "a column without values")
        self.valueCounts = valueCounts
        self.terms = terms
        self.bias = bias
        self.seed = seed
        weights = terms.enumerated().map { index, term in
            var random = SeededGenerator(seed: seed, stream: 31, index: UInt64(index))
            func normals(_ count: Int, _ deviation: Float) -> [Float] {
                (0..<count).map { _ in deviation * Float(random.normal()) }
            }
            switch term {
            case .main(let column, let deviation, let useless):
                var values = normals(valueCounts[column], deviation)
                let zeros = Int((Float(values.count) * useless).rounded())
                for value in random.distinct(zeros, below: values.count) { values[value] = 0 }
                return values
            case .product(let a, let b, let rank, let deviation):
                return normals((valueCounts[a] + valueCounts[b]) * rank, deviation)
            case .memorized(let a, let b, let deviation):
                return normals(valueCounts[a] * valueCounts[b], deviation)
            case .signs(let columns, _):
                let count = columns.reduce(0) { $0 + valueCounts[$1] }
                return (0..<count).map { _ in random.chance(0.5) ? 1 : -1 }
            }
        }
    }

    /// The logit of a row.
    ///
    /// - Parameter row: A value for each column.
    public func logit(_ row: [Int32]) -> Float {
        var sum = bias
        for (term, weights) in zip(terms, weights) {
            switch term {
            case .main(let column, _, _): sum += weights[Int(row[column])]
            case .product(let a, let b, let rank, _):
                let left = Int(row[a]) * rank
                let right = (valueCounts[a] + Int(row[b])) * rank
                for index in 0..<rank { sum += weights[left + index] * weights[right + index] }
            case .memorized(let a, let b, _):
                sum += weights[Int(row[a]) * valueCounts[b] + Int(row[b])]
            case .signs(let columns, let strength):
                var product = strength
                var first = 0
                for column in columns {
                    product *= weights[first + Int(row[column])]
                    first += valueCounts[column]
                }
                sum += product
            }
        }
        return sum
    }

    /// Rows of evenly drawn values with labels "click".
    ///
    /// Columns are named "field0", "field1" and so on.
    ///
    /// - Parameters:
    ///   - count: Rows.
    ///   - stream: Separates training from test rows.
    /// - Returns: The rows, and the probability of each label.
    public func sample(
        _ count: Int, stream: UInt64
    ) -> (batch: TableBatch, probabilities: [Float]) {
        var random = SeededGenerator(seed: seed, stream: 32, index: stream)
        var columns = valueCounts.map { _ in [Int32]() }
        var labels: [Float] = []
        var probabilities: [Float] = []
        for _ in 0..<count {
            let row = valueCounts.map { Int32(truncatingIfNeeded: random.below($0)) }
            for (index, value) in row.enumerated() { columns[index].append(value) }
            let probability = 1 / (1 + exp(-Double(logit(row))))
            probabilities.append(Float(probability))
            labels.append(random.chance(probability) ? 1 : 0)
        }
        var batch = TableBatch(rowCount: count)
        for (index, column) in columns.enumerated() { batch.categories["field\(index)"] = column }
        batch.labels["click"] = labels
        return (batch, probabilities)
    }
}
