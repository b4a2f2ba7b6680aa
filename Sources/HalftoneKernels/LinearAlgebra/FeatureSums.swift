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
                unsafe Self.add(buffer.base, rows, width, features, to: sums.pointer)
            }
        }
    }

    /// Adds some numbers of all rows, eight at a time in registers.
    @unsafe
    private static func add(
        _ vectors: UnsafePointer<Float>, _ rows: Range<Int>, _ width: Int,
        _ features: Range<Int>, to sums: UnsafeMutablePointer<Float>
    ) {
        typealias Lanes = SIMD8<Float>
        let whole = features.count / Lanes.scalarCount * Lanes.scalarCount
        for first in stride(
            from: features.lowerBound, to: features.lowerBound + whole, by: Lanes.scalarCount)
        {
            func part(_ part: Part) -> UnsafeMutableRawPointer {
                unsafe UnsafeMutableRawPointer(sums + part.rawValue * width + first)
            }
            func load(_ part: UnsafeMutableRawPointer) -> Lanes {
                unsafe part.loadUnaligned(as: Lanes.self)
            }
            var (sum, magnitude) = unsafe (load(part(.sum)), load(part(.magnitude)))
            var square = unsafe load(part(.square))
            var (least, largest) = unsafe (load(part(.least)), load(part(.largest)))
            for row in rows {
                let x = unsafe UnsafeRawPointer(vectors + row * width + first)
                    .loadUnaligned(as: Lanes.self)
                sum += x
                magnitude += x.replacing(with: -x, where: x .< 0)
                square += x * x
                least = pointwiseMin(least, x)
                largest = pointwiseMax(largest, x)
            }
            unsafe part(.sum).storeBytes(of: sum, as: Lanes.self)
            unsafe part(.magnitude).storeBytes(of: magnitude, as: Lanes.self)
            unsafe part(.square).storeBytes(of: square, as: Lanes.self)
            unsafe part(.least).storeBytes(of: least, as: Lanes.self)
            unsafe part(.largest).storeBytes(of: largest, as: Lanes.self)
        }
        for row in rows {
            let vector = unsafe vectors + row * width
            for index in features.dropFirst(whole) {
                let x = unsafe vector[index]
                unsafe sums[index] += x
                unsafe sums[width + index] += abs(x)
                unsafe sums[2 * width + index] += x * x
                unsafe sums[3 * width + index] = min(sums[3 * width + index], x)
                unsafe sums[4 * width + index] = max(sums[4 * width + index], x)
            }
        }
    }
}
