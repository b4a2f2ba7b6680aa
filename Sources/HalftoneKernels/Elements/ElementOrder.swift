import _HalftoneShims

/// How the numbers of a tensor lie in memory.
///
/// Everything that is told nothing else lies row by row. Convolutions compute images whose channels
/// lie together, and what follows them keeps that order as long as it can, since changing it costs
/// as much as an addition.
package enum ElementOrder: Sendable, Hashable {
    /// The last dimension is contiguous.
    case rowMajor
    /// Of `[items, channels, …]`, the numbers of one place are contiguous: `[items, area, channels]`.
    case channelsLast(channels: Int, area: Int)

    /// The order of images `[items, channels, rows, columns]` with channels last.
    package static func channelsLast(_ shape: [Int]) -> ElementOrder {
        precondition(shape.count == 4, "images have 4 dimensions, not shape \(shape)")
        return .channelsLast(channels: shape[1], area: shape[2] * shape[3])
    }

    /// The lengths of images as the numbers lie; other shapes lie as they are.
    package func physical(_ shape: [Int]) -> [Int] {
        self == .rowMajor ? shape : [shape[0], shape[2], shape[3], shape[1]]
    }

    /// The place of an axis of images among the lengths as the numbers lie.
    package func physical(axis: Int) -> Int {
        self == .rowMajor ? axis : [0, 3, 1, 2][axis]
    }

    /// Numbers that lie in this order in another, copied where the two differ.
    ///
    /// - Parameter features: The instruction sets to use.
    package func converted(
        _ x: FloatArray, to order: ElementOrder, features: UInt32 = Processor.features
    ) -> FloatArray {
        switch (self, order) {
        case (.rowMajor, .channelsLast(let channels, let area)):
            return Self.transposed(x, rows: channels, columns: area, features)
        case (.channelsLast(let channels, let area), .rowMajor):
            return Self.transposed(x, rows: area, columns: channels, features)
        case (.rowMajor, .rowMajor), (.channelsLast, .channelsLast):
            precondition(self == order, "a tensor has one number of channels")
            return x
        }
    }

    /// The place in memory of a number that is at a place row by row.
    package func place(of index: Int) -> Int {
        guard case .channelsLast(let channels, let area) = self else { return index }
        let (item, rest) = index.quotientAndRemainder(dividingBy: channels * area)
        return item * channels * area + rest % area * channels + rest / area
    }

    /// Transposes each matrix of an array of them.
    @inline(never)
    private static func transposed(
        _ x: FloatArray, rows: Int, columns: Int, _ features: UInt32
    ) -> FloatArray {
        if rows == 1 || columns == 1 { return x }
        var result = FloatArray(uninitializedCount: x.count)
        guard x.count > 0 else { return result }
        let source = unsafe Shared(x.pointer)
        let output = unsafe SharedMutable(result.mutablePointer)
        // Strips of columns, so that a few large matrices make work for all threads too.
        let strip = 64
        let strips = (columns + strip - 1) / strip
        let items = x.count / (rows * columns)
        let grain = max(1, Elements.grain / (rows * min(columns, strip)))
        WorkerPool.current.each(items * strips, grain: grain) { range in
            for part in range {
                let (item, first) = (part / strips, part % strips * strip)
                let start = item * rows * columns
                unsafe halftone_transpose(
                    features, source.pointer + start + first, Int64(columns),
                    Int64(rows), Int64(min(strip, columns - first)),
                    output.pointer + start + first * rows, Int64(rows))
            }
        }
        return result
    }
}
