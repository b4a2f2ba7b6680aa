import Foundation
import HalftoneFiles

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Requests to the hub: addresses, the token, redirects, retries and what statuses mean.
struct HubSession: Sendable {
    let environment: HubEnvironment

    private static let mostRedirects = 5

    /// The address of something under the endpoint; path parts are escaped one by one.
    func address(_ parts: [String], query: String? = nil) throws(HubError) -> URL {
        let unreserved = CharacterSet(
            charactersIn: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")
        let path = parts.map {
            $0.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
        }
        var base = environment.endpoint.absoluteString
        while base.hasSuffix("/") { base.removeLast() }
        let text = base + "/" + path.joined(separator: "/") + (query.map { "?" + $0 } ?? "")
        guard let url = URL(string: text) else { throw .badEndpoint(text) }
        return url
    }

    /// The listing of a revision.
    func listing(of reference: HubReference) async throws(HubError) -> HubListing {
        let parts = reference.repository.split(separator: "/").map(String.init)
        let url = try address(
            ["api", "models"] + parts + ["revision", reference.revision], query: "blobs=true")
        let answer = try await fetch(url, of: reference.description)
        return try HubListing(answer.body, of: reference)
    }

    /// Fetches an answer that is kept in memory.
    func fetch(_ url: URL, of what: String) async throws(HubError) -> HubAnswer {
        var attempt = 0
        while true {
            let answer = try await followed(request(url), sink: nil, checkTag: { _ in })
            if answer.failure == nil, answer.status == 200 { return answer }
            try await pause(after: answer, attempt: attempt, url, of: what)
            attempt += 1
        }
    }

    /// A request to the endpoint or to where it sends us; the token goes to the endpoint alone.
    func request(_ url: URL) -> URLRequest {
        var request = URLRequest(url: url)
        request.setValue("halftone", forHTTPHeaderField: "User-Agent")
        request.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
        if let token = environment.token, isSameOrigin(url, environment.endpoint) {
            request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        }
        return request
    }

    /// Sends a request and follows redirects by hand.
    ///
    /// - Parameter checkTag: Is given each answer of the endpoint, whose entity tag is the file's.
    func followed(
        _ first: URLRequest, sink: HubTransfer.Sink?,
        checkTag: (HubAnswer) throws(HubError) -> Void
    ) async throws(HubError) -> HubAnswer {
        var current = first
        for _ in 0...Self.mostRedirects {
            let answer = await HubTransfer.run(current, sink: sink)
            if Task.isCancelled { throw .cancelled }
            guard let url = current.url else { throw .badAnswer("a request without address") }
            if answer.status < 400, isSameOrigin(url, environment.endpoint) { try checkTag(answer) }
            guard [301, 302, 303, 307, 308].contains(answer.status) else { return answer }
            guard let location = answer.fields["location"],
                let target = URL(string: location, relativeTo: url)?.absoluteURL
            else { throw .badAnswer("a redirect of \(url.path) leads nowhere") }
            guard target.scheme == "https" || target.scheme == environment.endpoint.scheme else {
                throw .badAnswer(
                    "a redirect leads to \(target.scheme ?? "no scheme"), not to https")
            }
            var next = request(target)
            next.httpMethod = first.httpMethod
            if let range = first.value(forHTTPHeaderField: "Range") {
                next.setValue(range, forHTTPHeaderField: "Range")
            }
            current = next
        }
        throw .badAnswer("more than \(Self.mostRedirects) redirects")
    }

    /// Waits before another try, or throws what an answer that will not get better means.
    func pause(
        after answer: HubAnswer, attempt: Int, _ url: URL, of what: String
    ) async throws(HubError) {
        let isPassing =
            answer.failure != nil || answer.status == 429 || answer.status == 408
            || answer.status >= 500 || answer.status == 0
        guard isPassing, attempt < environment.retries else {
            throw meaning(of: answer, url, of: what)
        }
        var seconds = environment.pause * Double(1 << min(attempt, 6))
        if let wish = answer.fields["retry-after"].flatMap(Double.init), wish >= 0 {
            seconds = min(wish, 60)
        }
        do {
            try await Task.sleep(for: .seconds(seconds))
        } catch {
            throw .cancelled
        }
    }

    private func meaning(of answer: HubAnswer, _ url: URL, of what: String) -> HubError {
        let address = url.host.map { $0 + url.path } ?? url.path
        switch answer.status {
        case 401: return .unauthorized(repository: what, hasToken: environment.token != nil)
        case 403: return .forbidden(repository: what)
        case 404: return .notFound(what)
        case 200..<300, 0: return .connection(answer.failure ?? "no answer", address: address)
        default: return .status(answer.status, address: address)
        }
    }

    private func isSameOrigin(_ left: URL, _ right: URL) -> Bool {
        func port(_ url: URL) -> Int { url.port ?? (url.scheme == "https" ? 443 : 80) }
        return left.scheme == right.scheme && left.host == right.host && port(left) == port(right)
    }
}

/// The files of one commit of a repository.
struct HubListing: Sendable {
    /// One file; tag and size are absent when the server does not list them.
    struct File: Sendable, Equatable {
        var name: String
        var size: Int?
        var tag: String?
    }

    var commit: String
    var files: [File]

    /// Reads the answer of `/api/models/…`; every name in it has been checked.
    init(_ body: Data, of reference: HubReference) throws(HubError) {
        let document: JSONValue
        do {
            document = try JSONParser.parse([UInt8](body))
        } catch {
            throw .badAnswer("the listing of \(reference): \(error)")
        }
        guard let commit = document["sha"]?.string, HubNames.isCommit(commit) else {
            throw .badAnswer("the listing of \(reference) names no commit")
        }
        guard let siblings = document["siblings"]?.array else {
            throw .badAnswer("the listing of \(reference) has no files")
        }
        self.commit = commit
        files = []
        var seen: Set<String> = []
        for sibling in siblings {
            guard let name = sibling["rfilename"]?.string else {
                throw .badAnswer("a file of \(reference) has no name")
            }
            guard HubNames.isSafePath(name), seen.insert(name).inserted else {
                throw .unsafeFileName(name)
            }
            let large = sibling["lfs"]
            let tag = large?["sha256"]?.string ?? large?["oid"]?.string ?? sibling["blobId"]?.string
            if let tag, !HubNames.isBlobName(tag) {
                throw .badAnswer("\(name) has the tag '\(tag)'")
            }
            let size = large?["size"]?.integer ?? sibling["size"]?.integer
            if let size, size < 0 { throw .badAnswer("\(name) has \(size) bytes") }
            files.append(File(name: name, size: size, tag: tag))
        }
    }
}
