import HTTPTypes
import Hummingbird
import NIOCore

/// `/` and `/page/…`: the page, out of the program itself.
struct PageRoute: Sendable {
    /// The files of the page by their names.
    static let files: [String: [UInt8]] = [
        "answer.js": PackageResources.answer_js, "api.js": PackageResources.api_js,
        "app.js": PackageResources.app_js, "charts.js": PackageResources.charts_js,
        "chat.js": PackageResources.chat_js, "compare.js": PackageResources.compare_js,
        "conversation.js": PackageResources.conversation_js, "copy.js": PackageResources.copy_js,
        "dom.js": PackageResources.dom_js, "heatmap.js": PackageResources.heatmap_js,
        "key.js": PackageResources.key_js, "live.js": PackageResources.live_js,
        "markdown.js": PackageResources.markdown_js, "matrices.js": PackageResources.matrices_js,
        "model.js": PackageResources.model_js, "models.js": PackageResources.models_js,
        "numbers.js": PackageResources.numbers_js, "page.css": PackageResources.page_css,
        "scale.js": PackageResources.scale_js, "settings.js": PackageResources.settings_js,
        "tabs.js": PackageResources.tabs_js, "tokens.js": PackageResources.tokens_js,
        "turns.js": PackageResources.turns_js,
    ]

    func index() -> Response {
        Self.response(PackageResources.index_html, type: "text/html; charset=utf-8")
    }

    func file(_ context: ServerContext) throws -> Response {
        let name = try context.parameters.require("file")
        guard let bytes = Self.files[name] else { throw HTTPError(.notFound) }
        return Self.response(
            bytes, type: name.hasSuffix(".css") ? "text/css; charset=utf-8" : "text/javascript")
    }

    private static func response(_ bytes: [UInt8], type: String) -> Response {
        Response(
            status: .ok,
            headers: [
                .contentType: type, .cacheControl: "no-cache",
                .contentSecurityPolicy: policy, .xContentTypeOptions: "nosniff",
                HTTPField.Name("Referrer-Policy")!: "no-referrer",
                HTTPField.Name("X-Frame-Options")!: "DENY",
            ],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    /// Nothing but the page's own files and its own server.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        + "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
}
