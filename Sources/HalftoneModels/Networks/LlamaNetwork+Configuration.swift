import HalftoneFiles

extension LlamaNetwork {
    /// The `config.json` of the network's Hugging Face folder, that of a Llama.
    ///
    /// - Parameters:
    ///   - bos: The id of the token that begins a text, or nil.
    ///   - eos: The id of the token that ends a text, or nil.
    /// - Throws: ``ModelError/unsupported(key:value:hint:)`` for a network that it does not
    ///   describe: biases of some layers of attention only, stretched positions, normalized heads.
    public func configuration(bos: Int? = nil, eos: Int? = nil) throws(ModelError) -> JSONValue {
        let configuration: JSONValue = [
            "architectures": ["LlamaForCausalLM"], "model_type": "llama",
            "attention_bias": .bool(shape.hasInputBias), "attention_dropout": 0.0,
            "mlp_bias": .bool(shape.hasMLPBias),
            "hidden_act": "silu", "torch_dtype": "float32",
            "bos_token_id": bos.map { .integer($0) } ?? .null,
            "eos_token_id": eos.map { .integer($0) } ?? .null,
            "hidden_size": .integer(shape.width), "head_dim": .integer(shape.headDim),
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
        let described = try Llama.spec(ConfigurationReader(configuration))
        guard described == shape.spec(architecture: described.architecture) else {
            throw .unsupported(
                key: "model_type", value: "llama", hint: "it does not describe this network")
        }
        return configuration
    }
}
