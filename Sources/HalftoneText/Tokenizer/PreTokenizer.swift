/// A text and the pieces of it that the model sees one by one.
struct Pieces: Sendable {
    /// Valid UTF-8.
    var text: [UInt8]
    /// Where the pieces are, in order; none is empty.
    var ranges: [Range<Int>]
    /// Whether the text is the start of what the caller gave.
    let startsInput: Bool
}

/// One step that cuts pieces of text into smaller ones.
enum PreTokenizer: Sendable, Equatable {
    /// What becomes of the matches of a pattern that splits.
    enum Behavior: String, Sendable {
        case removed = "Removed"
        case isolated = "Isolated"
        case mergedWithPrevious = "MergedWithPrevious"
        case mergedWithNext = "MergedWithNext"
        case contiguous = "Contiguous"
    }

    /// Which pieces get a space before them.
    enum PrependScheme: String, Sendable { case always, first, never }

    case byteLevel(addsPrefixSpace: Bool, splits: Bool)
    case metaspace(replacement: [UInt8], scheme: PrependScheme, splits: Bool)
    case split(TextPattern, Behavior, inverted: Bool)
    case digits(individual: Bool)
    case punctuation(Behavior)
    case whitespace
    case whitespaceSplit
    case bert

    /// Cuts the pieces.
    ///
    /// - Parameter mapsBytes: Whether a byte-level step also replaces bytes by their characters;
    ///   a model that takes bytes does without.
    func apply(to pieces: inout Pieces, mapsBytes: Bool) {
        switch self {
        case .byteLevel(let addsPrefixSpace, let splits):
            if addsPrefixSpace {
                Self.rewrite(&pieces) { text, range, _ in
                    text[range.lowerBound] == 0x20 ? nil : [0x20] + text[range]
                }
            }
            if splits {
                Self.split(&pieces, TextPattern(kind: .rule(.gpt2)), .isolated, inverted: false)
            }
            if mapsBytes {
                Self.rewrite(&pieces) { text, range, _ in
                    ByteLevelAlphabet.characters(for: text[range])
                }
            }
        case .metaspace(let replacement, let scheme, let splits):
            Self.rewrite(&pieces) { text, range, isFirst in
                let piece = Normalizer.replacing(
                    .literal([0x20]), by: replacement, in: Array(text[range]))
                let marked = UTF8Text.hasPrefix(replacement, in: piece, at: 0, end: piece.count)
                let adds = scheme == .always || (scheme == .first && isFirst)
                return adds && !marked ? replacement + piece : piece
            }
            if splits {
                Self.split(&pieces, .literal(replacement), .mergedWithNext, inverted: false)
            }
        case .split(let pattern, let behavior, let inverted):
            Self.split(&pieces, pattern, behavior, inverted: inverted)
        case .digits(let individual):
            Self.split(&pieces, individual ? .isolated : .contiguous) { text, range in
                Self.scalars(in: text, range, where: DatedProperties.isNumeric)
            }
        case .punctuation(let behavior):
            Self.split(&pieces, behavior) { text, range in
                Self.scalars(in: text, range, where: DatedProperties.isPunctuation)
            }
        case .whitespaceSplit:
            Self.split(&pieces, .removed) { text, range in
                Self.scalars(in: text, range, where: DatedProperties.isWhitespace)
            }
        case .whitespace: Self.splitWords(&pieces)
        case .bert:
            Self.split(&pieces, .removed) { text, range in
                Self.scalars(in: text, range, where: DatedProperties.isWhitespace)
            }
            Self.split(&pieces, .isolated) { text, range in
                Self.scalars(in: text, range, where: DatedProperties.isPunctuation)
            }
        }
    }

    /// Replaces pieces by new texts; nil keeps one.
    private static func rewrite(
        _ pieces: inout Pieces, _ body: ([UInt8], Range<Int>, Bool) -> [UInt8]?
    ) {
        var text: [UInt8] = []
        text.reserveCapacity(pieces.text.count + pieces.ranges.count)
        for index in pieces.ranges.indices {
            let range = pieces.ranges[index]
            let isFirst = pieces.startsInput && range.lowerBound == 0
            let start = text.count
            if let replacement = body(pieces.text, range, isFirst) {
                text.append(contentsOf: replacement)
            } else {
                text.append(contentsOf: pieces.text[range])
            }
            pieces.ranges[index] = start..<text.count
        }
        pieces.text = text
    }

