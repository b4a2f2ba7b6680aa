#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Softmax and its relatives over rows of `width` numbers, shared out over ``WorkerPool/current``.
package enum RowFunctions {
    @inline(__always) @unsafe
    static func eachRow(
        _ rows: Int, _ width: Int, cost: Int = 4, _ body: (Int) -> Void
    ) {
        let grain = max(1, Elements.grain / max(1, width * cost))
        WorkerPool.current.each(rows, grain: grain) { range in
            for row in range { body(row) }
        }
    }

    /// `e^x / Σ e^x`.
    package static func softmax(_ x: inout FloatArray, width: Int) {
        let rows = width == 0 ? 0 : x.count / width
        unsafe x.rewrite { source, output in
            unsafe eachRow(rows, width) { row in
                let to = unsafe output.pointer + row * width
                if unsafe source.pointer != UnsafePointer(output.pointer) {
                    unsafe to.update(from: source.pointer + row * width, count: width)
                }
                unsafe FloatKernels.softmax(to, count: width)
            }
        }
    }

    /// From the gradient `g` of a softmax `y`: `y · (g − Σ g·y)`.
    package static func softmaxPullback(
        _ upstream: inout FloatArray, softmax: FloatArray, width: Int
    ) {
        precondition(upstream.count == softmax.count)
        let rows = width == 0 ? 0 : softmax.count / width
        let kept = unsafe Shared(softmax.pointer)
        unsafe upstream.rewrite { source, output in
            unsafe eachRow(rows, width, cost: 1) { row in
                let y = unsafe kept.pointer + row * width
                let g = unsafe source.pointer + row * width
                let dot = unsafe FloatKernels.dot(y, g, count: width)
                unsafe FloatRun.map(
                    g, y, into: output.pointer + row * width, count: width
                ) { ($0 - dot) * $1 }
            }
        }
    }

    /// `x − log Σ e^x`.
    package static func logSoftmax(_ x: inout FloatArray, width: Int) {
        let rows = width == 0 ? 0 : x.count / width
        unsafe x.rewrite { source, output in
            unsafe eachRow(rows, width) { row in
                let from = unsafe source.pointer + row * width
                let log = unsafe FloatKernels.logSumExpParts(from, count: width)
                unsafe FloatRun.map(from, into: output.pointer + row * width, count: width) {
                    ($0 - log.maximum) - log.rest
                }
            }
        }
    }

    /// From the gradient `g` of a log-softmax `y`: `g − e^y · Σ g`.
    package static func logSoftmaxPullback(
        _ upstream: inout FloatArray, logSoftmax: FloatArray, width: Int
    ) {
        precondition(upstream.count == logSoftmax.count)
        let rows = width == 0 ? 0 : logSoftmax.count / width
        let kept = unsafe Shared(logSoftmax.pointer)
        unsafe upstream.rewrite { source, output in
            unsafe eachRow(rows, width) { row in
                let g = unsafe source.pointer + row * width
                let sum = unsafe FloatRun.sum(g, count: width) { $0 }
                unsafe FloatRun.map(
                    g, kept.pointer + row * width, into: output.pointer + row * width, count: width
                ) { $0 - VectorMath.exp($1) * sum }
            }
        }
    }

    /// `log Σ e^x` of each row.
    package static func logSumExp(_ x: FloatArray, width: Int, rows: Int) -> FloatArray {
        precondition(x.count == rows * width)
        var result = FloatArray(uninitializedCount: rows)
        let source = unsafe Shared(x.pointer)
        let output = unsafe SharedMutable(result.mutablePointer)
        unsafe eachRow(rows, width) { row in
            unsafe output.pointer[row] = FloatKernels.logSumExp(
                source.pointer + row * width, count: width)
        }
        return result
    }

    /// From a gradient `g` per row and `log Σ e^x`: `g · e^(x − log Σ e^x)`.
    package static func logSumExpPullback(
        _ upstream: FloatArray, _ x: FloatArray, logSum: FloatArray, width: Int
    ) -> FloatArray {
        let rows = upstream.count
        precondition(x.count == rows * width && logSum.count == rows)
        var result = FloatArray(uninitializedCount: x.count)
        let (g, source) = unsafe (Shared(upstream.pointer), Shared(x.pointer))
        let logs = unsafe Shared(logSum.pointer)
        let output = unsafe SharedMutable(result.mutablePointer)
        unsafe eachRow(rows, width) { row in
            let factor = unsafe g.pointer[row]
            let log = unsafe logs.pointer[row]
            _ = unsafe FloatKernels.exponentials(
                source.pointer + row * width, into: output.pointer + row * width, count: width,
                less: log, times: factor)
        }
        return result
    }

    /// `log Σ e^x − x[target]` of each row; 0 where the target is negative.
    ///
    /// - Returns: The losses and `log Σ e^x`.
    package static func crossEntropy(
        _ logits: FloatArray, targets: [Int32], width: Int
    ) -> (losses: FloatArray, logSums: FloatArray) {
        let rows = targets.count
        precondition(logits.count == rows * width)
        precondition(targets.allSatisfy { Int($0) < width }, "a target is outside \(width) classes")
        var losses = FloatArray(uninitializedCount: rows)
        var logSums = FloatArray(uninitializedCount: rows)
        let source = unsafe Shared(logits.pointer)
        let loss = unsafe SharedMutable(losses.mutablePointer)
        let logs = unsafe SharedMutable(logSums.mutablePointer)
        unsafe eachRow(rows, width) { row in
            let x = unsafe source.pointer + row * width
            let target = Int(targets[row])
            let log = unsafe target < 0 ? 0 : FloatKernels.logSumExp(x, count: width)
            unsafe logs.pointer[row] = log
            unsafe loss.pointer[row] = target < 0 ? 0 : log - x[target]
        }
        return (losses, logSums)
    }

    /// From a gradient `g` per row: `g · (softmax(x) − [target])`; zeros for negative targets.
    package static func crossEntropyPullback(
        _ upstream: FloatArray, _ logits: FloatArray, targets: [Int32], logSums: FloatArray,
        width: Int
    ) -> FloatArray {
        let rows = targets.count
        precondition(upstream.count == rows && logits.count == rows * width)
        var result = FloatArray(uninitializedCount: logits.count)
        let (g, source) = unsafe (Shared(upstream.pointer), Shared(logits.pointer))
        let logs = unsafe Shared(logSums.pointer)
        let output = unsafe SharedMutable(result.mutablePointer)
        unsafe eachRow(rows, width) { row in
            let to = unsafe output.pointer + row * width
            let target = Int(targets[row])
            let factor = unsafe g.pointer[row]
            if target < 0 || factor == 0 { return unsafe to.update(repeating: 0, count: width) }
            let log = unsafe logs.pointer[row]
            _ = unsafe FloatKernels.exponentials(
                source.pointer + row * width, into: to, count: width, less: log, times: factor)
            unsafe to[target] -= factor
        }
        return result
    }
}
