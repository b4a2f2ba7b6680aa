/// Makes a grammar of the texts that a regular expression matches, as they stand in a JSON string.
///
/// Known are the parts of ECMA 262 that describe regular languages: characters, escapes, classes,
/// groups, alternatives and repetitions, with `^` and `$` at the ends. Look-around, references and
/// word boundaries are refused.
struct PatternParser {
    private let scalars: [Unicode.Scalar]
    private var index = 0
    private var depth = 0

    /// Characters of a pattern that is read.
    static let longest = 1024

    /// Groups that can be inside each other.
    private static let deepest = 32

    /// The symbols of a pattern that is searched for, as `pattern` of JSON Schema is.
    ///
    /// - Parameters:
    ///   - pattern: The regular expression.
    ///   - builder: Where rules go.
    static func symbols(
        of pattern: String, in builder: inout GrammarBuilder
    ) throws(SchemaError) -> [ByteGrammar.Symbol] {
        var parser = PatternParser(pattern)
        guard parser.scalars.count <= longest else {
            throw .unsupported("pattern", "it has more than \(longest) characters")
        }
        let isAnchored = parser.take("^")
        let (body, isEnded) = try parser.alternatives(&builder, isWhole: true)
        guard parser.index == parser.scalars.count else {
            throw .malformed("pattern: a closing parenthesis too many")
        }
        let any = try builder.repeated(
            [builder.rule(ScalarRanges.all.jsonSpellings)], least: 0, most: nil)
        return (isAnchored ? [] : any) + body + (isEnded ? [] : any)
    }

    private init(_ pattern: String) { scalars = Array(pattern.unicodeScalars) }

    private var next: Unicode.Scalar? { index < scalars.count ? scalars[index] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        index += 1
        return true
    }

    /// Alternatives up to the end of the pattern or a group, and whether `$` ends them all.
    private mutating func alternatives(
        _ builder: inout GrammarBuilder, isWhole: Bool
    ) throws(SchemaError) -> ([ByteGrammar.Symbol], isEnded: Bool) {
        var all: [[ByteGrammar.Symbol]] = []
        var ends = 0
        repeat {
            var sequence: [ByteGrammar.Symbol] = []
            while let scalar = next, scalar != "|", scalar != ")" {
                if scalar == "$", isWhole, index + 1 == scalars.count || scalars[index + 1] == "|" {
                    index += 1
                    ends += 1
                    break
                }
                sequence += try repetition(&builder)
            }
            all.append(sequence)
        } while take("|")
        guard ends == 0 || ends == all.count, all.count == 1 || !isWhole || !startsAnchored else {
            throw .unsupported("pattern", "anchors hold for some alternatives only; use a group")
        }
        return (all.count == 1 ? all[0] : [try builder.rule(all)], ends > 0)
    }

    /// Whether `^` stands before alternatives that are not in a group: it belongs to the first.
    private var startsAnchored: Bool { scalars.first == "^" }

    private mutating func repetition(
        _ builder: inout GrammarBuilder
    ) throws(SchemaError) -> [ByteGrammar.Symbol] {
        let unit = try atom(&builder)
        var least = 1
        var most: Int? = 1
        switch next {
        case "*": (least, most) = (0, nil)
        case "+": (least, most) = (1, nil)
        case "?": (least, most) = (0, 1)
        case "{":
            guard let counts = counts() else {
                throw .malformed("pattern: a repetition is {m}, {m,} or {m,n}")
            }
            (least, most) = counts
        default: return unit
        }
        index += 1
        // Whether few or many are tried first changes no language.
        _ = take("?")
        guard !["*", "+", "?", "{"].contains(next) else {
            throw .malformed("pattern: two repetitions of one part")
        }
        return try builder.repeated(unit, least: least, most: most)
    }

