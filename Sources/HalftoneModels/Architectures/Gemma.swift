import HalftoneFiles

/// Gemma 2: normalizations around both halves of a block, soft caps, and a sliding window on
/// every other layer.
///
/// Source: Gemma Team, "Gemma 2", arXiv:2408.00118.
public enum Gemma2: Architecture {
    /// Values of `model_type`.
    public static let modelTypes = ["gemma2"]
    /// The value of `general.architecture`.
    public static let ggufName = "gemma2"

    /// Translates a `config.json`.
    public static func spec(_ configuration: ConfigurationReader) throws(ModelError) -> DecoderSpec
    {
        var spec = try GemmaSkeleton.spec(
            configuration, architecture: "gemma2",
            isSliding: { layer in layer % 2 == 0 }, defaultWindow: 4096)
        let softcap = try configuration.optionalNumber("attn_logit_softcapping")
        for index in spec.blocks.indices {
            spec.blocks[index].attention.softcap = softcap.map { Float($0) }
        }
        spec.logitSoftcap = try configuration.optionalNumber("final_logit_softcapping").map {
            Float($0)
        }
        return spec
    }

    /// The `config.json` that GGUF keys amount to.
    public static func configuration(
        gguf metadata: GGUFModelMetadata
    ) throws(ModelError) -> JSONObject {
        var configuration = try GemmaSkeleton.configuration(
            gguf: metadata, modelType: "gemma2", class: "Gemma2ForCausalLM")
        configuration["attn_logit_softcapping"] = .number(
            try metadata.keys.positive("attn_logit_softcapping", default: 50))
        configuration["final_logit_softcapping"] = .number(
            try metadata.keys.positive("final_logit_softcapping", default: 30))
        return configuration
    }

    /// Names and layouts in safetensors files.
    public static func huggingFace(_ role: Role, in spec: DecoderSpec) -> StoredForm {
        GemmaSkeleton.huggingFace(role)
    }
}

/// Gemma 3 (text): normalized query and key heads, and five layers with a sliding window and a
/// rotary base of their own to each layer that sees everything.
///
/// Source: Gemma Team, "Gemma 3 Technical Report", arXiv:2503.19786.
public enum Gemma3: Architecture {
    /// Values of `model_type`.
    public static let modelTypes = ["gemma3_text", "gemma3"]
    /// The value of `general.architecture`.
    public static let ggufName = "gemma3"

    /// Translates a `config.json`.
    public static func spec(_ outer: ConfigurationReader) throws(ModelError) -> DecoderSpec {
        let configuration = try outer.object("text_config") ?? outer
        let pattern = try configuration.integer(
            "sliding_window_pattern",
            default: configuration.integer("_sliding_window_pattern", default: 6), in: 1...4096)
        var spec = try GemmaSkeleton.spec(
            configuration, architecture: "gemma3",
            isSliding: { layer in (layer + 1) % pattern != 0 }, defaultWindow: 4096)
        let headDim = spec.blocks[0].attention.headDim
        let epsilon = spec.finalNorm.epsilon
        let full = try configuration.rope(
            dimensions: headDim, layerType: "full_attention", theta: 1_000_000,
            context: spec.contextLength)
        let local = try localRope(configuration, headDim: headDim, context: spec.contextLength)
        for index in spec.blocks.indices {
            let isSliding = spec.blocks[index].attention.window != nil
            spec.blocks[index].attention.rope = isSliding ? local : full
            spec.blocks[index].attention.headNormEpsilon = epsilon
        }
        spec.logitSoftcap = try configuration.optionalNumber("final_logit_softcapping").map {
            Float($0)
        }
        return spec
    }

    private static func localRope(
        _ configuration: ConfigurationReader, headDim: Int, context: Int
    ) throws(ModelError) -> RopeSpec {
        if let parameters = try configuration.object("rope_parameters"),
            parameters["sliding_attention"] != nil
        {
            return try configuration.rope(
                dimensions: headDim, layerType: "sliding_attention", context: context)
        }
        return RopeSpec(
            dimensions: headDim,
            theta: try configuration.positive("rope_local_base_freq", default: 10_000))
    }

    /// The `config.json` that GGUF keys amount to.
    public static func configuration(
        gguf metadata: GGUFModelMetadata
    ) throws(ModelError) -> JSONObject {
        var configuration = try GemmaSkeleton.configuration(
            gguf: metadata, modelType: "gemma3_text", class: "Gemma3ForCausalLM")
        configuration["sliding_window_pattern"] = 6
        configuration["rope_local_base_freq"] = .number(
            try metadata.keys.positive("rope.freq_base_swa", default: 10_000))
        return configuration
    }

    /// Names and layouts in safetensors files.
    public static func huggingFace(_ role: Role, in spec: DecoderSpec) -> StoredForm {
        GemmaSkeleton.huggingFace(role)
    }
}

/// What Gemma 2 and 3 share.
private enum GemmaSkeleton {
    static func spec(
        _ configuration: ConfigurationReader, architecture: String, isSliding: (Int) -> Bool,
        defaultWindow: Int
    ) throws(ModelError) -> DecoderSpec {
        var spec = try LlamaSkeleton.spec(
            configuration, architecture: architecture, headTiedByDefault: true)
        let types = configuration["layer_types"]?.array?.map(\.string)
        if let types, types.count != spec.blocks.count {
            throw .badConfiguration(
                key: "layer_types", found: "\(types.count) entries",
                wanted: "one per layer (\(spec.blocks.count))")
        }
        let window = try configuration.integer("sliding_window", default: defaultWindow)
        let scalar = try configuration.positive("query_pre_attn_scalar", default: 256)
        let activation = try configuration.activation(
            "hidden_activation", default: "gelu_pytorch_tanh")
        for index in spec.blocks.indices {
            let sliding = types.map { $0[index] == "sliding_attention" } ?? isSliding(index)
            spec.blocks[index].attention.window = sliding ? window : nil
            spec.blocks[index].attention.scale = 1 / Float(scalar).squareRoot()
            spec.blocks[index].mlp.activation = activation
            spec.blocks[index].postNorm = spec.finalNorm
        }
        spec.embeddingScale = Float(spec.width).squareRoot()
        return spec
    }

    static func configuration(
        gguf metadata: GGUFModelMetadata, modelType: String, class className: String
    ) throws(ModelError) -> JSONObject {
        var configuration = try LlamaSkeleton.configuration(
            gguf: metadata, modelType: modelType, class: className)
        configuration["hidden_activation"] = "gelu_pytorch_tanh"
        if let headDim = configuration["head_dim"] {
            configuration["query_pre_attn_scalar"] = headDim
        }
        return configuration
    }

    /// Names of Llama but for the norms around the perceptron; norm weights are stored less one.
    static func huggingFace(_ role: Role) -> StoredForm {
        var form = LlamaSkeleton.huggingFace(role)
        switch role.part {
        case .mlpNorm:
            let prefix = role.block.map { "model.layers.\($0)." } ?? ""
            form = StoredForm(prefix + "pre_feedforward_layernorm.weight", layout: .minusOne)
        case .attentionNorm, .attentionPostNorm, .mlpPostNorm, .finalNorm, .queryNorm, .keyNorm:
            form.layout = .minusOne
        default: break
        }
        return form
    }
}
