import HalftoneNN
import HalftoneTensor

/// A language model of the Llama architecture that can be trained.
///
/// Parameter paths are those of its Hugging Face checkpoints: `model.embed_tokens.weight`,
/// `model.layers.0.self_attn.q_proj.weight`, and `lm_head.weight` when the head is not tied.
///
/// Source: H. Touvron et al., "LLaMA: Open and Efficient Foundation Language Models",
/// arXiv:2302.13971, section 2.2.
public final class LlamaNetwork: Module {
    /// Sizes of a network.
    public struct Shape: Sendable, Codable, Hashable {
        /// Rows of the embedding.
        public var vocabularySize: Int
        /// Width of the residual stream.
        public var width: Int
        /// Blocks.
        public var layers: Int
        /// Query heads; divides `width`.
        public var heads: Int
        /// Heads of keys and values; divides `heads`.
        public var keyHeads: Int
        /// Width between the layers of the perceptrons.
        public var hiddenWidth: Int
        /// Tokens that the model is made for.
        public var contextLength: Int
        /// The base of the rotary frequencies.
        public var ropeTheta: Double
        /// Added to mean squares.
        public var normEpsilon: Float
        /// Whether the head is the embedding.
        public var isHeadTied: Bool

        /// Describes a network.
        public init(
            vocabularySize: Int, width: Int, layers: Int, heads: Int, keyHeads: Int? = nil,
            hiddenWidth: Int, contextLength: Int = 512, ropeTheta: Double = 10_000,
            normEpsilon: Float = 1e-5, isHeadTied: Bool = true
        ) {
            self.vocabularySize = vocabularySize
            self.width = width
            self.layers = layers
            self.heads = heads
            self.keyHeads = keyHeads ?? heads
            self.hiddenWidth = hiddenWidth
            self.contextLength = contextLength
            self.ropeTheta = ropeTheta
            self.normEpsilon = normEpsilon
            self.isHeadTied = isHeadTied
        }
    }

    /// The sizes.
    public let shape: Shape
    /// The table of tokens, `model.embed_tokens`.
    public let embedding: Embedding
    /// The blocks, `model.layers`.
    public let blocks: [LlamaBlock]
    /// The norm before the head, `model.norm`.
    public let norm: RMSNorm
    /// The head, `lm_head`, or nil when the embedding is used.
    public let head: Linear?

    /// A network with matrices of a normal distribution and gains of 1.
    ///
    /// The projections back to the residual stream start smaller by `1/√(2 · layers)`.
    ///
    /// - Parameters:
    ///   - shape: Sizes of the network.
    ///   - deviation: The standard deviation of all other matrices.
    ///   - generator: Where weights are drawn from.
    public init(_ shape: Shape, deviation: Float = 0.02, using generator: inout SeededGenerator) {
        self.shape = shape
        embedding = Embedding(
            rows: shape.vocabularySize, width: shape.width, initializer: .normal(deviation),
            using: &generator)
        let rope = RopeSpec(dimensions: shape.width / shape.heads, theta: shape.ropeTheta)
        let rotary = RotaryEmbedding(angles: rope.angles(of:))
        var blocks: [LlamaBlock] = []
        for _ in 0..<shape.layers {
            blocks.append(LlamaBlock(shape, rotary, deviation, using: &generator))
        }
        self.blocks = blocks
        norm = RMSNorm(width: shape.width, epsilon: shape.normEpsilon)
        head =
            shape.isHeadTied
            ? nil
            : Linear(
                shape.width, shape.vocabularySize, hasBias: false,
                initializer: .normal(deviation), using: &generator)
    }

    /// The names of checkpoints.
    public var parts: Parts {
        ["model.embed_tokens": embedding] + .list("model.layers", blocks)
            + ["model.norm": norm, "lm_head": head]
    }

    /// The logits of the next token at each place.
    ///
    /// - Parameters:
    ///   - tokens: `[batch, length]`.
    ///   - context: Of the pass.
    /// - Returns: `[batch, length, vocabularySize]`.
    public func callAsFunction(_ tokens: IndexTensor, _ context: ForwardContext) -> Tensor {
        var x = embedding(tokens, context)
        for block in blocks { x = block(x, context) }
        x = norm(x, context)
        return head.map { $0(x, context) } ?? embedding.logits(x, context)
    }
}

/// Attention and a gated perceptron, each on a normalized copy and added back.
public final class LlamaBlock: Layer {
    /// Before attention, `input_layernorm`.
    public let attentionNorm: RMSNorm
    /// `self_attn`.
    public let attention: Attention
    /// Before the perceptron, `post_attention_layernorm`.
    public let perceptronNorm: RMSNorm
    /// `mlp`.
    public let perceptron: GatedPerceptron

    init(
        _ shape: LlamaNetwork.Shape, _ rotary: RotaryEmbedding, _ deviation: Float,
        using generator: inout SeededGenerator
    ) {
        let size = shape.width / shape.heads
        let small = deviation / Float(2 * shape.layers).squareRoot()
        func linear(_ inputs: Int, _ outputs: Int, _ deviation: Float) -> Linear {
            Linear(
                inputs, outputs, hasBias: false, initializer: .normal(deviation),
                using: &generator)
        }
        attentionNorm = RMSNorm(width: shape.width, epsilon: shape.normEpsilon)
        attention = Attention(
            query: linear(shape.width, shape.heads * size, deviation),
            key: linear(shape.width, shape.keyHeads * size, deviation),
            value: linear(shape.width, shape.keyHeads * size, deviation),
            output: linear(shape.heads * size, shape.width, small),
            heads: shape.heads, keyHeads: shape.keyHeads, rotary: rotary, options: .causal())
        perceptronNorm = RMSNorm(width: shape.width, epsilon: shape.normEpsilon)
        perceptron = GatedPerceptron(
            gate: linear(shape.width, shape.hiddenWidth, deviation),
            up: linear(shape.width, shape.hiddenWidth, deviation),
            down: linear(shape.hiddenWidth, shape.width, small))
    }

    /// The names of checkpoints.
    public var parts: Parts {
        [
            "input_layernorm": attentionNorm, "self_attn": attention,
            "post_attention_layernorm": perceptronNorm, "mlp": perceptron,
        ]
    }

    /// `[batch, length, width]`, kept.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        let x = x + attention(attentionNorm(x, context), context)
        return x + perceptron(perceptronNorm(x, context), context)
    }
}
