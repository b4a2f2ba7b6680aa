import COpenBLAS
import _HalftoneShims

/// Attention of many queries over packed keys and values: blocks of them meet pages that are
/// decoded once for all queries of a block. Settled tokens are summed for each query alone, so that
/// it does not matter which others are in the block.
///
/// What a query sees is what it would see if it were read alone: tokens that it finds settled as
/// they are stored, and the others as floats, although later queries of the block find more
/// settled.
extension Attention {
    /// Floats before and behind the scores of a query, which whole tiles of keys may write.
    static let scoreMargin = 16

    /// Attends from many tokens, and keeps the latest ones afterwards.
    func runBlocks(
        _ team: Team, _ segment: Segment, _ packed: PackedKeyValues, _ projected: FloatBuffer,
        scratch: [FloatBuffer], into output: ActivationRows
    ) {
        // Queries of a head meet keys in fours.
        let most = max(1, Self.queryBlock / (heads / keyHeads))
        let size = most > 4 ? most / 4 * 4 : most
        let blocks = (segment.count + size - 1) / size
        team.share(blocks * keyHeads) { range in
            for unit in range {
                let first = unit / keyHeads * size
                unsafe attend(
                    segment, packed, first..<min(first + size, segment.count),
                    keyHead: unit % keyHeads, projected, scratch[team.thread], output)
            }
        }
        finish(team, segment, output)
        guard segment.count > PackedSide.slack else { return }
        team.share(2 * keyHeads) { range in
            for unit in range {
                let isKeys = unit < keyHeads
                let head = unit % keyHeads
                unsafe (isKeys ? packed.keys : packed.values).keepLatest(
                    segment.position, segment.count, head: head,
                    vectors: vectors(segment, head, isKeys: isKeys, projected), stride: width)
            }
        }
    }

