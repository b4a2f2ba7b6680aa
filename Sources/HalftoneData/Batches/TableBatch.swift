/// Rows of a table for ranking, uplift and other models of tables, column by column.
///
/// One type serves all of them: what a task does not have is empty. Rows of all parts belong
/// together.
public struct TableBatch: Sendable, Equatable {
    /// The number of rows.
    public let rowCount: Int
    /// Ids of the values of each categorical column, `columns · [rowCount]`, each from 0.
    public var categories: [String: [Int32]] = [:]
    /// Numbers of each numeric column; NaN stands for a missing one.
    public var numbers: [String: [Float]] = [:]
    /// Sequences of ids, such as what a user clicked, each `[rowCount, length]`.
    public var sequences: [String: PaddedSequences] = [:]
    /// Sets of ids without an order, laid out as sequences.
    public var sets: [String: PaddedSequences] = [:]
    /// Which treatment a row got, 0 for none; empty when nothing was treated.
    public var treatment: [Int32] = []
    /// Labels by the name of the task, such as "click" and "conversion".
    public var labels: [String: [Float]] = [:]
    /// The user of each row, for metrics that are computed user by user; empty when unknown.
    public var users: [Int32] = []
    /// Weights of the rows; empty when all weigh 1.
    public var weights: [Float] = []

    /// A batch of rows without columns.
    public init(rowCount: Int) {
        precondition(rowCount >= 0, "\(rowCount) rows")
        self.rowCount = rowCount
    }

    /// What is wrong with the lengths of the parts; empty when all is well.
    public var problems: [String] {
        var found: [String] = []
        func check(_ count: Int, _ name: String) {
            if count != rowCount { found.append("\(name) has \(count) of \(rowCount) rows") }
        }
        for (name, column) in categories.sorted(by: { $0.key < $1.key }) {
            check(column.count, name)
        }
        for (name, column) in numbers.sorted(by: { $0.key < $1.key }) { check(column.count, name) }
        for (name, column) in sequences.sorted(by: { $0.key < $1.key }) {
            check(column.count, name)
        }
        for (name, column) in sets.sorted(by: { $0.key < $1.key }) { check(column.count, name) }
        for (name, column) in labels.sorted(by: { $0.key < $1.key }) { check(column.count, name) }
        if !treatment.isEmpty { check(treatment.count, "treatment") }
        if !users.isEmpty { check(users.count, "users") }
        if !weights.isEmpty { check(weights.count, "weights") }
        return found
    }

    /// Some rows, in the order given; a row may come more than once.
    ///
    /// - Parameter rows: Indices below the number of rows.
    public func rows(_ rows: [Int]) -> TableBatch {
        var batch = TableBatch(rowCount: rows.count)
        batch.categories = categories.mapValues { column in rows.map { column[$0] } }
        batch.numbers = numbers.mapValues { column in rows.map { column[$0] } }
        batch.sequences = sequences.mapValues { $0.rows(rows) }
        batch.sets = sets.mapValues { $0.rows(rows) }
        batch.labels = labels.mapValues { column in rows.map { column[$0] } }
        if !treatment.isEmpty { batch.treatment = rows.map { treatment[$0] } }
        if !users.isEmpty { batch.users = rows.map { users[$0] } }
        if !weights.isEmpty { batch.weights = rows.map { weights[$0] } }
        return batch
    }
}

extension PaddedSequences {
    /// Some sequences, in the order given, with the same number of places.
    public func rows(_ rows: [Int]) -> PaddedSequences {
        PaddedSequences(
            rows.map { row in
                (0..<length).lazy.filter { mask[row * length + $0] == 1 }.map {
                    ids[row * length + $0]
                }
            }, length: length)
    }
}
