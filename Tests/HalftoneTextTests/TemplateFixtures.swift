import Foundation
import HalftoneFiles
import HalftoneText

/// Stored templates, conversations and what Python Jinja makes of them.
enum TemplateFixtures {
    static let folder = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/Templates")
    static let script = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Reference/template_reference.py")

    /// 7 March 2025, 14:05:09, the present of the reference script.
    static let now = Date(timeIntervalSince1970: 1_741_356_309)
    static let utc = TimeZone(secondsFromGMT: 0) ?? .current

    static func json(_ name: String) throws -> JSONValue {
        try json(contentsOf: folder.appending(path: name))
    }

    static func json(contentsOf url: URL) throws -> JSONValue {
        try JSONParser.parse(Array(Data(contentsOf: url)))
    }

    /// The rendered text, or nil with the error when rendering is refused.
    static func render(_ source: String, _ variables: JSONObject) -> (text: String?, error: String)
    {
        do throws(TemplateError) {
            let template = try ChatTemplate(source: source)
            return (try template.render(variables: variables, now: now, timeZone: utc), "")
        } catch {
            return (nil, error.description)
        }
    }

    /// Whether two results are the same bytes, or both refusals.
    static func agree(_ text: String?, _ expected: JSONValue) -> Bool {
        guard let text else { return expected == .null }
        guard let wanted = expected.string else { return false }
        return Array(text.utf8) == Array(wanted.utf8)
    }
}
