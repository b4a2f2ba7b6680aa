/// Sums over some vectors, apart for each of their numbers, in float32.
///
/// Meant for some hundreds of vectors; who wants more adds the sums of batches in float64.
package struct FeatureSums {
    /// What is kept of each number.
    package enum Part: Int, CaseIterable {
        case sum, magnitude, square, least, largest
    }

    /// `[part, number]`.
    private var values: [Float]
    private let width: Int

    /// Sums over no vectors.
    package init(width: Int) {
        self.width = width
        values = [Float](repeating: 0, count: 3 * width)
        values += [Float](repeating: .infinity, count: width)
        values += [Float](repeating: -.infinity, count: width)
    }

    /// A part of one number.
    package subscript(part: Part, index: Int) -> Float { values[part.rawValue * width + index] }

    /// Adds rows of a buffer.
    ///
    /// - Parameters:
    ///   - buffer: `[rows, width]`.
    ///   - rows: Those to add.
    ///   - pool: The threads to use; the sums do not depend on their number.
    package mutating func add(_ buffer: FloatBuffer, rows: Range<Int>, pool: WorkerPool) {
        precondition(rows.lowerBound >= 0 && rows.upperBound * width <= buffer.count)
        let width = width
        unsafe values.withUnsafeMutableBufferPointer { values in
            guard let base = values.baseAddress else { return }
            let sums = unsafe SharedMutable(base)
            pool.each(width, grain: 64) { features in
                for row in rows {
                    unsafe Self.add(buffer.base + row * width, width, features, to: sums.pointer)
                }
            }
        }
    }

    @unsafe
    private static func add(
        _ vector: UnsafePointer<Float>, _ width: Int, _ features: Range<Int>,
        to sums: UnsafeMutablePointer<Float>
    ) {
        for index in features {
            let x = unsafe vector[index]
            unsafe sums[index] += x
            unsafe sums[width + index] += abs(x)
            unsafe sums[2 * width + index] += x * x
            unsafe sums[3 * width + index] = min(sums[3 * width + index], x)
            unsafe sums[4 * width + index] = max(sums[4 * width + index], x)
        }
    }
}
