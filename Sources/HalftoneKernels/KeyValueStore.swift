/// The keys and values of one attention layer, for all tokens of a sequence so far.
///
/// Keys lie as `[keyHeads][capacity][headDim]`, values the same, so that the past of one head is
/// one contiguous matrix. The capacity doubles when it is reached.
public struct KeyValueStore: Sendable {
    /// Heads of keys and values.
    public let heads: Int
    /// Width of one head.
    public let headDim: Int
    /// Tokens stored.
    public private(set) var count = 0
    /// Tokens for which memory is taken.
    public private(set) var capacity: Int

    var keys: [Float]
    var values: [Float]

    /// An empty store with room for `capacity` tokens.
    public init(heads: Int, headDim: Int, capacity: Int) {
        self.heads = heads
        self.headDim = headDim
        self.capacity = max(capacity, 1)
        keys = [Float](repeating: 0, count: heads * self.capacity * headDim)
        values = keys
    }

    /// Bytes of the memory taken.
    public var byteCount: Int { (keys.count + values.count) * MemoryLayout<Float>.size }

    /// Appends tokens.
    ///
    /// - Parameters:
    ///   - tokens: The number of tokens.
    ///   - newKeys: Token `t`, head `h` begins at `keyOffset + t · stride + h · headDim`.
    ///   - keyOffset: Where the first key begins in its list.
    ///   - newValues: Likewise from `valueOffset`.
    ///   - valueOffset: Where the first value begins in its list.
    ///   - stride: Floats from one token to the next.
    public mutating func append(
        tokens: Int, keys newKeys: [Float], keyOffset: Int, values newValues: [Float],
        valueOffset: Int, stride: Int
    ) {
        reserve(count + tokens)
        for token in 0..<tokens {
            for head in 0..<heads {
                let target = (head * capacity + count + token) * headDim
                let source = token * stride + head * headDim
                for index in 0..<headDim {
                    keys[target + index] = newKeys[keyOffset + source + index]
                    values[target + index] = newValues[valueOffset + source + index]
                }
            }
        }
        count += tokens
    }

    /// Forgets all but the first `length` tokens.
    public mutating func truncate(to length: Int) {
        count = min(count, max(length, 0))
    }

    private mutating func reserve(_ wanted: Int) {
        guard wanted > capacity else { return }
        let grown = max(wanted, capacity * 2)
        keys = moved(keys, to: grown)
        values = moved(values, to: grown)
        capacity = grown
    }

    private func moved(_ old: [Float], to grown: Int) -> [Float] {
        var new = [Float](repeating: 0, count: heads * grown * headDim)
        for head in 0..<heads {
            let source = head * capacity * headDim
            let target = head * grown * headDim
            new.replaceSubrange(
                target..<target + count * headDim, with: old[source..<source + count * headDim])
        }
        return new
    }
}
