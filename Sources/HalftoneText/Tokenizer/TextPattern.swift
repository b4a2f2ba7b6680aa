/// What a `Split` or a `Replace` looks for.
///
/// Regular expressions are not interpreted: those that occur in published tokenizers are known by
/// their text, and each has a scanner that cannot run away.
struct TextPattern: Sendable, Equatable {
    /// The kinds of scanners.
    enum Kind: Sendable, Equatable {
        /// A fixed text.
        case literal([UInt8])
        /// A pattern whose matches cover every text.
        case rule(SplitRule)
        /// Runs of characters of a class, cut after the greatest length; shorter ones do not count.
        case run(CharacterClass, atLeast: Int, atMost: Int)
    }

    /// Classes of characters that runs are made of.
    enum CharacterClass: Sendable, Equatable {
        case number, decimalASCII, space, whitespace, notWhitespace, lineFeed, notLineFeed
    }

    /// How matches are found.
    let kind: Kind

    /// A pattern that matches a fixed text.
    static func literal(_ text: [UInt8]) -> TextPattern { TextPattern(kind: .literal(text)) }

    /// The pattern of a regular expression that is known by its text, or nil.
    static func known(_ expression: String) -> TextPattern? {
        expressions.first { $0.text == expression }.map { TextPattern(kind: $0.kind) }
    }

    /// The regular expression that stands for a rule in published tokenizers, or nil.
    static func expression(of rule: SplitRule) -> String? {
        expressions.first { $0.kind == .rule(rule) }?.text
    }

    /// The ranges of the matches within a range of a text, in order.
    func matches(in text: [UInt8], _ range: Range<Int>) -> [Range<Int>] {
        var matches: [Range<Int>] = []
        var index = range.lowerBound
        switch kind {
        case .rule(let rule):
            let scanner = SplitScanner(rule, text: text, end: range.upperBound)
            while index < range.upperBound {
                let end = scanner.matchEnd(at: index)
                matches.append(index..<end)
                index = end
            }
        case .literal(let wanted):
            guard !wanted.isEmpty else { return [] }
            while index + wanted.count <= range.upperBound {
                if text[index] == wanted[0],
                    UTF8Text.hasPrefix(wanted, in: text, at: index, end: range.upperBound)
                {
                    matches.append(index..<index + wanted.count)
                    index += wanted.count
                } else {
                    index += 1
                }
            }
        case .run(let wanted, let least, let most):
            while index < range.upperBound {
                let start = index
                var count = 0
                while index < range.upperBound, count < most {
                    let (value, width) = UTF8Text.scalar(in: text, at: index)
                    guard Self.contains(wanted, value) else { break }
                    index += width
                    count += 1
                }
                if count >= least {
                    matches.append(start..<index)
                } else if count == 0 {
                    index += UTF8Text.scalar(in: text, at: index).width
                }
            }
        }
        return matches
    }

    private static func contains(_ wanted: CharacterClass, _ value: UInt32) -> Bool {
        switch wanted {
        case .number: ScalarClasses.shared[value] & ScalarClasses.number != 0
        case .decimalASCII: value >= 0x30 && value <= 0x39
        case .space: value == 0x20
        case .whitespace: DatedProperties.isWhitespace(value)
        case .notWhitespace: !DatedProperties.isWhitespace(value)
        case .lineFeed: value == 0x0A
        case .notLineFeed: value != 0x0A
        }
    }
}

extension TextPattern {
    private static let anyCaseContractions = #"(?i:'s|'t|'re|'ve|'m|'ll|'d)"#
    private static let upper = #"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"#
    private static let lower = #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"#
    private static let lineEnd = #"|\s*[\r\n]+|\s+(?!\S)|\s+"#

