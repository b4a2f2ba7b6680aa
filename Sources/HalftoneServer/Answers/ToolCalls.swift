import Foundation
import HalftoneFiles
import HalftoneServing
import HalftoneText

/// A function that a model asks for.
struct ToolCall: Sendable, Equatable {
    /// What the answer refers to.
    let id: String
    /// The function.
    let name: String
    /// Its arguments, as a JSON document.
    let arguments: String

    /// The call as clients read it; in streams with its index.
    func json(index: Int? = nil) -> JSONValue {
        var object: JSONObject = [:]
        if let index { object["index"] = .integer(index) }
        object["id"] = .string(id)
        object["type"] = "function"
        object["function"] = ["name": .string(name), "arguments": .string(arguments)]
        return .object(object)
    }
}

/// Finds calls in what a model writes.
///
/// Two ways to write them are known: `<tool_call>{"name": …, "arguments": {…}}</tool_call>`, as the
/// templates of Hermes, Qwen and SmolLM ask for, and an answer that is nothing but such a document,
/// with `parameters` for Llama. What only looks like a call is text.
struct ToolCallFilter: Sendable {
    private let names: Set<String>
    private var text = ""
    private var isHeld = false

    private static let opening = "<tool_call>"
    private static let closing = "</tool_call>"

    /// - Parameter names: The functions that there are.
    init(names: Set<String>) { self.names = names }

    /// Takes a piece of text and returns what is certain to be no call.
    mutating func push(_ piece: String) -> String {
        text += piece
        guard !isHeld else { return "" }
        let start = text.prefix { $0.isWhitespace }.endIndex
        if start < text.endIndex, text[start] == "{" {
            isHeld = true
            return ""
        }
        if let range = text.range(of: Self.opening) {
            isHeld = true
            let before = String(text[..<range.lowerBound])
            text.removeSubrange(..<range.lowerBound)
            return before
        }
        // The end may be the beginning of a call, or the white space before one.
        let kept = (1..<Self.opening.count).last { text.hasSuffix(Self.opening.prefix($0)) } ?? 0
        var end = text.index(text.endIndex, offsetBy: -kept)
        while end > text.startIndex, text[text.index(before: end)].isWhitespace {
            end = text.index(before: end)
        }
        let certain = String(text[..<end])
        text.removeSubrange(..<end)
        return certain
    }

    /// The calls, and the text that was held and is none.
    mutating func finish() -> (text: String, calls: [ToolCall]) {
        defer { text = "" }
        var calls: [ToolCall] = []
        var rest = text
        while let range = rest.range(of: Self.opening) {
            let end = rest.range(of: Self.closing, range: range.upperBound..<rest.endIndex)
            let body = rest[range.upperBound..<(end?.lowerBound ?? rest.endIndex)]
            guard let call = Self.call(String(body), names) else { return (text, []) }
            calls.append(call)
            rest.removeSubrange(range.lowerBound..<(end?.upperBound ?? rest.endIndex))
        }
        if calls.isEmpty, let call = Self.call(text, names) { return ("", [call]) }
        guard !calls.isEmpty else { return (text, []) }
        return (rest.trimmingCharacters(in: .whitespacesAndNewlines), calls)
    }

    /// The call that a document states, or nil.
    static func call(_ text: String, _ names: Set<String>) -> ToolCall? {
        let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard case .object(let object) = try? JSONParser.parse(text),
            case .string(let name) = object["name"], names.contains(name)
        else { return nil }
        let arguments = object["arguments"] ?? object["parameters"] ?? .object([:])
        return ToolCall(
            id: "call_" + Identifier.random(24), name: name,
            arguments: arguments.serialized(.spaced))
    }
}

extension ChatRequest {
    /// The names of all functions.
    var functionNames: Set<String> {
        Set(functions.compactMap { if case .string(let name) = $0["name"] { name } else { nil } })
    }

    /// The functions that the model has to choose from, or nil where it need not call any.
    private var requiredFunctions: [JSONObject]? {
        switch toolChoice {
        case .none, .automatic: nil
        case .required: functions
        case .function(let name): tool(named: name).map { [$0] }
        }
    }

    /// What the answer is held to: a format, or a call that is required.
    func constraint(of model: ServedModel) throws -> TokenConstraint? {
        if let functions = requiredFunctions {
            let calls = functions.map { function -> JSONValue in
                [
                    "type": "object",
                    "properties": [
                        "name": ["const": function["name"] ?? .null],
                        "arguments": function["parameters"] ?? ["type": "object"],
                    ],
                    "required": ["name", "arguments"],
                ]
            }
            let schema: JSONValue = calls.count == 1 ? calls[0] : ["anyOf": .array(calls)]
            return try Self.constraint(schema, of: model, isCompact: true)
        }
        switch format {
        case .text: return nil
        case .anyObject: return try Self.constraint(["type": "object"], of: model)
        case .schema(let schema): return try Self.constraint(schema, of: model)
        }
    }

    private static func constraint(
        _ schema: JSONValue, of model: ServedModel, isCompact: Bool = false
    ) throws -> TokenConstraint {
        let key = "\(isCompact) \(schema.serialized())"
        return try model.constraint(key) { vocabulary throws(SchemaError) in
            try TokenConstraint(jsonSchema: schema, vocabulary: vocabulary, isCompact: isCompact)
        }
    }

    /// The conversation for a template that knows no functions: they are described at its beginning,
    /// calls are written as text, and what came of them is said by the user.
    func plainMessages(describing functions: [JSONObject]) -> [ChatMessage] {
        var plain: [ChatMessage] = []
        for message in messages {
            var text = message.content.string ?? ""
            for call in message.toolCalls {
                let document: JSONValue = [
                    "name": .string(call.name), "arguments": call.arguments,
                ]
                text += "<tool_call>\(document.serialized(.spaced))</tool_call>"
            }
            let isResult = message.role == "tool"
            plain.append(
                ChatMessage(
                    role: isResult ? "user" : message.role,
                    content: .string(isResult ? "<tool_response>\(text)</tool_response>" : text)))
        }
        guard !functions.isEmpty else { return plain }
        let list = functions.map { JSONValue.object($0).serialized() }
        let instructions = """
            Functions:
            \(list.joined(separator: "\n"))
            To call one, answer with
            <tool_call>{"name": "…", "arguments": {…}}</tool_call>
            and nothing else.
            """
        if plain.first?.role == "system", let text = plain[0].content.string {
            plain[0].content = .string(text + "\n" + instructions)
        } else {
            plain.insert(.system(instructions), at: 0)
        }
        return plain
    }
}

/// Names for things that are made.
enum Identifier {
    /// Letters and digits that nobody can guess.
    static func random(_ count: Int) -> String {
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        return String((0..<count).map { _ in letters[Int.random(in: letters.indices)] })
    }
}
