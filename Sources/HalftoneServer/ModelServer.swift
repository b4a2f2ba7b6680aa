import Foundation
import HalftoneFiles
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

/// A server of OpenAI's interface, of what only Halftone knows, and of a page.
///
/// ```swift
/// let registry = try ModelRegistry(entries, settings: .init(pool: pool))
/// try await ModelServer(registry, options: options).run { port in … }
/// ```
public struct ModelServer: Sendable {
    private let service: ServerService
    private let watch: WriteWatch
    private let logger: Logger

    /// Puts the routes together; nothing listens yet.
    ///
    /// - Parameters:
    ///   - registry: The models.
    ///   - options: How to listen and what clients may do.
    ///   - logger: Where failures are told.
    public init(_ registry: ModelRegistry, options: ServerOptions, logger: Logger) {
        service = ServerService(registry: registry, options: options, metrics: ServerMetrics())
        watch = WriteWatch(patience: .seconds(options.patienceSeconds))
        self.logger = logger
    }

    /// Serves until the task is asked to stop gracefully; running answers end first.
    ///
    /// - Parameters:
    ///   - started: Called with the port once the server listens.
    ///   - stop: Waits until the server is to stop.
    /// - Throws: ``ListenError`` when the address cannot be listened on.
    public func run(
        started: @escaping @Sendable (Int) async -> Void,
        until stop: @escaping @Sendable () async -> Void
    ) async throws {
        let options = service.options
        var configuration = ApplicationConfiguration(
            address: .hostname(options.host, port: options.port), serverName: "halftone",
            availableConnectionsDelegate: MaximumAvailableConnections(options.connectionCount))
        configuration.backlog = 512
        let application = Application(
            router: router(),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [LeavingHandler()],
                    idleTimeout: .seconds(Int64(2 * options.patienceSeconds)),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: 16 * 1024, maxHeaderListSize: 32 * 1024,
                        maxHeaderFieldCount: 100))),
            configuration: configuration,
            onServerRunning: { channel in await started(channel.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .singleton, logger: logger)
        let group = ServiceGroup(
            configuration: .init(services: [watch, application], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                await stop()
                await service.registry.drain(within: options.drainSeconds)
                await group.triggerGracefulShutdown()
                // Connections that do not close are cut off.
                try await Task.sleep(for: .seconds(options.patienceSeconds))
            }
            do {
                try await tasks.next()
            } catch let error as IOError {
                throw ListenError(host: options.host, port: options.port, reason: error)
            }
            tasks.cancelAll()
        }
    }

    private func router() -> Router<ServerContext> {
        let router = Router(context: ServerContext.self)
        router.add(middleware: ErrorMiddleware(metrics: service.metrics, watch: watch))
        router.add(middleware: AccessMiddleware(options: service.options))
        let page = PageRoute()
        router.get("/") { _, _ in page.index() }
        router.get("/page/:file") { _, context in try page.file(context) }
        router.get("/health") { _, _ in Response.json(["status": "ok"]) }
        let chat = ChatRoute(service: service)
        let completion = CompletionRoute(service: service)
        let embedding = EmbeddingRoute(service: service)
        let own = HalftoneRoute(service: service)
        router.get("/metrics") { _, _ in own.metrics() }
        router.get("/v1/models") { _, _ in own.models() }
        router.get("/v1/models/:id") { _, context in try own.model(context) }
        router.post("/v1/chat/completions", use: chat.answer)
        router.post("/v1/completions", use: completion.answer)
        router.post("/v1/embeddings", use: embedding.answer)
        router.get("/v1/halftone/status") { _, _ in own.status() }
        router.get("/v1/halftone/models/:id") { _, context in try own.fullModel(context) }
        router.get("/v1/halftone/models/:id/matrices/:matrix") { _, context in
            try own.matrix(context)
        }
        router.post("/v1/halftone/models/:id/variant", use: own.activate)
        router.post("/v1/halftone/divergence", use: own.divergence)
        return router
    }
}

/// An address cannot be listened on.
public struct ListenError: Error, CustomStringConvertible {
    /// The address.
    public let host: String
    /// The port.
    public let port: Int
    /// What the system says.
    let reason: IOError

    /// What happened and what would do.
    public var description: String {
        reason.errnoCode == EADDRINUSE
            ? "port \(port) of \(host) is in use; take another with --port, or 0 for a free one"
            : "\(host), port \(port), cannot be listened on: \(reason)"
    }
}
