import HalftoneFiles
import HalftoneRuntime
import HalftoneText

/// The body of a request to `/v1/chat/completions`.
struct ChatRequest: Sendable {
    /// Which functions the model is to call.
    enum ToolChoice: Sendable, Equatable {
        case none, automatic, required
        case function(String)
    }

    /// What an answer must be like.
    enum Format: Sendable, Equatable {
        case text, anyObject
        case schema(JSONValue)
    }

    /// What completions have, too.
    var answer: AnswerRequest
    /// The conversation from its start.
    var messages: [ChatMessage]
    /// Descriptions of the functions that the model may call.
    var tools: [JSONValue] = []
    /// Which of those it is to call.
    var toolChoice = ToolChoice.automatic
    /// What the answer must be like.
    var format = Format.text
    /// Further variables of the chat template.
    var templateVariables: JSONObject = [:]

    /// Functions that may be described.
    private static let mostTools = 128

    init(
        _ request: RequestReader, recommended: SamplingOptions, options: ServerOptions
    ) throws(APIError) {
        answer = try AnswerRequest(request, recommended: recommended, options: options)
        if try request.bool("logprobs") == true {
            answer.alternatives = try request.integer("top_logprobs", 0...20) ?? 0
        }
        messages = try Self.messages(request, limit: options.messageCount)
        if let variables = request.value("chat_template_kwargs") {
            guard case .object(let variables) = variables else {
                throw request.error("chat_template_kwargs", "is to be an object")
            }
            templateVariables = variables
        }
        try readTools(request)
        try readFormat(request)
    }

    // MARK: Messages

    /// The conversation of a request.
    static func messages(
        _ request: RequestReader, limit: Int
    ) throws(APIError) -> [ChatMessage] {
        guard let list = try request.array("messages"), !list.isEmpty else {
            throw request.error("messages", "is to be a list of at least one message")
        }
        guard list.count <= limit else {
            throw request.error("messages", "may have \(limit) messages at most")
        }
        var messages: [ChatMessage] = []
        for (index, value) in list.enumerated() {
            messages.append(try message(RequestReader(value, at: "messages[\(index)]")))
        }
        return messages
    }

    private static func message(_ reader: RequestReader) throws(APIError) -> ChatMessage {
        guard let role = try reader.string("role") else {
            throw reader.error("role", "is missing")
        }
        guard ["system", "developer", "user", "assistant", "tool"].contains(role) else {
            throw reader.error("role", "is to be system, user, assistant or tool")
        }
        var message = ChatMessage(
            role: role == "developer" ? "system" : role, content: try content(reader))
        message.name = try reader.string("name")
        message.toolCallID = try reader.string("tool_call_id")
        for (index, call) in (try reader.array("tool_calls") ?? []).enumerated() {
            message.toolCalls.append(
                try toolCall(RequestReader(call, at: reader.name("tool_calls[\(index)]"))))
        }
        guard message.content != .null || !message.toolCalls.isEmpty else {
            throw reader.error("content", "is missing")
        }
        return message
    }

    /// A text, or the texts of a list of parts.
    private static func content(_ reader: RequestReader) throws(APIError) -> JSONValue {
        switch reader.value("content") {
        case nil: return .null
        case .string(let text): return .string(text)
        case .array(let parts):
            var text = ""
            for part in parts {
                let part = try RequestReader(part, at: reader.name("content"))
                guard try part.string("type") == "text", let piece = try part.string("text") else {
                    throw reader.error("content", "may hold parts of type text only")
                }
                text += piece
            }
            return .string(text)
        default: throw reader.error("content", "is to be a text or a list of parts")
        }
    }

    private static func toolCall(_ reader: RequestReader) throws(APIError) -> ChatMessage.ToolCall {
        guard let function = try reader.object("function"),
            let name = try function.string("name")
        else { throw reader.error("function", "is to have a name and arguments") }
        let text = try function.string("arguments") ?? "{}"
        // Models see what they wrote as a document where it is one.
        let arguments = (try? JSONParser.parse(text)) ?? .string(text)
        return ChatMessage.ToolCall(
            id: try reader.string("id"), name: name, arguments: arguments)
    }

    // MARK: Tools and format

    private mutating func readTools(_ request: RequestReader) throws(APIError) {
        tools = try request.array("tools") ?? []
        guard tools.count <= Self.mostTools else {
            throw request.error("tools", "may describe \(Self.mostTools) functions at most")
        }
        for (index, tool) in tools.enumerated() {
            let tool = try RequestReader(tool, at: "tools[\(index)]")
            guard try tool.string("type") == "function",
                try tool.object("function")?.string("name") != nil
            else { throw request.error("tools", "describes functions with names") }
        }
        switch request.value("tool_choice") {
        case nil, .string("auto"): toolChoice = tools.isEmpty ? .none : .automatic
        case .string("none"): toolChoice = .none
        case .string("required"): toolChoice = .required
        case .object:
            guard
                let name = try request.object("tool_choice")?.object("function")?.string("name"),
                tool(named: name) != nil
            else { throw request.error("tool_choice", "is to name one of the tools") }
            toolChoice = .function(name)
        default:
            throw request.error("tool_choice", "is to be none, auto, required or a function")
        }
        guard toolChoice != .required || !tools.isEmpty else {
            throw request.error("tool_choice", "requires a function, and tools has none")
        }
    }

    /// The description of a function.
    func tool(named name: String) -> JSONObject? {
        functions.first { $0["name"] == .string(name) }
    }

    /// The descriptions of all functions.
    var functions: [JSONObject] {
        tools.compactMap { tool in
            guard case .object(let tool) = tool, case .object(let function) = tool["function"]
            else { return nil }
            return function
        }
    }

    private mutating func readFormat(_ request: RequestReader) throws(APIError) {
        guard let format = try request.object("response_format") else { return }
        switch try format.string("type") {
        case "text": break
        case "json_object": self.format = .anyObject
        case "json_schema":
            guard let schema = try format.object("json_schema")?.value("schema") else {
                throw format.error("json_schema", "is to hold a schema")
            }
            self.format = .schema(schema)
        default: throw format.error("type", "is to be text, json_object or json_schema")
        }
        guard self.format == .text || toolChoice == .none || toolChoice == .automatic else {
            throw request.error("response_format", "cannot hold beside a required tool call")
        }
    }
}
