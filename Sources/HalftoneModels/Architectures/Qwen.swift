import HalftoneFiles

/// Qwen 2 and 2.5: Llama with biases on queries, keys and values.
///
/// Source: A. Yang et al., "Qwen2 Technical Report", arXiv:2407.10671.
public enum Qwen2: Architecture {
    /// Values of `model_type`.
    public static let modelTypes = ["qwen2"]
    /// The value of `general.architecture`.
    public static let ggufName = "qwen2"

    /// Translates a `config.json`.
    public static func spec(_ configuration: ConfigurationReader) throws(ModelError) -> DecoderSpec
    {
        try LlamaSkeleton.spec(
            configuration, architecture: "qwen2", inputBias: true,
            window: QwenWindow(configuration).window)
    }

    /// The `config.json` that GGUF keys amount to.
    public static func configuration(
        gguf metadata: GGUFModelMetadata
    ) throws(ModelError) -> JSONObject {
        try LlamaSkeleton.configuration(
            gguf: metadata, modelType: "qwen2", class: "Qwen2ForCausalLM")
    }

    /// Names and layouts in safetensors files.
    public static func huggingFace(_ role: Role, in spec: DecoderSpec) -> StoredForm {
        LlamaSkeleton.huggingFace(role)
    }
}

/// Qwen 3: Llama with normalized query and key heads.
///
/// Source: A. Yang et al., "Qwen3 Technical Report", arXiv:2505.09388.
public enum Qwen3: Architecture {
    /// Values of `model_type`.
    public static let modelTypes = ["qwen3"]
    /// The value of `general.architecture`.
    public static let ggufName = "qwen3"

    /// Translates a `config.json`.
    public static func spec(_ configuration: ConfigurationReader) throws(ModelError) -> DecoderSpec
    {
        let bias = try configuration.bool("attention_bias", default: false)
        return try LlamaSkeleton.spec(
            configuration, architecture: "qwen3", inputBias: bias, outputBias: bias,
            headNorm: true, window: QwenWindow(configuration).window)
    }

    /// The `config.json` that GGUF keys amount to.
    public static func configuration(
        gguf metadata: GGUFModelMetadata
    ) throws(ModelError) -> JSONObject {
        try LlamaSkeleton.configuration(
            gguf: metadata, modelType: "qwen3", class: "Qwen3ForCausalLM")
    }

    /// Names and layouts in safetensors files.
    public static func huggingFace(_ role: Role, in spec: DecoderSpec) -> StoredForm {
        LlamaSkeleton.huggingFace(role)
    }
}

/// Which layers of a Qwen model see a window only.
private struct QwenWindow {
    private let size: Int?
    private let firstLayer: Int

    init(_ configuration: ConfigurationReader) throws(ModelError) {
        let isUsed = try configuration.bool("use_sliding_window", default: false)
        let isSet = configuration["sliding_window"] != nil
        size = isUsed && isSet ? try configuration.integer("sliding_window") : nil
        firstLayer = try configuration.integer("max_window_layers", default: 28, in: 0...4096)
    }

    func window(layer: Int) -> Int? { layer >= firstLayer ? size : nil }
}
