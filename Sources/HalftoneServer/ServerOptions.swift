import HalftoneServing

/// How a server listens and what it lets clients do.
public struct ServerOptions: Sendable {
    /// The address to listen on.
    public var host = "127.0.0.1"
    /// The port to listen on; 0 takes a free one.
    public var port = 8080
    /// The key that requests must bring, or nil for none.
    public var apiKey: String?
    /// Origins whose pages may call the server besides its own.
    public var allowedOrigins: Set<String> = []
    /// What each model's engine takes on.
    public var engine = ServingEngine.Limits()
    /// Tokens of an answer where a request does not say.
    public var defaultTokens = 512
    /// The most tokens of an answer.
    public var mostTokens = 4096
    /// Bytes of a request's body.
    public var bodyByteCount = 4 << 20
    /// Messages of a conversation.
    public var messageCount = 1024
    /// Answers to a request.
    public var choiceCount = 16
    /// Connections at once; more wait to be accepted.
    public var connectionCount = 512
    /// Seconds for a request's answer.
    public var answerSeconds = 600
    /// Seconds for a client to send a request, and to take a piece of its answer.
    public var patienceSeconds = 30
    /// Seconds for running answers to end when the server is asked to stop.
    public var drainSeconds = 30

    /// On the loopback address, without a key.
    public init() {}

    /// Whether other machines do not reach the server, or need its key.
    public var isReachedSafely: Bool { isLoopback || apiKey != nil }

    /// Whether only programs of this machine reach the server.
    var isLoopback: Bool { ["127.0.0.1", "::1", "localhost"].contains(host) }
}
