import HalftoneServing
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Makes all errors into what clients expect, counts requests, and watches that answers are taken.
struct ErrorMiddleware: RouterMiddleware {
    typealias Context = ServerContext

    let metrics: ServerMetrics
    let watch: WriteWatch

    func handle(
        _ request: Request, context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            response = try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound && error.body == nil {
            response =
                APIError(
                    status: .notFound,
                    message:
                        "there is nothing at \(request.method) \(request.uri.path.prefix(200))",
                    code: "not_found"
                ).response
        } catch {
            let told = APIError(error)
            if told.status == .internalServerError {
                context.logger.error("\(request.method) \(request.uri.path): \(error)")
            }
            response = told.response
            // What is left of a body that was not read is not waited for.
            if told.status == .requestTimeout || told.status == .contentTooLarge {
                response.headers[.connection] = "close"
                response.body = response.body.closing()
            }
        }
        metrics.note(path: context.endpointPath ?? "other", status: response.status.code)
        response.body = response.body.watched(by: watch, context.channel)
        return response
    }
}

extension ResponseBody {
    /// The body, after which the connection is closed.
    fileprivate func closing() -> ResponseBody {
        ResponseBody(contentLength: contentLength) { writer in
            try await self.write(writer)
            throw CancellationError()
        }
    }
}

/// Lets in who has the key, and pages of the server's own and of allowed origins.
struct AccessMiddleware: RouterMiddleware {
    typealias Context = ServerContext

    let options: ServerOptions

    /// What needs no key: the page asks for it itself.
    private static let open: Set<String> = ["/", "/health"]

    func handle(
        _ request: Request, context: ServerContext,
        next: (Request, ServerContext) async throws -> Response
    ) async throws -> Response {
        let origin = request.headers[.origin]
        let isForeign = origin.map { !isOwn($0, request) } ?? false
        if isForeign, let origin, !options.allowedOrigins.contains(origin) {
            throw APIError(
                status: .forbidden,
                message: "pages of \(origin.prefix(200)) may not call this server; allow them "
                    + "with --allow-origin", code: "origin_not_allowed")
        }
        try checkHost(request)
        if request.method == .options, let origin, isForeign {
            return Response(status: .noContent, headers: Self.preflight(origin))
        }
        let path = request.uri.path
        if let key = options.apiKey, !Self.open.contains(path), !path.hasPrefix("/page/") {
            let given = request.headers[.authorization] ?? ""
            guard Self.isEqual(given, "Bearer \(key)") else {
                throw APIError(
                    status: .unauthorized,
                    message: "the request needs the server's API key as Authorization: Bearer KEY",
                    code: "invalid_api_key")
            }
        }
        var response = try await next(request, context)
        if isForeign, let origin {
            response.headers[.accessControlAllowOrigin] = origin
            response.headers[.vary] = "Origin"
        }
        return response
    }

    /// Whether a page comes from the address that it calls.
    private func isOwn(_ origin: String, _ request: Request) -> Bool {
        guard let host = request.head.authority else { return false }
        return origin == "http://\(host)" || origin == "https://\(host)"
    }

    /// On the loopback address no other name is answered to: a page whose name was made to point
    /// here would count as the server's own.
    private func checkHost(_ request: Request) throws(APIError) {
        guard options.isLoopback, options.apiKey == nil else { return }
        let host = request.head.authority ?? ""
        let name =
            host.hasPrefix("[")
            ? String(host.prefix { $0 != "]" }) + "]"
            : String(host.prefix { $0 != ":" })
        guard ["localhost", "127.0.0.1", "[::1]", ""].contains(name) else {
            throw APIError(
                status: .forbidden,
                message: "the server answers to localhost only; to reach it by another name, give "
                    + "it an address with --host and a key", code: "host_not_allowed")
        }
    }

    private static func preflight(_ origin: String) -> HTTPFields {
        [
            .accessControlAllowOrigin: origin, .vary: "Origin",
            .accessControlAllowMethods: "GET, POST, OPTIONS",
            .accessControlAllowHeaders: "Authorization, Content-Type",
            .accessControlMaxAge: "600",
        ]
    }

    /// Whether two texts are equal, in a time that does not tell where they differ.
    private static func isEqual(_ one: String, _ other: String) -> Bool {
        let (one, other) = (Array(one.utf8), Array(other.utf8))
        var difference = one.count ^ other.count
        for index in other.indices {
            difference |= Int(other[index] ^ (index < one.count ? one[index] : 0))
        }
        return difference == 0
    }
}
