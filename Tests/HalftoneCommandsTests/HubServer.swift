import Foundation
import HalftoneCommands
import HalftoneFiles
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The loopback hub of `Tests/Reference/hub_server.py`, started for one test.
final class HubServer {
    let endpoint: URL
    let cache: URL
    private let process: Process
    private let input: Pipe

    static let commit = "0123456789abcdef0123456789abcdef01234567"

    init() throws {
        let script = URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Reference/hub_server.py")
        process = Process()
        input = Pipe()
        let output = Pipe()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", script.path]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = Data()
        while line.last != 0x0A, let next = try output.fileHandleForReading.read(upToCount: 1),
            !next.isEmpty
        {
            line.append(next)
        }
        let ports = String(decoding: line, as: UTF8.self).split(separator: " ")
        let port = try #require(ports.first)
        endpoint = try #require(URL(string: "http://127.0.0.1:\(port)"))
        cache = FileManager.default.temporaryDirectory
            .appending(path: "halftone-hub-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: cache, withIntermediateDirectories: true)
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.terminate()
        try? FileManager.default.removeItem(at: cache)
    }

    func environment(token: String? = "good") -> HubEnvironment {
        var environment = HubEnvironment(endpoint: endpoint, token: token, cache: cache)
        environment.pause = 0.01
        environment.retries = 3
        return environment
    }

    func client(token: String? = "good") -> HubClient { HubClient(environment(token: token)) }

    /// All requests so far.
    func log() throws -> [JSONValue] {
        let data = try Data(contentsOf: endpoint.appending(path: "__log"))
        return try #require(try JSONParser.parse([UInt8](data)).array)
    }

    /// The names of everything below the cache, as paths relative to it.
    func cachedNames() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: cache.path).sorted()
    }
}
