import HalftoneFiles

/// GPT-NeoX and Pythia: partly rotary heads, attention and perceptron side by side.
///
/// Source: S. Black et al., "GPT-NeoX-20B", arXiv:2204.06745.
public enum GPTNeoX: Architecture {
    /// Values of `model_type`.
    public static let modelTypes = ["gpt_neox"]
    /// The value of `general.architecture`.
    public static let ggufName = "gptneox"

    /// Translates a `config.json`.
    public static func spec(_ configuration: ConfigurationReader) throws(ModelError) -> DecoderSpec
    {
        let width = try configuration.integer("hidden_size", default: 6144)
        let heads = try configuration.integer("num_attention_heads", default: 64, in: 1...65_536)
        guard width % heads == 0 else {
            throw .badConfiguration(
                key: "num_attention_heads", found: "\(heads)",
                wanted: "a divisor of hidden_size (\(width))")
        }
        let headDim = width / heads
        let context = try configuration.integer(
            "max_position_embeddings", default: 2048, in: 1...(1 << 30))
        let norm = NormSpec(
            .layer, epsilon: Float(try configuration.positive("layer_norm_eps", default: 1e-5)))
        let hasBias = try configuration.bool("attention_bias", default: true)
        let mlp = MLPSpec(
            hiddenWidth: try configuration.integer("intermediate_size", default: 24_576),
            activation: try configuration.activation("hidden_act", default: "gelu"),
            isGated: false, hasBias: true)
        let attention = AttentionSpec(
            heads: heads, keyHeads: heads, headDim: headDim,
            scale: 1 / Float(headDim).squareRoot(), isFused: true, hasInputBias: hasBias,
            hasOutputBias: hasBias,
            rope: try rope(configuration, headDim: headDim, context: context))
        let block = BlockSpec(
            attention: attention, mlp: mlp, attentionNorm: norm, mlpNorm: norm,
            isParallel: try configuration.bool("use_parallel_residual", default: true))
        let layers = try configuration.integer("num_hidden_layers", default: 44, in: 1...4096)
        return DecoderSpec(
            architecture: "gpt_neox",
            vocabularySize: try configuration.integer("vocab_size", default: 50_432), width: width,
            contextLength: context, blocks: Array(repeating: block, count: layers),
            finalNorm: norm,
            isHeadTied: try configuration.bool("tie_word_embeddings", default: false))
    }

    private static func rope(
        _ configuration: ConfigurationReader, headDim: Int, context: Int
    ) throws(ModelError) -> RopeSpec {
        let old = try configuration.positive("rotary_pct", default: 0.25)
        let share =
            try configuration.object("rope_parameters")?
            .positive("partial_rotary_factor", default: old) ?? old
        guard share <= 1 else {
            throw .badConfiguration(key: "rotary_pct", found: "\(share)", wanted: "at most 1")
        }
        return try configuration.rope(
            dimensions: Int(Double(headDim) * share),
            theta: configuration.positive("rotary_emb_base", default: 10_000), context: context)
    }

    /// The `config.json` that GGUF keys amount to.
    public static func configuration(
        gguf metadata: GGUFModelMetadata
    ) throws(ModelError) -> JSONObject {
        let keys = metadata.keys
        let width = try keys.integer("embedding_length")
        let heads = try keys.integer("attention.head_count", in: 1...65_536)
        let rotary = try keys.integer("rope.dimension_count", default: width / heads)
        return [
            "architectures": ["GPTNeoXForCausalLM"], "model_type": "gpt_neox",
            "vocab_size": .integer(metadata.vocabularySize), "hidden_size": .integer(width),
            "intermediate_size": .integer(try keys.integer("feed_forward_length")),
            "num_hidden_layers": .integer(try keys.integer("block_count", in: 1...4096)),
            "num_attention_heads": .integer(heads),
            "max_position_embeddings": .integer(
                try keys.integer("context_length", in: 1...(1 << 30))),
            "rotary_pct": .number(Double(rotary * heads) / Double(width)),
            "rotary_emb_base": .number(try keys.positive("rope.freq_base", default: 10_000)),
            "layer_norm_eps": .number(
                try keys.positive("attention.layer_norm_epsilon", default: 1e-5)),
            "use_parallel_residual": .bool(try keys.bool("use_parallel_residual", default: true)),
            "tie_word_embeddings": .bool(!metadata.hasHead),
        ]
    }

    /// Names and layouts in safetensors files.
    public static func huggingFace(_ role: Role, in spec: DecoderSpec) -> StoredForm {
        let owner: String
        var layout = StoredForm.Layout.same
        switch role.part {
        case .embedding: owner = "gpt_neox.embed_in"
        case .positions: owner = "gpt_neox.embed_positions"
        case .attentionNorm: owner = "input_layernorm"
        case .qkv, .query, .key, .value:
            owner = "attention.query_key_value"
            if let block = role.block { layout = .rows(rows(spec.blocks[block].attention)) }
        case .attentionOutput: owner = "attention.dense"
        case .mlpNorm: owner = "post_attention_layernorm"
        case .up, .gate, .gateUp: owner = "mlp.dense_h_to_4h"
        case .down: owner = "mlp.dense_4h_to_h"
        case .finalNorm: owner = "gpt_neox.final_layer_norm"
        case .head: owner = "embed_out"
        case .queryNorm, .keyNorm, .attentionPostNorm, .mlpPostNorm: owner = role.part.rawValue
        }
        let prefix = role.block.map { "gpt_neox.layers.\($0)." } ?? ""
        return StoredForm(prefix + owner + (role.isBias ? ".bias" : ".weight"), layout: layout)
    }

    /// Files group rows by head: queries, keys and values of head 0, then of head 1.
    private static func rows(_ attention: AttentionSpec) -> [Int] {
        let headDim = attention.headDim
        return (0..<3).flatMap { kind in
            (0..<attention.heads).flatMap { head in
                (0..<headDim).map { (head * 3 + kind) * headDim + $0 }
            }
        }
    }
}
