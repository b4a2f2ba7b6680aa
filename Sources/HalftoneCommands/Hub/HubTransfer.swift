import Foundation
import Synchronization

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// What one request brought: the answer's head, and its body unless that went to a file.
struct HubAnswer: Sendable {
    var status: Int
    /// Fields of the head by lower-case name.
    var fields: [String: String]
    var body: Data
    /// Why the connection broke before the body was complete.
    var failure: String?

    /// The entity tag of the file itself: of large files behind a redirect, the linked one.
    var entityTag: String? {
        (fields["x-linked-etag"] ?? fields["etag"]).map { tag in
            let strong = tag.hasPrefix("W/") ? String(tag.dropFirst(2)) : tag
            return strong.trimmingCharacters(in: CharacterSet(charactersIn: "\""))
        }
    }
}

/// One request that follows no redirect and can write its body to a file as it arrives.
final class HubTransfer: NSObject, URLSessionDataDelegate, Sendable {
    private struct State {
        var status = 0
        var fields: [String: String] = [:]
        var body = Data()
        var failure: String?
        var continuation: CheckedContinuation<HubAnswer, Never>?
        var task: URLSessionTask?
        var isCancelled = false
    }

    /// Takes the body of an answer: told of the head, it says whether it wants what follows.
    struct Sink: Sendable {
        var accepts: @Sendable (HubAnswer) -> Bool
        var write: @Sendable (Data, HubAnswer) throws -> Void
    }

    /// The most bytes of a body that is kept in memory.
    private static let largestBody = 64 << 20

    private let state = Mutex(State())
    private let sink: Sink?

    private init(sink: Sink?) { self.sink = sink }

    /// Sends a request and waits for the whole answer; failures are part of the answer.
    static func run(_ request: URLRequest, sink: Sink? = nil) async -> HubAnswer {
        let transfer = HubTransfer(sink: sink)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { transfer.start(request, $0) }
        } onCancel: {
            transfer.cancel()
        }
    }

    private func start(
        _ request: URLRequest, _ continuation: CheckedContinuation<HubAnswer, Never>
    ) {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = 60
        configuration.httpShouldSetCookies = false
        configuration.urlCache = nil
        let queue = OperationQueue()
        queue.maxConcurrentOperationCount = 1
        let session = URLSession(
            configuration: configuration, delegate: self, delegateQueue: queue)
        let task = session.dataTask(with: request)
        let isCancelled = state.withLock { state in
            state.continuation = continuation
            state.task = task
            return state.isCancelled
        }
        task.resume()
        if isCancelled { task.cancel() }
        session.finishTasksAndInvalidate()
    }

    private func cancel() {
        let task = state.withLock { state in
            state.isCancelled = true
            return state.task
        }
        task?.cancel()
    }

    // MARK: URLSessionDataDelegate

    func urlSession(
        _ session: URLSession, task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
        completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        record(response)
        completionHandler(nil)
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        if let response = response as? HTTPURLResponse { record(response) }
        completionHandler(.allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let head = state.withLock { answer($0) }
        if let sink, sink.accepts(head) {
            do {
                try sink.write(data, head)
            } catch {
                state.withLock { $0.failure = "cannot write: \(error.localizedDescription)" }
                dataTask.cancel()
            }
            return
        }
        let isTooLong = state.withLock { state in
            state.body.append(data)
            return state.body.count > Self.largestBody
        }
        if isTooLong {
            state.withLock { $0.failure = "the answer is longer than \(Self.largestBody) bytes" }
            dataTask.cancel()
        }
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?
    ) {
        if let response = task.response as? HTTPURLResponse { record(response) }
        let (continuation, answer) = state.withLock { state in
            // A refused redirect ends with an error on some systems; its head is all we want.
            let isRedirect = (300..<400).contains(state.status)
            if let error, state.failure == nil, !isRedirect {
                state.failure = error.localizedDescription
            }
            let continuation = state.continuation
            state.continuation = nil
            state.task = nil
            return (continuation, self.answer(state))
        }
        continuation?.resume(returning: answer)
    }

    private func record(_ response: HTTPURLResponse) {
        var fields: [String: String] = [:]
        for (name, value) in response.allHeaderFields {
            fields["\(name)".lowercased()] = "\(value)"
        }
        let status = response.statusCode
        state.withLock { state in
            state.status = status
            state.fields = fields
        }
    }

    private func answer(_ state: borrowing State) -> HubAnswer {
        HubAnswer(
            status: state.status, fields: state.fields, body: state.body, failure: state.failure)
    }
}