    /// All queries of one key head of a block of tokens.
    @unsafe
    private func attend(
        _ segment: Segment, _ packed: PackedKeyValues, _ block: Range<Int>, keyHead: Int,
        _ projected: FloatBuffer, _ scratch: FloatBuffer, _ output: ActivationRows
    ) {
        let group = heads / keyHeads
        let rows = block.count * group
        let padded = (headDim + 15) / 16 * 16
        let start = visible(segment, block.lowerBound).lowerBound
        let end = visible(segment, block.upperBound - 1).upperBound
        let counts = segment.position + block.lowerBound + 1...segment.position + block.upperBound
        let stride = end - start + 2 * Self.scoreMargin
        var memory = unsafe Arena(scratch.base, scratch.count)
        let scores = unsafe memory.take((rows + 1) * stride) + Self.scoreMargin
        let natural = unsafe memory.take(rows * headDim)
        let ordered = unsafe memory.take(rows * padded)
        let sums = unsafe memory.take(rows * padded)
        let page = unsafe memory.take(PackedPages.usualTokens * padded)

        // Row after row the queries of a token, with the factor on scores.
        for row in 0..<rows {
            let from =
                unsafe projected.base + (segment.row + block.lowerBound + row / group) * width
                + (keyHead * group + row % group) * headDim
            for channel in 0..<headDim {
                unsafe natural[row * headDim + channel] = from[channel] * scale
            }
            unsafe packed.keys.bands.arrange(
                from, head: keyHead, into: ordered + row * padded, times: scale)
        }

        // Scores of keys that are settled for the last query, then of floats for those that see
        // them as such.
        unsafe eachStored(
            packed.keys, start..<max(start, packed.keys.settled(counts.upperBound)), keyHead, page
        ) { range, vectors, isPage in
            let width = isPage ? padded : headDim
            for query in 0..<group {
                var part = unsafe halftone_attend_block(
                    count: Int64(block.count), width: Int64(width),
                    queries: (isPage ? ordered : natural) + query * width,
                    query_stride: Int64(group * width),
                    scores: scores + query * stride + range.lowerBound - start,
                    score_stride: Int64(group * stride), output: nil, output_stride: 0)
                let seen = counts.lowerBound - range.lowerBound
                if isPage {
                    unsafe halftone_attend_block_scores(
                        Processor.features, &part, vectors, Int64((range.count + 15) / 16),
                        Int64(seen), 1)
                } else {
                    unsafe score(vectors, range.count, seenFirst: seen, part, 1)
                }
            }
        }
        let lateKeys = max(start, packed.keys.settled(counts.lowerBound))..<end
        if !lateKeys.isEmpty {
            var rest = unsafe memory
            let floats = unsafe rest.take(lateKeys.count * headDim)
            let late = unsafe rest.take(rows * lateKeys.count)
            unsafe packed.keys.gather(
                lateKeys, position: segment.position, head: keyHead,
                vectors: vectors(segment, keyHead, isKeys: true, projected), stride: width,
                into: floats)
            unsafe cblas_sgemm(
                CblasRowMajor, CblasNoTrans, CblasTrans, blasint(rows), blasint(lateKeys.count),
                blasint(headDim), 1, natural, blasint(headDim), floats, blasint(headDim), 0, late,
                blasint(lateKeys.count))
            for row in 0..<rows {
                let seen = visible(segment, block.lowerBound + row / group)
                let own = max(packed.keys.settled(seen.upperBound), lateKeys.lowerBound)
                guard own < seen.upperBound else { continue }
                unsafe (scores + row * stride + own - start).update(
                    from: late + row * lateKeys.count + own - lateKeys.lowerBound,
                    count: seen.upperBound - own)
            }
        }
        for row in 0..<rows {
            let line = unsafe scores + row * stride
            let seen = visible(segment, block.lowerBound + row / group)
            let hidden = seen.lowerBound - start
            if let softcap {
                unsafe FloatKernels.softcap(line + hidden, count: seen.count, cap: softcap)
            }
            unsafe line.update(repeating: 0, count: hidden)
            unsafe FloatKernels.softmax(line + hidden, count: seen.count)
            unsafe (line + hidden + seen.count).update(
                repeating: 0, count: end - start + Self.scoreMargin - hidden - seen.count)
        }

        // The mix of floats takes its weights away from that of settled values.
        unsafe sums.update(repeating: 0, count: rows * padded)
        let lateValues = max(start, packed.values.settled(counts.lowerBound))..<end
        if !lateValues.isEmpty {
            var rest = unsafe memory
            let floats = unsafe rest.take(lateValues.count * headDim)
            let late = unsafe rest.take(rows * lateValues.count)
            unsafe late.update(repeating: 0, count: rows * lateValues.count)
            unsafe packed.values.gather(
                lateValues, position: segment.position, head: keyHead,
                vectors: vectors(segment, keyHead, isKeys: false, projected), stride: width,
                into: floats)
            for row in 0..<rows {
                let seen = visible(segment, block.lowerBound + row / group)
                let own = max(packed.values.settled(seen.upperBound), lateValues.lowerBound)
                guard own < seen.upperBound else { continue }
                let line = unsafe scores + row * stride + own - start
                unsafe (late + row * lateValues.count + own - lateValues.lowerBound).update(
                    from: line, count: seen.upperBound - own)
                unsafe line.update(repeating: 0, count: seen.upperBound - own)
            }
            unsafe cblas_sgemm(
                CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows), blasint(headDim),
                blasint(lateValues.count), 1, late, blasint(lateValues.count), floats,
                blasint(headDim), 0, sums, blasint(padded))
        }
        unsafe eachStored(
            packed.values, start..<max(start, packed.values.settled(counts.upperBound)), keyHead,
            page
        ) { range, vectors, isPage in
            for query in 0..<group {
                var part = unsafe halftone_attend_block(
                    count: Int64(block.count), width: Int64(isPage ? padded : headDim),
                    queries: nil, query_stride: 0,
                    scores: scores + query * stride + range.lowerBound - start,
                    score_stride: Int64(group * stride), output: sums + query * padded,
                    output_stride: Int64(group * padded))
                unsafe halftone_attend_block_mix(
                    Processor.features, &part, vectors, Int64(range.count),
                    Int64(counts.lowerBound - range.lowerBound), 1)
            }
        }
        for row in 0..<rows {
            let to =
                unsafe output.floats.base
                + (segment.row + block.lowerBound + row / group) * output.width
                + (keyHead * group + row % group) * headDim
            unsafe to.update(from: sums + row * padded, count: headDim)
        }
    }

    /// Calls a closure with settled positions: protected ones, `[tokens][headDim]`, and page
    /// after page, decoded: keys as tiles `[padded][16]`, perhaps with tokens before the first of
    /// them, values as rows of padded ones.
    @inline(__always) @unsafe
    private func eachStored(
        _ side: PackedSide, _ range: Range<Int>, _ head: Int,
        _ page: UnsafeMutablePointer<Float>,
        _ body: (Range<Int>, UnsafePointer<Float>, Bool) -> Void
    ) {
        let first = range.clamped(to: 0..<side.protectedTokens)
        if !first.isEmpty {
            unsafe body(first, UnsafePointer(side.firstPlace(head, first.lowerBound)), false)
        }
        let tokens = PackedPages.usualTokens
        let padded = side.bands.paddedChannels
        let isKeys = side.bands.isKeys
        var start = max(range.lowerBound, side.protectedTokens)
        while start < range.upperBound {
            let index = (start - side.protectedTokens) / tokens
            let origin = side.protectedTokens + index * tokens
            let end = min(range.upperBound, origin + tokens)
            let skipped = start - origin
            if isKeys {
                let tiles = skipped / 16..<(end - origin + 15) / 16
                unsafe side.bands.decodeKeys(head, page: index, tiles: tiles, into: page)
                unsafe body(origin + tiles.lowerBound * 16..<end, UnsafePointer(page), true)
            } else {
                unsafe side.bands.decodeValues(
                    head, page: index, length: end - origin, into: page)
                unsafe body(start..<end, UnsafePointer(page + skipped * padded), true)
            }
            start = end
        }
    }
}

/// Memory that is handed out in parts.
@unsafe
private struct Arena {
    private var next: UnsafeMutablePointer<Float>
    private var left: Int

    init(_ base: UnsafeMutablePointer<Float>, _ count: Int) {
        unsafe next = base
        unsafe left = count
    }

    mutating func take(_ count: Int) -> UnsafeMutablePointer<Float> {
        unsafe precondition(count <= left, "there is scratch memory for all parts")
        defer {
            unsafe next += count
            unsafe left -= count
        }
        return unsafe next
    }
}
