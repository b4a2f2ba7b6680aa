import NIOCore
import NIOHTTPTypes
import Synchronization

/// Whether the client of a connection has left, and what is to be done when it does.
final class Leaving: Sendable {
    private struct State {
        var hasLeft = false
        var next = 0
        var actions: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Mutex(State())

    /// Whether the client has left.
    var hasLeft: Bool { state.withLock { $0.hasLeft } }

    /// Does something when the client leaves, or now if it has.
    ///
    /// - Returns: What ``forget(_:)`` takes.
    func onLeave(_ action: @escaping @Sendable () -> Void) -> Int {
        let ticket: Int? = state.withLock { state in
            guard !state.hasLeft else { return nil }
            state.next += 1
            state.actions[state.next] = action
            return state.next
        }
        guard let ticket else {
            action()
            return 0
        }
        return ticket
    }

    /// Does no longer what was to be done.
    func forget(_ ticket: Int) { state.withLock { $0.actions[ticket] = nil } }

    /// Notes that the client has left.
    func leave() {
        let actions = state.withLock { state in
            state.hasLeft = true
            defer { state.actions = [:] }
            return Array(state.actions.values)
        }
        for action in actions { action() }
    }
}

/// Notices that a client closes its side of a connection.
final class LeavingHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart

    /// The connection's client.
    let leaving = Leaving()

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { leaving.leave() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        leaving.leave()
        context.fireChannelInactive()
    }
}

extension Channel {
    /// The client of this connection.
    func client() async throws -> Leaving {
        try await pipeline.handler(type: LeavingHandler.self).map(\.leaving).get()
    }
}
