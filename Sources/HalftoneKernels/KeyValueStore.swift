import HalftoneFormats

/// The keys and values of one attention layer, for all tokens of a sequence so far.
///
/// They are floats, or packed as a policy says. Float keys lie as `[heads][capacity][headDim]`,
/// values the same, so that the past of one head is one contiguous matrix. The capacity doubles
/// when it is reached.
package final class KeyValueStore: Sendable {
    /// Heads of keys and values.
    package let heads: Int
    /// Width of one head.
    package let headDim: Int
    /// Keys and values.
    let keys: FloatBuffer
    let values: FloatBuffer
    /// Keys and values that are not all floats; then ``keys`` and ``values`` have none.
    package let packed: PackedKeyValues?
    private let size: Size

    /// Tokens, changed only by the sequence's owner between runs.
    private final class Size: @unchecked Sendable {
        var count = 0
        var capacity = 0
    }

    /// An empty store with room for `capacity` tokens.
    package init(heads: Int, headDim: Int, capacity: Int) {
        self.heads = heads
        self.headDim = headDim
        size = Size()
        size.capacity = max(capacity, 1)
        keys = FloatBuffer(count: heads * size.capacity * headDim)
        values = FloatBuffer(count: heads * size.capacity * headDim)
        packed = nil
    }

    /// An empty store that packs what it holds, with room for `capacity` tokens.
    ///
    /// - Parameters:
    ///   - heads: Heads of keys and values.
    ///   - headDim: Width of one head, at most 1024.
    ///   - capacity: Tokens.
    ///   - policy: How keys and values are stored.
    ///   - order: Which channel of a key is stored where, a permutation for each head,
    ///     `[heads][headDim]`; or nil.
    ///   - partials: Working memory, which the layers of a sequence share.
    ///   - features: Bits of `halftone_cpu_features` to work with; they change no result.
    package init(
        heads: Int, headDim: Int, capacity: Int, policy: KeyValuePolicy, order: [Int]? = nil,
        partials: FloatBuffer, features: UInt32 = Processor.features
    ) {
        self.heads = heads
        self.headDim = headDim
        size = Size()
        keys = FloatBuffer(count: 0)
        values = FloatBuffer(count: 0)
        packed = PackedKeyValues(
            policy, heads: heads, headDim: headDim, order: order, partials: partials,
            features: features)
        reserve(max(capacity, 1))
    }

    /// Tokens stored.
    package var count: Int { size.count }

    /// Tokens for which memory is taken.
    package var capacity: Int { size.capacity }

    /// Bytes of the memory taken.
    package var byteCount: Int {
        packed?.byteCount ?? 2 * heads * capacity * headDim * MemoryLayout<Float>.size
    }

    /// Makes room for a number of tokens, those stored included.
    ///
    /// - Parameters:
    ///   - wanted: Tokens.
    ///   - exactly: Whether for no more than those; otherwise floats double their capacity, so that
    ///     they are seldom moved.
    package func reserve(_ wanted: Int, exactly: Bool = false) {
        guard wanted > capacity else { return }
        if let packed {
            packed.keys.reserve(wanted)
            packed.values.reserve(wanted)
            size.capacity = wanted
            return
        }
        let grown = exactly ? wanted : max(wanted, capacity * 2)
        for buffer in [keys, values] {
            buffer.regroup(
                groups: heads, from: capacity * headDim, to: grown * headDim,
                keeping: count * headDim)
        }
        size.capacity = grown
    }

    /// Counts tokens that a team has written behind those stored.
    package func advance(_ tokens: Int) {
        precondition(count + tokens <= capacity, "there is room for the tokens")
        size.count += tokens
        packed?.keys.advance(to: count)
        packed?.values.advance(to: count)
    }

    /// Forgets all but the first `length` tokens.
    package func truncate(to length: Int) {
        let kept = min(count, max(length, 0))
        packed?.keys.truncate(count, to: kept)
        packed?.values.truncate(count, to: kept)
        size.count = kept
    }

    /// Takes the first tokens of another store of the same heads; both hold floats.
    package func copy(first length: Int, from other: KeyValueStore) {
        precondition(packed == nil && other.packed == nil, "both stores hold floats")
        precondition(heads == other.heads && headDim == other.headDim && length <= other.count)
        reserve(length)
        for (target, source) in [(keys, other.keys), (values, other.values)] {
            for head in 0..<heads {
                let start = other.place(head: head, token: 0)
                source.copy(
                    start..<start + length * headDim, to: target, at: place(head: head, token: 0))
            }
        }
        size.count = length
    }

    /// Where a head's keys or values of a token are.
    @inline(__always)
    func place(head: Int, token: Int) -> Int { (head * capacity + token) * headDim }
}
