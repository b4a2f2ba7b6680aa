/// Why a chat template could not be read or rendered, with the line of the template.
public enum TemplateError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The text is not a template: a bad token, an unclosed block, an unknown statement.
    case syntax(String, line: Int)
    /// A value cannot do what the template asks of it: a wrong type, an undefined name.
    case evaluation(String, line: Int)
    /// The template itself refused the conversation through `raise_exception`.
    case raised(String, line: Int)
    /// Rendering would take more than ``TemplateLimits`` allows.
    case limit(String, line: Int)

    /// What was found and in which line.
    public var description: String {
        switch self {
        case .syntax(let message, let line):
            "template line \(line): \(message)"
        case .evaluation(let message, let line):
            "template line \(line): \(message)"
        case .raised(let message, let line):
            "the template refuses these messages (line \(line)): \(message)"
        case .limit(let message, let line):
            "template line \(line): stopped, \(message)"
        }
    }
}

/// How much work a template, which comes with a model and is not trusted, may ask for.
public struct TemplateLimits: Sendable, Equatable {
    /// The longest template that is parsed, in bytes of UTF-8.
    public var sourceBytes = 1 << 20
    /// The longest text that may be rendered or held in one value, in bytes of UTF-8.
    public var textBytes = 16 << 20
    /// The most elements in one list that the template builds.
    public var elements = 100_000
    /// The most steps: expressions, statements and loop turns, and one per 16 bytes of text made.
    public var steps = 10_000_000
    /// The deepest nesting of blocks, expressions and macro calls.
    public var depth = 160

    /// The default limits, far above what published templates need.
    public init() {}
}
