import HalftoneKernels
import HalftoneTensor

/// What an attention may see and how it weighs it.
public struct AttentionOptions: Sendable {
    /// Whether query `i` of `q` sees key `j` of `k` only for `j ≤ i + k − q`.
    public var isCausal = false
    /// With ``isCausal``: how many keys are seen, the query's own included; nil for all.
    public var window: Int?
    /// The factor on products of queries and keys; nil for `1/√headSize`.
    public var scale: Float?
    /// Squashes scores to `±softcap` when set.
    public var softcap: Float?
    /// Only so many of the largest scores of each query count; nil for all.
    public var largest: Int?
    /// Whether each key shares out its weight over the queries, rather than each query over keys.
    public var normalizesOverQueries = false

    /// Every query sees every key.
    public init() {}

    /// Each query sees the keys up to its own.
    ///
    /// - Parameter window: How many, its own included; nil for all.
    public static func causal(window: Int? = nil) -> AttentionOptions {
        var options = AttentionOptions()
        options.isCausal = true
        options.window = window
        return options
    }
}

extension AttentionOptions {
    /// `softmax(queries · keysᵀ · scale + mask) · values`.
    ///
    /// Source: A. Vaswani et al., "Attention Is All You Need", arXiv:1706.03762, eq. 1; grouped
    /// queries: J. Ainslie et al., arXiv:2305.13245. A query that sees no key gets zeros.
    ///
    /// - Parameters:
    ///   - queries: `[batch, queries, heads, headSize]`.
    ///   - keys: `[batch, keys, keyHeads, headSize]`; head `h` of the queries reads key head
    ///     `h / (heads / keyHeads)`.
    ///   - values: `[batch, keys, keyHeads, valueSize]`.
    ///   - mask: Added to the scores, −∞ for what is not seen; fits
    ///     `[batch, heads, queries, keys]`.
    ///   - weights: Gets the weights `[batch, heads, queries, keys]` and gives those to go on with.
    /// - Returns: `[batch, queries, heads, valueSize]`.
    public func callAsFunction(
        queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor? = nil,
        weights: ((Tensor) -> Tensor)? = nil
    ) -> Tensor {
        if isPlain, weights == nil, keys.shape == values.shape, mask?.isTracked != true {
            return .attention(
                queries: queries, keys: keys, values: values, scale: scale, isCausal: isCausal,
                window: window, mask: mask?.leading(4))
        }
        let (batch, length, heads) = (queries.shape[0], queries.shape[1], queries.shape[2])
        let (keyLength, keyHeads) = (keys.shape[1], keys.shape[2])
        precondition(heads % keyHeads == 0, "\(keyHeads) key heads do not divide \(heads)")
        let group = heads / keyHeads
        let scale = scale ?? 1 / Float(queries.shape[3]).squareRoot()
        // The queries of a group are rows of one product with the head that they share.
        let rows = (queries * scale).swappingAxes(1, 2)
            .reshaped([batch, keyHeads, group * length, -1])
        var scores = rows.matmul(keys.swappingAxes(1, 2), transposingSecond: true)
            .reshaped([batch, heads, length, keyLength])
        if let softcap { scores = (scores * (1 / softcap)).tanh() * softcap }
        if let mask { scores += mask }
        if isCausal { scores += causalMask(length, keyLength) }
        if let largest, largest < keyLength { scores = Self.keeping(largest, of: scores) }
        var shares = scores.softmax(axis: normalizesOverQueries ? -2 : -1)
        if let weights { shares = weights(shares) }
        return shares.reshaped([batch, keyHeads, group * length, keyLength])
            .matmul(values.swappingAxes(1, 2))
            .reshaped([batch, heads, length, values.shape[3]]).swappingAxes(1, 2)
    }

    /// Whether the fused operation computes this.
    private var isPlain: Bool {
        softcap == nil && largest == nil && !normalizesOverQueries && (window == nil || isCausal)
    }

    /// 0 where a query sees a key and −∞ elsewhere, `[queries, keys]`.
    private func causalMask(_ queries: Int, _ keys: Int) -> Tensor {
        var elements = [Float](repeating: -.infinity, count: queries * keys)
        for query in 0..<queries {
            let last = query + keys - queries
            let first = window.map { max(0, last - $0 + 1) } ?? 0
            guard last >= first else { continue }
            for key in first...min(last, keys - 1) { elements[query * keys + key] = 0 }
        }
        return Tensor(shape: [queries, keys], elements: elements)
    }

    /// −∞ in place of what is below the `count` largest of each row; equal ones all stay.
    private static func keeping(_ count: Int, of scores: Tensor) -> Tensor {
        let width = scores.shape[3]
        let bounds = (0..<scores.count / width).map { row in
            scores.elements[row * width..<(row + 1) * width].sorted(by: >)[count - 1]
        }
        let bound = Tensor(shape: scores.shape.dropLast() + [1], elements: bounds)
        return scores.choosing(where: scores .>= bound, else: -.infinity)
    }
}

extension Tensor {
    /// With axes of length 1 in front, so that there are `count`.
    fileprivate func leading(_ count: Int) -> Tensor {
        reshaped([Int](repeating: 1, count: Swift.max(0, count - rank)) + shape)
    }
}
