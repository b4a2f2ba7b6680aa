import HalftoneRuntime

/// A text to continue.
public struct GenerationRequest: Sendable {
    /// Tokens to read first; at least one.
    public var prompt: [Int32]
    /// The most tokens to generate; at least one.
    public var limit: Int
    /// How tokens are chosen.
    public var sampling: SamplingOptions
    /// Tokens that end the text and are not passed on.
    public var stopTokens: Set<Int32>
    /// What the text must be like, or nil for any text.
    public var constraint: TokenConstraint?
    /// How many alternatives are told of each token, with log-probabilities; nil for none at all.
    public var alternatives: Int?
    /// Who asks: the waiting of different clients take turns.
    public var client: String
    /// How long it may take from now on, waiting included.
    public var timeLimit: Duration

    /// A text to continue with the most likely tokens.
    ///
    /// - Parameters:
    ///   - prompt: Tokens to read first; at least one.
    ///   - limit: The most tokens to generate; at least one.
    ///   - sampling: How tokens are chosen.
    ///   - stopTokens: Tokens that end the text and are not passed on.
    public init(
        prompt: [Int32], limit: Int, sampling: SamplingOptions = SamplingOptions(),
        stopTokens: Set<Int32> = []
    ) {
        self.prompt = prompt
        self.limit = limit
        self.sampling = sampling
        self.stopTokens = stopTokens
        client = ""
        timeLimit = .seconds(600)
    }
}

/// A token and its log-probability by the model, before penalties and constraints.
public struct TokenProbability: Sendable, Equatable {
    /// The id.
    public let token: Int32
    /// Its natural logarithm of the probability.
    public let logProbability: Float
}

/// What happens to a request.
public enum GenerationEvent: Sendable, Equatable {
    /// The prompt was read; so many of its tokens were known from before.
    case read(cachedTokens: Int)
    /// A token was chosen.
    ///
    /// With `alternatives`, its probability and those of the most likely tokens follow.
    case token(Int32, probability: TokenProbability?, alternatives: [TokenProbability])
    /// The text is over.
    case finished(StopReason)
}

/// Why a request is not answered, or no further.
public enum ServingError: Error, Sendable, Equatable, CustomStringConvertible {
    /// As many requests wait as may; to be tried again after so many seconds.
    case busy(waiting: Int, retryAfter: Int)
    /// The server is about to stop.
    case stopping
    /// Prompt and answer do not fit.
    case tooLong(tokens: Int, limit: Int)
    /// The keys and values of prompt and answer take more memory than there is for all.
    case tooLarge(bytes: Int, limit: Int)
    /// The tokens cannot be read.
    case unreadable(DecoderError)
    /// The request took longer than it may.
    case timedOut
    /// No token of the vocabulary continues the text as the constraint wants it, or the constraint
    /// is too ambiguous to tell.
    case noToken

    /// What happened and what would do.
    public var description: String {
        switch self {
        case .busy(let waiting, let seconds):
            "\(waiting) requests are waiting already; try again in \(seconds) s"
        case .stopping: "the server is stopping"
        case .tooLong(let tokens, let limit):
            "the prompt and the answer's limit are \(tokens) tokens together; the model takes "
                + "\(limit): shorten the prompt or lower max_tokens"
        case .tooLarge(let bytes, let limit):
            "the request would take \(bytes) bytes of keys and values; there are \(limit) for "
                + "all: shorten the prompt or lower max_tokens"
        case .unreadable(let error): String(describing: error)
        case .timedOut: "the request took longer than the server allows"
        case .noToken:
            "no token of the vocabulary continues the text as its format wants it, or the format "
                + "is too ambiguous to follow"
        }
    }
}
