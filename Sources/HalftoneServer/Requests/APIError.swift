import HTTPTypes
import HalftoneFiles
import HalftoneModels
import HalftoneServing
import HalftoneText
import Hummingbird

/// An error as clients of OpenAI's interface expect it.
struct APIError: Error, Sendable, Equatable {
    /// The status of the response.
    var status: HTTPResponse.Status
    /// What happened and what would do.
    var message: String
    /// The member of the request that is at fault.
    var parameter: String?
    /// A name that programs can tell errors by.
    var code: String?
    /// Seconds after which to try again.
    var retryAfter: Int?

    /// A request that cannot be understood or is not allowed.
    static func invalid(_ message: String, _ parameter: String? = nil, code: String? = nil) -> Self
    {
        APIError(status: .badRequest, message: message, parameter: parameter, code: code)
    }

    /// The kind of error, by its status.
    private var type: String {
        switch status.code {
        case 401, 403: "authentication_error"
        case 429: "rate_limit_error"
        case 500...: "server_error"
        default: "invalid_request_error"
        }
    }

    /// The document that says so.
    var json: JSONValue {
        [
            "error": [
                "message": .string(message), "type": .string(type),
                "param": parameter.map { .string($0) } ?? .null,
                "code": code.map { .string($0) } ?? .null,
            ]
        ]
    }

    /// The response that says so.
    var response: Response {
        var response = Response.json(json, status: status)
        if let retryAfter { response.headers[.retryAfter] = String(retryAfter) }
        if status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        return response
    }
}

extension APIError {
    /// What an error of any layer means to a client.
    init(_ error: any Error) {
        switch error {
        case let error as APIError: self = error
        case let error as ServingError: self.init(error)
        case let error as JSONError:
            self = .invalid("the body is not a JSON document that is taken: \(error)")
        case let error as TemplateError:
            self = .invalid("the chat template refuses the messages: \(error)", "messages")
        case let error as ConversationError: self = .invalid("\(error)", "model")
        case let error as SchemaError: self = .invalid("\(error)", "response_format")
        case let error as HTTPError:
            self.init(status: error.status, message: error.body ?? error.status.reasonPhrase)
        case is CancellationError:
            self.init(status: .init(code: 499), message: "the client left")
        default: self.init(status: .internalServerError, message: "the server failed")
        }
    }

    private init(_ error: ServingError) {
        let message = String(describing: error)
        switch error {
        case .busy(_, let seconds):
            self.init(status: .tooManyRequests, message: message, code: "busy")
            retryAfter = seconds
        case .stopping:
            self.init(status: .serviceUnavailable, message: message, code: "stopping")
        case .tooLong:
            self = .invalid(message, "messages", code: "context_length_exceeded")
        case .tooLarge:
            self = .invalid(message, "max_tokens", code: "context_length_exceeded")
        case .unreadable: self = .invalid(message)
        case .timedOut:
            self.init(status: .gatewayTimeout, message: message, code: "timeout")
        case .noToken:
            self.init(
                status: .unprocessableContent, message: message, parameter: "response_format",
                code: "format_not_possible")
        }
    }
}

extension Response {
    /// A JSON document.
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json; charset=utf-8", .cacheControl: "no-store"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: value.serialized())))
    }
}
