import _HalftoneShims

/// Causal softmax attention of new tokens over a ``KeyValueStore``.
///
/// Scores are `scale · q · k`, optionally `cap · tanh(score / cap)`, masked to keys that are not
/// later than the query and, with a window `w`, fewer than `w` positions before it. Query heads
/// share key heads in runs of `heads / keyHeads`.
package struct Attention: Sendable {
    /// Heads of queries; a multiple of ``keyHeads``.
    package let heads: Int
    /// Heads of keys and of values.
    package let keyHeads: Int
    /// Width of a head.
    package let headDim: Int
    /// The factor on the products of queries and keys.
    package var scale: Float
    /// Squashes scores to `±softcap` when set.
    package var softcap: Float?
    /// Visible positions, the query's own included; nil means all.
    package var window: Int?
    /// Normalizations of each query and key head.
    package var headNorms: (query: Normalization, key: Normalization)?

    /// Floats of a token's queries, keys and values.
    package var width: Int { (heads + 2 * keyHeads) * headDim }

    /// Queries that share a block of scores: bounds the memory of a long prompt.
    static let queryBlock = 64

    /// From this many queries on, blocks of them share what is read.
    static let blocksFrom = 8

    /// Describes one layer's attention.
    package init(
        heads: Int, keyHeads: Int, headDim: Int, scale: Float, softcap: Float? = nil,
        window: Int? = nil, headNorms: (query: Normalization, key: Normalization)? = nil
    ) {
        precondition(keyHeads > 0 && heads % keyHeads == 0, "query heads share key heads")
        self.heads = heads
        self.keyHeads = keyHeads
        self.headDim = headDim
        self.scale = scale
        self.softcap = softcap
        self.window = window
        self.headNorms = headNorms
    }

    /// Floats that a thread needs for the scores of `count` queries over `positions`.
    package static func scratch(count: Int, positions: Int) -> Int {
        guard count >= blocksFrom else { return positions }
        return min(count, queryBlock) * ((positions + 15) / 16 * 16)
    }

    /// Consecutive tokens of one sequence among those that are computed together.
    package struct Segment: Sendable {
        /// The first token's row.
        let row: Int
        /// The number of tokens.
        let count: Int
        /// The first token's position: the tokens in the store before them.
        let position: Int
        let store: KeyValueStore
        let rotation: HeadRotation?
        /// Whether there are tokens of the same sequence beside them, which other threads may have.
        private(set) var isPart = false

        /// Describes tokens for whose keys and values the store has room.
        package init(
            row: Int, count: Int, position: Int, store: KeyValueStore, rotation: HeadRotation?
        ) {
            precondition(position + count <= store.capacity, "the store has room")
            self.row = row
            self.count = count
            self.position = position
            self.store = store
            self.rotation = rotation
        }

        /// The tokens in some of the rows; nil when there are none.
        package func part(_ rows: Range<Int>) -> Segment? {
            let own = rows.clamped(to: row..<row + count)
            if own.isEmpty { return nil }
            var result = Segment(
                row: own.lowerBound, count: own.count, position: position + own.lowerBound - row,
                store: store, rotation: rotation)
            result.isPart = isPart || own.count < count
            return result
        }

        /// Whether threads may store parts of it at once, which begin at rows that are multiples of
        /// 64, and then attend from them.
        package var hasIndependentParts: Bool {
            guard let packed = store.packed else { return true }
            return packed.keys.hasIndependentTokens(from: position - row)
                && packed.values.hasIndependentTokens(from: position - row)
        }
    }

    /// Normalizes and turns queries and keys in place, and stores keys and values.
    ///
    /// - Parameters:
    ///   - team: The threads, which meet at the end.
    ///   - segment: The tokens.
    ///   - projected: `[rows, width]`: queries, keys and values of a token, head after head.
    ///   - scratch: For each thread as many floats as ``run(_:_:_:scratch:into:)`` needs; a store
    ///     that packs uses them.
    package func store(
        _ team: Team, _ segment: Segment, _ projected: FloatBuffer, scratch: [FloatBuffer] = []
    ) {
        precondition(projected.count >= (segment.row + segment.count) * width)
        if let packed = segment.store.packed {
            return store(team, segment, packed, projected, scratch: scratch)
        }
        let all = heads + keyHeads
        team.share(segment.count * all) { range in
            for unit in range {
                let token = unit / all
                let head = unit % all
                let vector = unsafe turn(segment, token: token, head: head, projected)
                guard head >= heads else { continue }
                let store = segment.store
                let place = store.place(head: head - heads, token: segment.position + token)
                unsafe (store.keys.base + place).update(from: vector, count: headDim)
                unsafe (store.values.base + place).update(
                    from: vector + keyHeads * headDim, count: headDim)
            }
        }
    }

    /// Normalizes and turns one query or key, and gives its place.
    @inline(__always) @unsafe @discardableResult
    func turn(
        _ segment: Segment, token: Int, head: Int, _ projected: FloatBuffer
    ) -> UnsafeMutablePointer<Float> {
        let row = unsafe projected.base + (segment.row + token) * width
        let vector = unsafe row + head * headDim
        if let headNorms {
            let norm = head >= heads ? headNorms.key : headNorms.query
            unsafe norm.apply(vector, vector)
        }
        if let rotation = segment.rotation {
            unsafe rotation.turn(vector, position: segment.position + token)
        }
        return unsafe vector
    }

    /// Attends from the tokens of a segment, whose keys and values are stored.
    ///
    /// - Parameters:
    ///   - team: The threads, which meet at the end.
    ///   - segment: The tokens.
    ///   - projected: As stored.
    ///   - scratch: For each thread ``scratch(count:positions:)`` floats, and those of
    ///     ``packedScratch(count:positions:policy:)`` if they are packed.
    ///   - output: `[rows, heads · headDim]`, finished afterwards.
    /// - Complexity: O(count · positions · heads · headDim).
    package func run(
        _ team: Team, _ segment: Segment, _ projected: FloatBuffer, scratch: [FloatBuffer],
        into output: ActivationRows
    ) {
        precondition(output.width == heads * headDim)
        precondition(output.capacity >= segment.row + segment.count)
        if let packed = segment.store.packed {
            return segment.count < Self.blocksFrom && !segment.isPart
                ? runFew(team, segment, packed, projected, scratch: scratch, into: output)
                : runBlocks(team, segment, packed, projected, scratch: scratch, into: output)
        }
        let scores = scratch[team.thread]
        let end = segment.position + segment.count
        precondition(scores.count >= Self.scratch(count: segment.count, positions: end))
        if segment.count < Self.blocksFrom {
            let finishesHeads = output.finishesColumns(ofWidth: headDim)
            team.share(segment.count * heads) { range in
                for unit in range {
                    let token = unit / heads
                    let head = unit % heads
                    unsafe attend(segment, token: token, head: head, projected, scores, output)
                    if finishesHeads {
                        let columns = head * headDim..<(head + 1) * headDim
                        output.finish(row: segment.row + token, columns: columns)
                    }
                }
            }
            if !finishesHeads { finish(team, segment, output) }
        } else {
            let blocks = (segment.count + Self.queryBlock - 1) / Self.queryBlock
            team.share(blocks * heads) { range in
                for unit in range {
                    unsafe attend(
                        segment, block: unit / heads, head: unit % heads, projected, scores,
                        output)
                }
            }
            finish(team, segment, output)
        }
    }

    func finish(_ team: Team, _ segment: Segment, _ output: ActivationRows) {
        team.share(segment.count) { range in
            output.finish(segment.row + range.lowerBound..<segment.row + range.upperBound)
        }
    }

    /// One head of one query.
    @unsafe
    private func attend(
        _ segment: Segment, token: Int, head: Int, _ projected: FloatBuffer,
        _ scratch: FloatBuffer, _ output: ActivationRows
    ) {
        let position = segment.position + token
        let start = window.map { max(0, position - $0 + 1) } ?? 0
        let visible = position + 1 - start
        let store = segment.store
        let past = store.place(head: head / (heads / keyHeads), token: start)
        let row = segment.row + token
        let query = unsafe projected.base + row * width + head * headDim
        let scores = unsafe scratch.base
        unsafe halftone_attend_scores(
            Processor.features, query, store.keys.base + past, Int64(headDim), Int64(visible),
            scale, scores)
        if let softcap { unsafe FloatKernels.softcap(scores, count: visible, cap: softcap) }
        unsafe FloatKernels.softmax(scores, count: visible)
        unsafe halftone_attend_mix(
            Processor.features, scores, store.values.base + past, Int64(headDim),
            Int64(visible), output.floats.base + row * output.width + head * headDim)
    }
}
