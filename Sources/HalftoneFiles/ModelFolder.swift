import Foundation
import HalftoneKernels

/// A model as Hugging Face lays it out: documents and weights in one folder.
///
/// Documents are given as they are; what they mean is for the readers of architectures and
/// tokenizers. No file outside the folder is opened, except the cache's `blobs` beside a
/// snapshot; pickles and Python files never are.
public struct ModelFolder: Sendable {
    /// The folder.
    public let path: String
    /// `config.json`: the architecture.
    public let config: JSONValue
    /// `generation_config.json`: defaults of the sampler and ids that end a text.
    public let generationConfig: JSONValue?
    /// `tokenizer_config.json`.
    public let tokenizerConfig: JSONValue?
    /// `special_tokens_map.json`.
    public let specialTokensMap: JSONValue?
    /// Chat templates by name, the one named `default` first.
    public let chatTemplates: [ChatTemplateText]
    private let folder: ModelPath

    /// A chat template and its name.
    public struct ChatTemplateText: Sendable, Equatable {
        /// `default`, `tool_use` or another name.
        public let name: String
        /// The template in Jinja's language.
        public let text: String
    }

    private static let maximumTextByteCount = 1 << 24

    /// Reads the small documents of a folder.
    ///
    /// - Throws: ``FileError`` when there is no `config.json`, or with the first fault of a file.
    public init(_ path: String) throws(FileError) {
        guard try ModelPath.isFolder(path) else {
            throw FileError(path: path, .notAModelFolder)
        }
        self.path = path
        folder = ModelPath(folder: path)
        guard let config = try Self.json("config.json", in: folder) else {
            throw FileError(path: path, .notAModelFolder)
        }
        self.config = config
        generationConfig = try Self.json("generation_config.json", in: folder)
        tokenizerConfig = try Self.json("tokenizer_config.json", in: folder)
        specialTokensMap = try Self.json("special_tokens_map.json", in: folder)
        chatTemplates = try Self.chatTemplates(in: folder, tokenizerConfig: tokenizerConfig)
    }

    /// The chat template that is used when none is named.
    public var chatTemplate: String? { chatTemplate(named: "default") }

    /// The chat template of a name, or nil.
    public func chatTemplate(named name: String) -> String? {
        chatTemplates.first { $0.name == name }?.text
    }

    /// `tokenizer.json`, or nil when the folder has none.
    ///
    /// - Throws: ``FileError``.
    public func tokenizer() throws(FileError) -> JSONValue? {
        try Self.json("tokenizer.json", in: folder)
    }

    /// The weights.
    ///
    /// - Throws: ``FileError``.
    public func weights() throws(FileError) -> SafetensorsCheckpoint {
        try SafetensorsCheckpoint(contentsOf: path)
    }

    /// Any other document of the folder by its plain name, or nil when there is none.
    ///
    /// - Throws: ``FileError``.
    public func json(_ name: String) throws(FileError) -> JSONValue? {
        try Self.json(name, in: folder)
    }

    /// The real path of a file of the folder by its plain name, or nil when there is none.
    ///
    /// - Throws: ``FileError`` when a link leaves the folder.
    public func pathOfFile(_ name: String) throws(FileError) -> String? {
        try folder.resolve(name)
    }
}

extension ModelFolder {
    private static func json(_ name: String, in folder: ModelPath) throws(FileError) -> JSONValue? {
        guard let path = try folder.resolve(name) else { return nil }
        let file = try MappedFile(path)
        do {
            // Python writes NaN and Infinity in places where a model's code put them.
            var limits = JSONParser.Limits()
            limits.allowsNonFinite = true
            return try JSONParser.parse(file.bytes, limits: limits)
        } catch {
            if let content = FileContent(file.bytes), content != .safetensors {
                throw FileError(path: path, .wrongContent(content, expected: "a JSON document"))
            }
            throw FileError(path: path, .json(error))
        }
    }

    private static func text(
        _ name: String, in folder: ModelPath, subfolder: String? = nil
    ) throws(FileError) -> String? {
        guard let path = try folder.resolve(name, in: subfolder) else { return nil }
        let file = try MappedFile(path)
        guard file.bytes.count <= maximumTextByteCount else {
            throw FileError(
                path: path,
                .fileTooLarge(found: file.bytes.count, allowed: maximumTextByteCount))
        }
        guard let text = file.bytes.utf8String else { throw FileError(path: path, .notUTF8) }
        return text
    }

    /// Collects templates: those of `tokenizer_config.json`, replaced or joined by `.jinja` files.
    private static func chatTemplates(
        in folder: ModelPath, tokenizerConfig: JSONValue?
    ) throws(FileError) -> [ChatTemplateText] {
        var templates = try templates(of: tokenizerConfig, folder: folder)
        func set(_ name: String, _ text: String) {
            templates.removeAll { $0.name == name }
            templates.append(ChatTemplateText(name: name, text: text))
        }
        let ownFile = try text("chat_template.jinja", in: folder)
        let extraNames = try additionalNames(in: folder)
        if let legacy = try json("chat_template.json", in: folder) {
            guard ownFile == nil, extraNames.isEmpty else {
                throw FileError(
                    path: folder.folder,
                    .chatTemplate("chat_template.json and .jinja files are both present"))
            }
            guard let text = legacy["chat_template"]?.string else {
                throw FileError(
                    path: folder.folder,
                    .chatTemplate("chat_template.json has no string chat_template"))
            }
            set("default", text)
        }
        if let ownFile { set("default", ownFile) }
        for name in extraNames {
            if let text = try text(name + ".jinja", in: folder, subfolder: additionalFolder) {
                set(name, text)
            }
        }
        return templates.filter { $0.name == "default" } + templates.filter { $0.name != "default" }
    }

    private static let additionalFolder = "additional_chat_templates"

    private static func templates(
        of tokenizerConfig: JSONValue?, folder: ModelPath
    ) throws(FileError) -> [ChatTemplateText] {
        switch tokenizerConfig?["chat_template"] {
        case nil, .null: return []
        case .string(let text): return [ChatTemplateText(name: "default", text: text)]
        case .array(let elements):
            var templates: [ChatTemplateText] = []
            for element in elements {
                guard let name = element["name"]?.string, let text = element["template"]?.string,
                    !templates.contains(where: { $0.name == name })
                else {
                    throw FileError(
                        path: folder.folder,
                        .chatTemplate(
                            "chat_template of tokenizer_config.json must be a list of objects, "
                                + "each with a name of its own and a template"))
                }
                templates.append(ChatTemplateText(name: name, text: text))
            }
            return templates
        default:
            throw FileError(
                path: folder.folder,
                .chatTemplate(
                    "chat_template of tokenizer_config.json is neither a text nor a list"))
        }
    }

    private static func additionalNames(in folder: ModelPath) throws(FileError) -> [String] {
        let path = folder.folder + "/" + additionalFolder
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasSuffix(".jinja") && ModelPath.isPlainName($0) }
            .map { String($0.dropLast(".jinja".count)) }.sorted()
    }
}
