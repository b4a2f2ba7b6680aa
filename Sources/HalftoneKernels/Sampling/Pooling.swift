import _HalftoneShims

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
    /// From one row or column of a window to the next; what lies between is not seen.
    public let rowStep, columnStep: Int
    /// The threads to use.
    public let pool: WorkerPool

    /// The columns without those whose windows a border cuts.
    private let even: EvenColumns

    /// Describes a pooling over given runs of positions.
    ///
    /// - Parameters:
    ///   - planes: Images times channels.
    ///   - height: Rows of the input.
    ///   - width: Columns of the input.
    ///   - rows: The rows that each output row sees, within the input.
    ///   - columns: The columns that each output column sees, within the input.
    ///   - rowStep: From one row of a window to the next; other than 1 for maxima only.
    ///   - columnStep: From one column of a window to the next, likewise.
    ///   - pool: The threads to use.
    public init(
        planes: Int, height: Int, width: Int, rows: [Range<Int>], columns: [Range<Int>],
        rowStep: Int = 1, columnStep: Int = 1, pool: WorkerPool
    ) {
        precondition(rowStep >= 1 && columnStep >= 1, "positions of a window lie apart")
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
        self.rowStep = rowStep
        self.columnStep = columnStep
        self.pool = pool
        // Windows with gaps are looked at one by one.
        even = EvenColumns(rowStep == 1 && columnStep == 1 ? columns : [])
    }

    /// The runs of a window that moves over an axis, from its first tap to its last that lie
    /// within the input; the window's dilation is the step within a run.
    public static func runs(_ window: Window, length: Int) -> [Range<Int>] {
        (0..<window.outputLength(length)).map { output in
            let taps = window.tapsInside(output: output, length: length)
            guard let last = taps.last else {
                let place = min(max(output * window.stride - window.before, 0), length)
                return place..<place
            }
            let first = window.position(output: output, tap: taps.lowerBound)
            return first..<window.position(output: output, tap: last) + 1
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
        for (index, row) in rows.enumerated() {
            let target = (plane * rows.count + index) * columns.count
            for column in 0..<even.range.lowerBound {
                unsafe maximum(
                    row, columns[column], base, input, target + column, output, positions)
            }
            for column in even.range.upperBound..<columns.count {
                unsafe maximum(
                    row, columns[column], base, input, target + column, output, positions)
            }
            guard !even.range.isEmpty, !row.isEmpty, let x = input.baseAddress,
                let y = output.baseAddress, let p = positions.baseAddress
            else { continue }
            let first = columns[even.range.lowerBound].lowerBound
            let place = row.lowerBound * width + first
            unsafe halftone_pool_maximum(
                Processor.features, x + base + place, Int64(row.count), Int64(width),
                Int32(even.taps),
                Int32(even.step), Int32(place), Int64(even.range.count),
                y + target + even.range.lowerBound, p + target + even.range.lowerBound)
        }
    }

    /// One window.
    @unsafe
    private func maximum(
        _ row: Range<Int>, _ column: Range<Int>, _ base: Int, _ input: UnsafeBufferPointer<Float>,
        _ target: Int, _ output: UnsafeMutableBufferPointer<Float>,
        _ positions: UnsafeMutableBufferPointer<Int32>
    ) {
        var best = -Float.infinity
        let isEmpty = row.isEmpty || column.isEmpty
        var position = isEmpty ? -1 : row.lowerBound * width + column.lowerBound
        for y in stride(from: row.lowerBound, to: row.upperBound, by: rowStep) {
            for x in stride(from: column.lowerBound, to: column.upperBound, by: columnStep) {
                let value = unsafe input[base &+ y &* width &+ x]
                if value > best || value.isNaN {
                    best = value
                    position = y &* width &+ x
                }
            }
        }
        unsafe output[target] = best
        unsafe positions[target] = Int32(truncatingIfNeeded: position)
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

/// A run of output columns whose windows are equally long and equally far apart.
private struct EvenColumns: Sendable {
    let range: Range<Int>
    let taps: Int
    let step: Int

    /// The longest windows from the first of them on.
    init(_ columns: [Range<Int>]) {
        taps = columns.map(\.count).max() ?? 0
        guard taps > 0, let first = columns.firstIndex(where: { [taps] in $0.count == taps }) else {
            range = 0..<0
            step = 1
            return
        }
        var end = first + 1
        step = end < columns.count ? columns[end].lowerBound - columns[first].lowerBound : 1
        while end < columns.count, columns[end].count == taps,
            columns[end].lowerBound - columns[end - 1].lowerBound == step
        {
            end += 1
        }
        range = first..<end
    }
}
