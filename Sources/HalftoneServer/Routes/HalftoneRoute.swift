import Foundation
import HalftoneFiles
import HalftoneModels
import HalftoneRuns
import HalftoneRuntime
import HalftoneServing
import HalftoneText
import Hummingbird

/// `/v1/models` and `/v1/halftone/…`: what there is, what it is made of, what goes on.
struct HalftoneRoute: Sendable {
    let service: ServerService
    private let started = ContinuousClock.now

    init(service: ServerService) { self.service = service }

    func models() -> Response {
        let list = service.registry.models.map {
            ModelDescription(entry: $0.entry, model: $0.model).listed
        }
        return .json(["object": "list", "data": .array(list)])
    }

    func model(_ context: ServerContext) throws -> Response {
        .json(try description(context).listed)
    }

    func fullModel(_ context: ServerContext) throws -> Response {
        .json(try description(context).full())
    }

    func matrix(_ context: ServerContext) throws -> Response {
        let name = try context.parameters.require("matrix")
        return .json(try description(context).distribution(of: name))
    }

    func activate(_ request: Request, _ context: ServerContext) async throws -> Response {
        let name = try context.parameters.require("id")
        let body = try await service.body(of: request)
        guard let variant = try body.string("variant") else {
            throw body.error("variant", "is missing")
        }
        do {
            try service.registry.activate(variant, of: name)
        } catch let error as APIError {
            throw error
        } catch {
            throw APIError(
                status: .unprocessableContent,
                message: "\(variant) cannot be opened: \(error)", parameter: "variant")
        }
        return .json(try description(context).full())
    }

    func status() -> Response {
        let models = service.registry.models.map { entry, model -> JSONValue in
            let status = model.engine.status
            return [
                "id": .string(entry.name), "active": .integer(status.active),
                "waiting": .integer(status.waiting),
                "queue_limit": .integer(model.engine.limits.waiting),
                "tokens_per_second": .number(status.tokensPerSecond),
                "prompt_tokens_per_second": .number(status.promptTokensPerSecond),
                "cache_bytes": .integer(status.cacheByteCount),
                "cache_limit_bytes": .integer(model.engine.limits.cacheByteCount),
                "cached_tokens": .integer(status.cachedTokens),
            ]
        }
        return .json([
            "uptime_seconds": .number((ContinuousClock.now - started).seconds),
            "resident_bytes": ProcessMemory.residentBytes.map { .integer($0) } ?? .null,
            "models": .array(models),
        ])
    }

    func metrics() -> Response {
        let models = service.registry.models.map { ($0.entry.name, $0.model.engine.status) }
        return Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: service.metrics.text(models))))
    }

    private func description(_ context: ServerContext) throws -> ModelDescription {
        let name = try context.parameters.require("id")
        return ModelDescription(
            entry: try service.registry.entry(named: name),
            model: try service.registry.model(named: name))
    }

    // MARK: Divergence

    /// How far a model's distributions are from a reference's, token by token of an answer.
    func divergence(_ request: Request, _ context: ServerContext) async throws -> Response {
        let body = try await service.body(of: request)
        let model = try service.registry.model(named: body.string("model") ?? "")
        guard let name = try body.string("reference") else {
            throw body.error("reference", "is missing")
        }
        let reference = try service.registry.model(named: name)
        guard model.model.spec.vocabularySize == reference.model.spec.vocabularySize else {
            throw body.error("reference", "has another vocabulary than the model")
        }
        guard let text = try body.string("answer"), !text.isEmpty else {
            throw body.error("answer", "is missing")
        }
        let prompt: [Int32]
        if let given = body.value("prompt") {
            prompt = try service.tokens(of: given, model, body, "prompt")
        } else {
            let messages = try ChatRequest.messages(body, limit: service.options.messageCount)
            prompt = try model.chat().tokens(messages)
        }
        let answer = Array(
            model.tokenizer.encode(text, addSpecialTokens: false).prefix(Self.mostTokens))
        guard !answer.isEmpty, !prompt.isEmpty else {
            throw body.error("answer", "and the prompt have at least one token each")
        }
        let limit = min(model.engine.limits.contextLength, reference.engine.limits.contextLength)
        guard prompt.count + answer.count <= limit else {
            throw ServingError.tooLong(tokens: prompt.count + answer.count, limit: limit)
        }
        let other = reference.engine.decoder
        let tokens = try await model.engine.perform(client: context.client) { decoder, workspace in
            try TokenDivergence.measure(
                prompt, answer, decoder, workspace, reference: other)
        }
        let count = Double(tokens.count)
        return .json([
            "tokens": .array(tokens.map { $0.json(model.tokenizer) }),
            "mean_divergence": .number(tokens.reduce(0) { $0 + $1.divergence } / count),
            "same_choice": .number(Double(tokens.count { $0.isSameChoice }) / count),
        ])
    }

    /// Tokens of an answer that are compared.
    private static let mostTokens = 1024
}

