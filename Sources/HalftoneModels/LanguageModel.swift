import Foundation
import HalftoneCheckpoints
import HalftoneFiles
import HalftoneKernels
import HalftoneText

/// A language model as its files describe it: weights, configuration, vocabulary.
public struct LanguageModel: Sendable {
    /// The parameters.
    public var weights: DecoderWeights
    /// What files of its kind call things.
    public let architecture: any Architecture.Type
    /// The members of `config.json`; made from metadata when the source is a GGUF file.
    public let configuration: JSONObject
    /// How to sample and when to stop.
    public let generation: GenerationDefaults
    /// The vocabulary, or nil when the files have none or it was not read.
    public let tokenizer: Tokenizer?
    /// The source of the chat template, or nil.
    public let chatTemplate: String?
    /// The files.
    public let source: ModelFile
    /// Packed tensors by the names of their weights, for folders that this package compressed.
    public let packing: PackedManifest?
    /// How another program packed the folder, or nil.
    public let foreignLayout: (any PackedLayout)?
    /// Whether the parameters are others than those of the files, with the same function.
    public private(set) var isRewritten = false

    /// Opens a model folder or a GGUF file; weights stay mapped.
    ///
    /// - Parameters:
    ///   - path: Of the folder or file.
    ///   - readsTokenizer: Whether the vocabulary is read, which takes longer than the rest; who
    ///     has tokens can do without.
    /// - Throws: ``ModelError``, `FileError` or `TokenizerError` with what is wrong.
    public init(path: String, readsTokenizer: Bool = true) throws {
        let file = try openModelFile(path)
        switch file {
        case .folder(let folder, let checkpoint):
            try self.init(
                folder: folder, checkpoint: checkpoint, source: file,
                readsTokenizer: readsTokenizer)
        case .gguf(let gguf):
            try self.init(gguf: gguf, source: file, readsTokenizer: readsTokenizer)
        case .safetensors:
            throw ModelError.notAModel(
                path: path,
                reason: "it holds tensors but no config.json; give the folder that has both")
        }
    }

    /// What the model computes.
    public var spec: DecoderSpec { weights.spec }

    /// The model with parameters that a transform made of its own.
    public func rewritten(as weights: DecoderWeights) -> LanguageModel {
        var model = self
        model.weights = weights
        model.isRewritten = true
        return model
    }

    private init(
        folder: ModelFolder, checkpoint: SafetensorsCheckpoint, source: ModelFile,
        readsTokenizer: Bool
    ) throws {
        guard let configuration = folder.config.object else {
            throw ModelError.badConfiguration(
                key: "config.json", found: "no object", wanted: "an object")
        }
        let reader = ConfigurationReader(folder.config)
        let architecture = try Architectures.named(modelType: reader.string("model_type"))
        let packing = try PackedManifest(configuration: folder.config)
        let foreign = packing == nil ? try PackedCheckpoints.layout(of: folder) : nil
        weights = try DecoderWeights.load(
            checkpoint, spec: architecture.spec(reader), architecture: architecture
        ) { name, form throws(ModelError) in
            if let packing { return try packing.matrix(name, in: checkpoint) }
            return try foreign?.matrix(named: name, stored: form, in: checkpoint)
        }
        self.architecture = architecture
        self.configuration = configuration
        self.packing = packing
        foreignLayout = foreign
        self.source = source
        generation = GenerationDefaults(
            configuration: folder.config, generation: folder.generationConfig)
        tokenizer =
            readsTokenizer
            ? try folder.tokenizer().map {
                try Tokenizer(tokenizerJSON: $0, configuration: folder.tokenizerConfig)
            } : nil
        chatTemplate = folder.chatTemplate
    }

    private init(gguf file: GGUFFile, source: ModelFile, readsTokenizer: Bool) throws {
        let metadata = file.metadata
        guard let name = metadata["general.architecture"]?.string else {
            throw ModelError.badConfiguration(
                key: "general.architecture", found: "nothing", wanted: "a text")
        }
        let architecture = try Architectures.named(gguf: name)
        let configuration = try architecture.configuration(
            gguf: GGUFModelMetadata(file, architecture: name))
        let spec = try architecture.spec(ConfigurationReader(.object(configuration)))
        weights = try ParameterLoader(
            spec: spec, form: { architecture.gguf($0, in: spec) },
            lookup: { file.tensor(named: $0) }
        ).load()
        self.architecture = architecture
        self.configuration = configuration
        self.source = source
        packing = nil
        foreignLayout = nil
        generation = GenerationDefaults(metadata: metadata)
        tokenizer =
            readsTokenizer ? try GGUFVocabulary(metadata).map { try Tokenizer($0) } : nil
        chatTemplate = metadata["tokenizer.chat_template"]?.string
    }
}

extension GGUFModelMetadata {
    /// Reads the architecture keys of a file and looks at its tensors.
    init(_ file: GGUFFile, architecture: String) throws(ModelError) {
        guard let embedding = file.tensor(named: "token_embd.weight"), embedding.shape.count == 2
        else {
            throw .tensorMismatch(missing: ["token_embd.weight"], misshapen: [])
        }
        let metadata = file.metadata
        self.init(
            keys: ConfigurationReader { key in
                metadata[architecture + "." + key].flatMap(JSONValue.init)
            },
            vocabularySize: embedding.shape[0],
            hasHead: file.tensor(named: "output.weight") != nil,
            hasAttentionBias: file.tensor(named: "blk.0.attn_q.bias") != nil,
            ropeDivisors: try file.tensor(named: "rope_freqs.weight")?.floats())
    }
}

extension JSONValue {
    /// The JSON counterpart of a GGUF value; nil for arrays that have none.
    init?(_ value: GGUFValue) {
        if let string = value.string {
            self = .string(string)
        } else if let bool = value.bool {
            self = .bool(bool)
        } else if let integer = value.integer {
            self = .integer(integer)
        } else if let double = value.double {
            self = .number(double)
        } else if let integers = value.integers {
            self = .array(integers.map { .integer($0) })
        } else if let floats = value.floats {
            self = .array(floats.map { .number(Double($0)) })
        } else {
            return nil
        }
    }
}

extension ModelFile {
    /// The path of the file or folder.
    public var path: String {
        switch self {
        case .folder(let folder, _): folder.path
        case .safetensors(let checkpoint): checkpoint.path
        case .gguf(let file): file.path
        }
    }
}
