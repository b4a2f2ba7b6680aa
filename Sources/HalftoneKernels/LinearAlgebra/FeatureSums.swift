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
                // As many rows as stay in the first cache while their features are read, eight by eight.
                for first in stride(from: rows.lowerBound, to: rows.upperBound, by: Self.tileRows) {
                    let tile = first..<min(first + Self.tileRows, rows.upperBound)
                    var next = features.lowerBound
                    while next + 8 <= features.upperBound {
                        unsafe Self.addEight(
                            buffer.base + next, tile, width, to: sums.pointer + next)
                        next += 8
                    }
                    for index in next..<features.upperBound {
                        unsafe Self.addOne(
                            buffer.base + index, tile, width, to: sums.pointer + index)
                    }
                }
            }
        }
    }

    private static let tileRows = 64

    @unsafe
    private static func addOne(
        _ vector: UnsafePointer<Float>, _ rows: Range<Int>, _ width: Int,
        to sums: UnsafeMutablePointer<Float>
    ) {
        for row in rows {
            let x = unsafe vector[row * width]
            unsafe sums[0] += x
            unsafe sums[width] += abs(x)
            unsafe sums[2 * width] += x * x
            unsafe sums[3 * width] = min(sums[3 * width], x)
            unsafe sums[4 * width] = max(sums[4 * width], x)
        }
    }

    /// As ``addOne(_:_:_:to:)`` eight times.
    @unsafe
    private static func addEight(
        _ vector: UnsafePointer<Float>, _ rows: Range<Int>, _ width: Int,
        to sums: UnsafeMutablePointer<Float>
    ) {
        typealias Eight = SIMD8<Float>
        func part(_ part: Part) -> UnsafeMutableRawPointer {
            unsafe UnsafeMutableRawPointer(sums + part.rawValue * width)
        }
        func load(_ kept: Part) -> Eight { unsafe part(kept).loadUnaligned(as: Eight.self) }
        var (sum, magnitude, square) = (load(.sum), load(.magnitude), load(.square))
        var (least, largest) = (load(.least), load(.largest))
        for row in rows {
            let x = unsafe UnsafeRawPointer(vector + row * width).loadUnaligned(as: Eight.self)
            sum += x
            magnitude += x.replacing(with: -x, where: x .< 0)
            square += x * x
            least.replace(with: x, where: x .< least)
            largest.replace(with: x, where: x .> largest)
        }
        for (kept, value) in [
            (Part.sum, sum), (.magnitude, magnitude), (.square, square), (.least, least),
            (.largest, largest),
        ] {
            unsafe part(kept).storeBytes(of: value, as: Eight.self)
        }
    }
}
