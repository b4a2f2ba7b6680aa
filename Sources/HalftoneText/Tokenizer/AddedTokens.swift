/// A token that is found in the text itself, before the model sees it.
struct AddedToken: Sendable, Equatable {
    var id: Int32
    var content: [UInt8]
    /// Whether it matches only between word boundaries.
    var isSingleWord = false
    /// Whether white space before or after it belongs to it.
    var stripsLeft = false
    var stripsRight = false
    /// Whether it is looked for in the normalized text, in its normalized form.
    var isNormalized = false
    /// Whether it is a control token, which decoding can leave out and which is looked for only
    /// on request.
    var isSpecial = false
}

/// Finds added tokens, the leftmost first and the longest among those.
struct AddedTokens: Sendable {
    /// A part of a text: an added token, or what lies between two.
    enum Part: Sendable, Equatable {
        case token(Int32)
        case text(Range<Int>)
    }

    private let tokens: [AddedToken]
    private var raw = ByteTrie()
    private var normalized = ByteTrie()
    private var positions: [Int32: Int] = [:]
    private var shown: [[UInt8]?] = []

    /// Builds the two tries.
    ///
    /// - Parameter normalize: The normalizer of the pipeline.
    init(_ tokens: [AddedToken], normalize: ([UInt8]) -> [UInt8]) {
        self.tokens = tokens
        for (index, token) in tokens.enumerated() {
            let number = Int32(truncatingIfNeeded: index)
            let content = token.isNormalized ? normalize(token.content) : token.content
            shown.append(content == token.content ? nil : content)
            positions[token.id] = index
            if token.isNormalized {
                normalized.insert(content, value: number)
            } else {
                raw.insert(content, value: number)
            }
        }
    }

    /// The ids of special tokens.
    var specialIDs: Set<Int32> { Set(tokens.lazy.filter(\.isSpecial).map(\.id)) }

    /// The text that decoding starts from, or nil for an id of the model's own.
    ///
    /// A token that is looked for in normalized text stands for its normalized form.
    func text(of id: Int32) -> [UInt8]? {
        positions[id].map { shown[$0] ?? tokens[$0].content }
    }

    /// Whether decoding without special tokens leaves an id out.
    func isSkipped(_ id: Int32) -> Bool {
        positions[id].map { tokens[$0].isSpecial && shown[$0] == nil } ?? false
    }

    /// The parts of a text that is not normalized.
    func parts(ofRaw text: [UInt8], parsesSpecial: Bool) -> [Part] {
        parts(of: text, raw, parsesSpecial: parsesSpecial)
    }

    /// The parts of a normalized text.
    func parts(ofNormalized text: [UInt8], parsesSpecial: Bool) -> [Part] {
        parts(of: text, normalized, parsesSpecial: parsesSpecial)
    }

    private func parts(of text: [UInt8], _ trie: ByteTrie, parsesSpecial: Bool) -> [Part] {
        guard !text.isEmpty else { return [] }
        guard !trie.isEmpty else { return [.text(0..<text.count)] }
        var parts: [Part] = []
        var covered = 0
        var index = 0
        while index < text.count {
            guard let match = trie.longest(in: text, at: index, end: text.count) else {
                index += 1
                continue
            }
            let found = index..<match.end
            index = match.end
            let token = tokens[Int(match.value)]
            if token.isSpecial, !parsesSpecial { continue }
            if token.isSingleWord, !isSingleWord(found, in: text) { continue }
            var start = found.lowerBound
            var end = found.upperBound
            if token.stripsLeft { start = max(spaceStart(before: start, in: text), covered) }
            if token.stripsRight { end = spaceEnd(after: end, in: text) }
            if covered < start { parts.append(.text(covered..<start)) }
            parts.append(.token(token.id))
            covered = end
        }
        if covered < text.count { parts.append(.text(covered..<text.count)) }
        return parts
    }

    private func isSingleWord(_ found: Range<Int>, in text: [UInt8]) -> Bool {
        if found.lowerBound > 0 {
            let before = UTF8Text.indexBefore(found.lowerBound, in: text)
            if DatedProperties.isWord(UTF8Text.scalar(in: text, at: before).value) { return false }
        }
        guard found.upperBound < text.count else { return true }
        return !DatedProperties.isWord(UTF8Text.scalar(in: text, at: found.upperBound).value)
    }

    private func spaceStart(before index: Int, in text: [UInt8]) -> Int {
        var start = index
        while start > 0 {
            let before = UTF8Text.indexBefore(start, in: text)
            guard DatedProperties.isWhitespace(UTF8Text.scalar(in: text, at: before).value) else {
                break
            }
            start = before
        }
        return start
    }

    private func spaceEnd(after index: Int, in text: [UInt8]) -> Int {
        var end = index
        while end < text.count {
            let (value, width) = UTF8Text.scalar(in: text, at: end)
            guard DatedProperties.isWhitespace(value) else { break }
            end += width
        }
        return end
    }
}
