import HalftoneFiles

extension LlamaNetwork {
    /// The `config.json` of the network's Hugging Face folder.
    ///
    /// - Parameters:
    ///   - bos: The id of the token that begins a text, or nil.
    ///   - eos: The id of the token that ends a text, or nil.
    public func configuration(bos: Int? = nil, eos: Int? = nil) -> JSONValue {
        [
            "architectures": ["LlamaForCausalLM"], "model_type": "llama",
            "attention_bias": false, "attention_dropout": 0.0, "mlp_bias": false,
            "hidden_act": "silu", "torch_dtype": "float32",
            "bos_token_id": bos.map { .integer($0) } ?? .null,
            "eos_token_id": eos.map { .integer($0) } ?? .null,
            "hidden_size": .integer(shape.width), "head_dim": .integer(shape.width / shape.heads),
            "intermediate_size": .integer(shape.hiddenWidth),
            "max_position_embeddings": .integer(shape.contextLength),
            "num_attention_heads": .integer(shape.heads),
            "num_hidden_layers": .integer(shape.layers),
            "num_key_value_heads": .integer(shape.keyHeads),
            "rms_norm_eps": .number(Double("\(shape.normEpsilon)") ?? Double(shape.normEpsilon)),
            "rope_theta": .number(shape.ropeTheta), "rope_scaling": .null,
            "tie_word_embeddings": .bool(shape.isHeadTied),
            "vocab_size": .integer(shape.vocabularySize),
        ]
    }
}
