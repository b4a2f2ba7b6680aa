import ArgumentParser
import Foundation
import HalftoneKernels
import HalftoneModels
import HalftoneRuns
import HalftoneServer
import HalftoneServing
import Logging

/// `halftone serve`: answer requests over HTTP.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve models over HTTP: OpenAI's interface, and a page to look at.",
        discussion: """
            Each MODEL is served under the name of its file or folder, or as NAME=MODEL. With \
            NAME=MODEL,MODEL,… a name stands for several files, the first of which answers until \
            another is chosen on the page or by POST /v1/halftone/models/NAME/variant.

            Open the address that is printed for the page; programs use its /v1 as the base URL of \
            an OpenAI client. Only this machine reaches the server unless --host says otherwise, \
            which needs a key. Ctrl-C finishes the answers that run and ends; a second one ends at \
            once.
            """)

    @Argument(help: ModelArgument.help)
    var models: [String]

    @Option(help: "The address to listen on.")
    var host = "127.0.0.1"

    @Option(help: "The port to listen on; 0 takes a free one.")
    var port = 8080

    @Option(
        help: """
            A file that holds the key which requests must bring (default: the variable \
            HALFTONE_API_KEY; none on this machine's own address).
            """)
    var apiKeyFile: String?

    @Option(help: "An origin (https://example.com) whose pages may call; can be repeated.")
    var allowOrigin: [String] = []

    @Option(help: "Answers that are written together.")
    var sequences = 16

    @Option(help: "Requests that may wait; more are told to come again.")
    var queue = 64

    @Option(help: "Tokens of a prompt and its answer (default: as many as the model takes).")
    var context: Int?

    @Option(help: "Memory for keys and values of each model (default: 1GB).")
    var cacheMemory: ByteCount?

    @Option(help: "Tokens of an answer where the request does not say.")
    var defaultTokens = 512

    @Option(help: "The most tokens of an answer.")
    var maxTokens = 4096

    @Option(help: "The most seconds for an answer, waiting included.")
    var timeout = 600

    @Option(help: "A file with a chat template in place of the models' own.")
    var chatTemplate: String?

    @OptionGroup var generation: GenerationArguments
    @OptionGroup var cache: CacheArguments
    @OptionGroup var shared: SharedOptions

    mutating func validate() throws {
        guard !models.isEmpty else { throw ValidationError("name at least one model") }
        guard (0...65535).contains(port) else { throw ValidationError("--port is 0 to 65535") }
        guard (1...256).contains(sequences) else {
            throw ValidationError("--sequences is 1 to 256")
        }
        guard (0...100_000).contains(queue) else { throw ValidationError("--queue is 0 or more") }
        guard (context ?? 2) >= 2 else { throw ValidationError("--context is at least 2") }
        guard maxTokens >= 1, defaultTokens >= 1, timeout >= 1 else {
            throw ValidationError("--max-tokens, --default-tokens and --timeout are at least 1")
        }
        guard try !cache.readsText else {
            throw ValidationError("--kv: serve knows order=weights only")
        }
    }

    func run() async throws {
        let options = try serverOptions()
        guard options.isReachedSafely else {
            throw CommandError(
                "\(host) is reached by other machines, so requests need a key: put one into a file "
                    + "and give --api-key-file, or set HALFTONE_API_KEY", .failed)
        }
        var settings = ServedModel.Settings(pool: shared.pool)
        settings.activations = generation.activations
        settings.cache = try cache.policy
        settings.limits = options.engine
        settings.chatTemplate = try chatTemplate.map { try text(of: $0) }
        let entries = try self.entries()
        let registry = try ModelRegistry(entries, settings: settings)
        var logger = Logger(label: "halftone") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        let (stops, source) = AsyncStream.makeStream(of: Void.self)
        Interruption.install { [isQuiet = shared.quiet] _ in
            if case .terminated = source.yield() { return true }
            source.finish()
            if !isQuiet { Console.note("finishing the answers that run; Ctrl-C again ends now") }
            return false
        }
        try await ModelServer(registry, options: options, logger: logger).run { port in
            let address = "http://\(host.contains(":") ? "[\(host)]" : host):\(port)"
            if shared.json {
                try? Console.json(Started(address: address, models: entries.map(\.name)))
            } else {
                shared.note(
                    "serving \(entries.map(\.name).joined(separator: ", ")) at \(address) — "
                        + "Ctrl-C ends")
            }
        } until: {
            for await _ in stops { break }
        }
    }

    private func serverOptions() throws -> ServerOptions {
        var options = ServerOptions()
        options.host = host
        options.port = port
        options.allowedOrigins = Set(allowOrigin)
        options.engine.sequences = sequences
        options.engine.waiting = queue
        options.engine.contextLength = context ?? .max
        if let cacheMemory { options.engine.cacheByteCount = cacheMemory.bytes }
        options.mostTokens = maxTokens
        options.defaultTokens = defaultTokens
        options.answerSeconds = timeout
        let key =
            try apiKeyFile.map { try text(of: $0) }
            ?? ProcessInfo.processInfo.environment["HALFTONE_API_KEY"]
        if let key = key?.trimmingCharacters(in: .whitespacesAndNewlines), !key.isEmpty {
            options.apiKey = key
        }
        return options
    }

    private func entries() throws -> [ModelRegistry.Entry] {
        var entries: [ModelRegistry.Entry] = []
        for argument in models {
            let isPath = FileManager.default.fileExists(atPath: argument)
            let parts = isPath ? [] : argument.split(separator: "=", maxSplits: 1)
            let paths =
                parts.count == 2 ? parts[1].split(separator: ",").map(String.init) : [argument]
            let variants = try paths.map {
                ModelRegistry.Variant(name: Self.name(of: $0), path: try ModelStore.path(of: $0))
            }
            let name = parts.count == 2 ? String(parts[0]) : variants[0].name
            guard !entries.contains(where: { $0.name == name }) else {
                throw CommandError(
                    "two models would be called \(name); name one of them: other=\(argument)",
                    .badInput)
            }
            guard Set(variants.map(\.name)).count == variants.count else {
                throw CommandError("\(name): two of its files have the same name", .badInput)
            }
            entries.append(ModelRegistry.Entry(name: name, variants: variants))
        }
        return entries
    }

    /// What a model is called: the last part of its path, without the ending of a file.
    private static func name(of path: String) -> String {
        let last = URL(filePath: path).lastPathComponent
        return last.hasSuffix(".gguf") ? String(last.dropLast(5)) : last
    }

    private func text(of path: String) throws -> String {
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw CommandError("\(path) cannot be read: \(error.localizedDescription)", .noInput)
        }
    }
}

/// What `serve --json` prints once it listens.
private struct Started: Encodable {
    let address: String
    let models: [String]
}
