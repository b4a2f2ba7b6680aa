import HalftoneFormats

/// The packed keys, or the packed values, of an attention layer, and the tokens among them that
/// are still floats.
///
/// After `n` tokens the first ``settled(_:)`` are *settled*: stored for good, the first few as
/// floats and the others in pages. The others are in a ring, at their position modulo its length.
/// The ring has some tokens more, so that a few tokens can be taken back without a trace.
@safe
final class PackedSide: @unchecked Sendable {
    let bands: PackedBands
    let heads: Int
    let headDim: Int
    let window: Int
    let protectedTokens: Int

    /// Tokens that the ring holds.
    let ringLength: Int

    /// `[heads][ringLength][headDim]`, in the model's order.
    let ring: FloatBuffer

    /// The first tokens, `[heads][protectedTokens][headDim]`, in the model's order.
    let first: FloatBuffer

    /// Tokens that can be taken back without a trace, and stored at once through the ring.
    static let slack = 8

    /// The first position that the ring has.
    private var ringStart = 0

    /// Tokens that are settled whatever the window says: they were, before some were taken back.
    private var floor = 0

    init(
        _ bands: PackedBands, heads: Int, headDim: Int, window: Int, protectedTokens: Int
    ) {
        self.bands = bands
        self.heads = heads
        self.headDim = headDim
        self.window = window
        self.protectedTokens = protectedTokens
        let waiting = window + bands.tokensAtOnce - 1
        ringLength = waiting == 0 ? 0 : waiting + Self.slack
        ring = FloatBuffer(count: heads * ringLength * headDim)
        first = FloatBuffer(count: heads * protectedTokens * headDim)
    }

    /// Tokens that are stored at once.
    var tokensAtOnce: Int { bands.tokensAtOnce }

    /// Bytes of memory.
    var byteCount: Int {
        bands.byteCount + (ringLength + protectedTokens) * heads * headDim
            * MemoryLayout<Float>.size
    }

    /// Tokens settled after `count` of them, as attention from the last one sees them.
    @inline(__always)
    func settled(_ count: Int) -> Int {
        let packed = max(0, count - protectedTokens - window) / tokensAtOnce * tokensAtOnce
        return max(min(count, protectedTokens) + packed, floor)
    }

    /// Whether each token is settled at once and shares no word of memory with tokens of other
    /// threads, whose parts are multiples of 16 tokens from a position.
    func hasIndependentTokens(from position: Int) -> Bool {
        ringLength == 0
            && ((position - protectedTokens) % 16 == 0
                || bands.bands.allSatisfy { $0.pages.coder.bits >= 8 })
    }

    /// Takes memory for a number of tokens.
    func reserve(_ count: Int) { bands.reserve(max(0, count - protectedTokens)) }

    /// Where the ring has a token of a head.
    @inline(__always) @unsafe
    func ringPlace(_ head: Int, _ position: Int) -> UnsafeMutablePointer<Float> {
        unsafe ring.base + (head * ringLength + position % ringLength) * headDim
    }

    /// Where a protected token of a head is.
    @inline(__always) @unsafe
    func firstPlace(_ head: Int, _ position: Int) -> UnsafeMutablePointer<Float> {
        unsafe first.base + (head * protectedTokens + position) * headDim
    }

    /// Stores new tokens of a head.
    ///
    /// With more than ``slack`` tokens the ring is left as it is, for attention to read, and
    /// ``keepLatest(_:_:head:vectors:stride:)`` has to follow.
    ///
    /// - Parameters:
    ///   - position: Tokens before them.
    ///   - count: New tokens.
    ///   - head: The head.
    ///   - vectors: The first one's vector; tokens are `stride` apart.
    ///   - stride: Floats from a token to the next.
    ///   - scratch: `2 · tokensAtOnce · headDim` floats.
    @unsafe
    func store(
        _ position: Int, _ count: Int, head: Int, vectors: UnsafePointer<Float>, stride: Int,
        scratch: UnsafeMutablePointer<Float>
    ) {
        for token in position..<max(position, min(position + count, protectedTokens)) {
            unsafe firstPlace(head, token).update(
                from: vectors + (token - position) * stride, count: headDim)
        }
        let isRinged = ringLength > 0 && count <= Self.slack
        if isRinged {
            unsafe keepLatest(position, count, head: head, vectors: vectors, stride: stride)
        }
        let start = max(settled(position), protectedTokens)
        let end = settled(position + count)
        guard start < end else { return }
        for token in groups(start..<end) {
            for index in 0..<tokensAtOnce {
                let one = token + index
                let from =
                    unsafe one < position || isRinged
                    ? UnsafePointer(ringPlace(head, one)) : vectors + (one - position) * stride
                unsafe (scratch + index * headDim).update(from: from, count: headDim)
            }
            unsafe bands.store(
                scratch, token: token - protectedTokens, head: head,
                scratch: scratch + tokensAtOnce * headDim)
        }
    }

