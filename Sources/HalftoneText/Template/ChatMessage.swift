import HalftoneFiles

/// One message of a conversation, as chat templates expect it.
public struct ChatMessage: Sendable, Equatable {
    /// A function that the model asked for.
    public struct ToolCall: Sendable, Equatable {
        /// The id that the answer refers to, when the interface has one.
        public var id: String?
        /// The name of the function.
        public var name: String
        /// The arguments, as a rule an object.
        public var arguments: JSONValue

        /// Describes a call.
        public init(id: String? = nil, name: String, arguments: JSONValue) {
            self.id = id
            self.name = name
            self.arguments = arguments
        }
    }

    /// Who speaks: `system`, `user`, `assistant`, `tool`, or what a model has beyond those.
    public var role: String
    /// A string, a list of parts such as `{"type": "text", "text": …}`, or null.
    public var content: JSONValue
    /// The functions that the assistant asks for.
    public var toolCalls: [ToolCall]
    /// The call that a message of role `tool` answers.
    public var toolCallID: String?
    /// The name of the speaker or of the function that answers.
    public var name: String?
    /// Further members, such as `reasoning_content`.
    public var extra: JSONObject

    /// Describes a message.
    public init(
        role: String, content: JSONValue, toolCalls: [ToolCall] = [], toolCallID: String? = nil,
        name: String? = nil, extra: JSONObject = [:]
    ) {
        self.role = role
        self.content = content
        self.toolCalls = toolCalls
        self.toolCallID = toolCallID
        self.name = name
        self.extra = extra
    }

    /// A message of the system.
    public static func system(_ text: String) -> ChatMessage {
        ChatMessage(role: "system", content: .string(text))
    }

    /// A message of the user.
    public static func user(_ text: String) -> ChatMessage {
        ChatMessage(role: "user", content: .string(text))
    }

    /// A message of the model.
    public static func assistant(_ text: String) -> ChatMessage {
        ChatMessage(role: "assistant", content: .string(text))
    }

    /// The message as templates read it; absent members are left out.
    public var json: JSONValue {
        var object: JSONObject = ["role": .string(role), "content": content]
        if !toolCalls.isEmpty {
            object["tool_calls"] = .array(
                toolCalls.map { call in
                    var entry: JSONObject = [:]
                    if let id = call.id { entry["id"] = .string(id) }
                    entry["type"] = "function"
                    entry["function"] = [
                        "name": .string(call.name), "arguments": call.arguments,
                    ]
                    return .object(entry)
                })
        }
        if let toolCallID { object["tool_call_id"] = .string(toolCallID) }
        if let name { object["name"] = .string(name) }
        for member in extra.members { object[member.name] = member.value }
        return .object(object)
    }
}
