import Foundation

/// Where the hub is and where its files are kept, as the variables of the environment say.
public struct HubEnvironment: Sendable {
    /// The address of the hub.
    public var endpoint: URL
    /// The secret that gives access to private and gated repositories.
    public var token: String?
    /// The folder of the cache, laid out as other tools of the hub do.
    public var cache: URL
    /// Whether nothing may be asked of the network.
    public var isOffline: Bool
    /// How often a request is tried again after a passing fault.
    public var retries = 5
    /// The pause before the first retry in seconds; it doubles from there on.
    public var pause = 0.5
    /// How many files are fetched at a time.
    public var parallelism = 4

    /// Settings without regard to the environment.
    public init(endpoint: URL, token: String? = nil, cache: URL, isOffline: Bool = false) {
        self.endpoint = endpoint
        self.token = token
        self.cache = cache
        self.isOffline = isOffline
    }

    /// Reads `HF_ENDPOINT`, `HF_TOKEN`, `HF_HUB_CACHE`, `HF_HOME` and `HF_HUB_OFFLINE`.
    ///
    /// - Throws: ``HubError/badEndpoint(_:)`` when `HF_ENDPOINT` is neither https nor loopback.
    public init(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(HubError) {
        func value(_ name: String) -> String? {
            environment[name].flatMap { $0.isEmpty ? nil : $0 }
        }
        let address = value("HF_ENDPOINT") ?? "https://huggingface.co"
        guard let endpoint = URL(string: address), let host = endpoint.host,
            endpoint.scheme == "https"
                || (endpoint.scheme == "http" && ["127.0.0.1", "localhost", "::1"].contains(host))
        else { throw .badEndpoint("HF_ENDPOINT=\(address)") }
        self.endpoint = endpoint
        let home: URL
        if let folder = value("HF_HOME") {
            home = URL(filePath: (folder as NSString).expandingTildeInPath)
        } else {
            let base =
                value("XDG_CACHE_HOME").map { URL(filePath: $0) }
                ?? FileManager.default.homeDirectoryForCurrentUser.appending(path: ".cache")
            home = base.appending(path: "huggingface")
        }
        cache =
            value("HF_HUB_CACHE").map { URL(filePath: ($0 as NSString).expandingTildeInPath) }
            ?? home.appending(path: "hub")
        let stored = try? String(contentsOf: home.appending(path: "token"), encoding: .utf8)
        let token = value("HF_TOKEN") ?? stored
        self.token = token?.trimmingCharacters(in: .whitespacesAndNewlines)
        if self.token?.isEmpty == true { self.token = nil }
        isOffline = ["1", "ON", "YES", "TRUE"].contains(
            (value("HF_HUB_OFFLINE") ?? "").uppercased())
    }
}
