/// Orthonormal Haar wavelets along rows: averages and differences of neighbours over √2.
///
/// One level turns a row `x` into `(x[2i] + x[2i+1]) / √2`, then `(x[2i] − x[2i+1]) / √2`; the
/// next level works on the first half. A last element without a neighbour joins the averages as it
/// is. The map is orthonormal, so that its inverse is its transpose and its gradient.
///
/// Source: A. Haar, "Zur Theorie der orthogonalen Funktionensysteme", Mathematische Annalen 69,
/// 1910.
public struct HaarTransform: Sendable {
    /// Elements of a row.
    public let length: Int
    /// How often the averages are split again; more than the length allows is a mistake of the
    /// caller.
    public let levels: Int

    private static let half = Float(0.5).squareRoot()

    /// Describes a transform of `levels` levels.
    public init(length: Int, levels: Int = 1) {
        precondition(length >= 0 && levels >= 0)
        precondition(
            levels == 0 || Self.lengths(length, levels: levels)[levels - 1] >= 2,
            "\(length) elements have no \(levels) levels")
        self.length = length
        self.levels = levels
    }

    /// The most levels that a length allows.
    public static func maximumLevels(_ length: Int) -> Int {
        var (rest, levels) = (length, 0)
        while rest >= 2 {
            rest = (rest + 1) / 2
            levels += 1
        }
        return levels
    }

    /// The lengths on which the levels work, and what is left.
    static func lengths(_ length: Int, levels: Int) -> [Int] {
        (0..<levels).reduce(into: [length]) { result, _ in
            result.append((result[result.count - 1] + 1) / 2)
        }
    }

    /// Transforms a row in place: averages of the last level, then differences from the coarsest
    /// level to the finest.
    ///
    /// - Parameters:
    ///   - values: Holds the row.
    ///   - offset: Where it starts.
    ///   - stride: Elements from one of the row to the next.
    public func forward(_ values: inout MutableSpan<Float>, offset: Int = 0, stride: Int = 1) {
        var row = [Float](repeating: 0, count: length)
        for current in Self.lengths(length, levels: levels).dropLast() {
            let averages = (current + 1) / 2
            for i in 0..<current / 2 {
                let a = values[offset + 2 * i * stride]
                let b = values[offset + (2 * i + 1) * stride]
                row[i] = (a + b) * Self.half
                row[averages + i] = (a - b) * Self.half
            }
            if current % 2 == 1 { row[averages - 1] = values[offset + (current - 1) * stride] }
            for i in 0..<current { values[offset + i * stride] = row[i] }
        }
    }

    /// Undoes ``forward(_:offset:stride:)``.
    public func inverse(_ values: inout MutableSpan<Float>, offset: Int = 0, stride: Int = 1) {
        var row = [Float](repeating: 0, count: length)
        for current in Self.lengths(length, levels: levels).dropLast().reversed() {
            let averages = (current + 1) / 2
            for i in 0..<current / 2 {
                let a = values[offset + i * stride]
                let b = values[offset + (averages + i) * stride]
                row[2 * i] = (a + b) * Self.half
                row[2 * i + 1] = (a - b) * Self.half
            }
            if current % 2 == 1 { row[current - 1] = values[offset + (averages - 1) * stride] }
            for i in 0..<current { values[offset + i * stride] = row[i] }
        }
    }
}
