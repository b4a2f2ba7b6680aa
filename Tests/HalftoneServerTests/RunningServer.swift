import Foundation
import HalftoneCompression
import HalftoneData
import HalftoneKernels
import HalftoneModels
import HalftoneServer
import HalftoneServing
import HalftoneTesting
import Logging
import Synchronization

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// A server in this process, on a port of its own: `stories`, the model that is shipped, in two
/// variants, and `small`, the same in 3 bits.
final class RunningServer: Sendable {
    /// Where it listens.
    let url: URL
    private let stop: AsyncStream<Void>.Continuation
    private let task: Task<Void, any Error>

    private static let smallFolder = FileManager.default.temporaryDirectory
        .appending(path: "halftone-small-\(ProcessInfo.processInfo.processIdentifier)")
        .path(percentEncoded: false)

    /// The folder of the model in 3 bits, made once and removed at the end.
    static let small = Result {
        let original = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        let compressed = try CompressedModel(
            original, recipe: CompressionRecipe(bits: 3), pool: .shared)
        atexit { try? FileManager.default.removeItem(atPath: RunningServer.smallFolder) }
        try ModelFolderWriter(compressed).write(to: smallFolder, replaces: true)
        return smallFolder
    }

    /// Starts a server; ``end()`` has to be called.
    ///
    /// - Parameter change: Changes options.
    init(_ change: (inout ServerOptions) -> Void = { _ in }) async throws {
        var options = ServerOptions()
        options.port = 0
        change(&options)
        let path = ShippedModels.path(of: ShippedModels.stories)
        var settings = ServedModel.Settings(pool: .shared)
        settings.limits = options.engine
        let registry = try ModelRegistry(
            [
                .init(
                    name: "stories",
                    variants: [.init(name: "one", path: path), .init(name: "two", path: path)]),
                .init(name: "small", variants: [.init(name: "small", path: Self.small.get())]),
            ], settings: settings)
        let (stops, stop) = AsyncStream.makeStream(of: Void.self)
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        self.stop = stop
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let server = ModelServer(registry, options: options, logger: logger)
        task = Task {
            try await server.run {
                port.yield($0)
            } until: {
                for await _ in stops { break }
            }
        }
        var found = 0
        for await number in ports {
            found = number
            break
        }
        url = URL(string: "http://127.0.0.1:\(found)")!
    }

    /// Ends the server and returns when it has.
    func end() async throws {
        stop.yield()
        try await task.value
    }

    /// Does something with a server and ends it.
    static func with(
        _ change: (inout ServerOptions) -> Void = { _ in },
        _ body: (RunningServer) async throws -> Void
    ) async throws {
        let server = try await RunningServer(change)
        do {
            try await body(server)
        } catch {
            try? await server.end()
            throw error
        }
        try await server.end()
    }

    /// Sends a request and gives status, headers and body.
    func send(
        _ path: String, _ body: String? = nil, headers: [String: String] = [:],
        method: String? = nil
    ) async throws -> (status: Int, headers: [AnyHashable: Any], body: String) {
        var request = URLRequest(url: URL(string: url.absoluteString + path)!)
        request.httpMethod = method ?? (body == nil ? "GET" : "POST")
        request.httpBody = body.map { Data($0.utf8) }
        // Each step of an answer may wait for all other tests.
        request.timeoutInterval = 3600
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let (data, response) = try await URLSession.shared.data(for: request)
        let answer = response as? HTTPURLResponse
        return (
            answer?.statusCode ?? 0, answer?.allHeaderFields ?? [:],
            String(decoding: data, as: UTF8.self)
        )
    }
}

/// What scripts of the server's tests need.
enum ServerScripts {
    /// A browser that scripts can drive, or nil.
    static let browser: String? = {
        let found = ProcessInfo.processInfo.environment["HALFTONE_BROWSER"]
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let names = ["chromium", "chromium-browser", "google-chrome"]
        return found
            ?? names.flatMap { name in folders.map { "\($0)/\(name)" } }.first {
                FileManager.default.isExecutableFile(atPath: $0)
            }
    }()

    /// Runs a script beside the tasks of this process, whose server it talks to.
    static func runBeside(_ arguments: [String]) async throws -> (code: Int32, output: String) {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try ReferencePython.run(arguments) })
            }
        }
    }
}
