/// Collects the rules of a grammar.
struct GrammarBuilder {
    typealias Symbol = ByteGrammar.Symbol

    private var rules: [[[Symbol]]] = [[]]
    private var symbolCount = 0

    /// Symbols that a grammar may have.
    static let most = 200_000

    /// Adds a rule.
    mutating func rule(_ alternatives: [[Symbol]]) throws(SchemaError) -> Symbol {
        let rule = try reserve()
        try define(rule, alternatives)
        return rule
    }

    /// Adds a rule whose alternatives follow.
    mutating func reserve() throws(SchemaError) -> Symbol {
        rules.append([])
        try count(1)
        return .rule(rules.count - 1)
    }

    /// States the alternatives of a rule.
    mutating func define(_ rule: Symbol, _ alternatives: [[Symbol]]) throws(SchemaError) {
        guard case .rule(let index) = rule else { return }
        try count(alternatives.reduce(0) { $0 + $1.count + 1 })
        rules[index] = alternatives
    }

    /// The grammar of texts that a sequence of symbols stands for.
    mutating func grammar(of start: [Symbol]) throws(SchemaError) -> ByteGrammar {
        rules[0] = [start]
        guard let rule = leftRecursive() else { return ByteGrammar(rules: rules) }
        throw .unsupported(
            "$ref", "a reference leads back to itself before anything is written (rule \(rule))")
    }

    private mutating func count(_ symbols: Int) throws(SchemaError) {
        symbolCount += symbols
        guard symbolCount <= Self.most else { throw .tooLarge(limit: Self.most) }
    }

    // MARK: Shapes

    /// Exactly this text.
    static func literal(_ text: String) -> [Symbol] {
        text.utf8.map { .bytes(ByteSet($0...$0)) }
    }

    /// One byte of some ranges.
    static func byte(_ set: ByteSet) -> [Symbol] { [.bytes(set)] }

    /// Something or nothing.
    mutating func optional(_ symbols: [Symbol]) throws(SchemaError) -> [Symbol] {
        [try rule([symbols, []])]
    }

    /// Something so many times.
    ///
    /// - Parameters:
    ///   - symbols: What is repeated.
    ///   - least: How often at least.
    ///   - most: How often at most; nil for any number.
    mutating func repeated(
        _ symbols: [Symbol], least: Int, most: Int?
    ) throws(SchemaError) -> [Symbol] {
        guard least <= Self.mostRepetitions, most ?? 0 <= Self.mostRepetitions else {
            throw .unsupported(
                "a repetition", "at most \(Self.mostRepetitions) can be counted")
        }
        // Repetitions of a long sequence refer to it rather than copy it.
        let unit = symbols.count > 1 ? [try rule([symbols])] : symbols
        var all: [Symbol] = []
        for _ in 0..<least { all += unit }
        try count(all.count)
        guard let most else {
            let more = try reserve()
            try define(more, [unit + [more], []])
            return all + [more]
        }
        var tail: [Symbol] = []
        for _ in least..<max(most, least) { tail = [try rule([unit + tail, []])] }
        return all + tail
    }

    /// Counted repetitions.
    static let mostRepetitions = 4096

    // MARK: Recursion

    /// A rule that can come to itself without a byte between, or nil.
    private func leftRecursive() -> Int? {
        var isEmpty = [Bool](repeating: false, count: rules.count)
        var hasChanged = true
        while hasChanged {
            hasChanged = false
            for (index, alternatives) in rules.enumerated() where !isEmpty[index] {
                let canBe = alternatives.contains { alternative in
                    alternative.allSatisfy { symbol in
                        if case .rule(let rule) = symbol { return isEmpty[rule] }
                        return false
                    }
                }
                if canBe {
                    isEmpty[index] = true
                    hasChanged = true
                }
            }
        }
        // Which rules a rule can begin with.
        let firsts = rules.map { alternatives in
            alternatives.flatMap { alternative in
                var found: [Int] = []
                for symbol in alternative {
                    guard case .rule(let rule) = symbol else { break }
                    found.append(rule)
                    if !isEmpty[rule] { break }
                }
                return found
            }
        }
        var marks = [UInt8](repeating: 0, count: rules.count)
        for start in rules.indices where marks[start] == 0 {
            var path: [(rule: Int, next: Int)] = [(start, 0)]
            marks[start] = 1
            while let last = path.last {
                guard last.next < firsts[last.rule].count else {
                    marks[last.rule] = 2
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let rule = firsts[last.rule][last.next]
                if marks[rule] == 1 { return rule }
                if marks[rule] == 0 {
                    marks[rule] = 1
                    path.append((rule, 0))
                }
            }
        }
        return nil
    }
}

/// Why a schema cannot be made into a grammar.
public enum SchemaError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A keyword whose meaning cannot be guaranteed, and why.
    case unsupported(String, String)
    /// The schema is not one.
    case malformed(String)
    /// The grammar would have more symbols than may be.
    case tooLarge(limit: Int)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .unsupported(let keyword, let reason): "\(keyword) cannot be guaranteed: \(reason)"
        case .malformed(let reason): "the schema is malformed: \(reason)"
        case .tooLarge(let limit):
            "the schema becomes a grammar of more than \(limit) symbols; use smaller limits"
        }
    }
}
