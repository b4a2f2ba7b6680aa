import HalftoneFiles

/// Llama 2 and 3, SmolLM 2 and other models of the same skeleton.
///
/// Source: H. Touvron et al., "Llama 2", arXiv:2307.09288; A. Dubey et al., "The Llama 3 Herd of
/// Models", arXiv:2407.21783.
public enum Llama: Architecture {
    /// Values of `model_type`.
    public static let modelTypes = ["llama", "smollm"]
    /// The value of `general.architecture`.
    public static let ggufName = "llama"

    /// Translates a `config.json`.
    public static func spec(_ configuration: ConfigurationReader) throws(ModelError) -> DecoderSpec
    {
        try LlamaSkeleton.spec(
            configuration, architecture: "llama",
            inputBias: configuration.bool("attention_bias", default: false),
            outputBias: configuration.bool("attention_bias", default: false),
            mlpBias: configuration.bool("mlp_bias", default: false))
    }

    /// The `config.json` that GGUF keys amount to.
    public static func configuration(
        gguf metadata: GGUFModelMetadata
    ) throws(ModelError) -> JSONObject {
        try LlamaSkeleton.configuration(
            gguf: metadata, modelType: "llama", class: "LlamaForCausalLM")
    }

    /// Names and layouts in safetensors files.
    public static func huggingFace(_ role: Role, in spec: DecoderSpec) -> StoredForm {
        LlamaSkeleton.huggingFace(role)
    }

    /// GGUF files keep the two dimensions of a rotary pair next to each other.
    public static func ggufLayout(_ role: Role, in spec: DecoderSpec) -> StoredForm.Layout {
        guard let block = role.block, role.part == .query || role.part == .key else { return .same }
        let attention = spec.blocks[block].attention
        return .rows(
            LlamaSkeleton.rowsFromAdjacentPairs(
                heads: role.part == .query ? attention.heads : attention.keyHeads,
                headDim: attention.headDim))
    }
}

/// Mistral: Llama with a sliding window.
///
/// Source: A. Jiang et al., "Mistral 7B", arXiv:2310.06825.
public enum Mistral: Architecture {
    /// Values of `model_type`.
    public static let modelTypes = ["mistral"]
    /// The value of `general.architecture`.
    public static let ggufName = "mistral"

    /// Translates a `config.json`.
    public static func spec(_ configuration: ConfigurationReader) throws(ModelError) -> DecoderSpec
    {
        let window =
            configuration["sliding_window"] == nil
            ? nil : try configuration.integer("sliding_window")
        return try LlamaSkeleton.spec(
            configuration, architecture: "mistral", window: { _ in window })
    }

    /// The `config.json` that GGUF keys amount to.
    public static func configuration(
        gguf metadata: GGUFModelMetadata
    ) throws(ModelError) -> JSONObject {
        try LlamaSkeleton.configuration(
            gguf: metadata, modelType: "mistral", class: "MistralForCausalLM")
    }

    /// Names and layouts in safetensors files.
    public static func huggingFace(_ role: Role, in spec: DecoderSpec) -> StoredForm {
        LlamaSkeleton.huggingFace(role)
    }

    /// As Llama's.
    public static func ggufLayout(_ role: Role, in spec: DecoderSpec) -> StoredForm.Layout {
        Llama.ggufLayout(role, in: spec)
    }
}
