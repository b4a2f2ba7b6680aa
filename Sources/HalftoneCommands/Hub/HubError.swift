/// Why something could not be had from the model hub.
public enum HubError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The text names no repository.
    case badReference(String)
    /// An environment variable or address is not usable.
    case badEndpoint(String)
    /// The hub wants a token, or a better one.
    case unauthorized(repository: String, hasToken: Bool)
    /// The terms of the repository have not been accepted by the owner of the token.
    case forbidden(repository: String)
    /// There is no such repository, revision or file.
    case notFound(String)
    /// The hub answered with a status that cannot be worked with.
    case status(Int, address: String)
    /// The connection failed, after all retries.
    case connection(String, address: String)
    /// The hub's answer is not what its interface promises.
    case badAnswer(String)
    /// A listed file would be stored outside of its folder or under a name no system takes.
    case unsafeFileName(String)
    /// The repository has none of the files that were asked for.
    case noFiles(repository: String, wanted: String)
    /// Several files fit the name that was asked for.
    case ambiguous(repository: String, choices: [String])
    /// A file that arrived is not the one that the hub lists.
    case checksum(file: String, expected: String, found: String)
    /// The network is switched off by `HF_HUB_OFFLINE` and the cache lacks something.
    case offline(String)
    /// A file or folder of the cache cannot be used.
    case cache(String)
    /// The download was cancelled.
    case cancelled

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .badReference(let text):
            "'\(text)' names no repository; write owner/name or owner/name@revision"
        case .badEndpoint(let text): "\(text) is no usable https address"
        case .unauthorized(let repository, let hasToken):
            hasToken
                ? "\(repository): the hub refuses the token; check HF_TOKEN and the name"
                : "\(repository) is private, gated or absent; set HF_TOKEN to a token that may read it"
        case .forbidden(let repository):
            "\(repository): the token may not read it; accept the terms on its page first"
        case .notFound(let what): "\(what) does not exist on the hub"
        case .status(let status, let address): "the hub answered \(status) for \(address)"
        case .connection(let reason, let address): "cannot reach \(address): \(reason)"
        case .badAnswer(let what): "the hub's answer makes no sense: \(what)"
        case .unsafeFileName(let name):
            "refused: the repository lists a file named '\(name)'"
        case .noFiles(let repository, let wanted): "\(repository) has no \(wanted)"
        case .ambiguous(let repository, let choices):
            "\(repository): several files fit, name one of \(choices.joined(separator: ", "))"
        case .checksum(let file, let expected, let found):
            "\(file) arrived damaged: its checksum is \(found), the hub lists \(expected)"
        case .offline(let what):
            "\(what) is not in the cache and HF_HUB_OFFLINE is set; unset it to download"
        case .cache(let what): "the cache cannot be used: \(what)"
        case .cancelled: "the download was cancelled"
        }
    }
}