    private static func scalars(
        in text: [UInt8], _ range: Range<Int>, where isMatch: (UInt32) -> Bool
    ) -> [Range<Int>] {
        var matches: [Range<Int>] = []
        var index = range.lowerBound
        while index < range.upperBound {
            let (value, width) = UTF8Text.scalar(in: text, at: index)
            if isMatch(value) { matches.append(index..<index + width) }
            index += width
        }
        return matches
    }
}

extension PreTokenizer {
    private static func split(
        _ pieces: inout Pieces, _ pattern: TextPattern, _ behavior: Behavior, inverted: Bool
    ) {
        if case .rule(let rule) = pattern.kind, behavior == .isolated, !inverted {
            // The matches are the pieces.
            var ranges: [Range<Int>] = []
            ranges.reserveCapacity(pieces.text.count / 4)
            for range in pieces.ranges {
                let scanner = SplitScanner(rule, text: pieces.text, end: range.upperBound)
                var index = range.lowerBound
                while index < range.upperBound {
                    let end = scanner.matchEnd(at: index)
                    ranges.append(index..<end)
                    index = end
                }
            }
            pieces.ranges = ranges
            return
        }
        split(&pieces, behavior, inverted: inverted) { text, range in
            pattern.matches(in: text, range)
        }
    }

    private static func split(
        _ pieces: inout Pieces, _ behavior: Behavior, inverted: Bool = false,
        _ matches: ([UInt8], Range<Int>) -> [Range<Int>]
    ) {
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(pieces.ranges.count)
        for range in pieces.ranges {
            let found = matches(pieces.text, range)
            if found.isEmpty, !inverted {
                ranges.append(range)
                continue
            }
            append(sections(of: range, found, inverted: inverted), behavior, to: &ranges)
        }
        pieces.ranges = ranges
    }

    /// The matches and the gaps between them, in order.
    private static func sections(
        of range: Range<Int>, _ matches: [Range<Int>], inverted: Bool
    ) -> [(range: Range<Int>, isMatch: Bool)] {
        var sections: [(range: Range<Int>, isMatch: Bool)] = []
        var index = range.lowerBound
        for match in matches {
            if index < match.lowerBound {
                sections.append((index..<match.lowerBound, inverted))
            }
            sections.append((match, !inverted))
            index = match.upperBound
        }
        if index < range.upperBound { sections.append((index..<range.upperBound, inverted)) }
        return sections
    }

    private static func append(
        _ sections: [(range: Range<Int>, isMatch: Bool)], _ behavior: Behavior,
        to ranges: inout [Range<Int>]
    ) {
        let first = ranges.count
        var previous = false
        switch behavior {
        case .isolated: ranges.append(contentsOf: sections.map(\.range))
        case .removed: ranges.append(contentsOf: sections.filter { !$0.isMatch }.map(\.range))
        case .contiguous:
            for (range, isMatch) in sections {
                if isMatch == previous, ranges.count > first {
                    ranges[ranges.count - 1] =
                        ranges[ranges.count - 1].lowerBound..<range.upperBound
                } else {
                    ranges.append(range)
                }
                previous = isMatch
            }
        case .mergedWithPrevious:
            for (range, isMatch) in sections {
                if isMatch, !previous, ranges.count > first {
                    ranges[ranges.count - 1] =
                        ranges[ranges.count - 1].lowerBound..<range.upperBound
                } else {
                    ranges.append(range)
                }
                previous = isMatch
            }
        case .mergedWithNext:
            var reversed: [Range<Int>] = []
            for (range, isMatch) in sections.reversed() {
                if isMatch, !previous, let last = reversed.last {
                    reversed[reversed.count - 1] = range.lowerBound..<last.upperBound
                } else {
                    reversed.append(range)
                }
                previous = isMatch
            }
            ranges.append(contentsOf: reversed.reversed())
        }
    }

    /// Keeps what matches `\w+|[^\w\s]+`.
    private static func splitWords(_ pieces: inout Pieces) {
        var ranges: [Range<Int>] = []
        for range in pieces.ranges {
            var start = range.lowerBound
            var kind = 0
            var index = start
            while index < range.upperBound {
                let (value, width) = UTF8Text.scalar(in: pieces.text, at: index)
                let next =
                    DatedProperties.isWord(value) ? 1 : DatedProperties.isWhitespace(value) ? 0 : 2
                if next != kind {
                    if kind != 0 { ranges.append(start..<index) }
                    start = index
                    kind = next
                }
                index += width
            }
            if kind != 0 { ranges.append(start..<range.upperBound) }
        }
        pieces.ranges = ranges
    }
}
