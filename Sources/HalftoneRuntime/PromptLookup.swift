/// Guesses the next tokens by what followed the same tokens before.
///
/// Saxena, "Prompt Lookup Decoding" (2023): the longest of the last `n` tokens, `n` from
/// ``longest`` down, that occurred before is looked up, the latest occurrence first. Guesses cost
/// little to check, since weights are read once for all of them, and never change what is
/// generated.
public struct PromptLookup: Sendable {
    /// Tokens to guess at most.
    public let count: Int

    /// Tokens that a guess begins behind, at most; at least ``shortest``.
    public static let longest = 3
    /// Tokens that a guess begins behind, at least: one alone is followed by too many others.
    public static let shortest = 2

    /// After so many guessed tokens, guessing goes on only while enough of them are right.
    private static let trial = 32

    private var guessed = 0
    private var accepted = 0

    /// Guesses up to `count` tokens, 1 to 7.
    public init(count: Int) {
        precondition((1...7).contains(count), "1 to 7 tokens are guessed")
        self.count = count
    }

    /// The tokens that followed the end of a sequence when it occurred before; empty if it did not
    /// or if guesses have not paid so far.
    func guess(_ tokens: [Int32]) -> ArraySlice<Int32> {
        // Eight tokens of SmolLM2 in four bits take 2.4 times as long as one, a fifth of one for
        // each that is guessed.
        if guessed >= Self.trial, accepted * 5 < guessed { return [] }
        for length in stride(from: Self.longest, through: Self.shortest, by: -1) {
            guard tokens.count > length else { continue }
            let end = tokens.suffix(length)
            var start = tokens.count - length - 1
            while start >= 0 {
                if tokens[start..<start + length].elementsEqual(end) {
                    let next = start + length
                    return tokens[next..<min(next + count, tokens.count)]
                }
                start -= 1
            }
        }
        return []
    }

    /// Learns how many of some guessed tokens were right.
    mutating func note(guessed: Int, accepted: Int) {
        self.guessed += guessed
        self.accepted += accepted
        // Halved now and then, so that what was long ago counts less.
        if self.guessed >= 4 * Self.trial {
            self.guessed /= 2
            self.accepted /= 2
        }
    }
}
