/// A split pattern of the GPT family as a list of choices.
///
/// Such a pattern tries in order: English contractions, words, numbers, runs of other characters,
/// white space that ends in a line break, white space but its last character, white space. Every
/// character is in some match, so the matches cover the text.
struct SplitRule: Sendable, Equatable {
    /// How `'s`, `'t`, `'re`, `'ve`, `'m`, `'ll` and `'d` match on their own.
    enum Contractions: Sendable { case none, lowercase, anyCase }

    /// What a word is.
    enum Words: Sendable {
        /// Letters after a space, ` ?\p{L}+`.
        case spaced
        /// Letters after any other character, `[^\r\n\p{L}\p{N}]?\p{L}+`.
        case prefixed
        /// The same with marks, `[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+`.
        case prefixedWithMarks
        /// `[^\r\n\p{L}\p{N}]?` with upper-case letters, then lower-case ones, one kind at least.
        case cased
        /// The same with an optional contraction at its end.
        case casedWithContraction
    }

    /// What a number is.
    enum Numbers: Sendable {
        /// Digits after a space, ` ?\p{N}+`.
        case spaced
        /// Digits, `\p{N}+`.
        case run
        /// One digit, `\p{N}`.
        case single
        /// Up to three digits, `\p{N}{1,3}`.
        case upToThree
    }

    /// What may follow a run of other characters.
    enum Tail: Sendable { case nothing, lineBreaks, lineBreaksAndSlashes }

    var contractions: Contractions
    var words: Words
    var numbers: Numbers
    var tail: Tail
    /// Whether white space up to its last line break is one match.
    var breaksAtLines: Bool
}

/// Runs one split rule over a text.
///
/// Time is linear in the text for every rule; there is nothing to backtrack into.
struct SplitScanner {
    private let rule: SplitRule
    private let text: [UInt8]
    private let end: Int
    private let classes = ScalarClasses.shared

    /// Scans `text` up to `end`, as if the text ended there.
    init(_ rule: SplitRule, text: [UInt8], end: Int) {
        self.rule = rule
        self.text = text
        self.end = end
    }

    /// The end of the match that starts at an index below the end.
    func matchEnd(at start: Int) -> Int {
        let (first, width) = scalar(at: start)
        if first == 0x27, rule.contractions != .none,
            let stop = contraction(at: start, anyCase: rule.contractions == .anyCase)
        {
            return stop
        }
        let flags = classes[first]
        if let stop = word(at: start, first: first, flags: flags, width: width) { return stop }
        if let stop = number(at: start, first: first, flags: flags, width: width) { return stop }
        if let stop = other(at: start, first: first, flags: flags) { return stop }
        return whitespace(at: start, first: width)
    }

    // MARK: Words

    private func word(at start: Int, first: UInt32, flags: UInt8, width: Int) -> Int? {
        switch rule.words {
        case .spaced:
            let from = first == 0x20 ? start + 1 : start
            let stop = run(from: from, of: ScalarClasses.letter)
            return stop > from ? stop : nil
        case .prefixed: return prefixed(start, first, flags, width, ScalarClasses.letter)
        case .prefixedWithMarks:
            return prefixed(
                start, first, flags, width, ScalarClasses.letter | ScalarClasses.mark)
        case .cased, .casedWithContraction:
            guard let stop = cased(at: start, first: first, flags: flags, width: width) else {
                return nil
            }
            if rule.words == .cased { return stop }
            return contraction(at: stop, anyCase: true) ?? stop
        }
    }

    private func prefixed(
        _ start: Int, _ first: UInt32, _ flags: UInt8, _ width: Int, _ wanted: UInt8
    ) -> Int? {
        if flags & wanted != 0 { return run(from: start + width, of: wanted) }
        guard isPrefix(first, flags) else { return nil }
        let stop = run(from: start + width, of: wanted)
        return stop > start + width ? stop : nil
    }

    private func cased(at start: Int, first: UInt32, flags: UInt8, width: Int) -> Int? {
        let inner = isPrefix(first, flags) ? start + width : start
        if let stop = lowerWord(from: inner) { return stop }
        if inner > start, let stop = lowerWord(from: start) { return stop }
        let stop = upperRun(from: inner).stop
        if stop > inner { return stop }
        let outer = upperRun(from: start).stop
        return outer > start ? outer : nil
    }

    /// The end of `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`, or nil.
    private func lowerWord(from start: Int) -> Int? {
        let (stop, lastShared) = upperRun(from: start)
        var index = stop
        while index < end {
            let (value, width) = scalar(at: index)
            guard isLowerish(classes[value]) else { break }
            index += width
        }
        if index > stop { return index }
        return lastShared
    }

