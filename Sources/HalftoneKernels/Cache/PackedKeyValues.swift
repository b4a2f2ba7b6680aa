import HalftoneFormats

/// The keys and values of one attention layer as a ``KeyValuePolicy`` stores them.
package final class PackedKeyValues: Sendable {
    let keys: PackedSide
    let values: PackedSide

    /// What the threads leave for each other: of each query that reads few at a time, head and
    /// page the largest score, the sum of the exponentials, and their mix of the values.
    let partials: FloatBuffer

    /// An empty store.
    ///
    /// - Parameters:
    ///   - policy: How keys and values are stored.
    ///   - heads: Heads of keys and values.
    ///   - headDim: Channels of a head, at most 1024.
    ///   - order: Which channel of a key is stored where, a permutation for each head,
    ///     `[heads][headDim]`; or nil.
    ///   - partials: Shared by the layers of a sequence.
    ///   - features: Bits of `halftone_cpu_features` to work with.
    init(
        _ policy: KeyValuePolicy, heads: Int, headDim: Int, order: [Int]?, partials: FloatBuffer,
        features: UInt32
    ) {
        precondition((1...1024).contains(headDim), "a packed head has 1 to 1024 channels")
        precondition(
            order.map { order in
                order.count == heads * headDim
                    && (0..<heads).allSatisfy {
                        order[$0 * headDim..<($0 + 1) * headDim].sorted() == Array(0..<headDim)
                    }
            } ?? true, "the order is a permutation of each head's channels")
        var formats = [(format: policy.keys, channels: headDim)]
        if let leading = policy.leadingKeys {
            formats.insert((leading.format, leading.channels), at: 0)
        }
        keys = PackedSide(
            PackedBands(
                formats, isKeys: true, heads: heads, headDim: headDim, order: order,
                features: features),
            heads: heads, headDim: headDim, window: policy.window,
            protectedTokens: policy.protectedTokens)
        values = PackedSide(
            PackedBands(
                [(policy.values, headDim)], isKeys: false, heads: heads, headDim: headDim,
                order: nil, features: features),
            heads: heads, headDim: headDim, window: policy.window,
            protectedTokens: policy.protectedTokens)
        self.partials = partials
    }

    /// Bytes of memory.
    var byteCount: Int { keys.byteCount + values.byteCount }

    /// What attention sees of a key or value after `count` tokens, by the definition: the plain
    /// reference of the packed forms.
    package func decoded(
        isKey: Bool, token: Int, head: Int, channel: Int, after count: Int
    ) -> Float {
        (isKey ? keys : values).value(token: token, head: head, channel: channel, after: count)
    }
}
