/// Sums and extremes of arrays along one dimension, shared out over ``WorkerPool/current``.
///
/// Arrays are seen as `[outer, length, inner]` and become `[outer, inner]`. Sums are split in
/// places that depend on the lengths alone, and their parts are added in order, so the number of
/// threads changes no bit. At most 4096 numbers are added to one of sixteen running sums along a
/// contiguous dimension, at most 64 to one running sum along another, before the parts are added
/// up in the same way.
package enum Reduction: Sendable {
    case sum
    case maximum
    case minimum

    /// Reduces an array; an empty dimension gives 0, −∞ or ∞.
    package func callAsFunction(
        _ x: FloatArray, outer: Int, length: Int, inner: Int
    ) -> FloatArray {
        precondition(x.count == outer * length * inner)
        switch self {
        case .sum: return Self.reduce(x, outer, length, inner, Sum())
        case .maximum: return Self.reduce(x, outer, length, inner, Largest())
        case .minimum: return Self.reduce(x, outer, length, inner, Smallest())
        }
    }
}

/// How two numbers become one.
private protocol Fold: Sendable {
    var start: Float { get }
    func callAsFunction(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float>
}

private struct Sum: Fold {
    var start: Float { 0 }
    @inline(__always)
    func callAsFunction(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> { x + y }
}

// NaN wins, so that it is not hidden.

private struct Largest: Fold {
    var start: Float { -.infinity }
    @inline(__always)
    func callAsFunction(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> {
        x.kept(where: (x .> y) .| (x .!= x), else: y)
    }
}

private struct Smallest: Fold {
    var start: Float { .infinity }
    @inline(__always)
    func callAsFunction(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> {
        x.kept(where: (x .< y) .| (x .!= x), else: y)
    }
}

extension Reduction {
    /// Numbers along a contiguous dimension that one part folds.
    private static let run = 1 << 12

    /// Rows that one running result folds, and what a part folds of them at least.
    private static let rows = 64
    private static let part = 1 << 16

    /// Columns that are folded together, so that the running results stay in the nearest cache.
    private static let columns = 512

    private static func reduce<F: Fold>(
        _ x: FloatArray, _ outer: Int, _ length: Int, _ inner: Int, _ fold: F
    ) -> FloatArray {
        guard outer * inner > 0 else { return FloatArray() }
        guard length > 0 else { return FloatArray(repeating: fold.start, count: outer * inner) }
        if inner == 1 { return reduceRuns(x, outer, length, fold) }
        return reduceColumns(x, outer, length, inner, fold)
    }

    private static func reduceRuns<F: Fold>(
        _ x: FloatArray, _ outer: Int, _ length: Int, _ fold: F
    ) -> FloatArray {
        let parts = (length + run - 1) / run
        var result = FloatArray(uninitializedCount: outer * parts)
        let source = unsafe Shared(x.pointer)
        let output = unsafe SharedMutable(result.mutablePointer)
        let grain = max(1, Elements.grain / min(length, run))
        WorkerPool.current.each(outer * parts, grain: grain) { range in
            for index in range {
                let first = index % parts * run
                let start = index / parts * length + first
                unsafe output.pointer[index] = foldRun(
                    source.pointer + start, min(run, length - first), fold)
            }
        }
        return parts == 1 ? result : reduceRuns(result, outer, parts, fold)
    }

    @inline(__always) @unsafe
    private static func foldRun<F: Fold>(
        _ x: UnsafePointer<Float>, _ count: Int, _ fold: F
    ) -> Float {
        var even = SIMD8<Float>(repeating: fold.start)
        var odd = even
        var index = 0
        while index &+ 16 <= count {
            unsafe even = fold(even, FloatRun.load(x + index))
            unsafe odd = fold(odd, FloatRun.load(x + index + 8))
            index &+= 16
        }
        if index &+ 8 <= count {
            unsafe even = fold(even, FloatRun.load(x + index))
            index &+= 8
        }
        if index < count {
            unsafe odd = fold(
                odd, FloatRun.load(x + index, count: count - index, padding: fold.start))
        }
        var all = fold(even, odd)
        for width in [4, 2, 1] {
            var other = all
            for lane in 0..<width { other[lane] = all[lane + width] }
            all = fold(all, other)
        }
        return all[0]
    }

    private static func reduceColumns<F: Fold>(
        _ x: FloatArray, _ outer: Int, _ length: Int, _ inner: Int, _ fold: F
    ) -> FloatArray {
        let width = min(inner, columns)
        let partRows = max(part / width / rows, 1) * rows
        let parts = (length + partRows - 1) / partRows
        let blocks = (inner + columns - 1) / columns
        var result = FloatArray(uninitializedCount: outer * parts * inner)
        let source = unsafe Shared(x.pointer)
        let output = unsafe SharedMutable(result.mutablePointer)
        let grain = max(1, Elements.grain / (min(partRows, length) * width))
        WorkerPool.current.each(outer * parts * blocks, grain: grain) { range in
            for index in range {
                let column = index % blocks * columns
                let piece = index / blocks
                let row = piece % parts * partRows
                unsafe foldColumns(
                    source.pointer + (piece / parts * length + row) * inner + column,
                    rowCount: min(partRows, length - row), stride: inner,
                    output.pointer + piece * inner + column, min(columns, inner - column), fold)
            }
        }
        return parts == 1 ? result : reduceColumns(result, outer, parts, inner, fold)
    }

    @unsafe
    private static func foldColumns<F: Fold>(
        _ x: UnsafePointer<Float>, rowCount: Int, stride: Int,
        _ output: UnsafeMutablePointer<Float>, _ width: Int, _ fold: F
    ) {
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { buffer in
            let running = buffer.baseAddress!
            for first in Swift.stride(from: 0, to: rowCount, by: rows) {
                let target = unsafe first == 0 ? output : running
                unsafe target.update(from: x + first * stride, count: width)
                for row in first + 1..<max(min(first + rows, rowCount), first + 1) {
                    unsafe FloatRun.map(
                        target, x + row * stride, into: target, count: width
                    ) { fold($0, $1) }
                }
                if first > 0 {
                    unsafe FloatRun.map(output, running, into: output, count: width) {
                        fold($0, $1)
                    }
                }
            }
        }
    }
}
