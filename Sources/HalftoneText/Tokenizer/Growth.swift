/// How many times longer a step can make a text, so that a file cannot ask for any amount of memory.
extension Normalizer {
    var growth: Int {
        switch self {
        case .prepend(let content), .replace(_, let content): max(1, content.count)
        case .byteLevel: 2
        default: 1
        }
    }
}

extension PreTokenizer {
    var growth: Int {
        switch self {
        case .byteLevel: 2
        case .metaspace(let replacement, _, _): max(1, replacement.count)
        default: 1
        }
    }
}

extension DecoderStep {
    var growth: Int {
        switch self {
        case .replace(_, let content): max(1, content.count)
        default: 1
        }
    }
}

extension Tokenizer {
    /// Published tokenizers replace single characters; none comes near this.
    private static let greatestGrowth = 4096

    /// Refuses steps that together make a text much longer.
    static func check(growths: [Int], field: String) throws(TokenizerError) {
        var total = 1
        for growth in growths {
            // Both factors are below 2^29: a document has at most 2^28 bytes.
            total *= growth
            guard total <= greatestGrowth else {
                throw .unsupported(
                    field: field, value: "able to make a text \(total) times longer",
                    supported: "up to \(greatestGrowth) times")
            }
        }
    }
}