    private func groups(_ tokens: Range<Int>) -> StrideTo<Int> {
        Swift.stride(from: tokens.lowerBound, to: tokens.upperBound, by: tokensAtOnce)
    }

    /// Puts the latest of some new tokens into the ring.
    @unsafe
    func keepLatest(
        _ position: Int, _ count: Int, head: Int, vectors: UnsafePointer<Float>, stride: Int
    ) {
        guard ringLength > 0 else { return }
        for token in max(position, position + count - ringLength)..<position + count {
            unsafe ringPlace(head, token).update(
                from: vectors + (token - position) * stride, count: headDim)
        }
    }

    /// Notes how many tokens there are now.
    func advance(to count: Int) { ringStart = max(ringStart, count - ringLength) }

    /// Forgets all but the first `length` of `count` tokens.
    ///
    /// Tokens that the ring has no longer stay settled; those of a group that is no longer whole
    /// become floats again, with the values that they were stored as.
    func truncate(_ count: Int, to length: Int) {
        guard length < count else { return }
        // The floor is at a border of groups.
        if floor > length { floor = 0 }
        guard length > protectedTokens else {
            // The ring begins anew with what comes next.
            ringStart = min(ringStart, length)
            return
        }
        guard ringLength > 0, settled(length) < ringStart else { return }
        let grid = tokensAtOnce
        let known = max(ringStart - protectedTokens, 0) + grid - 1
        floor = protectedTokens + known / grid * grid
        guard floor > length else { return }
        floor = protectedTokens + (length - protectedTokens) / grid * grid
        for token in floor..<length {
            for head in 0..<heads {
                for channel in 0..<headDim {
                    unsafe ringPlace(head, token)[channel] = bands.value(
                        token: token - protectedTokens, head: head, channel: channel)
                }
            }
        }
        ringStart = floor
    }

    /// Copies the floats of tokens that are not settled, as they come.
    ///
    /// - Parameters:
    ///   - range: Tokens; those before `position` are in the ring.
    ///   - position: The first of the new tokens.
    ///   - vectors: The first new token's vector.
    ///   - output: `[range.count][headDim]`.
    @unsafe
    func gather(
        _ range: Range<Int>, position: Int, head: Int, vectors: UnsafePointer<Float>, stride: Int,
        into output: UnsafeMutablePointer<Float>
    ) {
        for token in range {
            let from =
                unsafe token < position
                ? UnsafePointer(ringPlace(head, token)) : vectors + (token - position) * stride
            unsafe (output + (token - range.lowerBound) * headDim).update(
                from: from, count: headDim)
        }
    }

    /// Calls a closure with the runs of the ring that hold some tokens.
    @inline(__always) @unsafe
    func eachRingRun(
        _ range: Range<Int>, head: Int, _ body: (Range<Int>, UnsafePointer<Float>) -> Void
    ) {
        var start = range.lowerBound
        while start < range.upperBound {
            let end = min(range.upperBound, (start / ringLength + 1) * ringLength)
            unsafe body(start..<end, UnsafePointer(ringPlace(head, start)))
            start = end
        }
    }

    /// What attention sees of a token after `count` tokens, by the definition.
    func value(token: Int, head: Int, channel: Int, after count: Int) -> Float {
        precondition(token >= 0 && token < count)
        if token >= settled(count) { return unsafe ringPlace(head, token)[channel] }
        if token < protectedTokens { return unsafe firstPlace(head, token)[channel] }
        return bands.value(token: token - protectedTokens, head: head, channel: channel)
    }
}
