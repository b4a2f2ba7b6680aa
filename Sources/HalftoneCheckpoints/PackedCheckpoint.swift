import HalftoneFiles
import HalftoneKernels

/// How a program packs the weights of a checkpoint: what its settings say, and how the tensors of
/// a module become a matrix.
///
/// A module is named as in the checkpoint, without `.weight`: `model.layers.0.mlp.up_proj`.
/// Adding a layout takes a file with a conforming type and a line in ``PackedCheckpoints/open(_:)``.
public protocol PackedLayout: Sendable {
    /// The layout's name with its main settings, for people: `gptq v1, 4 bits, groups of 128`.
    var summary: String { get }

    /// What the settings ask of a run time beyond the weights, and this package does not do.
    ///
    /// Activations that should be rounded, for instance: the weights are exact all the same.
    var notes: [String] { get }

    /// The matrix `[out, in]` of a module.
    ///
    /// - Parameters:
    ///   - module: Its name.
    ///   - archive: The tensors of the checkpoint.
    /// - Returns: Nil when the module is not packed, so that its `weight` is a plain tensor.
    /// - Throws: ``CheckpointError`` naming the tensor.
    func matrix(
        of module: String, in archive: any TensorArchive
    ) throws(CheckpointError) -> (any WeightMatrix)?

    /// Whether a layer that computes `x · W` with `W` of shape `[in, out]` is packed like a linear
    /// layer, whose weight is `[out, in]`; false by default.
    var transposesConvolutions: Bool { get }
}

extension PackedLayout {
    /// Nothing.
    public var notes: [String] { [] }

    /// Not known of the layout.
    public var transposesConvolutions: Bool { false }
}

/// The layouts of other programs that are read.
public enum PackedCheckpoints {
    /// The documents of a model folder that say how it is packed.
    public struct Documents: Sendable {
        /// `config.json`.
        public var configuration: JSONValue
        /// `quantize_config.json`, of older GPTQ folders.
        public var gptq: JSONValue?
        /// `quant_config.json`, of older AWQ folders.
        public var awq: JSONValue?

        /// Collects documents.
        public init(configuration: JSONValue, gptq: JSONValue? = nil, awq: JSONValue? = nil) {
            self.configuration = configuration
            self.gptq = gptq
            self.awq = awq
        }
    }

    /// The names that `quant_method` may have.
    public static let methods = [
        "gptq", "awq", "compressed-tensors", "bitsandbytes", "fp8", "mlx",
    ]

    /// The layout that the documents of a folder name, or nil when they name none.
    ///
    /// - Throws: ``CheckpointError`` for layouts and settings that are not read.
    public static func open(
        _ documents: Documents
    ) throws(CheckpointError) -> (any PackedLayout)? {
        let configuration = documents.configuration
        // MLX writes its settings under both names, in both without a method.
        if let settings = object(configuration["quantization"]) {
            return try MLXLayout(settings)
        }
        let settings =
            object(configuration["quantization_config"])
            ?? object(configuration["compression_config"])
        guard let settings else {
            if let settings = object(documents.gptq) { return try GPTQLayout(settings) }
            if let settings = object(documents.awq) { return try AWQLayout(settings) }
            return nil
        }
        guard let method = settings["quant_method"]?.string else {
            if settings["config_groups"] != nil { return try CompressedTensorsLayout(settings) }
            if settings["group_size"] != nil, settings["bits"] != nil {
                return try MLXLayout(settings)
            }
            throw .badSetting(
                key: "quant_method", found: settings["quant_method"]?.serialized() ?? "nothing",
                wanted: "one of " + methods.joined(separator: ", "))
        }
        switch method {
        case "gptq": return try GPTQLayout(settings)
        case "awq": return try AWQLayout(settings)
        case "compressed-tensors": return try CompressedTensorsLayout(settings)
        case "bitsandbytes": return try BitsAndBytesLayout(settings)
        case "fp8": return try BlockFloat8Layout(settings)
        default:
            throw .unsupported(
                setting: "quant_method", found: method,
                supported: methods.joined(separator: ", ") + " and halftone are")
        }
    }

    private static func object(_ value: JSONValue?) -> JSONValue? {
        value?.object == nil ? nil : value
    }
}
