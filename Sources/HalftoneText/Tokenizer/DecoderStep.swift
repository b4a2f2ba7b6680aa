/// One step from token texts to text.
enum DecoderStep: Sendable, Equatable {
    /// Characters of the byte-level alphabet become bytes, and all tokens one text.
    case byteLevel
    /// Runs of `<0xHH>` become characters, or one U+FFFD per byte when they are none.
    case byteFallback
    /// All tokens become one.
    case fuse
    case replace(TextPattern, with: [UInt8])
    /// Removes up to so many of a character from both ends of each token.
    case strip(UInt32, start: Int, stop: Int)
    /// The replacement becomes a space, or nothing in the first token of a text with a prefix.
    case metaspace(replacement: [UInt8], dropsFirst: Bool)
    case wordPiece(prefix: [UInt8], cleansUp: Bool)
    /// The suffix becomes a space between tokens.
    case wordEnd(suffix: [UInt8])
    /// Spaces between tokens, which is how ids decode when a tokenizer has no decoder.
    case joinedBySpaces

    /// What becomes of a token within a text, or nil where that depends on the tokens beside it.
    func within(_ token: [UInt8]) -> [UInt8]? {
        switch self {
        case .byteLevel: ByteLevelAlphabet.bytes(of: token[...]) ?? token
        case .byteFallback: RunningStep.byte(of: token).map { [$0] } ?? token
        case .fuse: token
        case .replace(let pattern, let content):
            Normalizer.replacing(pattern, by: content, in: token)
        case .metaspace(let replacement, _):
            Normalizer.replacing(.literal(replacement), by: [0x20], in: token)
        case .strip, .wordPiece, .wordEnd, .joinedBySpaces: nil
        }
    }

    /// Whether the tokens that come out are parts of one.
    func joinsTokens(_ joined: Bool) -> Bool {
        switch self {
        case .byteLevel, .fuse: true
        default: joined
        }
    }
}

/// The running state of one step.
///
/// A step that follows one which joins all tokens sees parts of a single token. Where it needs
/// the whole of it, the parts wait until the end.
struct RunningStep: Sendable {
    private let step: DecoderStep
    private let takesParts: Bool
    private var isFirst = true
    private var waiting: [UInt8] = []
    private var byteCount = 0
    private var repair = UTF8Repair()
    private var strippable: Int

    /// A step at the start of a text.
    ///
    /// - Parameter takesParts: Whether what comes in are parts of one token.
    init(_ step: DecoderStep, takesParts: Bool) {
        self.step = step
        self.takesParts = takesParts
        if case .strip(_, let start, _) = step { strippable = start } else { strippable = 0 }
    }

    /// Takes a token, or a part of one, and appends what is certain to follow.
    mutating func push(_ token: [UInt8], into tokens: inout [[UInt8]]) {
        if takesParts {
            if let part = passed(token) {
                if !part.isEmpty { tokens.append(part) }
            } else {
                waiting += token
            }
            return
        }
        convert(token, into: &tokens)
    }

    /// Appends what was held back.
    mutating func finish(into tokens: inout [[UInt8]]) {
        if takesParts {
            if !waiting.isEmpty { convert(waiting, into: &tokens) }
        }
        switch step {
        case .byteFallback: flushBytes(into: &tokens)
        case .byteLevel:
            var text: [UInt8] = []
            repair.finish(into: &text)
            if !text.isEmpty { tokens.append(text) }
        case .wordEnd(let suffix):
            // The last token, whose suffix becomes nothing.
            if !takesParts, !isFirst {
                tokens.append(Normalizer.replacing(.literal(suffix), by: [], in: waiting))
            }
        default: break
        }
    }

    /// What becomes of a part at once, or nil when the whole token is needed.
    private mutating func passed(_ part: [UInt8]) -> [UInt8]? {
        switch step {
        case .fuse, .joinedBySpaces: return part
        case .metaspace(let replacement, let dropsFirst):
            return Normalizer.replacing(
                .literal(replacement), by: dropsFirst ? [] : [0x20], in: part)
        case .strip(let content, _, 0):
            return stripped(part, content)
        default: return nil
        }
    }

