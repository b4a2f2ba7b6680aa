import COpenBLAS

/// Softmax attention with its gradients, over queries `[batch, queries, heads, headDim]` and keys
/// and values `[batch, keys, keyHeads, headDim]`.
///
/// Scores exist for a block of queries of one head at a time; the way back computes them again
/// from `log Σ e^score` of each query. Sums over queries are added block by block and head by
/// head, so the number of threads changes no bit.
package struct DenseAttention: Sendable {
    let batch: Int
    let queries: Int
    let keys: Int
    let heads: Int
    let keyHeads: Int
    let headDim: Int
    let scale: Float
    let isCausal: Bool
    let window: Int?
    /// Elements of the mask from one item, head and query to the next.
    let maskStrides: (item: Int, head: Int, query: Int)

    private static let block = 64

    /// Describes the arrays; the last query lies at the place of the last key.
    package init(
        batch: Int, queries: Int, keys: Int, heads: Int, keyHeads: Int, headDim: Int,
        scale: Float, isCausal: Bool, window: Int?,
        maskStrides: (item: Int, head: Int, query: Int) = (0, 0, 0)
    ) {
        precondition(keyHeads > 0 && heads % keyHeads == 0, "key heads divide the query heads")
        precondition(window.map { $0 > 0 } ?? true, "a window has room for a key")
        // One BLAS thread per caller: the pool decides who computes.
        openblas_set_num_threads(1)
        self.batch = batch
        self.queries = queries
        self.keys = keys
        self.heads = heads
        self.keyHeads = keyHeads
        self.headDim = headDim
        self.scale = scale
        self.isCausal = isCausal
        self.window = window
        self.maskStrides = maskStrides
    }

    private var queryStride: Int { heads * headDim }
    private var keyStride: Int { keyHeads * headDim }
    private var blocks: Int { (queries + Self.block - 1) / Self.block }

    /// Attends.
    ///
    /// - Returns: As the queries, and `log Σ e^score` as `[batch, heads, queries]`.
    package func callAsFunction(
        _ q: FloatArray, _ k: FloatArray, _ v: FloatArray, mask: FloatArray?
    ) -> (FloatArray, logSums: FloatArray) {
        check(q, k, v)
        var result = FloatArray(uninitializedCount: q.count)
        var logSums = FloatArray(uninitializedCount: batch * heads * queries)
        guard q.count > 0 else { return (result, logSums) }
        guard keys > 0 else {
            return (FloatArray(repeating: 0, count: q.count), logSums)
        }
        let p = unsafe (
            q: Shared(q.pointer), k: Shared(k.pointer), v: Shared(v.pointer),
            mask: mask.map { unsafe Shared($0.pointer) }
        )
        let output = unsafe SharedMutable(result.mutablePointer)
        let logs = unsafe SharedMutable(logSums.mutablePointer)
        WorkerPool.current.run(parts: batch * heads * blocks) { part in
            let (row, block) = (part / blocks, part % blocks)
            let (item, head) = (row / heads, row % heads)
            let first = block * Self.block
            let count = min(Self.block, queries - first)
            let range = visible(first, count)
            let queryStart = (item * queries + first) * queryStride + head * headDim
            let keyStart =
                (item * keys + range.lowerBound) * keyStride
                + head / (heads / keyHeads) * headDim
            unsafe withUnsafeTemporaryAllocation(
                of: Float.self, capacity: count * range.count
            ) { buffer in
                let scores = buffer.baseAddress!
                unsafe self.scores(
                    p.q.pointer + queryStart, p.k.pointer + keyStart, p.mask?.pointer, item, head,
                    first, count, range, into: scores)
                for query in 0..<count {
                    let line = unsafe scores + query * range.count
                    unsafe logs.pointer[row * queries + first + query] = FloatKernels.softmax(
                        line, count: range.count)
                }
                unsafe cblas_sgemm(
                    CblasRowMajor, CblasNoTrans, CblasNoTrans,
                    blasint(count), blasint(headDim), blasint(range.count),
                    1, scores, blasint(range.count), p.v.pointer + keyStart, blasint(keyStride),
                    0, output.pointer + queryStart, blasint(queryStride))
            }
        }
        return (result, logSums)
    }

    /// The gradients of queries, keys and values from that of the result.
    package func pullback(
        _ upstream: FloatArray, _ q: FloatArray, _ k: FloatArray, _ v: FloatArray,
        mask: FloatArray?, result: FloatArray, logSums: FloatArray
    ) -> (q: FloatArray, k: FloatArray, v: FloatArray) {
        check(q, k, v)
        precondition(upstream.count == q.count)
        guard q.count > 0, keys > 0 else {
            return (
                FloatArray(repeating: 0, count: q.count), FloatArray(repeating: 0, count: k.count),
                FloatArray(repeating: 0, count: k.count)
            )
        }
        var gradients = (
            q: FloatArray(uninitializedCount: q.count),
            k: FloatArray(repeating: 0, count: k.count), v: FloatArray(repeating: 0, count: k.count)
        )
        let p = unsafe (
            g: Shared(upstream.pointer), q: Shared(q.pointer), k: Shared(k.pointer),
            v: Shared(v.pointer), mask: mask.map { unsafe Shared($0.pointer) },
            result: Shared(result.pointer), logs: Shared(logSums.pointer)
        )
        let output = unsafe (
            q: SharedMutable(gradients.q.mutablePointer),
            k: SharedMutable(gradients.k.mutablePointer),
            v: SharedMutable(gradients.v.mutablePointer)
        )
        let group = heads / keyHeads
        WorkerPool.current.run(parts: batch * keyHeads) { part in
            let (item, keyHead) = (part / keyHeads, part % keyHeads)
            unsafe withUnsafeTemporaryAllocation(
                of: Float.self, capacity: 2 * min(Self.block, queries) * keys
            ) { buffer in
                for head in keyHead * group..<(keyHead + 1) * group {
                    for block in 0..<blocks {
                        let first = block * Self.block
                        let count = min(Self.block, queries - first)
                        let range = visible(first, count)
                        let queryStart = (item * queries + first) * queryStride + head * headDim
                        let keyStart =
                            (item * keys + range.lowerBound) * keyStride + keyHead * headDim
                        let weights = buffer.baseAddress!
                        let slopes = unsafe weights + count * range.count
                        unsafe scores(
                            p.q.pointer + queryStart, p.k.pointer + keyStart, p.mask?.pointer,
                            item, head, first, count, range, into: weights)
                        unsafe product(
                            p.g.pointer + queryStart, p.v.pointer + keyStart, 1, count,
                            range.count, into: slopes)
                        for query in 0..<count {
                            let row = (item * heads + head) * queries + first + query
                            let line = query * range.count
                            let place = queryStart + query * queryStride
                            let dot = unsafe FloatKernels.dot(
                                p.g.pointer + place, p.result.pointer + place, count: headDim)
                            unsafe Self.exponentials(
                                weights + line, p.logs.pointer[row], range.count)
                            unsafe FloatRun.map(
                                slopes + line, weights + line, into: slopes + line,
                                count: range.count
                            ) { ($0 - dot) * $1 }
                        }
                        unsafe accumulate(
                            weights, slopes, p.g.pointer + queryStart, p.q.pointer + queryStart,
                            p.k.pointer + keyStart, count, range.count,
                            q: output.q.pointer + queryStart, k: output.k.pointer + keyStart,
                            v: output.v.pointer + keyStart)
                    }
                }
            }
        }
        return gradients
    }

    /// The keys that a block of queries sees in any of its rows.
    private func visible(_ first: Int, _ count: Int) -> Range<Int> {
        let place = first + keys - queries
        let end = isCausal ? min(max(place + count, 1), keys) : keys
        let start = window.map { min(max(0, place - $0 + 1), end - 1) } ?? 0
        return start..<end
    }

    /// `scale · q · kᵀ` and the mask, −∞ where a query does not see a key.
    @unsafe
    private func scores(
        _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ mask: UnsafePointer<Float>?,
        _ item: Int, _ head: Int, _ first: Int, _ count: Int, _ range: Range<Int>,
        into scores: UnsafeMutablePointer<Float>
    ) {
        unsafe product(q, k, scale, count, range.count, into: scores)
        for query in 0..<count {
            let line = unsafe scores + query * range.count
            let place = first + query + keys - queries
            if let mask = unsafe mask {
                let start =
                    item * maskStrides.item + head * maskStrides.head
                    + (first + query) * maskStrides.query + range.lowerBound
                unsafe FloatRun.map(line, mask + start, into: line, count: range.count) { $0 + $1 }
            }
            if isCausal {
                for key in max(
                    place + 1 - range.lowerBound, 0)..<max(
                        range.count, place + 1 - range.lowerBound, 0)
                {
                    unsafe line[key] = -.infinity
                }
            }
            if let window {
                for key in 0..<min(max(place - window + 1 - range.lowerBound, 0), range.count) {
                    unsafe line[key] = -.infinity
                }
            }
        }
    }

    @unsafe
    private func product(
        _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ factor: Float, _ count: Int,
        _ keyCount: Int, into scores: UnsafeMutablePointer<Float>
    ) {
        unsafe cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans,
            blasint(count), blasint(keyCount), blasint(headDim),
            factor, q, blasint(queryStride), k, blasint(keyStride), 0, scores, blasint(keyCount))
    }

    /// Replaces scores by `e^(score − log Σ e^score)`; zeros when no key is seen.
    @inline(__always) @unsafe
    private static func exponentials(
        _ line: UnsafeMutablePointer<Float>, _ log: Float, _ count: Int
    ) {
        if log == -.infinity { return unsafe line.update(repeating: 0, count: count) }
        _ = unsafe FloatKernels.exponentials(line, into: line, count: count, less: log)
    }

    @unsafe
    private func accumulate(
        _ weights: UnsafePointer<Float>, _ slopes: UnsafePointer<Float>,
        _ g: UnsafePointer<Float>, _ query: UnsafePointer<Float>, _ key: UnsafePointer<Float>,
        _ count: Int, _ keyCount: Int, q: UnsafeMutablePointer<Float>,
        k: UnsafeMutablePointer<Float>, v: UnsafeMutablePointer<Float>
    ) {
        let (rows, columns, depth) = (blasint(count), blasint(keyCount), blasint(headDim))
        unsafe cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasNoTrans, rows, depth, columns,
            scale, slopes, columns, key, blasint(keyStride), 0, q, blasint(queryStride))
        unsafe cblas_sgemm(
            CblasRowMajor, CblasTrans, CblasNoTrans, columns, depth, rows,
            scale, slopes, columns, query, blasint(queryStride), 1, k, blasint(keyStride))
        unsafe cblas_sgemm(
            CblasRowMajor, CblasTrans, CblasNoTrans, columns, depth, rows,
            1, weights, columns, g, blasint(queryStride), 1, v, blasint(keyStride))
    }

    private func check(_ q: FloatArray, _ k: FloatArray, _ v: FloatArray) {
        precondition(q.count == batch * queries * queryStride)
        precondition(k.count == batch * keys * keyStride && v.count == k.count)
    }
}
