/// Why a text is not a JSON document that this package reads; offsets count bytes from 0.
public enum JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    case documentTooLarge(byteCount: Int, limit: Int)
    case tooManyValues(limit: Int, offset: Int)
    case tooDeep(limit: Int, offset: Int)
    case stringTooLong(limit: Int, offset: Int)
    case unexpectedEnd(offset: Int, expected: String)
    case unexpectedByte(UInt8, offset: Int, expected: String)
    case trailingContent(offset: Int)
    case invalidUTF8(offset: Int)
    case controlCharacter(UInt8, offset: Int)
    case invalidEscape(offset: Int)
    case loneSurrogate(offset: Int)
    case invalidNumber(offset: Int)
    case numberOutOfRange(offset: Int)
    case duplicateMember(name: String, offset: Int)

    /// What was found where, and what is allowed.
    public var description: String {
        switch self {
        case .documentTooLarge(let count, let limit):
            "the JSON document has \(count) bytes; at most \(limit) are read"
        case .tooManyValues(let limit, let offset):
            "byte \(offset): more than \(limit) JSON values"
        case .tooDeep(let limit, let offset):
            "byte \(offset): JSON nested deeper than \(limit) levels"
        case .stringTooLong(let limit, let offset):
            "byte \(offset): a JSON string of more than \(limit) bytes"
        case .unexpectedEnd(let offset, let expected):
            "byte \(offset): the JSON document ends where \(expected) should be"
        case .unexpectedByte(let byte, let offset, let expected):
            "byte \(offset): found \(Self.spelling(of: byte)) where \(expected) should be"
        case .trailingContent(let offset):
            "byte \(offset): content after the end of the JSON document"
        case .invalidUTF8(let offset):
            "byte \(offset): not valid UTF-8"
        case .controlCharacter(let byte, let offset):
            "byte \(offset): unescaped control character \(byte) in a JSON string"
        case .invalidEscape(let offset):
            "byte \(offset): not an escape sequence of JSON"
        case .loneSurrogate(let offset):
            "byte \(offset): half of a surrogate pair"
        case .invalidNumber(let offset):
            "byte \(offset): not a number as JSON writes it"
        case .numberOutOfRange(let offset):
            "byte \(offset): a number outside the range of double precision"
        case .duplicateMember(let name, let offset):
            "byte \(offset): the member \"\(name)\" appears twice in one JSON object"
        }
    }

    private static func spelling(of byte: UInt8) -> String {
        (0x21...0x7E).contains(byte) ? "'\(Character(UnicodeScalar(byte)))'" : "byte \(byte)"
    }
}
