import COpenBLAS

/// Causal softmax attention of new tokens over a ``KeyValueStore``.
///
/// Scores are `scale · q · k`, optionally `cap · tanh(score / cap)`, masked to keys that are not
/// later than the query and, with a window `w`, fewer than `w` positions before it. Query heads
/// share key heads in runs of `queryHeads / keyHeads`.
public struct Attention: Sendable {
    /// Heads of queries; a multiple of the store's heads.
    public var queryHeads: Int
    /// The factor on the products of queries and keys.
    public var scale: Float
    /// Squashes scores to `±softcap` when set.
    public var softcap: Float?
    /// Visible positions, the query's own included; nil means all.
    public var window: Int?

    /// Queries that share a block of scores: bounds the memory of a long prompt.
    private static let queryBlock = 64

    /// Describes one layer's attention.
    public init(queryHeads: Int, scale: Float, softcap: Float? = nil, window: Int? = nil) {
        self.queryHeads = queryHeads
        self.scale = scale
        self.softcap = softcap
        self.window = window
    }

    /// Attends from the last `tokens` positions of the store.
    ///
    /// - Parameters:
    ///   - queries: Token `t`, head `h` begins at `t · stride + h · headDim`.
    ///   - stride: Floats from one token's queries to the next.
    ///   - tokens: The number of queries; their keys are already in the store.
    ///   - store: Keys and values of all positions.
    ///   - output: `[tokens, queryHeads · headDim]`.
    ///   - pool: The threads to use.
    /// - Complexity: O(tokens · positions · queryHeads · headDim); scores take
    ///   64 · positions floats per thread.
    public func callAsFunction(
        queries: [Float], stride: Int, tokens: Int, store: KeyValueStore,
        into output: inout [Float], pool: WorkerPool
    ) {
        let headDim = store.headDim
        let width = queryHeads * headDim
        precondition(tokens <= store.count && queryHeads % store.heads == 0)
        precondition(output.count >= tokens * width)
        precondition(queries.count >= (tokens - 1) * stride + width)
        let blocks = (tokens + Self.queryBlock - 1) / Self.queryBlock
        unsafe queries.withUnsafeBufferPointer { queries in
            unsafe store.keys.withUnsafeBufferPointer { keys in
                unsafe store.values.withUnsafeBufferPointer { values in
                    unsafe output.withUnsafeMutableBufferPointer { output in
                        let q = unsafe Shared(queries.baseAddress!)
                        let k = unsafe Shared(keys.baseAddress!)
                        let v = unsafe Shared(values.baseAddress!)
                        let y = unsafe SharedMutable(output.baseAddress!)
                        pool.run(parts: blocks * queryHeads) { part in
                            let head = part % queryHeads
                            let first = part / queryHeads * Self.queryBlock
                            let keyHead = head / (queryHeads / store.heads)
                            let past = keyHead * store.capacity * headDim
                            unsafe attend(
                                q.pointer + first * stride + head * headDim, stride,
                                count: min(Self.queryBlock, tokens - first),
                                firstPosition: store.count - tokens + first,
                                k.pointer + past, v.pointer + past, headDim,
                                y.pointer + first * width + head * headDim, width)
                        }
                    }
                }
            }
        }
    }

    /// One head, one block of queries.
    @unsafe
    private func attend(
        _ q: UnsafePointer<Float>, _ stride: Int, count: Int, firstPosition: Int,
        _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>, _ headDim: Int,
        _ y: UnsafeMutablePointer<Float>, _ width: Int
    ) {
        let end = firstPosition + count
        let start = window.map { max(0, firstPosition - $0 + 1) } ?? 0
        let keys = end - start
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: count * keys) { buffer in
            let scores = buffer.baseAddress!
            unsafe product(
                scores, q, stride, k + start * headDim, headDim, count: count, keys: keys)
            for query in 0..<count {
                let row = unsafe scores + query * keys
                let position = firstPosition + query
                let visible = position + 1 - start
                let hidden = window.map { max(0, position - $0 + 1 - start) } ?? 0
                if let softcap {
                    unsafe FloatKernels.softcap(row + hidden, count: visible - hidden, cap: softcap)
                }
                for index in 0..<hidden { unsafe row[index] = 0 }
                unsafe FloatKernels.softmax(row + hidden, count: visible - hidden)
                for index in visible..<max(visible, keys) { unsafe row[index] = 0 }
            }
            unsafe cblas_sgemm(
                CblasRowMajor, CblasNoTrans, CblasNoTrans,
                blasint(count), blasint(headDim), blasint(keys),
                1, scores, blasint(keys), v + start * headDim, blasint(headDim),
                0, y, blasint(width))
        }
    }

    @unsafe
    private func product(
        _ scores: UnsafeMutablePointer<Float>, _ q: UnsafePointer<Float>, _ stride: Int,
        _ k: UnsafePointer<Float>, _ headDim: Int, count: Int, keys: Int
    ) {
        unsafe cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans,
            blasint(count), blasint(keys), blasint(headDim),
            scale, q, blasint(stride), k, blasint(headDim),
            0, scores, blasint(keys))
    }
}
