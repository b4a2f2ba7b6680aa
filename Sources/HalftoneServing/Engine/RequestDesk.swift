import Dispatch
import HalftoneRuntime
import Synchronization

/// Where requests are handed in, and the loop takes them out.
final class RequestDesk: Sendable {
    /// What can be asked for.
    enum Order: Sendable {
        /// A text.
        case generation(Ticket)
        /// Something else; called with the tools, or with the reason why it is not done.
        case job(@Sendable (Result<Tools, ServingError>) -> Void)
    }

    /// What a job works with, on the loop's thread only.
    struct Tools: @unchecked Sendable {
        let decoder: Decoder
        let workspace: Workspace
    }

    private struct State {
        var queue = FairQueue<Order>()
        var isClosed = false
        var isStopped = false
        var status = ServingEngine.Status()
        var rates = RateWindow()
    }

    private let state = Mutex(State())
    private let bell = DispatchSemaphore(value: 0)
    private let limits: ServingEngine.Limits
    private let tokenByteCount = Mutex<Double?>(nil)

    init(_ limits: ServingEngine.Limits) { self.limits = limits }

    /// Hands something in.
    func post(_ order: Order, client: String) throws(ServingError) {
        let refusal: ServingError? = state.withLock { state in
            guard !state.isClosed else { return .stopping }
            let idle = max(0, limits.sequences - state.status.active)
            guard state.queue.count < limits.waiting + idle else {
                return .busy(
                    waiting: state.queue.count, retryAfter: state.rates.secondsToWait(state.status))
            }
            state.queue.append(order, client: client)
            return nil
        }
        if let refusal { throw refusal }
        ring()
    }

    /// Wakes the loop.
    func ring() { bell.signal() }

    /// Waits until there may be something to do.
    func wait() { bell.wait() }

    /// What comes next, if a condition holds for it.
    func next(if condition: (Order) -> Bool) -> Order? {
        state.withLock { state in
            guard let first = state.queue.first, condition(first) else { return nil }
            // What is let in counts at once, so that nobody takes its place in the queue.
            if case .generation = first { state.status.active += 1 }
            return state.queue.popFirst()
        }
    }

    /// Takes out the requests that nobody waits for, or no longer.
    func removeEnded(at now: ContinuousClock.Instant) -> [Ticket] {
        state.withLock { state in
            guard !state.queue.isEmpty else { return [] }
            return state.queue.removeAll {
                guard case .generation(let ticket) = $0 else { return false }
                return ticket.isCancelled || ticket.end < now
            }.compactMap {
                guard case .generation(let ticket) = $0 else { return nil }
                return ticket
            }
        }
    }

    /// Takes nothing in any more.
    func close() { state.withLock { $0.isClosed = true } }

    /// Ends the loop.
    func stop() {
        state.withLock {
            $0.isClosed = true
            $0.isStopped = true
        }
        ring()
    }

    /// Whether the loop is to end.
    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Takes out all that wait.
    func removeAll() -> [Order] {
        state.withLock { $0.queue.removeAll { _ in true } }
    }

    /// What is going on.
    var status: ServingEngine.Status {
        state.withLock { state in
            var status = state.status
            status.waiting = state.queue.count
            state.rates.fill(&status)
            return status
        }
    }

    /// Notes what the loop did.
    func publish(_ status: ServingEngine.Status) {
        state.withLock { state in
            state.status = status
            state.rates.note(status)
        }
    }

    /// Bytes that keys and values of so many tokens take.
    func bytes(forTokens count: Int, of decoder: Decoder) -> Int {
        let each = tokenByteCount.withLock { known in
            if let known { return known }
            let bytes = Double(decoder.cacheByteCount(capacity: 1024)) / 1024
            known = bytes
            return bytes
        }
        return Int(each * Double(count)) + 1
    }
}

/// How much was done in the last seconds.
struct RateWindow: Sendable {
    private var samples: [(time: ContinuousClock.Instant, generated: Int, read: Int)] = []

    /// What is looked back on.
    private static let length = Duration.seconds(3)
    private static let step = Duration.milliseconds(100)

    /// Notes the totals.
    mutating func note(_ status: ServingEngine.Status, at now: ContinuousClock.Instant = .now) {
        if let last = samples.last, now - last.time < Self.step { return }
        samples.append((now, status.generatedTokens, status.readTokens))
        // One sample from before the window stays, to count from.
        while samples.count > 2, now - samples[1].time > Self.length { samples.removeFirst() }
    }

    /// Fills in tokens per second.
    mutating func fill(
        _ status: inout ServingEngine.Status, at now: ContinuousClock.Instant = .now
    ) {
        note(status, at: now)
        guard let first = samples.first, now > first.time else { return }
        let seconds = max((now - first.time).seconds, Self.step.seconds)
        status.tokensPerSecond = Double(status.generatedTokens - first.generated) / seconds
        status.promptTokensPerSecond = Double(status.readTokens - first.read) / seconds
    }

    /// About how long until a running sequence ends, for who is to come again: 1 to 30 s.
    mutating func secondsToWait(_ status: ServingEngine.Status) -> Int {
        var status = status
        fill(&status)
        guard status.tokensPerSecond > 0, status.active > 0 else { return 1 }
        let each = status.tokensPerSecond / Double(status.active)
        return min(max(Int(100 / each), 1), 30)
    }
}
