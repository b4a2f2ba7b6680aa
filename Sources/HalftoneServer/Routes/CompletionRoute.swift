import Foundation
import HalftoneFiles
import HalftoneRuntime
import HalftoneServing
import HalftoneText
import Hummingbird

/// `/v1/completions`: texts continued without a chat template.
struct CompletionRoute: Sendable {
    let service: ServerService

    func answer(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try await service.body(of: request)
        let model = try service.registry.model(named: body.string("model") ?? "")
        var answer = try AnswerRequest(
            body, recommended: SamplingOptions(), options: service.options)
        answer.alternatives = try body.integer("logprobs", 0...20)
        let prompts = try prompts(body, model)
        let echo = try body.bool("echo") ?? false
        guard !echo || answer.alternatives == nil else {
            throw body.error("echo", "gives no probabilities of the prompt")
        }
        let requests = prompts.flatMap { prompt in
            service.copies(service.generation(prompt.tokens, answer, of: model, context), answer)
        }
        guard requests.count <= service.options.choiceCount else {
            throw body.error("prompt", "asks for more than \(service.options.choiceCount) answers")
        }
        let answers = try AnswerSet(model, requests, stops: answer.stops)
        let leaving = try await context.channel.client()
        let openings = prompts.flatMap { prompt in
            (0..<answer.count).map { _ in echo ? prompt.text : "" }
        }
        let writer = CompletionWriter(
            model: model, name: answer.model.isEmpty ? model.name : answer.model,
            promptTokens: prompts.reduce(0) { $0 + $1.tokens.count }, openings: openings)
        if answer.isStreamed {
            let sendsUsage = answer.sendsUsage
            return .events { [service] events in
                try await writer.stream(answers, leaving, service, &events, usage: sendsUsage)
            }
        }
        return .json(try await writer.whole(answers, leaving, service))
    }

    /// A text, texts, tokens, or lists of tokens.
    private func prompts(
        _ body: RequestReader, _ model: ServedModel
    ) throws(APIError) -> [(text: String, tokens: [Int32])] {
        let values: [JSONValue]
        switch body.value("prompt") {
        case .string(let text): values = [.string(text)]
        case .array(let list):
            if case .integer = list.first { values = [.array(list)] } else { values = list }
        default: throw body.error("prompt", "is to be a text, tokens, or a list of those")
        }
        guard !values.isEmpty else { throw body.error("prompt", "is empty") }
        var prompts: [(text: String, tokens: [Int32])] = []
        for value in values {
            let tokens = try service.tokens(of: value, model, body, "prompt")
            let text =
                if case .string(let text) = value { text } else { model.tokenizer.decode(tokens) }
            prompts.append((text, tokens))
        }
        return prompts
    }
}

/// Puts continuations into the shape that clients expect.
struct CompletionWriter: Sendable {
    let model: ServedModel
    let name: String
    let promptTokens: Int
    /// What each answer begins with.
    let openings: [String]
    private let id = "cmpl-" + Identifier.random(24)
    private let created = Int(Date().timeIntervalSince1970)

    init(model: ServedModel, name: String, promptTokens: Int, openings: [String]) {
        self.model = model
        self.name = name
        self.promptTokens = promptTokens
        self.openings = openings
    }

    /// The document of all answers.
    func whole(
        _ answers: AnswerSet, _ leaving: Leaving, _ service: ServerService
    ) async throws -> JSONValue {
        var texts = openings
        var tokens = openings.map { _ in [TokenDetail]() }
        var ends = [AnswerEnd?](repeating: nil, count: openings.count)
        try await answers.run(leaving: leaving) { event in
            switch event {
            case .piece(let index, let piece):
                texts[index] += piece.text
                tokens[index] += piece.tokens
            case .end(let index, let end):
                ends[index] = end
                service.metrics.note(end, model: name)
            }
        }
        let choices = texts.indices.map { index in
            choice(index, texts[index], tokens[index], reason(ends[index]))
        }
        return document(choices, usage: service.usage(promptTokens, ends.compactMap { $0 }))
    }

    /// Sends answers as they are made.
    func stream(
        _ answers: AnswerSet, _ leaving: Leaving, _ service: ServerService,
        _ events: inout EventWriter, usage: Bool
    ) async throws {
        var ends: [AnswerEnd] = []
        var writer = events
        for (index, opening) in openings.enumerated() where !opening.isEmpty {
            try await writer.send(document([choice(index, opening, [], .null)], usage: nil))
        }
        try await answers.run(leaving: leaving) { event in
            switch event {
            case .piece(let index, let piece):
                try await writer.send(
                    document([choice(index, piece.text, piece.tokens, .null)], usage: nil))
            case .end(let index, let end):
                ends.append(end)
                try await writer.send(document([choice(index, "", [], reason(end))], usage: nil))
                service.metrics.note(end, model: name)
            }
        }
        if usage { try await writer.send(document([], usage: service.usage(promptTokens, ends))) }
        events = writer
    }

    private func reason(_ end: AnswerEnd?) -> JSONValue {
        end?.reason == .length ? "length" : "stop"
    }

    private func choice(
        _ index: Int, _ text: String, _ tokens: [TokenDetail], _ reason: JSONValue
    ) -> JSONValue {
        [
            "index": .integer(index), "text": .string(text), "logprobs": logprobs(tokens),
            "finish_reason": reason,
        ]
    }

    private func document(_ choices: [JSONValue], usage: JSONValue?) -> JSONValue {
        var object: JSONObject = [
            "id": .string(id), "object": "text_completion", "created": .integer(created),
            "model": .string(name), "choices": .array(choices),
        ]
        if let usage { object["usage"] = usage }
        return .object(object)
    }

    private func logprobs(_ tokens: [TokenDetail]) -> JSONValue {
        guard !tokens.isEmpty else { return .null }
        func text(_ token: TokenProbability) -> String { model.tokenizer.text(of: token.token) }
        return [
            "tokens": .array(tokens.map { .string(text($0.chosen)) }),
            "token_logprobs": .array(
                tokens.map { .number(Double($0.chosen.logProbability)) }),
            "top_logprobs": .array(
                tokens.map { token in
                    var object: JSONObject = [:]
                    for one in token.alternatives {
                        object[text(one)] = .number(Double(one.logProbability))
                    }
                    return .object(object)
                }),
        ]
    }
}

extension Tokenizer {
    /// What a token adds to a text, or its name where it adds none.
    func text(of token: Int32) -> String {
        bytes(of: token).map { String(decoding: $0, as: UTF8.self) } ?? piece(of: token) ?? ""
    }
}
