import Foundation
import HalftoneFiles

/// A chat template: turns messages into the text that a model was trained on.
///
/// It runs the Jinja that published templates use as Python's transformers sets it up: blocks
/// trimmed, loop controls, `tojson` without escapes, `raise_exception`, `strftime_now`. Templates
/// come with models and are not trusted: they reach no file and no attribute beyond fixed lists,
/// cannot change what they are given, and stop at ``TemplateLimits``.
public struct ChatTemplate: Sendable {
    private let statements: [TemplateStatement]
    private let limits: TemplateLimits

    /// Parses a template.
    ///
    /// - Throws: ``TemplateError`` for text that is no template or is beyond the limits.
    public init(
        source: String, limits: TemplateLimits = TemplateLimits()
    ) throws(TemplateError) {
        statements = try TemplateParser.statements(of: source, limits: limits)
        self.limits = limits
    }

    /// Renders a conversation.
    ///
    /// - Parameters:
    ///   - messages: The conversation from its start.
    ///   - tools: Descriptions of the functions that the model may call; nil for none.
    ///   - addGenerationPrompt: Whether the text ends where the model's answer starts.
    ///   - specialTokens: Texts of special tokens by name: `bos_token`, `eos_token`.
    ///   - extra: Further variables, such as `enable_thinking`.
    ///   - now: What `strftime_now` takes for the present.
    ///   - timeZone: Where that is.
    /// - Throws: ``TemplateError``; `raised` when the template refuses the conversation.
    public func render(
        messages: [ChatMessage], tools: [JSONValue]? = nil, addGenerationPrompt: Bool = true,
        specialTokens: [String: String] = [:], extra: JSONObject = [:], now: Date = Date(),
        timeZone: TimeZone = .current
    ) throws(TemplateError) -> String {
        try render(
            messages: .array(messages.map(\.json)), tools: tools.map { .array($0) },
            addGenerationPrompt: addGenerationPrompt, specialTokens: specialTokens, extra: extra,
            now: now, timeZone: timeZone)
    }

    /// Renders a conversation given as JSON.
    public func render(
        messages: JSONValue, tools: JSONValue? = nil, addGenerationPrompt: Bool = true,
        specialTokens: [String: String] = [:], extra: JSONObject = [:], now: Date = Date(),
        timeZone: TimeZone = .current
    ) throws(TemplateError) -> String {
        var variables: JSONObject = [
            "messages": messages, "tools": tools ?? .null, "documents": .null,
            "add_generation_prompt": .bool(addGenerationPrompt),
        ]
        for (name, text) in specialTokens { variables[name] = .string(text) }
        for member in extra.members { variables[member.name] = member.value }
        return try render(variables: variables, now: now, timeZone: timeZone)
    }

    /// Renders the template with variables by name and nothing else.
    public func render(
        variables: JSONObject, now: Date = Date(), timeZone: TimeZone = .current
    ) throws(TemplateError) -> String {
        let interpreter = TemplateInterpreter(limits: limits, now: now, timeZone: timeZone)
        return try interpreter.render(statements, variables: variables)
    }
}
