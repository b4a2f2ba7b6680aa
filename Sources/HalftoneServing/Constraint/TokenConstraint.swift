import Synchronization

/// What an answer must be like, to the byte: a grammar and the tokens that spell it.
///
/// Requests with the same constraint share what was found out about it, so one value is worth
/// keeping.
public struct TokenConstraint: Sendable {
    let automaton: TokenAutomaton

    init(_ grammar: ByteGrammar, vocabulary: TokenVocabulary) {
        automaton = TokenAutomaton(grammar, vocabulary: vocabulary)
    }
}

/// How far an answer is with its constraint.
struct ConstraintState: Sendable {
    private let automaton: TokenAutomaton
    private var places: GrammarPlaces?

    init(_ constraint: TokenConstraint) {
        automaton = constraint.automaton
        places = GrammarPlaces(constraint.automaton.grammar)
    }

    /// Makes all tokens impossible that do not continue the answer; stop tokens are possible where
    /// it may end.
    ///
    /// - Returns: Whether any token is left.
    func restrict(_ logits: inout [Float], stopTokens: Set<Int32>) -> Bool {
        guard let places else { return false }
        guard let mask = automaton.mask(at: places) else { return false }
        let endings =
            places.isComplete ? stopTokens.filter { logits.indices.contains(Int($0)) } : []
        let kept = endings.map { (Int($0), logits[Int($0)]) }
        for (index, word) in mask.words.enumerated() where word != .max {
            let end = min(index * 64 + 64, logits.count)
            for token in index * 64..<max(end, index * 64) where word >> UInt64(token & 63) & 1 == 0
            {
                logits[token] = -.infinity
            }
        }
        for (token, logit) in kept { logits[token] = logit }
        return !mask.isEmpty || !kept.isEmpty
    }

    /// Goes on by a token that was possible.
    mutating func advance(_ token: Int32) {
        places = places.flatMap { automaton.after(token, from: $0) }
    }
}

/// A grammar's places, made into a finite automaton as far as texts go.
///
/// What was found out is kept up to a bound, and then found out again.
final class TokenAutomaton: Sendable {
    /// The tokens that are possible somewhere, a bit for each id.
    struct Mask: Sendable {
        var words: [UInt64]
        var isEmpty: Bool { words.allSatisfy { $0 == 0 } }
    }

    let grammar: ByteGrammar
    private let vocabulary: TokenVocabulary
    private let known = Mutex(Known())

    /// States that are kept: a kilobyte each, and the masks of those between tokens.
    private static let most = 4096

    /// Numbers that the places of all kept states may have.
    private static let heaviest = 1 << 21

    /// New states that are followed for one mask: a grammar that needs more is refused, since all
    /// other requests wait meanwhile.
    private static let mostForMask = 4096

    private struct Known {
        var ids: [GrammarPlaces: Int32] = [:]
        var places: [GrammarPlaces] = []
        /// For each state the states after each byte: −1 for none, −2 for not known yet.
        var after: [Int32] = []
        var masks: [Int32: Mask] = [:]
        var weight = 0
    }

    init(_ grammar: ByteGrammar, vocabulary: TokenVocabulary) {
        self.grammar = grammar
        self.vocabulary = vocabulary
    }

    /// Where an answer is after a token.
    func after(_ token: Int32, from places: GrammarPlaces) -> GrammarPlaces? {
        guard vocabulary.places.indices.contains(Int(token)), vocabulary.places[Int(token)] >= 0
        else { return nil }
        let bytes = vocabulary.bytes(at: Int(vocabulary.places[Int(token)]))
        return known.withLock { known in
            var state = id(of: places, &known)
            for byte in bytes {
                state = next(state, byte, &known)
                if state < 0 { return nil }
            }
            return known.places[Int(state)]
        }
    }

    /// The tokens that are possible at a place, or nil when that takes too long to find out.
    func mask(at places: GrammarPlaces) -> Mask? {
        known.withLock { known in
            if known.places.count > Self.most || known.weight > Self.heaviest { known = Known() }
            let start = id(of: places, &known)
            if let mask = known.masks[start] { return mask }
            let mask = walk(from: start, &known)
            known.masks[start] = mask
            return mask
        }
    }

    /// Tries all tokens.
    ///
    /// Neighbours in the order of their bytes have their beginnings in common, which are followed
    /// once.
    private func walk(from start: Int32, _ known: inout Known) -> Mask? {
        let most = known.places.count + Self.mostForMask
        var mask = Mask(words: [UInt64](repeating: 0, count: (vocabulary.size + 63) / 64))
        // The states after 0, 1, … bytes of the token at hand.
        var path: [Int32] = [start]
        for place in vocabulary.tokens.indices {
            let bytes = vocabulary.bytes(at: place)
            let shared = Int(vocabulary.common[place])
            // A beginning that is impossible is one byte longer than the path.
            if shared >= path.count { continue }
            path.removeLast(path.count - shared - 1)
            var isPossible = true
            for byte in bytes.dropFirst(shared) {
                let state = next(path[path.count - 1], byte, &known)
                guard state >= 0 else {
                    isPossible = false
                    break
                }
                path.append(state)
            }
            guard known.places.count <= most else { return nil }
            guard isPossible else { continue }
            let token = Int(vocabulary.tokens[place])
            mask.words[token >> 6] |= 1 << UInt64(token & 63)
        }
        return mask
    }

    private func id(of places: GrammarPlaces, _ known: inout Known) -> Int32 {
        if let id = known.ids[places] { return id }
        let id = Int32(truncatingIfNeeded: known.places.count)
        known.ids[places] = id
        known.places.append(places)
        known.weight += places.weight
        known.after.append(contentsOf: repeatElement(-2, count: 256))
        return id
    }

    private func next(_ state: Int32, _ byte: UInt8, _ known: inout Known) -> Int32 {
        let place = Int(state) << 8 | Int(byte)
        if known.after[place] != -2 { return known.after[place] }
        let next = known.places[Int(state)].after(byte, grammar).map { id(of: $0, &known) } ?? -1
        known.after[place] = next
        return next
    }
}