    /// The run of `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`, and the end of its last character that is
    /// in the lower-case class as well.
    private func upperRun(from start: Int) -> (stop: Int, lastShared: Int?) {
        var index = start
        var shared: Int?
        while index < end {
            let (value, width) = scalar(at: index)
            let flags = classes[value]
            guard flags & (ScalarClasses.letter | ScalarClasses.mark) != 0,
                flags & ScalarClasses.lower == 0
            else { break }
            index += width
            if isLowerish(flags) { shared = index }
        }
        return (index, shared)
    }

    private func isLowerish(_ flags: UInt8) -> Bool {
        flags & (ScalarClasses.letter | ScalarClasses.mark) != 0
            && flags & ScalarClasses.upper == 0
    }

    private func isPrefix(_ value: UInt32, _ flags: UInt8) -> Bool {
        value != 0x0A && value != 0x0D
            && flags & (ScalarClasses.letter | ScalarClasses.number) == 0
    }

    // MARK: Numbers, other characters, white space

    private func number(at start: Int, first: UInt32, flags: UInt8, width: Int) -> Int? {
        switch rule.numbers {
        case .spaced:
            let from = first == 0x20 ? start + 1 : start
            let stop = run(from: from, of: ScalarClasses.number)
            return stop > from ? stop : nil
        case .run:
            let stop = run(from: start, of: ScalarClasses.number)
            return stop > start ? stop : nil
        case .single: return flags & ScalarClasses.number != 0 ? start + width : nil
        case .upToThree:
            guard flags & ScalarClasses.number != 0 else { return nil }
            return run(from: start, of: ScalarClasses.number, atMost: 3)
        }
    }

    private func other(at start: Int, first: UInt32, flags: UInt8) -> Int? {
        var excluded = ScalarClasses.letter | ScalarClasses.number | ScalarClasses.space
        if rule.words == .prefixedWithMarks { excluded |= ScalarClasses.mark }
        let from = first == 0x20 ? start + 1 : start
        var index = from
        while index < end {
            let (value, width) = scalar(at: index)
            guard classes[value] & excluded == 0 else { break }
            index += width
        }
        guard index > from else { return nil }
        if rule.tail == .nothing { return index }
        while index < end {
            let byte = text[index]
            let isSlash = byte == 0x2F && rule.tail == .lineBreaksAndSlashes
            guard byte == 0x0A || byte == 0x0D || isSlash else { break }
            index += 1
        }
        return index
    }

    private func whitespace(at start: Int, first: Int) -> Int {
        var index = start
        var last = start
        var afterBreak: Int?
        while index < end {
            let (value, width) = scalar(at: index)
            guard classes[value] & ScalarClasses.space != 0 else { break }
            last = index
            index += width
            if value == 0x0A || value == 0x0D { afterBreak = index }
        }
        // A character in no class, which only a rule with gaps would leave over.
        if index == start { return start + first }
        if rule.breaksAtLines, let afterBreak { return afterBreak }
        if index == end || last == start { return index }
        return last
    }

    // MARK: Helpers

    private func contraction(at start: Int, anyCase: Bool) -> Int? {
        guard start + 1 < end, text[start] == 0x27 else { return nil }
        let (value, width) = scalar(at: start + 1)
        // U+017F folds to s.
        if anyCase, value == 0x17F { return start + 1 + width }
        let first = letter(at: start + 1, anyCase: anyCase)
        switch first {
        case 0x73, 0x74, 0x6D, 0x64: return start + 2
        case 0x72, 0x76, 0x6C:
            let wanted: UInt8 = first == 0x6C ? 0x6C : 0x65
            return letter(at: start + 2, anyCase: anyCase) == wanted ? start + 3 : nil
        default: return nil
        }
    }

    private func letter(at index: Int, anyCase: Bool) -> UInt8 {
        guard index < end else { return 0 }
        let byte = text[index]
        return anyCase && byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
    }

    @inline(__always)
    private func run(from start: Int, of wanted: UInt8, atMost limit: Int = .max) -> Int {
        var index = start
        var count = 0
        while index < end, count < limit {
            let (value, width) = scalar(at: index)
            guard classes[value] & wanted != 0 else { break }
            index += width
            count += 1
        }
        return index
    }

    @inline(__always)
    private func scalar(at index: Int) -> (value: UInt32, width: Int) {
        UTF8Text.scalar(in: text, at: index)
    }
}
