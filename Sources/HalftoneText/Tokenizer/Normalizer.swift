/// One step that rewrites the text before it is split.
enum Normalizer: Sendable, Equatable {
    case unicode(UnicodeNormalForm)
    case lowercase
    case strip(left: Bool, right: Bool)
    case stripAccents
    /// Puts a text before one that is not empty.
    case prepend([UInt8])
    case replace(TextPattern, with: [UInt8])
    case bert(BertNormalizer)
    /// Replaces each byte by its character of the byte-level alphabet.
    case byteLevel
    /// The character filter of neural translation models.
    case translation

    /// The rewritten text.
    func normalized(_ text: [UInt8]) -> [UInt8] {
        switch self {
        case .unicode(let form): return form.normalized(text)
        case .lowercase: return Self.lowercased(text)
        case .strip(let left, let right): return Self.stripped(text, left: left, right: right)
        case .stripAccents: return Self.filtered(text) { !DatedProperties.isMark($0) }
        case .prepend(let prefix): return text.isEmpty ? text : prefix + text
        case .replace(let pattern, let content):
            return Self.replacing(pattern, by: content, in: text)
        case .bert(let settings): return settings.normalized(text)
        case .byteLevel: return ByteLevelAlphabet.characters(for: text[...])
        case .translation: return Self.translationFiltered(text)
        }
    }

    /// The text with every match of a pattern replaced.
    static func replacing(
        _ pattern: TextPattern, by content: [UInt8], in text: [UInt8]
    ) -> [UInt8] {
        let matches = pattern.matches(in: text, 0..<text.count)
        guard !matches.isEmpty else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count + matches.count * content.count)
        var copied = 0
        for match in matches {
            result.append(contentsOf: text[copied..<match.lowerBound])
            result.append(contentsOf: content)
            copied = match.upperBound
        }
        result.append(contentsOf: text[copied...])
        return result
    }

    /// Each scalar's own lower-case mapping, without regard to its neighbours.
    static func lowercased(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        forEachScalar(in: text) { value, range in
            if value < 0x80 {
                result.append(value >= 0x41 && value <= 0x5A ? UInt8(value) | 0x20 : UInt8(value))
            } else if let mapping = Unicode.Scalar(value)?.properties.lowercaseMapping {
                result.append(contentsOf: mapping.utf8)
            } else {
                result.append(contentsOf: text[range])
            }
        }
        return result
    }

    /// The scalars that a closure keeps.
    static func filtered(_ text: [UInt8], keeping isKept: (UInt32) -> Bool) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        forEachScalar(in: text) { value, range in
            if isKept(value) { result.append(contentsOf: text[range]) }
        }
        return result
    }

    /// Calls a closure with every scalar value and its place.
    static func forEachScalar(in text: [UInt8], _ body: (UInt32, Range<Int>) -> Void) {
        var index = 0
        while index < text.count {
            let (value, width) = UTF8Text.scalar(in: text, at: index)
            body(value, index..<index + width)
            index += width
        }
    }

    private static func stripped(_ text: [UInt8], left: Bool, right: Bool) -> [UInt8] {
        var start = 0
        var end = text.count
        while left, start < end {
            let (value, width) = UTF8Text.scalar(in: text, at: start)
            guard DatedProperties.isWhitespace(value) else { break }
            start += width
        }
        while right, end > start {
            let before = UTF8Text.indexBefore(end, in: text)
            let value = UTF8Text.scalar(in: text, at: before).value
            guard DatedProperties.isWhitespace(value) else { break }
            end = before
        }
        return Array(text[start..<end])
    }

    private static func translationFiltered(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        forEachScalar(in: text) { value, range in
            switch value {
            case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: break
            case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF,
                0xFFFD:
                result.append(0x20)
            default: result.append(contentsOf: text[range])
            }
        }
        return result
    }
}

/// The text preparation of BERT.
///
/// Source: J. Devlin et al., "BERT: Pre-training of Deep Bidirectional Transformers for Language
/// Understanding", NAACL 2019, the published tokenizer.
struct BertNormalizer: Sendable, Equatable {
    /// Whether control characters go and all white space becomes a space.
    var cleansText = true
    /// Whether ideographs get spaces around them.
    var isolatesIdeographs = true
    /// Whether accents are removed; nil means as `lowercases`.
    var stripsAccents: Bool?
    /// Whether letters become lower case.
    var lowercases = true

    /// The prepared text.
    func normalized(_ text: [UInt8]) -> [UInt8] {
        var text = text
        if cleansText { text = cleaned(text) }
        if isolatesIdeographs { text = isolated(text) }
        if stripsAccents ?? lowercases {
            text = Normalizer.filtered(UnicodeNormalForm.decomposed.normalized(text)) {
                !DatedProperties.isNonspacingMark($0)
            }
        }
        return lowercases ? Normalizer.lowercased(text) : text
    }

    private func cleaned(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        Normalizer.forEachScalar(in: text) { value, range in
            if DatedProperties.isControl(value) { return }
            if DatedProperties.isWhitespace(value) {
                result.append(0x20)
            } else {
                result.append(contentsOf: text[range])
            }
        }
        return result
    }

    private func isolated(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        Normalizer.forEachScalar(in: text) { value, range in
            let isIdeograph = DatedProperties.isIdeograph(value)
            if isIdeograph { result.append(0x20) }
            result.append(contentsOf: text[range])
            if isIdeograph { result.append(0x20) }
        }
        return result
    }
}
