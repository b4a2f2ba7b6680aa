import HalftoneFiles
import HalftoneRuntime

/// What chats and completions ask for alike.
struct AnswerRequest: Sendable {
    /// The model's name.
    var model: String
    /// The most tokens of an answer.
    var limit: Int
    /// How tokens are chosen.
    var sampling: SamplingOptions
    /// Texts that end an answer and are not part of it.
    var stops: [String] = []
    /// Answers to the same question.
    var count = 1
    /// Whether pieces are sent as they come.
    var isStreamed = false
    /// Whether a stream ends with the tokens used.
    var sendsUsage = false
    /// Alternatives of each token that are told; nil for no probabilities at all.
    var alternatives: Int?

    /// The texts that may end an answer.
    static let mostStops = 16

    /// Reads what both kinds have in common.
    ///
    /// - Parameters:
    ///   - request: The body.
    ///   - recommended: How the model's files recommend to choose tokens.
    ///   - options: What is allowed.
    init(
        _ request: RequestReader, recommended: SamplingOptions, options: ServerOptions
    ) throws(APIError) {
        model = try request.string("model") ?? ""
        let limits = 1...options.mostTokens
        let longest = try request.integer("max_tokens", limits)
        limit =
            try request.integer("max_completion_tokens", limits) ?? longest
            ?? min(options.defaultTokens, options.mostTokens)
        sampling = recommended
        if let value = try request.number("temperature", 0...100) { sampling.temperature = value }
        if let value = try request.number("top_p", 0...1) {
            sampling.topP = max(value, .leastNormalMagnitude)
        }
        if let value = try request.integer("top_k", 0...1_000_000) { sampling.topK = value }
        if let value = try request.number("min_p", 0...1) { sampling.minP = value }
        if let value = try request.number("repetition_penalty", 0.01...100) {
            sampling.repetitionPenalty = value
        }
        sampling.presencePenalty = try request.number("presence_penalty", -2...2) ?? 0
        sampling.frequencyPenalty = try request.number("frequency_penalty", -2...2) ?? 0
        sampling.logitBias = try Self.biases(request)
        // Who names no seed wants another answer each time.
        sampling.seed =
            try request.integer("seed", .min ... .max).map { UInt64(bitPattern: Int64($0)) }
            ?? UInt64.random(in: 0 ... .max)
        count = try request.integer("n", 1...options.choiceCount) ?? 1
        isStreamed = try request.bool("stream") ?? false
        sendsUsage = try request.object("stream_options")?.bool("include_usage") ?? false
        stops = try Self.stops(request)
    }

    /// The sampling of one of several answers: each has a seed of its own.
    func sampling(of choice: Int) -> SamplingOptions {
        var options = sampling
        options.seed &+= UInt64(choice) &* 0x9E37_79B9_7F4A_7C15
        return options
    }

    private static func stops(_ request: RequestReader) throws(APIError) -> [String] {
        let stops: [JSONValue]
        switch request.value("stop") {
        case nil: return []
        case .string(let text): stops = [.string(text)]
        case .array(let texts): stops = texts
        default: throw request.error("stop", "is to be a text or a list of texts")
        }
        guard stops.count <= mostStops else {
            throw request.error("stop", "may have \(mostStops) texts at most")
        }
        var texts: [String] = []
        for stop in stops {
            guard case .string(let text) = stop, !text.isEmpty, text.utf8.count <= 1024 else {
                throw request.error("stop", "holds texts of 1 to 1024 bytes")
            }
            texts.append(text)
        }
        return texts
    }

    private static func biases(_ request: RequestReader) throws(APIError) -> [Int32: Float] {
        guard let biases = try request.object("logit_bias") else { return [:] }
        guard biases.members.count <= 1024 else {
            throw request.error("logit_bias", "may name 1024 tokens at most")
        }
        var found: [Int32: Float] = [:]
        for (name, _) in biases.members {
            guard let token = Int32(name), token >= 0 else {
                throw request.error("logit_bias", "has the ids of tokens as names")
            }
            found[token] = try biases.number(name, -100...100)
        }
        return found
    }
}
