import Foundation
import HalftoneTensor

/// Rows of normal features with a random treatment and two steps, click and conversion, whose
/// probabilities with and without the treatment are known.
///
/// With s(a) = 1 / (1 + e⁻ᵃ) and r(a) = max(0, a) a click has probability s(−1.5 + 0.5 x₀) without
/// and s(−1.5 + 0.5 x₀ + 1.5 r(x₁)) with the treatment; a click becomes a conversion with
/// s(−0.5 + 0.5 x₂) and s(−0.5 + 0.5 x₂ − 0.9 r(x₁) + 0.9 r(x₃)). Who clicks more because of the
/// treatment converts less, so a model of conversions among clicks alone ranks wrongly.
public struct UpliftTable: Sendable {
    /// The number of features; those from the fifth on mean nothing.
    public let features: Int
    /// The share of treated rows.
    public let treatedShare: Double
    /// The seed of all rows.
    public let seed: UInt64

    /// Sets up a table.
    ///
    /// - Parameters:
    ///   - features: At least 4.
    ///   - treatedShare: Between 0 and 1.
    ///   - seed: Equal seeds give equal rows.
    public init(features: Int = 8, treatedShare: Double = 0.5, seed: UInt64) {
        precondition(features >= 4, "\(features) features; the effect needs four")
        self.features = features
        self.treatedShare = treatedShare
        self.seed = seed
    }

    /// Rows with numbers "x0", "x1" and so on and labels "click" and "conversion".
    ///
    /// - Parameters:
    ///   - count: Rows.
    ///   - stream: Separates training from test rows.
    /// - Returns: The rows, and by how much the treatment raises the probability of a conversion.
    public func sample(_ count: Int, stream: UInt64) -> (batch: TableBatch, uplift: [Float]) {
        var random = SeededGenerator(seed: seed, stream: 41, index: stream)
        var columns = [[Float]](repeating: [], count: features)
        var batch = TableBatch(rowCount: count)
        var (clicks, conversions, uplift): ([Float], [Float], [Float]) = ([], [], [])
        for _ in 0..<count {
            let x = (0..<features).map { _ in random.normal() }
            for (index, value) in x.enumerated() { columns[index].append(Float(value)) }
            let isTreated = random.chance(treatedShare)
            let click = [0.0, 1.0].map { s(-1.5 + 0.5 * x[0] + $0 * 1.5 * max(0, x[1])) }
            let convert = [0.0, 1.0].map {
                s(-0.5 + 0.5 * x[2] + $0 * (0.9 * max(0, x[3]) - 0.9 * max(0, x[1])))
            }
            let arm = isTreated ? 1 : 0
            let clicked = random.chance(click[arm])
            let converted = random.chance(convert[arm]) && clicked
            batch.treatment.append(isTreated ? 1 : 0)
            clicks.append(clicked ? 1 : 0)
            conversions.append(converted ? 1 : 0)
            uplift.append(Float(click[1] * convert[1] - click[0] * convert[0]))
        }
        for (index, column) in columns.enumerated() { batch.numbers["x\(index)"] = column }
        batch.labels = ["click": clicks, "conversion": conversions]
        return (batch, uplift)
    }

    private func s(_ value: Double) -> Double { 1 / (1 + exp(-value)) }
}
