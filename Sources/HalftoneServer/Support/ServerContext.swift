import Hummingbird
import NIOCore

/// What is known of a request besides itself.
struct ServerContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The connection.
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }

    /// Whose requests take turns with those of others: a client's address.
    var client: String { channel.remoteAddress?.ipAddress ?? "" }
}

extension Request {
    /// The body, which has to come in time.
    ///
    /// - Parameters:
    ///   - limit: Bytes.
    ///   - patience: How long it may take.
    func bytes(upTo limit: Int, within patience: Duration) async throws -> [UInt8] {
        let tooLarge = APIError(
            status: .contentTooLarge, message: "the body has more than \(limit) bytes",
            code: "body_too_large")
        if let length = headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw tooLarge
        }
        let body = body
        return try await withThrowingTaskGroup(of: [UInt8].self) { group in
            group.addTask {
                do {
                    let buffer = try await body.collect(upTo: limit)
                    return Array(buffer.readableBytesView)
                } catch is NIOTooManyBytesError {
                    throw tooLarge
                } catch {
                    // The body broke off, or was none.
                    throw CancellationError()
                }
            }
            group.addTask {
                try await Task.sleep(for: patience)
                throw APIError(
                    status: .requestTimeout, message: "the body did not come in time",
                    code: "slow_body")
            }
            defer { group.cancelAll() }
            return try await group.next() ?? []
        }
    }
}
