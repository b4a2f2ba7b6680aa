/// The keys and values of one attention layer, for all tokens of a sequence so far.
///
/// Keys lie as `[heads][capacity][headDim]`, values the same, so that the past of one head is
/// one contiguous matrix. The capacity doubles when it is reached.
package final class KeyValueStore: Sendable {
    /// Heads of keys and values.
    package let heads: Int
    /// Width of one head.
    package let headDim: Int
    /// Keys and values.
    let keys: FloatBuffer
    let values: FloatBuffer
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
    }

    /// Tokens stored.
    package var count: Int { size.count }

    /// Tokens for which memory is taken.
    package var capacity: Int { size.capacity }

    /// Bytes of the memory taken.
    package var byteCount: Int { 2 * heads * capacity * headDim * MemoryLayout<Float>.size }

    /// Makes room for a number of tokens, those stored included.
    package func reserve(_ wanted: Int) {
        guard wanted > capacity else { return }
        let grown = max(wanted, capacity * 2)
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
    }

    /// Forgets all but the first `length` tokens.
    package func truncate(to length: Int) { size.count = min(count, max(length, 0)) }

    /// Where a head's keys or values of a token are.
    @inline(__always)
    func place(head: Int, token: Int) -> Int { (head * capacity + token) * headDim }
}
