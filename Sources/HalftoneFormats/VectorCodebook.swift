/// A finite list of short vectors; one code stands for several numbers.
public struct VectorCodebook: Sendable, Hashable {
    /// Numbers in a vector.
    public let dimension: Int

    /// The vectors, one after the other; finite.
    public let values: [Float]

    /// Creates a codebook.
    ///
    /// - Parameters:
    ///   - dimension: 1 or more.
    ///   - values: 1 to 65536 vectors, one after the other; anything else, or a number that is not
    ///     finite, is a mistake of the caller.
    public init(dimension: Int, values: [Float]) {
        precondition(dimension > 0 && !values.isEmpty && values.count.isMultiple(of: dimension))
        precondition(values.count / dimension <= 65536, "codes have at most 16 bits")
        precondition(values.allSatisfy(\.isFinite), "the values of a codebook are numbers")
        self.dimension = dimension
        self.values = values
    }

    /// The units `1, −1, i, −i` as pairs of a real and an imaginary part: two bits for two numbers.
    ///
    /// Source: F. Wang et al., "iFairy: the First 2-bit Complex LLM with All Parameters in
    /// {±1, ±i}", arXiv:2508.05571; ``complexUnit(real:imaginary:)`` is its rule for ties.
    public static let complexUnits = Self(dimension: 2, values: [1, 0, -1, 0, 0, 1, 0, -1])

    /// The code of the unit whose sector a complex number lies in: `1` from −45° up to but without
    /// 45°, and so on around the circle; 0 is in the sector of `1`.
    public static func complexUnit(real: Float, imaginary: Float) -> Int {
        if real >= 0, imaginary < real, imaginary >= -real { return 0 }
        if imaginary > 0, real <= imaginary, real > -imaginary { return 2 }
        if imaginary < 0, real < -imaginary, real >= imaginary { return 3 }
        return real == 0 && imaginary == 0 ? 0 : 1
    }

    /// The number of vectors.
    public var count: Int { values.count / dimension }

    /// Bits of a code on its own.
    public var bits: Int { Int.bitWidth - (count - 1).leadingZeroBitCount }

    /// The vector of a code.
    public func vector(of code: Int) -> ArraySlice<Float> {
        values[code * dimension..<(code + 1) * dimension]
    }

    /// The code of the nearest vector by the sum of weighted squares, the first one of several.
    ///
    /// - Parameters:
    ///   - vector: ``dimension`` numbers; where one is NaN the code is 0.
    ///   - weights: What each squared distance counts, not negative; nil for 1.
    /// - Complexity: O(``count`` · ``dimension``).
    public func code(
        of vector: some Collection<Float>, weights: ArraySlice<Float>? = nil
    ) -> Int {
        precondition(vector.count == dimension, "the vector has another dimension")
        var best = (code: 0, error: Double.infinity)
        for code in 0..<count {
            var error = 0.0
            var place = code * dimension
            for (index, x) in vector.enumerated() {
                let distance = Double(x) - Double(values[place])
                let weight = weights.map { Double($0[$0.startIndex + index]) } ?? 1
                error += weight * distance * distance
                place += 1
            }
            if error < best.error { best = (code, error) }
        }
        return best.code
    }
}

extension VectorCodebook {
    /// A codebook fitted to vectors by weighted k-means.
    ///
    /// The first vectors are drawn far from each other (k-means++: D. Arthur and S. Vassilvitskii,
    /// SODA 2007, §2.2); then codes and centroids take turns (S. Lloyd, 1982) until nothing
    /// changes. The error never grows from one turn to the next. A vector without members moves to
    /// the input that is worst off.
    ///
    /// - Parameters:
    ///   - count: Vectors of the codebook, 1 to 65536.
    ///   - dimension: Numbers in a vector.
    ///   - input: Whole vectors, one after the other, at least one; finite.
    ///   - weights: What each number of the input counts, not negative; nil for 1.
    ///   - turns: At most so many.
    ///   - generator: Draws the first vectors.
    /// - Complexity: O(`turns` · `count` · `input.count`).
    public static func fitted(
        count: Int, dimension: Int, to input: [Float], weights: [Float]? = nil, turns: Int = 100,
        using generator: inout some RandomNumberGenerator
    ) -> Self {
        precondition(dimension > 0 && !input.isEmpty && input.count.isMultiple(of: dimension))
        precondition(weights.map { $0.count == input.count } ?? true, "a weight for each number")
        precondition((1...65536).contains(count))
        let fit = CodebookFit(dimension: dimension, input: input, weights: weights)
        var book = Self(
            dimension: dimension, values: fit.spread(count: count, using: &generator))
        var codes: [Int] = []
        for _ in 0..<turns {
            let assigned = fit.assign(to: book)
            if assigned.codes == codes { break }
            codes = assigned.codes
            book = Self(
                dimension: dimension,
                values: fit.centroids(of: assigned.codes, errors: assigned.errors, in: book))
        }
        return book
    }
}

extension Codebook {
    /// A scalar codebook fitted to numbers by weighted k-means, ascending; see ``VectorCodebook``.
    ///
    /// - Parameters:
    ///   - name: What the codebook is called.
    ///   - count: Its values, 2 to 256.
    ///   - input: Finite numbers, at least one.
    ///   - weights: What each number counts, not negative; nil for 1.
    ///   - generator: Draws the first values.
    public static func fitted(
        _ name: String, count: Int, to input: [Float], weights: [Float]? = nil,
        using generator: inout some RandomNumberGenerator
    ) -> Self {
        let book = VectorCodebook.fitted(
            count: count, dimension: 1, to: input, weights: weights, using: &generator)
        return Self(name, values: book.values.sorted())
    }
}
