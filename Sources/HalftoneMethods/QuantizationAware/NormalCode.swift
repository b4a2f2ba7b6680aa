import Foundation
import HalftoneTensor

/// The levels that represent a standard normal number with the least expected absolute error.
///
/// Each level is the median of its cell and each boundary the middle of two levels. One bit has
/// ±0.6745; the levels of least squared error, ±0.7979, are others.
///
/// Source: S. Jie, H. Wang and Z.-H. Deng, arXiv:2307.16867, section 4.2.
public struct NormalCode: Sendable, Hashable {
    /// Bits of a code.
    public let bits: Int

    /// The 2^`bits` levels in ascending order.
    public let levels: [Float]

    /// The 2^`bits` − 1 boundaries between them; a number on one belongs to the upper level.
    public let boundaries: [Float]

    private static let rounds = 500

    /// Computes the levels, from zeros, in 500 rounds of boundaries and medians.
    ///
    /// - Parameter bits: 1 to 8.
    public init(bits: Int) {
        precondition((1...8).contains(bits), "\(bits) bits")
        self.bits = bits
        var levels = [Double](repeating: 0, count: 1 << bits)
        for _ in 0..<Self.rounds {
            let masses = [0] + Self.middles(levels).map(Self.probability(below:)) + [1]
            levels = zip(masses, masses.dropFirst()).map { Self.quantile(($0 + $1) / 2) }
        }
        self.levels = levels.map { Float($0) }
        boundaries = Self.middles(levels).map { Float($0) }
    }

    private static func middles(_ levels: [Double]) -> [Double] {
        zip(levels, levels.dropFirst()).map { ($0 + $1) / 2 }
    }

    /// The probability that a standard normal number is below a value.
    private static func probability(below value: Double) -> Double {
        erfc(-value / 2.0.squareRoot()) / 2
    }

    /// The value that a standard normal number is below with a probability between 0 and 1.
    ///
    /// Newton's method from 0, which approaches from one side since the distribution is concave
    /// above 0.
    private static func quantile(_ probability: Double) -> Double {
        if probability < 0.5 { return -quantile(1 - probability) }
        var value = 0.0
        for _ in 0..<100 {
            let density = exp(-value * value / 2) / (2 * Double.pi).squareRoot()
            let step = (probability - Self.probability(below: value)) / density
            value += step
            if abs(step) <= 1e-15 * max(1, value) { break }
        }
        return value
    }
}

extension NormalCode {
    /// The number of boundaries that are not above each element.
    public func codes(of standardized: Tensor) -> [UInt8] {
        standardized.elements.map { value in
            UInt8(truncatingIfNeeded: boundaries.count { $0 <= value })
        }
    }

    /// The level of each element, in the elements' shape; not tracked.
    public func nearest(_ standardized: Tensor) -> Tensor {
        Tensor(
            shape: standardized.shape,
            elements: codes(of: standardized).map { levels[Int($0)] })
    }
}
