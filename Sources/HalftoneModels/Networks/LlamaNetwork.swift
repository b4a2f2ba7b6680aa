import HalftoneNN
import HalftoneTensor

/// A language model of the Llama family that can be trained: Llama, Qwen 2 and 3, Mistral without
/// its window.
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
        /// Query heads.
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
        /// Width of one head of attention.
        public var headDim: Int
        /// How rotary frequencies are stretched for longer contexts.
        public var ropeScaling: RopeSpec.Scaling
        /// Whether queries, keys and values have biases.
        public var hasInputBias: Bool
        /// Whether the output projection of attention has a bias.
        public var hasOutputBias: Bool
        /// Whether the layers of the perceptrons have biases.
        public var hasMLPBias: Bool
        /// A normalization of each query and key head, by its epsilon.
        public var headNormEpsilon: Float?

        /// Describes a network; heads are `width / heads` wide by default.
        public init(
            vocabularySize: Int, width: Int, layers: Int, heads: Int, keyHeads: Int? = nil,
            hiddenWidth: Int, contextLength: Int = 512, ropeTheta: Double = 10_000,
            normEpsilon: Float = 1e-5, isHeadTied: Bool = true, headDim: Int? = nil,
            ropeScaling: RopeSpec.Scaling = .none, hasInputBias: Bool = false,
            hasOutputBias: Bool = false, hasMLPBias: Bool = false, headNormEpsilon: Float? = nil
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
            self.headDim = headDim ?? width / heads
            self.ropeScaling = ropeScaling
            self.hasInputBias = hasInputBias
            self.hasOutputBias = hasOutputBias
            self.hasMLPBias = hasMLPBias
            self.headNormEpsilon = headNormEpsilon
        }

        /// Reads a description, also one of before there were other Llamas than the first.
        public init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            func flag(_ key: CodingKeys) throws -> Bool {
                try values.decodeIfPresent(Bool.self, forKey: key) ?? false
            }
            self.init(
                vocabularySize: try values.decode(Int.self, forKey: .vocabularySize),
                width: try values.decode(Int.self, forKey: .width),
                layers: try values.decode(Int.self, forKey: .layers),
                heads: try values.decode(Int.self, forKey: .heads),
                keyHeads: try values.decode(Int.self, forKey: .keyHeads),
                hiddenWidth: try values.decode(Int.self, forKey: .hiddenWidth),
                contextLength: try values.decode(Int.self, forKey: .contextLength),
                ropeTheta: try values.decode(Double.self, forKey: .ropeTheta),
                normEpsilon: try values.decode(Float.self, forKey: .normEpsilon),
                isHeadTied: try values.decode(Bool.self, forKey: .isHeadTied),
                headDim: try values.decodeIfPresent(Int.self, forKey: .headDim),
                ropeScaling: try values.decodeIfPresent(
                    RopeSpec.Scaling.self, forKey: .ropeScaling) ?? .none,
                hasInputBias: try flag(.hasInputBias), hasOutputBias: try flag(.hasOutputBias),
                hasMLPBias: try flag(.hasMLPBias),
                headNormEpsilon: try values.decodeIfPresent(Float.self, forKey: .headNormEpsilon))
        }

        /// The positions.
        var rope: RopeSpec {
            RopeSpec(dimensions: headDim, theta: ropeTheta, scaling: ropeScaling)
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
        let rotary = RotaryEmbedding(angles: shape.rope.angles(of:))
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
        let (queries, keys) = (shape.heads * shape.headDim, shape.keyHeads * shape.headDim)
        let small = deviation / Float(2 * shape.layers).squareRoot()
        func linear(
            _ inputs: Int, _ outputs: Int, _ deviation: Float, hasBias: Bool
        ) -> Linear {
            Linear(
                inputs, outputs, hasBias: hasBias, initializer: .normal(deviation),
                using: &generator)
        }
        func headNorm() -> RMSNorm? {
            shape.headNormEpsilon.map { RMSNorm(width: shape.headDim, epsilon: $0) }
        }
        attentionNorm = RMSNorm(width: shape.width, epsilon: shape.normEpsilon)
        attention = Attention(
            query: linear(shape.width, queries, deviation, hasBias: shape.hasInputBias),
            key: linear(shape.width, keys, deviation, hasBias: shape.hasInputBias),
            value: linear(shape.width, keys, deviation, hasBias: shape.hasInputBias),
            output: linear(queries, shape.width, small, hasBias: shape.hasOutputBias),
            heads: shape.heads, keyHeads: shape.keyHeads, queryNorm: headNorm(),
            keyNorm: headNorm(), rotary: rotary, options: .causal())
        perceptronNorm = RMSNorm(width: shape.width, epsilon: shape.normEpsilon)
        perceptron = GatedPerceptron(
            gate: linear(shape.width, shape.hiddenWidth, deviation, hasBias: shape.hasMLPBias),
            up: linear(shape.width, shape.hiddenWidth, deviation, hasBias: shape.hasMLPBias),
            down: linear(shape.hiddenWidth, shape.width, small, hasBias: shape.hasMLPBias))
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
