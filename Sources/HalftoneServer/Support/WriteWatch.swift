import Hummingbird
import NIOCore
import ServiceLifecycle
import Synchronization

/// Closes connections whose clients do not take what is sent to them.
final class WriteWatch: Service {
    private struct State {
        var next = 0
        var writes: [Int: (end: ContinuousClock.Instant, channel: any Channel)] = [:]
    }

    private let patience: Duration
    private let state = Mutex(State())

    /// - Parameter patience: How long a client may take for a piece.
    init(patience: Duration) { self.patience = patience }

    /// Does a write, which fails when it takes too long.
    func watch(_ channel: any Channel, _ write: () async throws -> Void) async throws {
        let ticket = state.withLock { state in
            state.next += 1
            state.writes[state.next] = (ContinuousClock.now + patience, channel)
            return state.next
        }
        defer { state.withLock { _ = $0.writes.removeValue(forKey: ticket) } }
        try await write()
    }

    /// Looks after all writes until the server stops.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try await Task.sleep(for: .seconds(1))
                self.closeOverdue()
            }
        }
    }

    /// Closes the connections of writes that take too long.
    func closeOverdue() {
        let now = ContinuousClock.now
        let overdue = state.withLock { state in
            state.writes.values.filter { $0.end < now }.map(\.channel)
        }
        for channel in overdue { channel.close(promise: nil) }
    }
}

extension ResponseBody {
    /// The body, each of whose pieces a client has to take in time.
    func watched(by watch: WriteWatch, _ channel: any Channel) -> ResponseBody {
        ResponseBody(contentLength: contentLength) { writer in
            try await self.write(WatchedWriter(writer: writer, watch: watch, channel: channel))
        }
    }
}

/// Writes pieces under watch.
private struct WatchedWriter: ResponseBodyWriter {
    var writer: any ResponseBodyWriter
    let watch: WriteWatch
    let channel: any Channel

    mutating func write(_ buffer: ByteBuffer) async throws {
        let watch = watch
        let channel = channel
        var writer = writer
        try await watch.watch(channel) { try await writer.write(buffer) }
        self.writer = writer
    }

    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {
        let writer = writer
        try await watch.watch(channel) { try await writer.finish(trailingHeaders) }
    }
}
