import HalftoneFiles
import HalftoneText

/// Turns messages into tokens with a model's chat template.
public struct Conversation: Sendable {
    private let template: ChatTemplate
    private let tokenizer: Tokenizer
    private let special: [String: String]

    /// Whether the template tells a model of functions that it may call.
    public let knowsTools: Bool

    /// Compiles the template of a model.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - name: What to call it in an error.
    ///   - source: A template in place of the model's own.
    /// - Throws: ``ConversationError``, or `TemplateError` for a template that is none.
    public init(_ model: LanguageModel, name: String, template source: String? = nil) throws {
        guard let source = source ?? model.chatTemplate else {
            throw ConversationError.noTemplate(name)
        }
        guard let tokenizer = model.tokenizer else { throw ConversationError.noTokenizer(name) }
        self.tokenizer = tokenizer
        template = try ChatTemplate(source: source)
        knowsTools = source.contains("tools")
        var special: [String: String] = [:]
        for (key, id) in [
            ("bos_token", tokenizer.special.bos), ("eos_token", tokenizer.special.eos),
            ("pad_token", tokenizer.special.padding), ("unk_token", tokenizer.special.unknown),
        ] {
            if let piece = id.flatMap({ tokenizer.piece(of: $0) }) { special[key] = piece }
        }
        self.special = special
    }

    /// The tokens of a conversation up to where the model's answer begins.
    ///
    /// The template writes special tokens itself, so none are added and those in it are parsed.
    ///
    /// - Parameters:
    ///   - messages: The conversation from its start.
    ///   - tools: Descriptions of functions that the model may call; nil for none.
    ///   - extra: Further variables of the template.
    /// - Throws: `TemplateError` when the template refuses the conversation.
    public func tokens(
        _ messages: [ChatMessage], tools: [JSONValue]? = nil, extra: JSONObject = [:]
    ) throws -> [Int32] {
        let text = try template.render(
            messages: messages, tools: tools, addGenerationPrompt: true, specialTokens: special,
            extra: extra)
        return tokenizer.encode(text, addSpecialTokens: false, parseSpecial: true)
    }
}

/// Why a model cannot be talked to.
public enum ConversationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The model of this name has no chat template.
    case noTemplate(String)
    /// The model of this name has no tokenizer.
    case noTokenizer(String)

    /// What is missing and what would do.
    public var description: String {
        switch self {
        case .noTemplate(let name):
            "\(name) has no chat template, so it was not made to chat; use `halftone run`, or give "
                + "`serve` a template with --chat-template"
        case .noTokenizer(let name):
            "\(name) has no tokenizer; add its tokenizer.json to the folder"
        }
    }
}

extension LanguageModel {
    /// Every token that ends a text.
    public var stopTokens: Set<Int32> { generation.stopTokens.union(tokenizer?.stopIDs ?? []) }
}
