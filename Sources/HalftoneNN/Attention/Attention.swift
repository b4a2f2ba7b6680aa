import HalftoneTensor

/// Attention of several heads, with projections of queries, keys and values of their own sources.
///
/// Hooks see, beside `output`, the heads as `queries`, `keys` and `values`
/// `[batch, length, heads, headSize]` after the positions are turned in, and the `weights`
/// `[batch, heads, queries, keys]`.
/// Checkpoint names are given, by default `q_proj`, `k_proj`, `v_proj`, `o_proj`.
public final class Attention: Module {
    /// Makes queries, `[width] → [heads · headSize]`.
    public let queryProjection: Linear
    /// Makes keys, `[width] → [keyHeads · headSize]`.
    public let keyProjection: Linear
    /// Makes values, `[width] → [keyHeads · headSize]`.
    public let valueProjection: Linear
    /// From all heads to the width.
    public let outputProjection: Linear
    /// Normalizes each query head, or nil.
    public let queryNorm: (any Layer)?
    /// Normalizes each key head, or nil.
    public let keyNorm: (any Layer)?
    /// Query heads.
    public let heads: Int
    /// Heads of keys and values; divides the query heads.
    public let keyHeads: Int
    /// Turns positions in, or nil.
    public let rotary: RotaryEmbedding?
    /// What is seen.
    public var options: AttentionOptions

    /// The names of the parts in checkpoints.
    public struct Names: Sendable {
        /// Makes queries.
        public var query = "q_proj"
        /// Makes keys.
        public var key = "k_proj"
        /// Makes values.
        public var value = "v_proj"
        /// From all heads to the width.
        public var output = "o_proj"
        /// Normalizes query heads.
        public var queryNorm = "q_norm"
        /// Normalizes key heads.
        public var keyNorm = "k_norm"

        /// The names of the Llama architecture.
        public init() {}
    }

    private let names: Names

    /// Attention of given projections.
    public init(
        query: Linear, key: Linear, value: Linear, output: Linear, heads: Int, keyHeads: Int,
        queryNorm: (any Layer)? = nil, keyNorm: (any Layer)? = nil,
        rotary: RotaryEmbedding? = nil, options: AttentionOptions = AttentionOptions(),
        names: Names = Names()
    ) {
        precondition(keyHeads > 0 && heads % keyHeads == 0, "key heads divide the heads")
        precondition(query.outFeatures % heads == 0 && key.outFeatures % keyHeads == 0)
        queryProjection = query
        keyProjection = key
        valueProjection = value
        outputProjection = output
        self.heads = heads
        self.keyHeads = keyHeads
        self.queryNorm = queryNorm
        self.keyNorm = keyNorm
        self.rotary = rotary
        self.options = options
        self.names = names
    }

    /// Attention of drawn projections.
    public convenience init(
        width: Int, heads: Int, keyHeads: Int? = nil, headSize: Int? = nil, hasBias: Bool = false,
        rotary: RotaryEmbedding? = nil, options: AttentionOptions = AttentionOptions(),
        names: Names = Names(), initializer: Initializer = .normal(0.02),
        using generator: inout SeededGenerator
    ) {
        let size = headSize ?? width / heads
        let keyHeads = keyHeads ?? heads
        func linear(_ inFeatures: Int, _ outFeatures: Int) -> Linear {
            Linear(
                inFeatures, outFeatures, hasBias: hasBias, initializer: initializer,
                using: &generator)
        }
        self.init(
            query: linear(width, heads * size), key: linear(width, keyHeads * size),
            value: linear(width, keyHeads * size), output: linear(heads * size, width),
            heads: heads, keyHeads: keyHeads, rotary: rotary, options: options, names: names)
    }

    /// The names of checkpoints.
    public var parts: Parts {
        [
            names.query: queryProjection, names.key: keyProjection, names.value: valueProjection,
            names.output: outputProjection, names.queryNorm: queryNorm, names.keyNorm: keyNorm,
        ]
    }

    /// Attends.
    ///
    /// - Parameters:
    ///   - x: What queries are made of, `[batch, queries, width]`.
    ///   - keySource: What keys are made of, `[batch, keys, width]`; nil for `x`.
    ///   - valueSource: What values are made of; nil for the source of the keys.
    ///   - mask: Added to the scores; fits `[batch, heads, queries, keys]`.
    ///   - context: Of the pass.
    /// - Returns: `[batch, queries, width]`.
    public func callAsFunction(
        _ x: Tensor, keys keySource: Tensor? = nil, values valueSource: Tensor? = nil,
        mask: Tensor? = nil, _ context: ForwardContext
    ) -> Tensor {
        let keySource = keySource ?? x
        var queries = split(queryProjection(x, context), heads)
        var keys = split(keyProjection(keySource, context), keyHeads)
        var values = split(valueProjection(valueSource ?? keySource, context), keyHeads)
        if let queryNorm { queries = queryNorm(queries, context) }
        if let keyNorm { keys = keyNorm(keys, context) }
        if let rotary {
            queries = rotary(queries)
            keys = rotary(keys)
        }
        queries = context.pass(queries, "queries", of: self)
        keys = context.pass(keys, "keys", of: self)
        values = context.pass(values, "values", of: self)
        let mixed = options(
            queries: queries, keys: keys, values: values, mask: mask,
            weights: context.hasHooks ? { context.pass($0, "weights", of: self) } : nil)
        let joined = mixed.reshaped([x.shape[0], x.shape[1], -1])
        return context.pass(outputProjection(joined, context), "output", of: self)
    }

    /// `[batch, length, heads · size] → [batch, length, heads, size]`.
    private func split(_ x: Tensor, _ heads: Int) -> Tensor {
        x.reshaped([x.shape[0], x.shape[1], heads, -1])
    }
}
