import HalftoneFiles

/// What the architectures that descend from Llama share.
enum LlamaSkeleton {
    /// Reads the keys that all of them have.
    static func spec(
        _ configuration: ConfigurationReader, architecture: String, inputBias: Bool = false,
        outputBias: Bool = false, mlpBias: Bool = false, headNorm: Bool = false,
        defaultEpsilon: Double = 1e-6, isFused: Bool = false, headTiedByDefault: Bool = false,
        window: (Int) -> Int? = { _ in nil }
    ) throws(ModelError) -> DecoderSpec {
        let width = try configuration.integer("hidden_size", default: 4096)
        let heads = try configuration.integer("num_attention_heads", default: 32, in: 1...65_536)
        let keyHeads = try configuration.integer(
            "num_key_value_heads", default: heads, in: 1...65_536)
        let headDim = try headDim(configuration, width: width, heads: heads)
        guard heads % keyHeads == 0 else {
            throw .badConfiguration(
                key: "num_key_value_heads", found: "\(keyHeads)",
                wanted: "a divisor of num_attention_heads (\(heads))")
        }
        let context = try configuration.integer(
            "max_position_embeddings", default: 2048, in: 1...(1 << 30))
        let epsilon = Float(try configuration.positive("rms_norm_eps", default: defaultEpsilon))
        let rope = try configuration.rope(dimensions: headDim, context: context)
        let norm = NormSpec(.rootMeanSquare, epsilon: epsilon)
        let mlp = MLPSpec(
            hiddenWidth: try configuration.integer("intermediate_size", default: 11_008),
            activation: try configuration.activation("hidden_act", default: "silu"),
            isGated: true, isFused: isFused, hasBias: mlpBias)
        let layers = try configuration.integer("num_hidden_layers", default: 32, in: 1...4096)
        let blocks = (0..<layers).map { index in
            BlockSpec(
                attention: AttentionSpec(
                    heads: heads, keyHeads: keyHeads, headDim: headDim,
                    scale: 1 / Float(headDim).squareRoot(), isFused: isFused,
                    hasInputBias: inputBias, hasOutputBias: outputBias,
                    headNormEpsilon: headNorm ? epsilon : nil, rope: rope, window: window(index)),
                mlp: mlp, attentionNorm: norm, mlpNorm: norm)
        }
        return DecoderSpec(
            architecture: architecture,
            vocabularySize: try configuration.integer("vocab_size", default: 32_000), width: width,
            contextLength: context, blocks: blocks, finalNorm: norm,
            isHeadTied: try configuration.bool("tie_word_embeddings", default: headTiedByDefault))
    }

    /// The width of a head: given, or the width divided by the heads.
    static func headDim(
        _ configuration: ConfigurationReader, width: Int, heads: Int
    ) throws(ModelError) -> Int {
        if configuration["head_dim"] != nil {
            return try configuration.integer("head_dim", in: 1...65_536)
        }
        guard width % heads == 0 else {
            throw .badConfiguration(
                key: "num_attention_heads", found: "\(heads)",
                wanted: "a divisor of hidden_size (\(width)), or a head_dim")
        }
        return width / heads
    }

    /// The `config.json` that the common GGUF keys amount to.
    static func configuration(
        gguf metadata: GGUFModelMetadata, modelType: String, class className: String
    ) throws(ModelError) -> JSONObject {
        let keys = metadata.keys
        let width = try keys.integer("embedding_length")
        let heads = try keys.integer("attention.head_count", in: 1...65_536)
        let context = try keys.integer("context_length", default: 2048, in: 1...(1 << 30))
        var configuration: JSONObject = [
            "architectures": [.string(className)], "model_type": .string(modelType),
            "vocab_size": .integer(metadata.vocabularySize), "hidden_size": .integer(width),
            "intermediate_size": .integer(try keys.integer("feed_forward_length")),
            "num_hidden_layers": .integer(try keys.integer("block_count", in: 1...4096)),
            "num_attention_heads": .integer(heads),
            "num_key_value_heads": .integer(
                try keys.integer("attention.head_count_kv", default: heads, in: 1...65_536)),
            "max_position_embeddings": .integer(context),
            "rms_norm_eps": .number(
                try keys.positive("attention.layer_norm_rms_epsilon", default: 1e-5)),
            "tie_word_embeddings": .bool(!metadata.hasHead),
            "attention_bias": .bool(metadata.hasAttentionBias),
        ]
        if keys["attention.key_length"] != nil {
            configuration["head_dim"] = .integer(
                try keys.integer("attention.key_length", in: 1...65_536))
        }
        if keys["attention.sliding_window"] != nil {
            let window = try keys.integer("attention.sliding_window", in: 0...(1 << 30))
            if window > 0 { configuration["sliding_window"] = .integer(window) }
        }
        try metadata.addRope(to: &configuration, context: context)
        return configuration
    }

    /// Names as `transformers` writes them.
    static func huggingFace(_ role: Role) -> StoredForm {
        let owner: String
        switch role.part {
        case .embedding: owner = "model.embed_tokens"
        case .positions: owner = "model.embed_positions"
        case .attentionNorm: owner = "input_layernorm"
        case .query: owner = "self_attn.q_proj"
        case .key: owner = "self_attn.k_proj"
        case .value: owner = "self_attn.v_proj"
        case .qkv: owner = "self_attn.qkv_proj"
        case .attentionOutput: owner = "self_attn.o_proj"
        case .queryNorm: owner = "self_attn.q_norm"
        case .keyNorm: owner = "self_attn.k_norm"
        case .attentionPostNorm: owner = "post_attention_layernorm"
        case .mlpNorm: owner = "post_attention_layernorm"
        case .gate: owner = "mlp.gate_proj"
        case .up: owner = "mlp.up_proj"
        case .gateUp: owner = "mlp.gate_up_proj"
        case .down: owner = "mlp.down_proj"
        case .mlpPostNorm: owner = "post_feedforward_layernorm"
        case .finalNorm: owner = "model.norm"
        case .head: owner = "lm_head"
        }
        let prefix = role.block.map { "model.layers.\($0)." } ?? ""
        return StoredForm(prefix + owner + (role.isBias ? ".bias" : ".weight"))
    }

    /// For each row in half-split order, its row where rotary pairs are adjacent.
    static func rowsFromAdjacentPairs(heads: Int, headDim: Int) -> [Int] {
        (0..<heads * headDim).map { row in
            let (head, dimension) = row.quotientAndRemainder(dividingBy: headDim)
            let half = headDim / 2
            return head * headDim
                + (dimension < half ? 2 * dimension : 2 * (dimension - half) + 1)
        }
    }
}
