import HalftoneKernels
import HalftoneTensor

/// What flowed into a linear layer while a model read calibration text.
///
/// Sums of the features of all tokens, and on request the second moments of all pairs of them.
/// Statistics of layers that read the same activations are one value.
public struct InputStatistics: Sendable {
    /// What is collected beside sums by feature.
    public enum Detail: Int, Sendable, Comparable, CaseIterable, Codable {
        /// Nothing is collected.
        case none
        /// Sums, sums of squares, least and largest of each feature.
        case features
        /// The sum of `x·xᵀ` as well: 4 · width² bytes.
        case gram

        /// Less is less.
        public static func < (one: Self, other: Self) -> Bool { one.rawValue < other.rawValue }
    }

    /// Features of a token: the columns of the layers that read them.
    public let width: Int

    /// Tokens seen.
    public private(set) var tokenCount = 0

    /// `Σ x` of each feature.
    public private(set) var sums: [Double]

    /// `Σ |x|` of each feature.
    public private(set) var magnitudeSums: [Double]

    /// `Σ x²` of each feature.
    public private(set) var squareSums: [Double]

    /// The least value of each feature; +∞ before the first token.
    public private(set) var least: [Float]

    /// The largest value of each feature; −∞ before the first token.
    public private(set) var largest: [Float]

    /// The sum of `x·xᵀ`, if it is collected.
    public private(set) var gram: GramSum?

    /// What a squared change of each output of a layer that reads this costs, in any unit; nil where
    /// nothing is known of it.
    public private(set) var outputWorth: [Float]?

    /// Statistics of no tokens.
    public init(width: Int, detail: Detail = .gram) {
        self.width = width
        sums = [Double](repeating: 0, count: width)
        magnitudeSums = sums
        squareSums = sums
        least = [Float](repeating: .infinity, count: width)
        largest = [Float](repeating: -.infinity, count: width)
        gram = detail >= .gram ? GramSum(width: width) : nil
    }

    /// Statistics of which only the mean squares are known, as an importance matrix has them.
    ///
    /// - Parameter meanSquares: A number of at least 0 for each feature.
    public init(meanSquares: [Float]) {
        self.init(width: meanSquares.count, detail: .features)
        tokenCount = 1
        squareSums = meanSquares.map { Double($0) }
        least = meanSquares.map { -$0.squareRoot() }
        largest = meanSquares.map { $0.squareRoot() }
    }

    /// Statistics of which only the second moments are known.
    ///
    /// - Parameters:
    ///   - moments: The sum of `x·xᵀ`.
    ///   - tokenCount: Over how many tokens.
    public init(moments: GramSum, tokenCount: Int) {
        self.init(meanSquares: moments.diagonal.map { $0 / Float(max(tokenCount, 1)) })
        self.tokenCount = tokenCount
        squareSums = moments.diagonal.map { Double($0) }
        gram = moments
    }

    /// Statistics that were kept.
    ///
    /// - Parameters:
    ///   - tokenCount: Tokens seen.
    ///   - features: `[5, width]`, as ``features`` gave them.
    ///   - gram: The sum of `x·xᵀ`, if it was collected.
    public init(tokenCount: Int, features: [Double], gram: GramSum?) {
        precondition(features.count.isMultiple(of: 5), "five numbers for each feature")
        let width = features.count / 5
        precondition(gram.map { $0.width == width } ?? true, "of the same features")
        func part(_ index: Int) -> [Double] {
            Array(features[index * width..<(index + 1) * width])
        }
        self.width = width
        self.tokenCount = tokenCount
        (sums, magnitudeSums, squareSums) = (part(0), part(1), part(2))
        least = part(3).map { Float($0) }
        largest = part(4).map { Float($0) }
        self.gram = gram
    }

    /// The same for a layer of whose outputs it is known what a squared change costs.
    public func with(outputWorth: [Float]?) -> InputStatistics {
        var statistics = self
        statistics.outputWorth = outputWorth
        return statistics
    }

    /// `Σ x`, `Σ |x|`, `Σ x²`, the least and the largest value of all features: `[5, width]`.
    public var features: [Double] {
        sums + magnitudeSums + squareSums + least.map { Double($0) } + largest.map { Double($0) }
    }

    /// The mean of `x²` of each feature: what an error of its weights counts.
    public var meanSquares: [Float] {
        squareSums.map { Float($0 / Double(max(tokenCount, 1))) }
    }

    /// The mean of `|x|` of each feature.
    public var meanMagnitudes: [Float] {
        magnitudeSums.map { Float($0 / Double(max(tokenCount, 1))) }
    }

    /// The largest magnitude of each feature; 0 before the first token.
    public var largestMagnitudes: [Float] {
        zip(least, largest).map { tokenCount == 0 ? 0 : max(-$0, $1) }
    }
}

extension InputStatistics {
    /// Takes tokens into account.
    ///
    /// - Parameters:
    ///   - inputs: `[tokens, width]`, finite.
    ///   - pool: The threads to use; the result does not depend on their number.
    public mutating func add(_ inputs: Tensor, pool: WorkerPool = .current) {
        precondition(inputs.shape.count == 2 && inputs.shape[1] == width, "[tokens, width]")
        let buffer = FloatBuffer(Array(inputs.elements))
        add(buffer, rows: 0..<inputs.shape[0], pool: pool)
    }

    /// Takes rows of a buffer into account.
    package mutating func add(_ buffer: FloatBuffer, rows: Range<Int>, pool: WorkerPool) {
        var features = FeatureSums(width: width)
        features.add(buffer, rows: rows, pool: pool)
        for feature in 0..<width {
            sums[feature] += Double(features[.sum, feature])
            magnitudeSums[feature] += Double(features[.magnitude, feature])
            squareSums[feature] += Double(features[.square, feature])
            least[feature] = min(least[feature], features[.least, feature])
            largest[feature] = max(largest[feature], features[.largest, feature])
        }
        tokenCount += rows.count
        gram?.add(buffer, rows: rows, pool: pool)
    }
}