    /// The numbers of `{m,n}`; afterwards the closing brace is next.
    private mutating func counts() -> (Int, Int?)? {
        guard let end = scalars[index...].firstIndex(of: "}") else { return nil }
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars[index + 1..<end])
        let parts = String(text).split(separator: ",", omittingEmptySubsequences: false)
        guard let least = parts.first.flatMap({ Int($0) }), least >= 0, parts.count <= 2 else {
            return nil
        }
        index = end
        guard parts.count == 2 else { return (least, least) }
        guard !parts[1].isEmpty else { return (least, nil) }
        guard let most = Int(parts[1]), most >= least else { return nil }
        return (least, most)
    }

    private mutating func atom(
        _ builder: inout GrammarBuilder
    ) throws(SchemaError) -> [ByteGrammar.Symbol] {
        guard let scalar = next else { return [] }
        index += 1
        switch scalar {
        case "(":
            if take("?"), !take(":") {
                throw .unsupported("pattern", "only plain groups and (?:…) are known")
            }
            depth += 1
            defer { depth -= 1 }
            guard depth <= Self.deepest else {
                throw .unsupported("pattern", "groups are nested too deep")
            }
            let (body, _) = try alternatives(&builder, isWhole: false)
            guard take(")") else { throw .malformed("pattern: a group has no end") }
            return body
        case "[": return try spelled(characterClass(), &builder)
        case ".": return try spelled(Self.lineBreaks.inverted, &builder)
        case "\\": return try spelled(escape(isInClass: false), &builder)
        case "^", "$":
            throw .unsupported("pattern", "anchors are known at its ends only")
        case "*", "+", "?", "{": throw .malformed("pattern: nothing before a repetition")
        default: return try spelled(ScalarRanges([scalar.value...scalar.value]), &builder)
        }
    }

    private func spelled(
        _ ranges: ScalarRanges, _ builder: inout GrammarBuilder
    ) throws(SchemaError) -> [ByteGrammar.Symbol] {
        let spellings = ranges.jsonSpellings
        guard !spellings.isEmpty else { throw .malformed("pattern: an empty class") }
        return spellings.count == 1 ? spellings[0] : [try builder.rule(spellings)]
    }

    private mutating func characterClass() throws(SchemaError) -> ScalarRanges {
        let isInverted = take("^")
        var ranges = ScalarRanges([])
        var isFirst = true
        while let scalar = next, isFirst || scalar != "]" {
            if isFirst, scalar == "]" { break }
            isFirst = false
            index += 1
            let low = scalar == "\\" ? try escape(isInClass: true) : Self.one(scalar)
            guard next == "-", index + 1 < scalars.count, scalars[index + 1] != "]" else {
                ranges = ranges.union(low)
                continue
            }
            index += 1
            let last = scalars[index]
            index += 1
            let high = last == "\\" ? try escape(isInClass: true) : Self.one(last)
            guard let from = low.single, let to = high.single, from <= to else {
                throw .malformed("pattern: a range in a class goes from one character to a later")
            }
            ranges = ranges.union(ScalarRanges([from...to]).intersection(.all))
        }
        guard take("]") else { throw .malformed("pattern: a class has no end") }
        return isInverted ? ranges.inverted : ranges
    }

    private mutating func escape(isInClass: Bool) throws(SchemaError) -> ScalarRanges {
        guard let scalar = next else { throw .malformed("pattern: a backslash at its end") }
        index += 1
        switch scalar {
        case "d": return Self.digits
        case "D": return Self.digits.inverted
        case "w": return Self.words
        case "W": return Self.words.inverted
        case "s": return Self.spaces
        case "S": return Self.spaces.inverted
        case "n": return Self.one("\n")
        case "r": return Self.one("\r")
        case "t": return Self.one("\t")
        case "f": return Self.one("\u{C}")
        case "v": return Self.one("\u{B}")
        case "0": return Self.one("\0")
        case "x": return try hexadecimal(2)
        case "u": return try hexadecimal(4)
        case "b" where isInClass: return Self.one("\u{8}")
        case _ where scalar.properties.isAlphabetic || ("0"..."9").contains(scalar):
            throw .unsupported("pattern", "the escape \\\(scalar) is not known")
        default: return Self.one(scalar)
        }
    }

    private mutating func hexadecimal(_ count: Int) throws(SchemaError) -> ScalarRanges {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars[index..<min(index + count, scalars.count)])
        guard text.count == count, let value = UInt32(String(text), radix: 16),
            let scalar = Unicode.Scalar(value)
        else { throw .malformed("pattern: \\x and \\u want two and four hexadecimal digits") }
        index += count
        return Self.one(scalar)
    }

    private static func one(_ scalar: Unicode.Scalar) -> ScalarRanges {
        ScalarRanges([scalar.value...scalar.value])
    }

    private static let digits = ScalarRanges([0x30...0x39])
    private static let words = ScalarRanges([0x30...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A])
    private static let lineBreaks = ScalarRanges([0x0A...0x0A, 0x0D...0x0D, 0x2028...0x2029])
    private static let spaces = ScalarRanges([
        0x09...0x0D, 0x20...0x20, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029,
        0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000, 0xFEFF...0xFEFF,
    ])
}

extension ScalarRanges {
    /// The only character, or nil.
    var single: UInt32? {
        guard ranges.count == 1, ranges[0].count == 1 else { return nil }
        return ranges[0].lowerBound
    }
}
