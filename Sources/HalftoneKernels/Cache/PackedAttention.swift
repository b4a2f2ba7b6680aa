import HalftoneFormats
import _HalftoneShims

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Attention of few queries over packed keys and values.
///
/// A page of tokens is attended to on its own by all queries that share its head: its codes are
/// decoded in registers, once for up to four queries. What the pages give is put together by
/// their largest scores and sums of exponentials. So a result depends on the tokens alone, not on
/// how many threads there are or who else is read.
extension Attention {
    /// Floats of a partial result: largest score, sum of exponentials, mix.
    private static func partialSize(_ headDim: Int) -> Int { (headDim + 15) / 16 * 16 + 2 }

    /// Pages of tokens, the protected ones in the first.
    private static func pages(_ packed: PackedKeyValues, _ positions: Int) -> Int {
        let tokens = PackedPages.usualTokens
        return max(1, (positions - packed.keys.protectedTokens + tokens - 1) / tokens)
    }

    /// Takes memory for what threads leave for each other; nothing for many queries.
    package func reservePartials(_ segment: Segment) {
        guard let packed = segment.store.packed, segment.count < Self.blocksFrom else { return }
        packed.partials.reserve(
            segment.count * heads * Self.pages(packed, segment.position + segment.count)
                * Self.partialSize(headDim))
    }

    /// Floats that a thread needs for `count` queries over `positions` tokens that are packed.
    package func packedScratch(count: Int, positions: Int, policy: KeyValuePolicy) -> Int {
        // Leading channels are whole panels, so that two bands are no wider than one.
        let width = (headDim + 15) / 16 * 16
        let tokens = PackedPages.usualTokens
        let group = heads / keyHeads
        let atOnce = policy.tokensAtOnce
        let span = policy.protectedTokens + tokens + 16
        let few = group * (span + 2 * width + 2 * tokens) + 2 * width
        guard count >= Self.blocksFrom else { return max(few, 2 * atOnce * headDim) }
        let rows = min(count * group, max(Self.queryBlock, group))
        // Tokens that some query of a block sees as floats.
        let floats = policy.window + atOnce + rows
        let many =
            (rows + 1) * (positions + 2 * Self.scoreMargin) + rows * (floats + 3 * width)
            + (tokens + floats) * width
        return max(few, many, 2 * atOnce * headDim)
    }

    /// Normalizes, turns and packs new tokens, as ``store(_:_:_:)`` does.
    func store(
        _ team: Team, _ segment: Segment, _ packed: PackedKeyValues, _ projected: FloatBuffer,
        scratch: [FloatBuffer]
    ) {
        let all = heads + keyHeads
        // One token is packed by whom turns its key; of several, the groups take many.
        let isAlone = segment.count == 1
        team.share(segment.count * all) { range in
            for unit in range {
                let token = unit / all
                let head = unit % all
                unsafe turn(segment, token: token, head: head, projected)
                if isAlone, head >= heads {
                    unsafe pack(segment, head - heads, packed, projected, scratch[team.thread])
                }
            }
        }
        guard !isAlone else { return }
        team.share(keyHeads) { range in
            for head in range {
                unsafe pack(segment, head, packed, projected, scratch[team.thread])
            }
        }
    }

    /// Where a head's keys, or values, of the first token are.
    @unsafe
    func vectors(
        _ segment: Segment, _ head: Int, isKeys: Bool, _ projected: FloatBuffer
    ) -> UnsafePointer<Float> {
        let column = (heads + (isKeys ? 0 : keyHeads) + head) * headDim
        return unsafe UnsafePointer(projected.base + segment.row * width + column)
    }

    @unsafe
    private func pack(
        _ segment: Segment, _ head: Int, _ packed: PackedKeyValues, _ projected: FloatBuffer,
        _ scratch: FloatBuffer
    ) {
        unsafe packed.keys.store(
            segment.position, segment.count, head: head,
            vectors: vectors(segment, head, isKeys: true, projected), stride: width,
            scratch: scratch.base)
        unsafe packed.values.store(
            segment.position, segment.count, head: head,
            vectors: vectors(segment, head, isKeys: false, projected), stride: width,
            scratch: scratch.base)
    }

