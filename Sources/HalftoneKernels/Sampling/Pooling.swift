/// Maxima and averages over windows of images, `[planes, height, width]`.
///
/// Windows are given per axis as runs of positions, which covers sliding, adaptive and global
/// pooling alike. Planes are batch times channels; each is computed by itself, so that the result
/// does not depend on the number of threads.
public struct Pooling: Sendable {
    /// Images times channels.
    public let planes: Int
    /// Rows and columns of the input.
    public let height, width: Int
    /// The rows that each output row sees, within the input.
    public let rows: [Range<Int>]
    /// The columns that each output column sees, within the input.
    public let columns: [Range<Int>]
    /// The threads to use.
    public let pool: WorkerPool

    /// Describes a pooling over given runs of positions.
    public init(
        planes: Int, height: Int, width: Int, rows: [Range<Int>], columns: [Range<Int>],
        pool: WorkerPool
    ) {
        precondition(planes >= 0 && height >= 0 && width >= 0)
        precondition(
            rows.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= height }
                && columns.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= width },
            "a window leaves an input of \(height) × \(width)")
        self.planes = planes
        self.height = height
        self.width = width
        self.rows = rows
        self.columns = columns
        self.pool = pool
    }

    /// The runs of a window without dilation that moves over an axis; padding is cut off.
    public static func runs(_ window: Window, length: Int) -> [Range<Int>] {
        precondition(window.dilation == 1, "windows of a pooling have adjacent taps")
        return (0..<window.outputLength(length)).map { output in
            let first = output * window.stride - window.before
            let lower = min(max(first, 0), length)
            return lower..<max(lower, min(first + window.taps, length))
        }
    }

    /// The runs that cut an axis into `count` even parts, which overlap where they must:
    /// from `⌊i·length/count⌋` to `⌈(i+1)·length/count⌉`.
    public static func evenRuns(_ count: Int, length: Int) -> [Range<Int>] {
        (0..<count).map { i in
            i * length / count..<((i + 1) * length + count - 1) / count
        }
    }

    /// Elements of the input.
    public var inputCount: Int { planes * height * width }
    /// Elements of the output.
    public var outputCount: Int { planes * rows.count * columns.count }

    private var grain: Int { max(1, 16384 / max(1, height * width)) }

    /// The largest element of each window and where it is, the first of equals; NaN is larger
    /// than anything.
    ///
    /// - Parameters:
    ///   - input: `[planes, height, width]`.
    ///   - output: `[planes, rows, columns]`, overwritten; −∞ for an empty window.
    ///   - positions: Of the same length, overwritten: index within the plane, −1 for an empty
    ///     window.
    public func maximum(
        _ input: Span<Float>, into output: inout MutableSpan<Float>,
        positions: inout MutableSpan<Int32>
    ) {
        precondition(input.count == inputCount && output.count == outputCount)
        precondition(positions.count == outputCount && height * width <= Int(Int32.max))
        unsafe input.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                unsafe positions.withUnsafeMutableBufferPointer { positions in
                    nonisolated(unsafe) let (x, y, p) = unsafe (input, output, positions)
                    pool.split(planes, grain: grain) { range in
                        for plane in range { unsafe maximum(plane, x, y, p) }
                    }
                }
            }
        }
    }

    @unsafe
    private func maximum(
        _ plane: Int, _ input: UnsafeBufferPointer<Float>,
        _ output: UnsafeMutableBufferPointer<Float>,
        _ positions: UnsafeMutableBufferPointer<Int32>
    ) {
        let base = plane * height * width
        var target = plane * rows.count * columns.count
        for row in rows {
            for column in columns {
                var best = -Float.infinity
                var position =
                    row.isEmpty || column.isEmpty ? -1 : row.lowerBound * width + column.lowerBound
                for y in row {
                    let start = y &* width
                    for x in column {
                        let value = unsafe input[base &+ start &+ x]
                        if value > best || (value.isNaN && !best.isNaN) {
                            best = value
                            position = start &+ x
                        }
                    }
                }
                unsafe output[target] = best
                unsafe positions[target] = Int32(truncatingIfNeeded: position)
                target &+= 1
            }
        }
    }

    /// Adds each element of a gradient to where the largest element was.
    ///
    /// - Parameters:
    ///   - output: The gradient of the output, `[planes, rows, columns]`.
    ///   - positions: As ``maximum(_:into:positions:)`` gave them.
    ///   - input: `[planes, height, width]`, overwritten.
    public func maximumGradient(
        _ output: Span<Float>, positions: Span<Int32>, into input: inout MutableSpan<Float>
    ) {
        precondition(input.count == inputCount && output.count == outputCount)
        precondition(positions.count == outputCount)
        let area = height * width
        let outArea = rows.count * columns.count
        unsafe output.withUnsafeBufferPointer { output in
            unsafe positions.withUnsafeBufferPointer { positions in
                unsafe input.withUnsafeMutableBufferPointer { input in
                    nonisolated(unsafe) let (g, p, x) = unsafe (output, positions, input)
                    pool.split(planes, grain: grain) { range in
                        for plane in range {
                            for index in 0..<area { unsafe x[plane * area + index] = 0 }
                            for index in plane * outArea..<(plane + 1) * outArea {
                                let position = unsafe Int(p[index])
                                guard position >= 0 else { continue }
                                precondition(position < area)
                                unsafe x[plane * area + position] += g[index]
                            }
                        }
                    }
                }
            }
        }
    }
}
