import HalftoneFiles
import HalftoneModels
import HalftoneRuntime
import HalftoneServing
import HalftoneText
import Hummingbird

/// What all routes work with.
struct ServerService: Sendable {
    let registry: ModelRegistry
    let options: ServerOptions
    let metrics: ServerMetrics

    /// The members of a request's body.
    func body(of request: Request) async throws -> RequestReader {
        let bytes = try await request.bytes(
            upTo: options.bodyByteCount, within: .seconds(options.patienceSeconds))
        var limits = JSONParser.Limits()
        limits.byteCount = options.bodyByteCount
        limits.depth = 64
        // A value of one byte of text takes some fifty of memory.
        limits.valueCount = 200_000
        return try RequestReader(JSONParser.parse(bytes, limits: limits))
    }

    /// What the engine is asked.
    func generation(
        _ prompt: [Int32], _ answer: AnswerRequest, of model: ServedModel,
        _ context: ServerContext
    ) -> GenerationRequest {
        let room = model.engine.limits.contextLength - prompt.count
        var request = GenerationRequest(
            prompt: prompt, limit: max(1, min(answer.limit, room)), sampling: answer.sampling,
            stopTokens: model.model.stopTokens)
        request.alternatives = answer.alternatives
        request.client = context.client
        request.timeLimit = .seconds(options.answerSeconds)
        return request
    }

    /// A request for each of several answers.
    func copies(_ first: GenerationRequest, _ answer: AnswerRequest) -> [GenerationRequest] {
        (0..<answer.count).map { choice in
            var request = first
            request.sampling = answer.sampling(of: choice)
            return request
        }
    }

    /// The tokens of a text, or tokens as they are.
    func tokens(
        of value: JSONValue, _ model: ServedModel, _ body: RequestReader, _ member: String
    ) throws(APIError) -> [Int32] {
        switch value {
        case .string(let text): return model.tokenizer.encode(text)
        case .array(let list):
            let tokens = list.compactMap { value -> Int32? in
                if case .integer(let id) = value { Int32(exactly: id) } else { nil }
            }
            guard tokens.count == list.count, !tokens.isEmpty else { break }
            return tokens
        default: break
        }
        throw body.error(member, "is to be a text, tokens, or a list of those")
    }

    /// The tokens that a request took.
    func usage(_ promptTokens: Int, _ ends: [AnswerEnd]) -> JSONValue {
        let new = ends.reduce(0) { $0 + $1.tokenCount }
        return [
            "prompt_tokens": .integer(promptTokens), "completion_tokens": .integer(new),
            "total_tokens": .integer(promptTokens + new),
            "prompt_tokens_details": [
                "cached_tokens": .integer(ends.reduce(0) { $0 + $1.cachedTokens })
            ],
        ]
    }
}