/// How two models see a token of a text.
struct TokenDivergence: Sendable {
    let token: Int32
    let logProbability: Double
    let referenceLogProbability: Double
    /// KL(reference ‖ model) in nats, of the distributions that the token is drawn from.
    let divergence: Double
    let referenceChoice: Int32
    let isSameChoice: Bool

    /// Tokens whose logits are held at once.
    private static let piece = 16

    /// Reads a text with both models.
    ///
    /// - Parameters:
    ///   - prompt: What comes before; at least one token.
    ///   - answer: The tokens to look at.
    ///   - decoder: The model.
    ///   - workspace: Its working memory.
    ///   - reference: Another model of the same vocabulary.
    static func measure(
        _ prompt: [Int32], _ answer: [Int32], _ decoder: Decoder, _ workspace: Workspace,
        reference: Decoder
    ) throws -> [TokenDivergence] {
        let size = decoder.spec.vocabularySize
        let states = [
            decoder.makeState(
                capacity: prompt.count + answer.count, workspace: workspace),
            reference.makeState(capacity: prompt.count + answer.count),
        ]
        var logits = states.map { _ in [Float](repeating: 0, count: piece * size) }
        var found: [TokenDivergence] = []
        // The logits behind a token are those of the next one.
        let text = prompt + answer.dropLast()
        var read = 0
        while found.count < answer.count {
            let count = min(piece, answer.count - found.count)
            let end = prompt.count + found.count + count - 1
            for (index, decoder) in [decoder, reference].enumerated() {
                try decoder.logits(
                    after: Array(text[read..<end]), state: states[index], last: count,
                    into: &logits[index])
            }
            read = end
            for row in 0..<count {
                let range = row * size..<(row + 1) * size
                found.append(
                    TokenDivergence(
                        answer[found.count], logits[0][range], reference: logits[1][range]))
            }
        }
        return found
    }

    private init(_ token: Int32, _ own: ArraySlice<Float>, reference: ArraySlice<Float>) {
        func normalizer(_ logits: ArraySlice<Float>) -> Double {
            let top = Double(logits.max() ?? 0)
            return top + log(logits.reduce(0) { $0 + exp(Double($1) - top) })
        }
        let (ownSum, sum) = (normalizer(own), normalizer(reference))
        var divergence = 0.0
        for (one, other) in zip(own, reference) {
            let logProbability = Double(other) - sum
            divergence += exp(logProbability) * (logProbability - (Double(one) - ownSum))
        }
        self.token = token
        logProbability = Double(own[own.startIndex + Int(token)]) - ownSum
        referenceLogProbability = Double(reference[reference.startIndex + Int(token)]) - sum
        // Rounding can make it a little negative.
        self.divergence = max(divergence, 0)
        referenceChoice = Sampler.mostLikely(Array(reference))
        isSameChoice = Sampler.mostLikely(Array(own)) == referenceChoice
    }

    func json(_ tokenizer: Tokenizer) -> JSONValue {
        [
            "text": .string(tokenizer.text(of: token)), "logprob": .number(logProbability),
            "reference_logprob": .number(referenceLogProbability),
            "divergence": .number(divergence),
            "reference_choice": .string(tokenizer.text(of: referenceChoice)),
        ]
    }
}
