import HalftoneFiles
import HTTPTypes
import Hummingbird
import NIOCore

/// Sends JSON documents as server-sent events.
struct EventWriter {
    private var writer: any ResponseBodyWriter

    init(_ writer: any ResponseBodyWriter) { self.writer = writer }

    /// Sends a document.
    mutating func send(_ value: JSONValue) async throws {
        try await writer.write(ByteBuffer(string: "data: \(value.serialized())\n\n"))
    }

    /// Ends the stream as clients expect it.
    consuming func finish() async throws {
        try await writer.write(ByteBuffer(string: "data: [DONE]\n\n"))
        try await writer.finish(nil)
    }
}

extension Response {
    /// Events that are made while they are sent; an error in between is an event, too.
    static func events(
        _ body: @escaping @Sendable (inout EventWriter) async throws -> Void
    ) -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-store",
                // Proxies that gather answers would take the point of a stream away.
                HTTPField.Name("X-Accel-Buffering")!: "no",
            ],
            body: ResponseBody { writer in
                var events = EventWriter(writer)
                do {
                    try await body(&events)
                } catch is CancellationError {
                    throw CancellationError()
                } catch let error as ChannelError {
                    throw error
                } catch {
                    try await events.send(APIError(error).json)
                }
                try await events.finish()
            })
    }
}
