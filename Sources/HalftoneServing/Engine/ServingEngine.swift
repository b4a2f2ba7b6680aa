import Foundation
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime
import Synchronization

/// Answers many requests with one model at once.
///
/// All running sequences are decoded together, a token of each at a time, so that weights are read
/// once for all; a request joins as soon as there is room and leaves when it is done. Prompts are
/// read in pieces between the steps. What prompts have in common with earlier sequences is not read
/// again. With `Activations.int8` and matrices that have integer products, answers are bit for bit
/// those of each request alone.
///
/// ```swift
/// let engine = ServingEngine(decoder, pool: pool)
/// for try await event in try engine.generate(request) { … }
/// ```
///
/// Work is done on a thread of the engine's own, with the threads of the pool.
public final class ServingEngine: Sendable {
    /// What an engine takes on.
    public struct Limits: Sendable, Equatable {
        /// Sequences that are decoded together.
        public var sequences = 16
        /// Requests that may wait for one of those to end.
        public var waiting = 64
        /// Tokens of a prompt and its answer.
        public var contextLength = 4096
        /// Bytes of keys and values, of running sequences and of those kept for later.
        public var cacheByteCount = 1 << 30

        /// 16 sequences, 64 waiting, 4096 tokens, 1 GiB.
        public init() {}
    }

    /// What is going on.
    public struct Status: Sendable, Equatable {
        /// Sequences that are read or written.
        public var active = 0
        /// Requests that wait.
        public var waiting = 0
        /// Bytes of keys and values.
        public var cacheByteCount = 0
        /// Tokens that are kept of sequences that are over.
        public var cachedTokens = 0
        /// Tokens that were generated since the start.
        public var generatedTokens = 0
        /// Tokens of prompts that were read since the start.
        public var readTokens = 0
        /// Tokens of prompts that were known from earlier sequences, since the start.
        public var reusedTokens = 0
        /// Tokens generated per second, lately.
        public var tokensPerSecond = 0.0
        /// Tokens of prompts read per second, lately.
        public var promptTokensPerSecond = 0.0
    }

    /// The model.
    public let decoder: Decoder
    /// What is taken on.
    public let limits: Limits

    let desk: RequestDesk
    private let thread: ServingThread

    /// Starts the thread.
    ///
    /// - Parameters:
    ///   - decoder: The model.
    ///   - pool: The decoder's threads.
    ///   - limits: What is taken on.
    public init(_ decoder: Decoder, pool: WorkerPool, limits: Limits = Limits()) {
        precondition(limits.sequences > 0 && limits.waiting >= 0, "there is room for requests")
        self.decoder = decoder
        self.limits = limits
        let desk = RequestDesk(limits)
        self.desk = desk
        thread = ServingThread {
            ServingLoop(decoder, pool: pool, limits: limits, desk: desk).run()
        }
    }

    deinit { desk.stop() }

    /// Starts to answer a request, or puts it into the queue.
    ///
    /// - Throws: ``ServingError`` when the request can never be answered, or not now.
    public func generate(_ request: GenerationRequest) throws(ServingError) -> Generation {
        try check(request)
        let (events, source) = AsyncThrowingStream.makeStream(of: GenerationEvent.self)
        let ticket = Ticket(request, source)
        try desk.post(.generation(ticket), client: request.client)
        let desk = desk
        source.onTermination = { reason in
            guard case .cancelled = reason else { return }
            ticket.cancel()
            desk.ring()
        }
        return Generation(events) {
            ticket.cancel()
            desk.ring()
        }
    }

    /// Does something with the model between two steps of the sequences that run.
    ///
    /// - Parameters:
    ///   - client: Who asks.
    ///   - body: Called on the engine's thread; a sequence of its own can be made with the
    ///     workspace. Others wait meanwhile.
    /// - Throws: ``ServingError`` when as many wait as may, and what the body throws.
    public func perform<Result: Sendable>(
        client: String, _ body: @escaping @Sendable (Decoder, Workspace) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try desk.post(
                    .job { outcome in
                        switch outcome {
                        case .success(let tools):
                            continuation.resume(
                                with: Swift.Result { try body(tools.decoder, tools.workspace) })
                        case .failure(let error): continuation.resume(throwing: error)
                        }
                    }, client: client)
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// What is going on.
    public var status: Status { desk.status }

    /// Takes no more requests and returns when all that there are were answered.
    ///
    /// - Parameter patience: How long to wait; what is left then is cut off with
    ///   ``ServingError/stopping``.
    public func drain(within patience: Duration) async {
        desk.close()
        let end = ContinuousClock.now + patience
        while ContinuousClock.now < end {
            let status = desk.status
            if status.active == 0, status.waiting == 0 { break }
            try? await Task.sleep(for: .milliseconds(20))
            if Task.isCancelled { break }
        }
        desk.stop()
    }

    private func check(_ request: GenerationRequest) throws(ServingError) {
        let size = decoder.spec.vocabularySize
        guard !request.prompt.isEmpty else { throw .unreadable(.noTokens) }
        for token in request.prompt where token < 0 || Int(token) >= size {
            throw .unreadable(.tokenOutOfRange(token, vocabularySize: size))
        }
        let tokens = request.prompt.count + request.limit
        guard tokens <= limits.contextLength else {
            throw .tooLong(tokens: tokens, limit: limits.contextLength)
        }
        let bytes = desk.bytes(forTokens: tokens, of: decoder)
        guard bytes <= limits.cacheByteCount else {
            throw .tooLarge(bytes: bytes, limit: limits.cacheByteCount)
        }
    }
}

/// A request and where its events go.
final class Ticket: Sendable {
    let request: GenerationRequest
    let source: AsyncThrowingStream<GenerationEvent, any Error>.Continuation
    let end: ContinuousClock.Instant
    private let cancelled = Atomic<Bool>(false)

    init(
        _ request: GenerationRequest,
        _ source: AsyncThrowingStream<GenerationEvent, any Error>.Continuation
    ) {
        self.request = request
        self.source = source
        end = ContinuousClock.now + request.timeLimit
    }

    /// Whether nobody waits for the answer any more.
    var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    func cancel() { cancelled.store(true, ordering: .relaxed) }
}

/// The thread that an engine's loop runs on.
private final class ServingThread: Sendable {
    init(_ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.name = "halftone.serving"
        thread.stackSize = 8 << 20
        thread.start()
    }
}
