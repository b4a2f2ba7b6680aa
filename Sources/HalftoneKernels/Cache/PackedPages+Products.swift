import HalftoneFormats
import _HalftoneShims

extension PackedPages {
    /// What kernels read of some panels of a head.
    ///
    /// - Parameters:
    ///   - head: The head.
    ///   - page: The page.
    ///   - panels: Panels that share scales of steps, or any.
    @unsafe
    private func panels(_ head: Int, page: Int, _ panels: Range<Int>) -> halftone_cache_panels {
        let base = unsafe base(head, page: page)
        var result = unsafe common
        unsafe result.codes = UnsafePointer(
            (base + panels.lowerBound * Int(common.panel_bytes))
                .assumingMemoryBound(to: UInt8.self))
        unsafe result.panels = Int64(panels.count)
        unsafe result.ahead = Int64(next(after: page))
        guard hasGroups else { return unsafe result }
        let start = panels.lowerBound * Self.lanes
        let index = isKeys ? scaleIndex(start, 0) : scaleIndex(0, start)
        let isExponent = unsafe common.scale_kind == Int32(HALFTONE_CACHE_EXPONENT_SCALES)
        unsafe result.scales = UnsafePointer(
            (base + scaleOffset + index * (isExponent ? 1 : 2)).assumingMemoryBound(
                to: UInt8.self))
        if hasMinimum {
            unsafe result.minima = UnsafePointer(
                (base + minimumOffset + index * 2).assumingMemoryBound(to: UInt8.self))
        }
        return unsafe result
    }

    /// Calls a closure with runs of panels that share scales of steps; with all where scales are
    /// those of lanes.
    @inline(__always)
    private func eachRun(_ range: Range<Int>, _ body: (Range<Int>) -> Void) {
        let size = isPerStep ? groupSize / Self.lanes : range.upperBound
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min((start / size + 1) * size, range.upperBound)
            body(start..<end)
            start = end
        }
    }

    /// Adds the products of queries with keys, of whole panels around some tokens of a page, to
    /// scores.
    ///
    /// - Parameters:
    ///   - head: The head.
    ///   - page: The page.
    ///   - range: Tokens of the page; at least one.
    ///   - queries: `[count][stride]`, paddedChannels of each.
    ///   - scratch: `count · paddedChannels` floats.
    ///   - scores: `[count][scoreStride]`; token `t` of the page at `t`.
    @unsafe
    func addScores(
        _ head: Int, page: Int, _ range: Range<Int>, queries: UnsafePointer<Float>, stride: Int,
        count: Int, scratch: UnsafeMutablePointer<Float>, scores: UnsafeMutablePointer<Float>,
        scoreStride: Int
    ) {
        eachRun(range.lowerBound / 16..<(range.upperBound + 15) / 16) { run in
            var panels = unsafe panels(head, page: page, run)
            let to = unsafe scores + run.lowerBound * 16
            unsafe multiply(
                &panels, queries, stride, count, paddedChannels, scratch, to, scoreStride)
        }
    }

    /// Adds products of panels with vectors to outputs.
    ///
    /// Where scales are those of steps, they are multiplied into the vectors first, and what minima
    /// and zeros add comes with them.
    @inline(__always) @unsafe
    private func multiply(
        _ panels: inout halftone_cache_panels, _ x: UnsafePointer<Float>, _ stride: Int,
        _ count: Int, _ steps: Int, _ scratch: UnsafeMutablePointer<Float>,
        _ output: UnsafeMutablePointer<Float>, _ outputStride: Int
    ) {
        guard isPerStep else {
            return unsafe halftone_cache_multiply(
                features, &panels, x, Int64(stride), Int64(count), Int64(steps), output,
                Int64(outputStride))
        }
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { constants in
            guard let constant = constants.baseAddress else { return }
            unsafe halftone_cache_fold(
                features, &panels, x, Int64(stride), Int64(count), Int64(steps), scratch,
                Int64(steps), constant)
            let outputs = unsafe Int(panels.panels) * Self.lanes
            for query in 0..<count {
                let to = unsafe output + query * outputStride
                for index in 0..<outputs { unsafe to[index] += constant[query] }
            }
        }
        unsafe halftone_cache_multiply(
            features, &panels, scratch, Int64(steps), Int64(count), Int64(steps), output,
            Int64(outputStride))
    }

    /// Adds the first tokens of a page times weights to outputs.
    ///
    /// - Parameters:
    ///   - head: The head.
    ///   - page: The page.
    ///   - length: Tokens; at least one.
    ///   - weights: `[count][stride]`, of each query one for each token, and zeros up to a
    ///     multiple of 16.
    ///   - scratch: `count · (length + 15)` floats.
    ///   - output: `[count][outputStride]`, paddedChannels of each.
    @unsafe
    func addMix(
        _ head: Int, page: Int, length: Int, weights: UnsafePointer<Float>, stride: Int,
        count: Int, scratch: UnsafeMutablePointer<Float>, output: UnsafeMutablePointer<Float>,
        outputStride: Int
    ) {
        let steps = coder.bits > 8 ? length : (length + 15) / 16 * 16
        eachRun(0..<paddedChannels / 16) { run in
            var panels = unsafe panels(head, page: page, run)
            let to = unsafe output + run.lowerBound * 16
            unsafe multiply(&panels, weights, stride, count, steps, scratch, to, outputStride)
        }
    }

    /// Decodes the first values of a page, with vectors, as rows.
    ///
    /// - Parameters:
    ///   - head: The head.
    ///   - page: The page.
    ///   - length: Tokens; at least one.
    ///   - output: `[length][stride]`.
    @unsafe
    func decodeValues(
        _ head: Int, page: Int, length: Int, into output: UnsafeMutablePointer<Float>, stride: Int
    ) {
        eachRun(0..<paddedChannels / 16) { run in
            var panels = unsafe panels(head, page: page, run)
            unsafe halftone_cache_decode(
                features, &panels, Int64(length), output + run.lowerBound * 16,
                Int64(stride))
        }
    }

    /// Decodes some keys of a page, with vectors, as tiles of sixteen columns.
    ///
    /// - Parameters:
    ///   - head: The head.
    ///   - page: The page.
    ///   - tiles: Which of its panels.
    ///   - output: `[tiles][paddedChannels][16]`, tiles `stride` floats apart.
    @unsafe
    func decodeKeys(
        _ head: Int, page: Int, tiles: Range<Int>, into output: UnsafeMutablePointer<Float>,
        stride: Int
    ) {
        for tile in tiles {
            var panels = unsafe panels(head, page: page, tile..<tile + 1)
            unsafe halftone_cache_decode(
                features, &panels, Int64(paddedChannels),
                output + (tile - tiles.lowerBound) * stride, 16)
        }
    }
}
