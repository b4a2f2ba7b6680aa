/// A set of bytes.
struct ByteSet: Sendable, Hashable {
    private var words = SIMD4<UInt64>()

    /// The bytes of some ranges.
    init(_ ranges: ClosedRange<UInt8>...) {
        for range in ranges { for byte in range { insert(byte) } }
    }

    mutating func insert(_ byte: UInt8) { words[Int(byte >> 6)] |= 1 << UInt64(byte & 63) }

    func contains(_ byte: UInt8) -> Bool { words[Int(byte >> 6)] >> UInt64(byte & 63) & 1 == 1 }

    var isEmpty: Bool { words == SIMD4() }
}

/// A context-free grammar of byte strings.
///
/// Rules are lists of alternatives, alternatives lists of symbols. The first rule is where texts
/// begin.
struct ByteGrammar: Sendable {
    /// What an alternative is made of.
    enum Symbol: Sendable, Hashable {
        /// One byte of a set.
        case bytes(ByteSet)
        /// What another rule stands for.
        case rule(Int)
    }

    /// A symbol at its place among all, or the end of an alternative.
    enum Step: Sendable {
        case bytes(ByteSet)
        case rule(Int)
        case end
    }

    /// All alternatives one after another, each with its end.
    let steps: [Step]
    /// Where the alternatives of each rule begin.
    let starts: [[Int32]]

    /// Lays out rules.
    ///
    /// - Parameter rules: For each rule its alternatives; the first one is where texts begin.
    init(rules: [[[Symbol]]]) {
        var steps: [Step] = []
        starts = rules.map { alternatives in
            alternatives.map { alternative in
                let start = Int32(truncatingIfNeeded: steps.count)
                for symbol in alternative {
                    switch symbol {
                    case .bytes(let set): steps.append(.bytes(set))
                    case .rule(let rule): steps.append(.rule(rule))
                    }
                }
                steps.append(.end)
                return start
            }
        }
        self.steps = steps
    }
}

/// What can follow a text that a grammar has begun: the places in rules where it may be.
///
/// A stack is where to go on after each rule that is open, the innermost one last, whose place is
/// always a byte. An empty stack means that the text may end.
struct GrammarPlaces: Sendable, Hashable {
    private(set) var stacks: [[Int32]]

    /// Rules that can be open inside each other; texts that need more are refused.
    static let deepest = 128
    /// Stacks that are followed at once; texts that need more are refused.
    static let most = 128

    /// Where texts of a grammar begin.
    init(_ grammar: ByteGrammar) {
        var closure = Closure(grammar)
        for start in grammar.starts[0] { closure.add([start]) }
        stacks = closure.stacks
    }

    private init(stacks: [[Int32]]) { self.stacks = stacks }

    /// Numbers that are kept.
    var weight: Int { stacks.reduce(1) { $0 + $1.count } }

    /// Whether the text may end here.
    var isComplete: Bool { stacks.contains([]) }

    /// Where a text is after one more byte, or nil when it is none of the grammar.
    func after(_ byte: UInt8, _ grammar: ByteGrammar) -> GrammarPlaces? {
        var closure = Closure(grammar)
        for stack in stacks {
            guard let place = stack.last, case .bytes(let set) = grammar.steps[Int(place)],
                set.contains(byte)
            else { continue }
            closure.add(stack.dropLast() + [place + 1])
        }
        return closure.stacks.isEmpty ? nil : GrammarPlaces(stacks: closure.stacks)
    }

    /// Follows rules until each stack is at a byte or at the end.
    private struct Closure {
        let grammar: ByteGrammar
        var stacks: [[Int32]] = []
        private var seen: Set<[Int32]> = []

        init(_ grammar: ByteGrammar) { self.grammar = grammar }

        mutating func add(_ stack: [Int32]) {
            guard stack.count <= GrammarPlaces.deepest, seen.count < 8 * GrammarPlaces.most,
                stacks.count < GrammarPlaces.most,
                seen.insert(stack).inserted
            else { return }
            guard let place = stack.last else {
                stacks.append(stack)
                return
            }
            switch grammar.steps[Int(place)] {
            case .bytes: stacks.append(stack)
            case .end: add(stack.dropLast())
            case .rule(let rule):
                var rest = stack
                rest.removeLast()
                // Nothing comes after the rule: the place behind it need not be kept.
                if case .end = grammar.steps[Int(place) + 1] {} else { rest.append(place + 1) }
                for start in grammar.starts[rule] { add(rest + [start]) }
            }
        }
    }
}
