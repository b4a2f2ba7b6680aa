import Foundation
import HalftoneFiles
import HalftoneModels
import HalftoneRuntime
import HalftoneServing
import HalftoneText
import Hummingbird

/// `/v1/chat/completions`.
struct ChatRoute: Sendable {
    let service: ServerService

    func answer(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try await service.body(of: request)
        let model = try service.registry.model(named: body.string("model") ?? "")
        let conversation = try model.chat()
        let chat = try ChatRequest(
            body, recommended: model.model.recommendedSampling, options: service.options)
        let shownTools = chat.toolChoice == .none ? [] : chat.tools
        let prompt = try conversation.tokens(
            conversation.knowsTools
                ? chat.messages
                : chat.plainMessages(describing: shownTools.isEmpty ? [] : chat.functions),
            tools: shownTools.isEmpty ? nil : shownTools, extra: chat.templateVariables)
        var first = service.generation(prompt, chat.answer, of: model, context)
        first.constraint = try chat.constraint(of: model)
        let answers = try AnswerSet(
            model, service.copies(first, chat.answer), stops: chat.answer.stops)
        let leaving = try await context.channel.client()
        let writer = ChatWriter(
            model: model, name: chat.answer.model.isEmpty ? model.name : chat.answer.model,
            promptTokens: prompt.count,
            tools: chat.toolChoice == .none ? nil : chat.functionNames,
            count: chat.answer.count)
        if chat.answer.isStreamed {
            let sendsUsage = chat.answer.sendsUsage
            return .events { [service] events in
                try await writer.stream(answers, leaving, service, &events, usage: sendsUsage)
            }
        }
        return .json(try await writer.whole(answers, leaving, service))
    }
}

/// Puts answers of a chat into the shape that clients expect.
struct ChatWriter: Sendable {
    let model: ServedModel
    let name: String
    let promptTokens: Int
    /// The functions that may be called, or nil where the model knows of none.
    let tools: Set<String>?
    let count: Int
    private let id = "chatcmpl-" + Identifier.random(24)
    private let created = Int(Date().timeIntervalSince1970)

    init(
        model: ServedModel, name: String, promptTokens: Int, tools: Set<String>?, count: Int
    ) {
        self.model = model
        self.name = name
        self.promptTokens = promptTokens
        self.tools = tools
        self.count = count
    }

    /// What is gathered of an answer.
    private struct Choice {
        var text = ""
        var tokens: [TokenDetail] = []
        var calls: [ToolCall] = []
        var end: AnswerEnd?
        var filter: ToolCallFilter?

        /// Takes a piece and returns the text that is certain to be no call.
        mutating func take(_ piece: AnswerPiece) -> String {
            guard filter != nil else { return piece.text }
            return filter?.push(piece.text) ?? ""
        }

        /// Ends the answer and returns the text that is left.
        mutating func finish(_ end: AnswerEnd) -> String {
            self.end = end
            guard let last = filter?.finish() else { return "" }
            calls = last.calls
            return last.text
        }

        var reason: JSONValue {
            if !calls.isEmpty { return "tool_calls" }
            return end?.reason == .length ? "length" : "stop"
        }
    }

    private var choices: [Choice] {
        (0..<count).map { _ in Choice(filter: tools.map { ToolCallFilter(names: $0) }) }
    }

    /// The document of all answers.
    func whole(
        _ answers: AnswerSet, _ leaving: Leaving, _ service: ServerService
    ) async throws -> JSONValue {
        var choices = choices
        try await answers.run(leaving: leaving) { event in
            switch event {
            case .piece(let index, let piece):
                choices[index].text += choices[index].take(piece)
                choices[index].tokens += piece.tokens
            case .end(let index, let end):
                choices[index].text += choices[index].finish(end)
                service.metrics.note(end, model: name)
            }
        }
        let list = choices.enumerated().map { index, choice -> JSONValue in
            let isCall = !choice.calls.isEmpty && choice.text.isEmpty
            var message: JSONObject = [
                "role": "assistant", "content": isCall ? .null : .string(choice.text),
                "refusal": .null,
            ]
            if !choice.calls.isEmpty {
                message["tool_calls"] = .array(choice.calls.map { $0.json() })
            }
            return [
                "index": .integer(index), "message": .object(message),
                "logprobs": logprobs(choice.tokens), "finish_reason": choice.reason,
            ]
        }
        return [
            "id": .string(id), "object": "chat.completion", "created": .integer(created),
            "model": .string(name), "choices": .array(list),
            "usage": service.usage(promptTokens, choices.compactMap(\.end)),
        ]
    }

    /// Sends answers as they are made.
    func stream(
        _ answers: AnswerSet, _ leaving: Leaving, _ service: ServerService,
        _ events: inout EventWriter, usage: Bool
    ) async throws {
        var choices = choices
        for index in choices.indices {
            try await events.send(chunk(index, ["role": "assistant", "content": ""]))
        }
        // An inout parameter cannot be captured; the writer is a handle.
        var writer = events
        try await answers.run(leaving: leaving) { event in
            switch event {
            case .piece(let index, let piece):
                let text = choices[index].take(piece)
                guard !text.isEmpty || !piece.tokens.isEmpty else { return }
                try await writer.send(
                    chunk(index, ["content": .string(text)], tokens: piece.tokens))
            case .end(let index, let end):
                let text = choices[index].finish(end)
                if !text.isEmpty {
                    try await writer.send(chunk(index, ["content": .string(text)]))
                }
                for (place, call) in choices[index].calls.enumerated() {
                    let delta: JSONObject = ["tool_calls": [call.json(index: place)]]
                    try await writer.send(chunk(index, delta))
                }
                try await writer.send(chunk(index, [:], reason: choices[index].reason))
                service.metrics.note(end, model: name)
            }
        }
        if usage {
            try await writer.send(
                chunkDocument(
                    [], usage: service.usage(promptTokens, choices.compactMap(\.end))))
        }
        events = writer
    }

    private func chunk(
        _ index: Int, _ delta: JSONObject, tokens: [TokenDetail] = [], reason: JSONValue = .null
    ) -> JSONValue {
        let choice: JSONValue = [
            "index": .integer(index), "delta": .object(delta), "logprobs": logprobs(tokens),
            "finish_reason": reason,
        ]
        return chunkDocument([choice], usage: nil)
    }

    private func chunkDocument(_ choices: [JSONValue], usage: JSONValue?) -> JSONValue {
        var object: JSONObject = [
            "id": .string(id), "object": "chat.completion.chunk", "created": .integer(created),
            "model": .string(name), "choices": .array(choices),
        ]
        if let usage { object["usage"] = usage }
        return .object(object)
    }

    private func logprobs(_ tokens: [TokenDetail]) -> JSONValue {
        guard !tokens.isEmpty else { return .null }
        let list = tokens.map { token -> JSONValue in
            var entry = describe(token.chosen)
            entry["top_logprobs"] = .array(token.alternatives.map { .object(describe($0)) })
            return .object(entry)
        }
        return ["content": .array(list), "refusal": .null]
    }

    private func describe(_ token: TokenProbability) -> JSONObject {
        let bytes = model.tokenizer.bytes(of: token.token)
        return [
            "token": .string(model.tokenizer.text(of: token.token)),
            "logprob": .number(Double(token.logProbability)),
            "bytes": bytes.map { .array($0.map { .integer(Int($0)) }) } ?? .null,
        ]
    }
}
