import Foundation
import HalftoneTensor

/// Points around random middles, one middle for each class.
///
/// With means far apart compared with the deviation a linear model separates the classes; the
/// best accuracy that any model can reach is that of ``nearestMean(to:)``.
public struct GaussianClusters: Sendable {
    /// Points and their classes.
    public struct Sample: Sendable, Equatable {
        /// `[count, dimensions]`.
        public let values: [Float]
        /// The class of each point.
        public let labels: [Int32]
    }

    /// The middle of each class, `[classes][dimensions]`.
    public let means: [[Float]]
    /// The standard deviation of points around them.
    public let deviation: Float
    /// The seed of all points.
    public let seed: UInt64

    /// Draws the middles.
    ///
    /// - Parameters:
    ///   - classes: At least 1.
    ///   - dimensions: At least 1.
    ///   - spread: The standard deviation of each coordinate of the middles.
    ///   - deviation: The standard deviation of points around a middle.
    ///   - seed: Equal seeds give equal points.
    public init(
        classes: Int, dimensions: Int, spread: Float = 1, deviation: Float = 1, seed: UInt64
    ) {
        precondition(classes > 0 && dimensions > 0, "\(classes) classes in \(dimensions)")
        var random = SeededGenerator(seed: seed, stream: 21, index: 0)
        means = (0..<classes).map { _ in
            (0..<dimensions).map { _ in Float(random.normal()) * spread }
        }
        self.deviation = deviation
        self.seed = seed
    }

    /// Points of random classes.
    ///
    /// - Parameters:
    ///   - count: At least 0.
    ///   - stream: Separates training from test points.
    public func sample(_ count: Int, stream: UInt64) -> Sample {
        var random = SeededGenerator(seed: seed, stream: 22, index: stream)
        var values: [Float] = []
        var labels: [Int32] = []
        for _ in 0..<count {
            let label = random.below(means.count)
            labels.append(Int32(truncatingIfNeeded: label))
            for mean in means[label] { values.append(mean + deviation * Float(random.normal())) }
        }
        return Sample(values: values, labels: labels)
    }

    /// The class whose middle is nearest, which no classifier beats on average.
    public func nearestMean(to point: ArraySlice<Float>) -> Int32 {
        let distances = means.map { mean in
            zip(mean, point).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        }
        let least = distances.min() ?? 0
        return Int32(truncatingIfNeeded: distances.firstIndex(of: least) ?? 0)
    }
}

extension SeededGenerator {
    /// A number from the standard normal distribution, by the polar method.
    mutating func normal() -> Double {
        while true {
            let (x, y) = (2 * unit() - 1, 2 * unit() - 1)
            let square = x * x + y * y
            guard square < 1, square > 0 else { continue }
            return x * (-2 * log(square) / square).squareRoot()
        }
    }
}
