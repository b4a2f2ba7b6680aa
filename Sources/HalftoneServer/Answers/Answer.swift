import HalftoneRuntime
import HalftoneServing
import HalftoneText

/// A piece of an answer.
struct AnswerPiece: Sendable {
    /// The text, empty where a token did not complete any.
    var text = ""
    /// The tokens behind it, where probabilities were asked for.
    var tokens: [TokenDetail] = []
}

/// A token and what else could have been.
struct TokenDetail: Sendable {
    let chosen: TokenProbability
    let alternatives: [TokenProbability]
}

/// How an answer ended.
struct AnswerEnd: Sendable {
    /// Why.
    var reason: StopReason
    /// Tokens of the prompt that were known from earlier requests.
    var cachedTokens: Int
    /// Tokens that were generated.
    var tokenCount: Int
    /// Until the first token.
    var firstToken: Duration?
    /// Until the end.
    var duration: Duration
}

/// One answer, which is being made from the beginning on.
struct Answer: Sendable {
    private let tokenizer: Tokenizer
    private let generation: Generation
    private let stops: [String]
    private let start = ContinuousClock.now

    /// Begins an answer.
    ///
    /// - Parameters:
    ///   - model: The model.
    ///   - request: What is asked.
    ///   - stops: Texts that end the answer.
    /// - Throws: `ServingError` when the model does not take the request.
    init(_ model: ServedModel, _ request: GenerationRequest, stops: [String]) throws {
        tokenizer = model.tokenizer
        generation = try model.engine.generate(request)
        self.stops = stops
    }

    /// Listens to the answer.
    ///
    /// - Parameters:
    ///   - leaving: Ends the work when the client leaves.
    ///   - receive: Called with each piece; what it throws ends the work.
    func run(
        leaving: Leaving, _ receive: (AnswerPiece) async throws -> Void
    ) async throws -> AnswerEnd {
        let generation = generation
        let ticket = leaving.onLeave { generation.cancel() }
        defer {
            leaving.forget(ticket)
            generation.cancel()
        }
        var decoder = StreamingDecoder(tokenizer)
        var filter = StopFilter(stops)
        var end = AnswerEnd(
            reason: .cancelled, cachedTokens: 0, tokenCount: 0, firstToken: nil,
            duration: .zero)
        events: for try await event in generation {
            switch event {
            case .read(let cachedTokens): end.cachedTokens = cachedTokens
            case .token(let token, let probability, let alternatives):
                end.tokenCount += 1
                if end.firstToken == nil { end.firstToken = ContinuousClock.now - start }
                var piece = AnswerPiece(text: filter.push(decoder.push(token)))
                if let probability {
                    piece.tokens = [TokenDetail(chosen: probability, alternatives: alternatives)]
                }
                if !piece.text.isEmpty || !piece.tokens.isEmpty { try await receive(piece) }
                if filter.isStopped {
                    end.reason = .stopToken
                    break events
                }
            case .finished(let reason): end.reason = reason
            }
        }
        if leaving.hasLeft || Task.isCancelled { throw CancellationError() }
        if !filter.isStopped {
            let rest = filter.push(decoder.finish())
            let last = AnswerPiece(text: rest + filter.finish())
            if !last.text.isEmpty { try await receive(last) }
            if filter.isStopped { end.reason = .stopToken }
        }
        end.duration = ContinuousClock.now - start
        return end
    }
}