    /// A part without the characters that start its token.
    private mutating func stripped(_ part: [UInt8], _ content: UInt32) -> [UInt8] {
        var index = 0
        while strippable > 0, index < part.count {
            let (value, width) = UTF8Text.scalar(in: part, at: index)
            if value == content {
                index += width
                strippable -= 1
            } else {
                strippable = 0
            }
        }
        return Array(part[index...])
    }

    private mutating func convert(_ token: [UInt8], into tokens: inout [[UInt8]]) {
        defer { isFirst = false }
        switch step {
        case .fuse: tokens.append(token)
        case .byteLevel:
            var text: [UInt8] = []
            repair.push(ByteLevelAlphabet.bytes(of: token[...]) ?? token, into: &text)
            if !text.isEmpty { tokens.append(text) }
        case .byteFallback:
            if let byte = Self.byte(of: token) {
                waitingBytes.append(byte)
            } else {
                flushBytes(into: &tokens)
                tokens.append(token)
            }
        case .replace(let pattern, let content):
            tokens.append(Normalizer.replacing(pattern, by: content, in: token))
        case .strip(let content, let start, let stop):
            tokens.append(Self.strip(token, content, start, stop))
        case .metaspace(let replacement, let dropsFirst):
            tokens.append(
                Normalizer.replacing(
                    .literal(replacement), by: isFirst && dropsFirst ? [] : [0x20], in: token))
        case .wordPiece(let prefix, let cleansUp):
            var text = token
            if !isFirst {
                text = token.starts(with: prefix) ? Array(token[prefix.count...]) : [0x20] + token
            }
            tokens.append(cleansUp ? Self.cleanedUp(text) : text)
        case .wordEnd(let suffix):
            if takesParts {
                tokens.append(Normalizer.replacing(.literal(suffix), by: [], in: token))
                return
            }
            if !isFirst {
                tokens.append(Normalizer.replacing(.literal(suffix), by: [0x20], in: waiting))
            }
            waiting = token
        case .joinedBySpaces: tokens.append(isFirst ? token : [0x20] + token)
        }
    }

    // MARK: Bytes

    private var waitingBytes: [UInt8] = []

    private mutating func flushBytes(into tokens: inout [[UInt8]]) {
        guard !waitingBytes.isEmpty else { return }
        var repair = UTF8Repair()
        var text: [UInt8] = []
        repair.push(waitingBytes, into: &text)
        repair.finish(into: &text)
        if text == waitingBytes {
            tokens.append(text)
        } else {
            tokens.append(
                Array(repeatElement(UTF8Repair.replacement, count: waitingBytes.count).joined()))
        }
        waitingBytes.removeAll(keepingCapacity: true)
    }

    /// The byte that a token `<0xHH>` stands for, or nil.
    static func byte(of token: [UInt8]) -> UInt8? {
        guard token.count == 6, Vocabulary.endsInByteToken(token) else { return nil }
        func digit(_ byte: UInt8) -> UInt8? {
            switch byte {
            case 0x30...0x39: byte - 0x30
            case 0x41...0x46: byte - 0x37
            case 0x61...0x66: byte - 0x57
            default: nil
            }
        }
        guard let low = digit(token[4]) else { return nil }
        // The reference's number parser takes a plus sign.
        if token[3] == 0x2B { return low }
        return digit(token[3]).map { $0 << 4 | low }
    }

    // MARK: Whole tokens

    private static func strip(
        _ token: [UInt8], _ content: UInt32, _ start: Int, _ stop: Int
    ) -> [UInt8] {
        var first = 0
        var last = token.count
        for _ in 0..<start where first < last {
            let (value, width) = UTF8Text.scalar(in: token, at: first)
            guard value == content else { break }
            first += width
        }
        for _ in 0..<stop where last > first {
            let before = UTF8Text.indexBefore(last, in: token)
            guard UTF8Text.scalar(in: token, at: before).value == content else { break }
            last = before
        }
        return Array(token[first..<last])
    }

    private static func cleanedUp(_ token: [UInt8]) -> [UInt8] {
        var text = token
        for (from, to) in contractions where text.count >= from.count {
            text = Normalizer.replacing(.literal(from), by: to, in: text)
        }
        return text
    }

    private static let contractions: [(from: [UInt8], to: [UInt8])] = [
        (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"),
        (" 'm", "'m"), (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ].map { (Array($0.0.utf8), Array($0.1.utf8)) }
}