    /// Attends from fewer than ``blocksFrom`` tokens.
    func runFew(
        _ team: Team, _ segment: Segment, _ packed: PackedKeyValues, _ projected: FloatBuffer,
        scratch: [FloatBuffer], into output: ActivationRows
    ) {
        let pages = Self.pages(packed, segment.position + segment.count)
        precondition(
            packed.partials.count >= segment.count * heads * pages * Self.partialSize(headDim))
        team.share(segment.count * keyHeads * pages) { range in
            for unit in range {
                let token = unit / (keyHeads * pages)
                unsafe attend(
                    segment, packed, token: token, keyHead: unit / pages % keyHeads,
                    page: unit % pages, pages: pages, projected, scratch[team.thread])
            }
        }
        let finishesHeads = output.finishesColumns(ofWidth: headDim)
        team.share(segment.count * heads) { range in
            for unit in range {
                let token = unit / heads
                let head = unit % heads
                unsafe combine(segment, packed, token, head, pages: pages, output)
                if finishesHeads {
                    let columns = head * headDim..<(head + 1) * headDim
                    output.finish(row: segment.row + token, columns: columns)
                }
            }
        }
        if !finishesHeads { finish(team, segment, output) }
    }

    /// Positions that a token sees.
    @inline(__always)
    func visible(_ segment: Segment, _ token: Int) -> Range<Int> {
        let end = segment.position + token + 1
        return (window.map { max(0, end - $0) } ?? 0)..<end
    }

    /// The part of a page that a token sees.
    @inline(__always)
    private func visible(
        _ segment: Segment, _ packed: PackedKeyValues, _ token: Int, _ page: Int
    ) -> Range<Int> {
        let tokens = PackedPages.usualTokens
        let seen = visible(segment, token)
        let start = packed.keys.protectedTokens + page * tokens
        return seen.clamped(to: (page == 0 ? 0 : start)..<start + tokens)
    }

    @unsafe
    private func partial(
        _ packed: PackedKeyValues, _ token: Int, _ head: Int, _ page: Int, _ pages: Int
    ) -> UnsafeMutablePointer<Float> {
        unsafe packed.partials.base
            + ((token * heads + head) * pages + page) * Self.partialSize(headDim)
    }

    /// All queries of one key head of a token over one page.
    @unsafe
    private func attend(
        _ segment: Segment, _ packed: PackedKeyValues, token: Int, keyHead: Int, page: Int,
        pages: Int, _ projected: FloatBuffer, _ scratch: FloatBuffer
    ) {
        let range = visible(segment, packed, token, page)
        guard !range.isEmpty else { return }
        let group = heads / keyHeads
        let padded = (headDim + 15) / 16 * 16
        let tokens = PackedPages.usualTokens
        let protected = packed.keys.protectedTokens
        let start = protected + page * tokens
        // Scores of this page's positions, protected ones before them.
        let stride = protected + tokens + 16
        let zeroColumn = unsafe scratch.base + protected
        let queries = unsafe scratch.base + group * stride
        let rest = unsafe queries + group * padded
        let count = segment.position + token + 1
        let natural =
            unsafe projected.base + (segment.row + token) * width
            + keyHead * group * headDim
        // Queries in the order of keys, with the factor on scores.
        let keys = packed.keys
        for query in 0..<group {
            unsafe keys.bands.arrange(
                natural + query * headDim, head: keyHead, into: queries + query * padded,
                times: scale)
            // Products are added to what is there.
            unsafe (zeroColumn + query * stride).update(repeating: 0, count: tokens + 16)
        }
        let settledKeys = keys.settled(count)
        let packedKeys = range.clamped(to: min(start, settledKeys)..<settledKeys)
        if !packedKeys.isEmpty, packedKeys.upperBound > start {
            let first = max(packedKeys.lowerBound, start)
            unsafe keys.bands.addScores(
                keyHead, page: page, first - start..<packedKeys.upperBound - start,
                queries: queries, stride: padded, count: group, scratch: rest,
                scores: zeroColumn, scoreStride: stride)
        }
        unsafe eachFloatRun(keys, range, count, keyHead) { run, vectors in
            for query in 0..<group {
                unsafe halftone_attend_scores(
                    Processor.features, natural + query * headDim, vectors, Int64(headDim),
                    Int64(run.count), scale,
                    zeroColumn + query * stride + run.lowerBound - start)
            }
        }
        for query in 0..<group {
            let head = keyHead * group + query
            let scores = unsafe zeroColumn + query * stride + range.lowerBound - start
            if let softcap {
                unsafe FloatKernels.softcap(scores, count: range.count, cap: softcap)
            }
            let largest = unsafe FloatRun.maximum(scores, count: range.count)
            let shift = largest.isFinite ? largest : 0
            let partial = unsafe partial(packed, token, head, page, pages)
            unsafe partial[0] = largest
            unsafe partial[1] = FloatKernels.exponentials(
                scores, into: scores, count: range.count, less: shift)
        }
        unsafe mix(
            packed, range, count, keyHead, page: page, start: start, weights: zeroColumn,
            stride: stride, rest
        ) { query in
            unsafe partial(packed, token, keyHead * group + query, page, pages) + 2
        }
    }

