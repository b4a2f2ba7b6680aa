import _HalftoneShims

extension Attention {
    /// Keys that are turned into columns at once; a multiple of 16.
    private static let keyBlock = 64

    /// One head of a block of queries: bit for bit what each query alone gives.
    ///
    /// - Complexity: As of the queries alone; keys and values are read once for several of them.
    @unsafe
    func attend(
        _ segment: Segment, block: Int, head: Int, _ projected: FloatBuffer,
        _ scratch: FloatBuffer, _ output: ActivationRows
    ) {
        let first = block * Self.queryBlock
        let count = min(Self.queryBlock, segment.count - first)
        let position = segment.position + first
        let start = window.map { max(0, position - $0 + 1) } ?? 0
        let keys = position + count - start
        let stride = (keys + 15) / 16 * 16
        let store = segment.store
        let past = store.place(head: head / (heads / keyHeads), token: start)
        let row = segment.row + first
        var described = unsafe halftone_attend_block(
            count: Int64(count), width: Int64(headDim),
            queries: projected.base + row * width + head * headDim, query_stride: Int64(width),
            scores: scratch.base, score_stride: Int64(stride),
            output: output.floats.base + row * output.width + head * headDim,
            output_stride: Int64(output.width))
        unsafe score(
            store.keys.base + past, keys, seenFirst: position + 1 - start, described, scale)
        for query in 0..<count {
            let line = unsafe scratch.base + query * stride
            let visible = position + query + 1 - start
            let hidden = window.map { max(0, position + query - $0 + 1 - start) } ?? 0
            if let softcap {
                unsafe FloatKernels.softcap(line + hidden, count: visible - hidden, cap: softcap)
            }
            unsafe FloatKernels.softmax(line + hidden, count: visible - hidden)
            for index in 0..<hidden { unsafe line[index] = 0 }
            for index in visible..<min(visible + 3, stride) { unsafe line[index] = 0 }
        }
        unsafe halftone_attend_block_mix(
            Processor.features, &described, store.values.base + past, Int64(keys),
            Int64(position + 1 - start), 0)
    }

    /// The scores of a block of queries with keys `[keys][headDim]`.
    @unsafe
    func score(
        _ from: UnsafePointer<Float>, _ keys: Int, seenFirst: Int,
        _ block: halftone_attend_block, _ scale: Float
    ) {
        let features = Processor.features
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.keyBlock * headDim) {
            let columns = $0.baseAddress!
            for key in Swift.stride(from: 0, to: keys, by: Self.keyBlock) {
                let some = min(Self.keyBlock, keys - key)
                for tile in Swift.stride(from: 0, to: some, by: 16) {
                    unsafe halftone_transpose(
                        features, from + (key + tile) * headDim, Int64(headDim),
                        Int64(min(16, some - tile)), Int64(headDim), columns + tile * headDim, 16)
                }
                var part = unsafe block
                unsafe part.scores += key
                unsafe halftone_attend_block_scores(
                    features, &part, columns, Int64((some + 15) / 16), Int64(seenFirst - key),
                    scale)
            }
        }
    }
}
