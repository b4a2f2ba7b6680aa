/// Why a tokenizer could not be built.
public enum TokenizerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A field that the tokenizer cannot do without is absent.
    case missing(field: String)
    /// A field holds something else than its type.
    case wrongType(field: String, expected: String)
    /// A part of the pipeline that Halftone does not have.
    case unsupported(field: String, value: String, supported: String)
    /// A regular expression that none of the built-in scanners implements.
    case unknownPattern(field: String, pattern: String)
    /// A `tokenizer.ggml.pre` that names no known split.
    case unknownPreTokenizer(name: String)
    /// A token id outside the range that the field allows.
    case idOutOfRange(field: String, id: Int, limit: Int)
    /// Two tokens of the vocabulary share an id.
    case repeatedID(field: String, id: Int)
    /// A token that another field refers to is not in the vocabulary.
    case notInVocabulary(field: String, token: String)
    /// Two arrays that describe the same tokens have different lengths.
    case lengthsDiffer(field: String, count: Int, expected: Int)

    /// The field, what was found, and what would do.
    public var description: String {
        switch self {
        case .missing(let field):
            "tokenizer: \(field) is missing"
        case .wrongType(let field, let expected):
            "tokenizer: \(field) is not \(expected)"
        case .unsupported(let field, let value, let supported):
            "tokenizer: \(field) is \(value); supported: \(supported)"
        case .unknownPattern(let field, let pattern):
            "tokenizer: \(field) is the unknown pattern \(pattern); each split pattern needs a "
                + "scanner of its own"
        case .unknownPreTokenizer(let name):
            "tokenizer: tokenizer.ggml.pre is \(name), which names no known split; a wrong split "
                + "would give wrong tokens silently"
        case .idOutOfRange(let field, let id, let limit):
            "tokenizer: \(field) is \(id); allowed are 0 to \(limit - 1)"
        case .repeatedID(let field, let id):
            "tokenizer: two tokens of \(field) have the id \(id)"
        case .notInVocabulary(let field, let token):
            "tokenizer: \(field) names \"\(token)\", which is not in the vocabulary"
        case .lengthsDiffer(let field, let count, let expected):
            "tokenizer: \(field) has \(count) elements where there are \(expected) tokens"
        }
    }
}
