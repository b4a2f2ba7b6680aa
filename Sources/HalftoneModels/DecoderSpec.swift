/// What a decoder-only language model computes, without its weights.
///
/// Architectures translate their configuration into this description; the run time, the writers
/// and the compression pipeline read only it. Two models with equal specs and equal parameters
/// compute the same function whatever their files call things.
public struct DecoderSpec: Sendable, Equatable {
    /// The architecture that made the spec: `llama`, `gemma3`, `gpt_neox`.
    public var architecture: String
    /// Rows of the embedding.
    public var vocabularySize: Int
    /// Width of the residual stream.
    public var width: Int
    /// Tokens that the model was made for.
    public var contextLength: Int
    /// The factor on embeddings: √width for Gemma, else 1.
    public var embeddingScale: Float = 1
    /// Rows of a learned table of positions, or nil when positions are rotary.
    public var learnedPositions: Int?
    /// The blocks in order.
    public var blocks: [BlockSpec]
    /// The normalization before the head.
    public var finalNorm: NormSpec
    /// Whether the head is the embedding.
    public var isHeadTied: Bool
    /// Squashes logits to `±logitSoftcap` when set (Gemma 2).
    public var logitSoftcap: Float?
}

/// One block: attention and a two-layer perceptron, each added to the residual stream.
public struct BlockSpec: Sendable, Equatable {
    /// The attention half.
    public var attention: AttentionSpec
    /// The perceptron half.
    public var mlp: MLPSpec
    /// The normalization before attention.
    public var attentionNorm: NormSpec
    /// The normalization before the perceptron.
    public var mlpNorm: NormSpec
    /// Normalizations of what attention and perceptron return, before it is added (Gemma).
    public var postNorm: NormSpec?
    /// Whether the perceptron reads the block's input beside attention (GPT-NeoX) rather than
    /// the sum after it.
    public var isParallel = false
}

/// A normalization over the width.
public struct NormSpec: Sendable, Equatable {
    /// What is normalized away.
    public enum Kind: Sendable, Equatable {
        /// Divides by the root mean square.
        case rootMeanSquare
        /// Subtracts the mean, divides by the standard deviation, adds a bias.
        case layer
    }

    /// What is normalized away.
    public var kind: Kind
    /// Added to the mean square or variance.
    public var epsilon: Float

    /// Creates a description.
    public init(_ kind: Kind, epsilon: Float) {
        self.kind = kind
        self.epsilon = epsilon
    }
}

/// Self-attention with grouped queries.
public struct AttentionSpec: Sendable, Equatable {
    /// Query heads.
    public var heads: Int
    /// Key and value heads; divides `heads`.
    public var keyHeads: Int
    /// Width of one head.
    public var headDim: Int
    /// The factor on products of queries and keys.
    public var scale: Float
    /// Whether queries, keys and values come from one matrix, `[q | k | v]` along its rows.
    public var isFused = false
    /// Whether queries, keys and values have biases.
    public var hasInputBias = false
    /// Whether the output projection has a bias.
    public var hasOutputBias = false
    /// A root-mean-square normalization of each query and key head, by its epsilon.
    public var headNormEpsilon: Float?
    /// Rotary positions, or nil.
    public var rope: RopeSpec?
    /// Visible positions including the query's own, or nil for all.
    public var window: Int?
    /// Squashes scores to `±softcap` when set (Gemma 2).
    public var softcap: Float?
}

/// The two-layer perceptron of a block.
public struct MLPSpec: Sendable, Equatable {
    /// The nonlinearity.
    public enum Activation: String, Sendable, Equatable {
        case silu
        /// The tanh form of GELU.
        case geluTanh
        /// The exact GELU.
        case gelu
        case relu
    }

    /// Width between the two layers.
    public var hiddenWidth: Int
    /// The nonlinearity.
    public var activation: Activation
    /// Whether the hidden values are `activation(gate) · up` rather than `activation(up)`.
    public var isGated: Bool
    /// Whether gate and up come from one matrix, `[gate | up]` along its rows.
    public var isFused = false
    /// Whether the layers have biases.
    public var hasBias = false
}