    /// Calls a closure with runs of floats among some positions: protected ones and the ring's.
    @inline(__always) @unsafe
    private func eachFloatRun(
        _ side: PackedSide, _ range: Range<Int>, _ count: Int, _ head: Int,
        _ body: (Range<Int>, UnsafePointer<Float>) -> Void
    ) {
        let settled = side.settled(count)
        let first = range.clamped(to: 0..<min(side.protectedTokens, settled))
        if !first.isEmpty {
            unsafe body(first, UnsafePointer(side.firstPlace(head, first.lowerBound)))
        }
        let late = range.clamped(to: settled..<max(settled, range.upperBound))
        if !late.isEmpty { unsafe side.eachRingRun(late, head: head, body) }
    }

    /// Mixes the values of a page.
    @inline(__always) @unsafe
    private func mix(
        _ packed: PackedKeyValues, _ range: Range<Int>, _ count: Int, _ keyHead: Int, page: Int,
        start: Int, weights: UnsafeMutablePointer<Float>, stride: Int,
        _ rest: UnsafeMutablePointer<Float>,
        output: (Int) -> UnsafeMutablePointer<Float>
    ) {
        let group = heads / keyHeads
        let padded = (headDim + 15) / 16 * 16
        let tokens = PackedPages.usualTokens
        let values = packed.values
        let settled = values.settled(count)
        let sums = unsafe rest
        let part = unsafe sums + group * padded
        let own = unsafe part + 2 * padded
        let fold = unsafe own + group * tokens
        unsafe sums.update(repeating: 0, count: group * padded)
        let end = min(settled, range.upperBound) - start
        if end > 0, settled > range.lowerBound {
            let first = max(range.lowerBound - start, 0)
            let whole = (end + 15) / 16 * 16
            for query in 0..<group {
                let to = unsafe own + query * tokens
                unsafe to.update(repeating: 0, count: first)
                unsafe (to + first).update(
                    from: weights + query * stride + first, count: end - first)
                for index in end..<whole { unsafe to[index] = 0 }
            }
            unsafe values.bands.addMix(
                keyHead, page: page, length: end, weights: own, stride: tokens, count: group,
                scratch: fold, output: sums, outputStride: padded)
        }
        unsafe eachFloatRun(values, range, count, keyHead) { run, vectors in
            for query in 0..<group {
                unsafe halftone_attend_mix(
                    Processor.features, weights + query * stride + run.lowerBound - start,
                    vectors, Int64(headDim), Int64(run.count), part)
                unsafe FloatKernels.addScaled(
                    sums + query * padded, part, scale: 1, count: headDim)
            }
        }
        for query in 0..<group {
            unsafe output(query).update(from: sums + query * padded, count: padded)
        }
    }

    /// Puts the pages of one query together.
    @unsafe
    private func combine(
        _ segment: Segment, _ packed: PackedKeyValues, _ token: Int, _ head: Int, pages: Int,
        _ output: ActivationRows
    ) {
        let to = unsafe output.floats.base + (segment.row + token) * output.width + head * headDim
        var largest = -Float.infinity
        for page in 0..<pages where !visible(segment, packed, token, page).isEmpty {
            largest = unsafe max(largest, partial(packed, token, head, page, pages)[0])
        }
        let shift = largest.isFinite ? largest : 0
        unsafe to.update(repeating: 0, count: headDim)
        var sum: Float = 0
        for page in 0..<pages where !visible(segment, packed, token, page).isEmpty {
            let partial = unsafe partial(packed, token, head, page, pages)
            let own = unsafe partial[0].isFinite ? partial[0] : 0
            let factor = expf(own - shift)
            unsafe sum += partial[1] * factor
            unsafe FloatKernels.addScaled(to, partial + 2, scale: factor, count: headDim)
        }
        unsafe FloatKernels.scale(to, by: 1 / sum, count: headDim)
    }
}
