import HalftoneFiles

/// Phi 3: Llama with fused matrices and, for long contexts, two lists of rotary divisors.
///
/// Source: M. Abdin et al., "Phi-3 Technical Report", arXiv:2404.14219.
public enum Phi3: Architecture {
    /// Values of `model_type`.
    public static let modelTypes = ["phi3"]
    /// The value of `general.architecture`.
    public static let ggufName = "phi3"

    /// Translates a `config.json`.
    public static func spec(_ configuration: ConfigurationReader) throws(ModelError) -> DecoderSpec
    {
        guard try configuration.number("partial_rotary_factor", default: 1) == 1 else {
            throw .unsupported(
                key: "partial_rotary_factor", value: "\(configuration["partial_rotary_factor"]!)",
                hint: "only 1 is, for phi3")
        }
        let window =
            configuration["sliding_window"] == nil
            ? nil : try configuration.integer("sliding_window")
        return try LlamaSkeleton.spec(
            configuration, architecture: "phi3", isFused: true, window: { _ in window })
    }

    /// The `config.json` that GGUF keys amount to.
    public static func configuration(
        gguf metadata: GGUFModelMetadata
    ) throws(ModelError) -> JSONObject {
        try LlamaSkeleton.configuration(
            gguf: metadata, modelType: "phi3", class: "Phi3ForCausalLM")
    }

    /// Names and layouts in safetensors files.
    public static func huggingFace(_ role: Role, in spec: DecoderSpec) -> StoredForm {
        LlamaSkeleton.huggingFace(role)
    }
}
