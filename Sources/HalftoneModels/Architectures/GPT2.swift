import HalftoneFiles

/// GPT-2: learned positions, layer normalization with biases, plain perceptrons.
///
/// Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.
public enum GPT2: Architecture {
    /// Values of `model_type`.
    public static let modelTypes = ["gpt2"]
    /// The value of `general.architecture`.
    public static let ggufName = "gpt2"

    /// Translates a `config.json`.
    public static func spec(_ configuration: ConfigurationReader) throws(ModelError) -> DecoderSpec
    {
        let width = try configuration.integer("n_embd", default: 768)
        let heads = try configuration.integer("n_head", default: 12, in: 1...65_536)
        guard width % heads == 0 else {
            throw .badConfiguration(
                key: "n_head", found: "\(heads)", wanted: "a divisor of n_embd (\(width))")
        }
        let context = try configuration.integer("n_positions", default: 1024)
        let norm = NormSpec(
            .layer, epsilon: Float(try configuration.positive("layer_norm_epsilon", default: 1e-5)))
        let isScaled = try configuration.bool("scale_attn_weights", default: true)
        let byLayer = try configuration.bool("scale_attn_by_inverse_layer_idx", default: false)
        let mlp = MLPSpec(
            hiddenWidth: try configuration.integer("n_inner", default: 4 * width),
            activation: try configuration.activation("activation_function", default: "gelu_new"),
            isGated: false, hasBias: true)
        let headDim = width / heads
        let layers = try configuration.integer("n_layer", default: 12, in: 1...4096)
        let blocks = (0..<layers).map { index in
            BlockSpec(
                attention: AttentionSpec(
                    heads: heads, keyHeads: heads, headDim: headDim,
                    scale: (isScaled ? 1 / Float(headDim).squareRoot() : 1)
                        / (byLayer ? Float(index + 1) : 1),
                    isFused: true, hasInputBias: true, hasOutputBias: true),
                mlp: mlp, attentionNorm: norm, mlpNorm: norm)
        }
        return DecoderSpec(
            architecture: "gpt2",
            vocabularySize: try configuration.integer("vocab_size", default: 50_257), width: width,
            contextLength: context, learnedPositions: context, blocks: blocks, finalNorm: norm,
            isHeadTied: try configuration.bool("tie_word_embeddings", default: true))
    }

    /// The `config.json` that GGUF keys amount to.
    public static func configuration(
        gguf metadata: GGUFModelMetadata
    ) throws(ModelError) -> JSONObject {
        let keys = metadata.keys
        return [
            "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2",
            "vocab_size": .integer(metadata.vocabularySize),
            "n_embd": .integer(try keys.integer("embedding_length")),
            "n_inner": .integer(try keys.integer("feed_forward_length")),
            "n_layer": .integer(try keys.integer("block_count", in: 1...4096)),
            "n_head": .integer(try keys.integer("attention.head_count", in: 1...65_536)),
            "n_positions": .integer(try keys.integer("context_length")),
            "layer_norm_epsilon": .number(
                try keys.positive("attention.layer_norm_epsilon", default: 1e-5)),
            "tie_word_embeddings": .bool(!metadata.hasHead),
        ]
    }

    /// Names and layouts in safetensors files.
    public static func huggingFace(_ role: Role, in spec: DecoderSpec) -> StoredForm {
        let owner: String
        switch role.part {
        case .embedding: owner = "wte"
        case .positions: owner = "wpe"
        case .attentionNorm: owner = "ln_1"
        case .qkv, .query, .key, .value: owner = "attn.c_attn"
        case .attentionOutput: owner = "attn.c_proj"
        case .mlpNorm: owner = "ln_2"
        case .up, .gate, .gateUp: owner = "mlp.c_fc"
        case .down: owner = "mlp.c_proj"
        case .finalNorm: owner = "ln_f"
        case .head: return StoredForm("lm_head.weight")
        case .queryNorm, .keyNorm, .attentionPostNorm, .mlpPostNorm: owner = role.part.rawValue
        }
        let name =
            (role.block.map { "h.\($0)." } ?? "") + owner + (role.isBias ? ".bias" : ".weight")
        return StoredForm(
            ["transformer." + name, name], layout: role.isLinear ? .transposed : .same)
    }
}
