import HalftoneFiles

/// Reads the members of a request, with errors that name them.
struct RequestReader {
    private let object: JSONObject
    private let path: String

    /// The members of a document.
    init(_ value: JSONValue, at path: String = "") throws(APIError) {
        guard case .object(let object) = value else {
            throw .invalid("\(path.isEmpty ? "the body" : path) is to be an object", path.nonEmpty)
        }
        self.object = object
        self.path = path
    }

    /// What a member is called in errors.
    func name(_ member: String) -> String { path.isEmpty ? member : "\(path).\(member)" }

    /// A member as it is; nil where it is missing or null.
    func value(_ member: String) -> JSONValue? {
        guard let value = object[member], value != .null else { return nil }
        return value
    }

    func string(_ member: String) throws(APIError) -> String? {
        switch value(member) {
        case nil: return nil
        case .string(let text): return text
        default: throw .invalid("\(name(member)) is to be a string", name(member))
        }
    }

    func bool(_ member: String) throws(APIError) -> Bool? {
        switch value(member) {
        case nil: return nil
        case .bool(let value): return value
        default: throw .invalid("\(name(member)) is to be true or false", name(member))
        }
    }

    func integer(_ member: String, _ range: ClosedRange<Int>) throws(APIError) -> Int? {
        switch value(member) {
        case nil: return nil
        case .integer(let value) where range.contains(value): return value
        default:
            throw .invalid(
                "\(name(member)) is to be a whole number from \(range.lowerBound) to "
                    + "\(range.upperBound)", name(member))
        }
    }

    func number(_ member: String, _ range: ClosedRange<Double>) throws(APIError) -> Float? {
        let number: Double? =
            switch value(member) {
            case nil: nil
            case .integer(let value): Double(value)
            case .number(let value): value
            default: .nan
            }
        guard let number else { return nil }
        guard range.contains(number) else {
            throw .invalid(
                "\(name(member)) is to be a number from \(range.lowerBound) to "
                    + "\(range.upperBound)", name(member))
        }
        return Float(number)
    }

    func array(_ member: String) throws(APIError) -> [JSONValue]? {
        switch value(member) {
        case nil: return nil
        case .array(let elements): return elements
        default: throw .invalid("\(name(member)) is to be a list", name(member))
        }
    }

    func object(_ member: String) throws(APIError) -> RequestReader? {
        guard let value = value(member) else { return nil }
        return try RequestReader(value, at: name(member))
    }

    /// The members' names and values.
    var members: [(name: String, value: JSONValue)] { object.members }

    /// An error about a member.
    func error(_ member: String, _ message: String) -> APIError {
        .invalid("\(name(member)) \(message)", name(member))
    }
}

extension String {
    /// The text, or nil for none.
    fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}
