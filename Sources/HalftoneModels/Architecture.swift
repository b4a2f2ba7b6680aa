import HalftoneFiles

/// A family of models: how its files describe a ``DecoderSpec`` and what they call parameters.
///
/// Adding one takes a file with a conforming type and a line in ``Architectures/all``.
public protocol Architecture: Sendable {
    /// Values of `model_type` in `config.json`.
    static var modelTypes: [String] { get }

    /// The value of `general.architecture` in GGUF files.
    static var ggufName: String { get }

    /// Translates a `config.json`.
    static func spec(_ configuration: ConfigurationReader) throws(ModelError) -> DecoderSpec

    /// The `config.json` that says what the architecture keys of a GGUF file say.
    ///
    /// - Parameter metadata: Keys without the architecture's prefix: `block_count`.
    static func configuration(gguf metadata: GGUFModelMetadata) throws(ModelError) -> JSONObject

    /// What a `model.safetensors` calls a parameter, and how it lies there.
    static func huggingFace(_ role: Role, in spec: DecoderSpec) -> StoredForm

    /// How a parameter lies in a GGUF file; names follow one table for all architectures.
    static func ggufLayout(_ role: Role, in spec: DecoderSpec) -> StoredForm.Layout
}

extension Architecture {
    /// Parameters lie in GGUF files as the run time uses them.
    public static func ggufLayout(_ role: Role, in spec: DecoderSpec) -> StoredForm.Layout {
        .same
    }

    /// What a GGUF file calls a parameter, and how it lies there.
    public static func gguf(_ role: Role, in spec: DecoderSpec) -> StoredForm {
        StoredForm(GGUFNames.name(of: role), layout: ggufLayout(role, in: spec))
    }
}

/// The built-in architectures.
public enum Architectures {
    /// Every family, in the order in which the documentation lists them.
    public static let all: [any Architecture.Type] = [
        Llama.self, Mistral.self, Qwen2.self, Qwen3.self, Gemma2.self, Gemma3.self, Phi3.self,
        GPT2.self, GPTNeoX.self,
    ]

    /// The architecture whose `config.json` has this `model_type`.
    public static func named(
        modelType: String
    ) throws(ModelError) -> any Architecture.Type {
        guard let match = all.first(where: { $0.modelTypes.contains(modelType) }) else {
            throw .unknownArchitecture(modelType, known: all.flatMap { $0.modelTypes })
        }
        return match
    }

    /// The architecture with this `general.architecture`.
    public static func named(gguf: String) throws(ModelError) -> any Architecture.Type {
        guard let match = all.first(where: { $0.ggufName == gguf }) else {
            throw .unknownArchitecture(gguf, known: Set(all.map { $0.ggufName }).sorted())
        }
        return match
    }
}

/// The name of a parameter in a file and its layout there.
public struct StoredForm: Sendable, Equatable {
    /// How a stored tensor differs from the parameter that the run time uses.
    public enum Layout: Sendable, Equatable {
        case same
        /// Stored as `[in, out]`.
        case transposed
        /// Row `i` of the parameter is row `order[i]` of the stored tensor; biases likewise.
        case rows([Int])
        /// The stored vector is one less than the parameter.
        case minusOne
    }

    /// Names under which it may be stored, the one to write first.
    public var names: [String]
    /// Its layout.
    public var layout: Layout

    /// A stored form with one name.
    public init(_ name: String, layout: Layout = .same) {
        self.init([name], layout: layout)
    }

    /// A stored form with several names, the one to write first.
    public init(_ names: [String], layout: Layout = .same) {
        self.names = names
        self.layout = layout
    }
}

/// The architecture keys of a GGUF file, and what its tensors tell beyond them.
public struct GGUFModelMetadata: Sendable {
    /// Keys without the architecture's prefix.
    public let keys: ConfigurationReader
    /// Rows of the embedding.
    public let vocabularySize: Int
    /// Whether the file has a head of its own.
    public let hasHead: Bool
    /// Whether queries, keys and values have biases.
    public let hasAttentionBias: Bool
    /// The divisors of `rope_freqs.weight`, or nil.
    public let ropeDivisors: [Float]?

    /// Collects what a file says.
    public init(
        keys: ConfigurationReader, vocabularySize: Int, hasHead: Bool, hasAttentionBias: Bool,
        ropeDivisors: [Float]?
    ) {
        self.keys = keys
        self.vocabularySize = vocabularySize
        self.hasHead = hasHead
        self.hasAttentionBias = hasAttentionBias
        self.ropeDivisors = ropeDivisors
    }
}

/// The tensor names of GGUF files.
enum GGUFNames {
    static func name(of role: Role) -> String {
        let owner: String
        switch role.part {
        case .embedding: owner = "token_embd"
        case .positions: owner = "position_embd"
        case .attentionNorm: owner = "attn_norm"
        case .query: owner = "attn_q"
        case .key: owner = "attn_k"
        case .value: owner = "attn_v"
        case .qkv: owner = "attn_qkv"
        case .attentionOutput: owner = "attn_output"
        case .queryNorm: owner = "attn_q_norm"
        case .keyNorm: owner = "attn_k_norm"
        case .attentionPostNorm: owner = "post_attention_norm"
        case .mlpNorm: owner = "ffn_norm"
        case .gate: owner = "ffn_gate"
        case .up, .gateUp: owner = "ffn_up"
        case .down: owner = "ffn_down"
        case .mlpPostNorm: owner = "post_ffw_norm"
        case .finalNorm: owner = "output_norm"
        case .head: owner = "output"
        }
        let prefix = role.block.map { "blk.\($0)." } ?? ""
        return prefix + owner + (role.isBias ? ".bias" : ".weight")
    }
}
