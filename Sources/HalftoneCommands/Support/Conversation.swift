import Foundation
import HalftoneModels
import HalftoneText

/// Turns messages into tokens with a model's chat template.
struct Conversation {
    private let template: ChatTemplate
    private let tokenizer: Tokenizer
    private let special: [String: String]

    /// Compiles the template of a model.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - name: What to call it in an error.
    init(_ model: LanguageModel, name: String) throws {
        guard let source = model.chatTemplate else {
            throw CommandError(
                "\(name) has no chat template, so it was not made to chat; use `halftone run`",
                .badInput)
        }
        tokenizer = try ModelArgument.tokenizer(model, name)
        template = try ChatTemplate(source: source)
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
    func tokens(_ messages: [ChatMessage]) throws -> [Int32] {
        let text = try template.render(
            messages: messages, addGenerationPrompt: true, specialTokens: special)
        return tokenizer.encode(text, addSpecialTokens: false, parseSpecial: true)
    }
}
