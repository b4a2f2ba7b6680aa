/// Which examples make up which batch, epoch after epoch.
///
/// A plan is a value without history: batch number 1000 is the same whether or not the 999 before
/// it were made.
public struct BatchPlan: Sendable, Equatable, Codable {
    /// The number of examples.
    public let exampleCount: Int
    /// Examples in a batch.
    public let batchSize: Int
    /// The seed of the order; nil keeps the examples' own order in every epoch.
    public let seed: UInt64?
    /// Whether a last batch with fewer examples is left out.
    public let dropsIncomplete: Bool

    /// Plans batches.
    ///
    /// - Parameters:
    ///   - exampleCount: At least 1.
    ///   - batchSize: At least 1; at most the number of examples when incomplete ones are dropped.
    ///   - seed: The seed of the order; nil for the examples' own.
    ///   - dropsIncomplete: Whether all batches have the same size.
    public init(
        exampleCount: Int, batchSize: Int, seed: UInt64?, dropsIncomplete: Bool = true
    ) {
        precondition(exampleCount > 0 && batchSize > 0, "\(exampleCount) examples by \(batchSize)")
        precondition(
            !dropsIncomplete || batchSize <= exampleCount,
            "no whole batch of \(batchSize) in \(exampleCount) examples")
        self.exampleCount = exampleCount
        self.batchSize = batchSize
        self.seed = seed
        self.dropsIncomplete = dropsIncomplete
    }

    /// The number of batches of an epoch.
    public var batchesPerEpoch: Int {
        dropsIncomplete
            ? exampleCount / batchSize : (exampleCount + batchSize - 1) / batchSize
    }

    /// The examples of a batch.
    ///
    /// - Parameter number: Counted over all epochs from 0.
    public subscript(number: Int) -> [Int] {
        precondition(number >= 0, "batch \(number)")
        let (epoch, batch) = number.quotientAndRemainder(dividingBy: batchesPerEpoch)
        let range = batch * batchSize..<min((batch + 1) * batchSize, exampleCount)
        guard let seed else { return Array(range) }
        let order = SeededOrder(count: exampleCount, seed: seed, epoch: epoch)
        return range.map { order[$0] }
    }
}
