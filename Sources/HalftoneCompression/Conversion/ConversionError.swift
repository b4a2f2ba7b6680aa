/// Why the documents of one kind of model file cannot be said in the other kind.
public enum ConversionError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A field that the other kind of file needs is absent.
    case missing(field: String)
    /// A field has a value without a counterpart.
    case unsupported(field: String, found: String, supported: String)
    /// Fields contradict each other.
    case inconsistent(field: String, reason: String)

    /// The field, what was found, and what would do.
    public var description: String {
        switch self {
        case .missing(let field): "\(field) is missing, and the conversion needs it"
        case .unsupported(let field, let found, let supported):
            "\(field) is \(found), which has no counterpart; supported: \(supported)"
        case .inconsistent(let field, let reason): "\(field): \(reason)"
        }
    }
}