    /// Source of each text: the `tokenizer.json` of the models named beside it.
    private static let expressions: [(text: String, kind: Kind)] = [
        // GPT-2, GPT-NeoX, SmolLM after its digits
        (
            #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
            .rule(.gpt2)
        ),
        (
            #"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#,
            .rule(.gpt2)
        ),
        // Llama 3
        (
            anyCaseContractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"#
                + #"| ?[^\s\p{L}\p{N}]+[\r\n]*"# + lineEnd,
            .rule(.llama3)
        ),
        // The same as tiktoken's cl100k_base writes it
        (
            #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}"#
                + #"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#,
            .rule(.llama3)
        ),
        // Qwen 2, Qwen 2.5, Qwen 3
        (
            anyCaseContractions + #"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"#
                + #"| ?[^\s\p{L}\p{N}]+[\r\n]*"# + lineEnd,
            .rule(.qwen2)
        ),
        // Qwen 3.5
        (
            anyCaseContractions + #"|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}"#
                + #"| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"# + lineEnd,
            .rule(.qwen35)
        ),
        // Mistral's Tekken
        (
            #"[^\r\n\p{L}\p{N}]?"# + upper + "*" + lower + "+"
                + #"|[^\r\n\p{L}\p{N}]?"# + upper + "+" + lower + "*"
                + #"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*"# + lineEnd,
            .rule(.tekken)
        ),
        // o200k: GPT-4o, Phi-4-mini, Llama 4
        (
            #"[^\r\n\p{L}\p{N}]?"# + upper + "*" + lower + "+" + anyCaseContractions + "?"
                + #"|[^\r\n\p{L}\p{N}]?"# + upper + "+" + lower + "*" + anyCaseContractions + "?"
                + #"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*"# + lineEnd,
            .rule(.gpt4o)
        ),
        (#"\p{N}"#, .run(.number, atLeast: 1, atMost: 1)),
        (#"\p{N}{1}"#, .run(.number, atLeast: 1, atMost: 1)),
        (#"\p{N}{1,3}"#, .run(.number, atLeast: 1, atMost: 3)),
        (#"\p{N}+"#, .run(.number, atLeast: 1, atMost: .max)),
        ("[0-9]", .run(.decimalASCII, atLeast: 1, atMost: 1)),
        ("[0-9]+", .run(.decimalASCII, atLeast: 1, atMost: .max)),
        ("[0-9][0-9][0-9]", .run(.decimalASCII, atLeast: 3, atMost: 3)),
        (" ", .run(.space, atLeast: 1, atMost: 1)),
        (" +", .run(.space, atLeast: 1, atMost: .max)),
        (" {2,}", .run(.space, atLeast: 2, atMost: .max)),
        (#"\s"#, .run(.whitespace, atLeast: 1, atMost: 1)),
        (#"\s+"#, .run(.whitespace, atLeast: 1, atMost: .max)),
        (#"\S+"#, .run(.notWhitespace, atLeast: 1, atMost: .max)),
        (#"\n"#, .run(.lineFeed, atLeast: 1, atMost: 1)),
        (#"\n+"#, .run(.lineFeed, atLeast: 1, atMost: .max)),
        (#"[^\n]+"#, .run(.notLineFeed, atLeast: 1, atMost: .max)),
    ]
}

extension SplitRule {
    /// GPT-2's pattern.
    static let gpt2 = SplitRule(
        contractions: .lowercase, words: .spaced, numbers: .spaced, tail: .nothing,
        breaksAtLines: false)
    /// Llama 3's pattern, which is tiktoken's cl100k_base.
    static let llama3 = SplitRule(
        contractions: .anyCase, words: .prefixed, numbers: .upToThree, tail: .lineBreaks,
        breaksAtLines: true)
    /// Qwen 2's pattern.
    static let qwen2 = SplitRule(
        contractions: .anyCase, words: .prefixed, numbers: .single, tail: .lineBreaks,
        breaksAtLines: true)
    /// Qwen 3.5's pattern.
    static let qwen35 = SplitRule(
        contractions: .anyCase, words: .prefixedWithMarks, numbers: .single, tail: .lineBreaks,
        breaksAtLines: true)
    /// The pattern of Mistral's Tekken tokenizers.
    static let tekken = SplitRule(
        contractions: .none, words: .cased, numbers: .single, tail: .lineBreaksAndSlashes,
        breaksAtLines: true)
    /// tiktoken's o200k_base.
    static let gpt4o = SplitRule(
        contractions: .none, words: .casedWithContraction, numbers: .upToThree,
        tail: .lineBreaksAndSlashes, breaksAtLines: true)
}

/// The known split patterns, for comparing their scanners with the expressions they stand for.
package enum SplitPattern {
    /// The bytes of each piece that isolating all matches of an expression makes of a text, or nil
    /// when the expression is not known.
    package static func pieceLengths(of text: String, _ expression: String) -> [Int]? {
        guard let pattern = TextPattern.known(expression) else { return nil }
        let text = Array(text.utf8)
        guard !text.isEmpty else { return [] }
        var pieces = Pieces(text: text, ranges: [0..<text.count], startsInput: true)
        PreTokenizer.split(pattern, .isolated, inverted: false).apply(
            to: &pieces, mapsBytes: false)
        return pieces.ranges.map(\.count)
    }
}
