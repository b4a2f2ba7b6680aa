import HalftoneTensor

/// Small tasks on tokens with right answers, for models of sequences.
public enum TokenTask: Sendable, Equatable {
    /// Random symbols, a separator, and the same symbols again.
    case copy(symbols: Int, length: Int)
    /// Random symbols, the latter half of which repeats the former half's pairs: after a symbol
    /// comes what followed it first.
    case induction(symbols: Int, length: Int)
    /// a, b, separator, (a + b) modulo a number.
    case modularAddition(modulus: Int)
    /// Brackets of some kinds that match; the answer is every closing bracket.
    case parentheses(kinds: Int, length: Int)

    /// A sequence with the places that a model can know.
    public struct Example: Sendable, Equatable {
        /// The tokens.
        public let tokens: [Int32]
        /// Whether a token follows from those before it.
        public let isAnswer: [Bool]
    }

    /// One more than the greatest token.
    public var vocabularySize: Int {
        switch self {
        case .copy(let symbols, _): symbols + 1
        case .induction(let symbols, _): symbols
        case .modularAddition(let modulus): modulus + 1
        case .parentheses(let kinds, _): kinds * 2
        }
    }

    /// One example of a seed.
    ///
    /// - Parameters:
    ///   - index: Which of them, at least 0.
    ///   - seed: Equal seeds give equal examples.
    public func example(at index: Int, seed: UInt64) -> Example {
        var random = SeededGenerator(
            seed: seed, stream: 61, index: UInt64(bitPattern: Int64(index)))
        switch self {
        case .copy(let symbols, let length):
            let part = (0..<length).map { _ in Int32(truncatingIfNeeded: random.below(symbols)) }
            let known = [Bool](repeating: false, count: length + 1)
            return Example(
                tokens: part + [Int32(truncatingIfNeeded: symbols)] + part,
                isAnswer: known + [Bool](repeating: true, count: length))
        case .induction(let symbols, let length):
            return Self.induction(symbols, length, &random)
        case .modularAddition(let modulus):
            let (a, b) = (random.below(modulus), random.below(modulus))
            return Example(
                tokens: [a, b, modulus, (a + b) % modulus].map { Int32(truncatingIfNeeded: $0) },
                isAnswer: [false, false, false, true])
        case .parentheses(let kinds, let length):
            return Self.parentheses(kinds, length, &random)
        }
    }

    private static func induction(
        _ symbols: Int, _ length: Int, _ random: inout SeededGenerator
    ) -> Example {
        // A random order of symbols, then pieces of it from random places.
        let order = random.distinct(min(symbols, max(length / 2, 1)), below: symbols)
        var tokens = order.prefix(length).map { Int32(truncatingIfNeeded: $0) }
        var isAnswer = [Bool](repeating: false, count: tokens.count)
        while tokens.count < length {
            var place = random.below(order.count)
            for step in 0..<random.integer(in: 2...6) where place < order.count {
                guard tokens.count < length else { break }
                tokens.append(Int32(truncatingIfNeeded: order[place]))
                isAnswer.append(step > 0)
                place += 1
            }
        }
        return Example(tokens: tokens, isAnswer: isAnswer)
    }

    private static func parentheses(
        _ kinds: Int, _ length: Int, _ random: inout SeededGenerator
    ) -> Example {
        var open: [Int] = []
        var tokens: [Int32] = []
        var isAnswer: [Bool] = []
        for place in 0..<(length / 2 * 2) {
            let left = length / 2 * 2 - place
            let mustClose = open.count == left
            let closes = mustClose || (!open.isEmpty && random.chance(0.5))
            if closes, let kind = open.popLast() {
                tokens.append(Int32(truncatingIfNeeded: kinds + kind))
            } else {
                open.append(random.below(kinds))
                tokens.append(Int32(truncatingIfNeeded: open[open.count - 1]))
            }
            isAnswer.append(closes)
        }
        return Example(tokens: tokens, isAnswer: isAnswer)
    }
}
