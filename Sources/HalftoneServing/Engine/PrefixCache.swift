import HalftoneRuntime

/// Sequences that are over, kept for prompts that begin alike.
///
/// The longest common beginning is found by comparing tokens with each sequence: there are few, and
/// comparing a thousand tokens costs less than a thousandth of reading one.
struct PrefixCache {
    private struct Entry {
        let tokens: [Int32]
        let state: DecoderState
        var lastUse: Int
    }

    private var entries: [Entry] = []
    private var uses = 0

    /// Bytes of keys and values that are kept.
    private(set) var byteCount = 0

    /// Tokens that are kept.
    var tokenCount: Int { entries.reduce(0) { $0 + $1.tokens.count } }

    /// A common beginning shorter than this is read again: as fast, and it keeps nothing busy.
    static let shortest = 8

    /// Keeps a sequence, in place of those that it continues, unless another continues it.
    ///
    /// - Parameters:
    ///   - tokens: What was read, all of it.
    ///   - state: The sequence; from now on the cache's.
    mutating func insert(_ tokens: [Int32], _ state: DecoderState) {
        guard tokens.count >= Self.shortest else { return }
        uses += 1
        // Who asked the same and was cut off earlier adds nothing.
        if let known = entries.firstIndex(where: { $0.tokens.starts(with: tokens) }) {
            entries[known].lastUse = uses
            return
        }
        for index in entries.indices.reversed() where tokens.starts(with: entries[index].tokens) {
            remove(at: index)
        }
        entries.append(Entry(tokens: tokens, state: state, lastUse: uses))
        byteCount += state.cacheByteCount
    }

    /// The sequence that has the longest beginning in common with a prompt.
    ///
    /// - Parameters:
    ///   - prompt: The tokens; the last one has to be read in any case.
    ///   - least: Only a beginning longer than this is of use.
    /// - Returns: The sequence, the length in common, and whether it is now the caller's, which it
    ///   becomes where all of it is part of the prompt. Otherwise it is to be copied.
    mutating func longest(
        of prompt: [Int32], longerThan least: Int
    ) -> (state: DecoderState, length: Int, isTaken: Bool)? {
        var best: (index: Int, length: Int)?
        for (index, entry) in entries.enumerated() {
            let length = Self.common(prompt, entry.tokens)
            if length >= Self.shortest, length > best?.length ?? least { best = (index, length) }
        }
        guard let best else { return nil }
        let entry = entries[best.index]
        if best.length == entry.tokens.count {
            remove(at: best.index)
            return (entry.state, best.length, true)
        }
        uses += 1
        entries[best.index].lastUse = uses
        return (entry.state, best.length, false)
    }

    /// How many tokens two sequences begin with alike, the last of the prompt never counted.
    ///
    /// - Parameters:
    ///   - prompt: The one.
    ///   - tokens: The other.
    ///   - most: Tokens of the other that count.
    static func common(_ prompt: [Int32], _ tokens: [Int32], most: Int = .max) -> Int {
        let most = min(prompt.count - 1, tokens.count, most)
        var length = 0
        while length < most, prompt[length] == tokens[length] { length += 1 }
        return length
    }

    /// Forgets the sequences that were not used for longest, until at most so many bytes are kept.
    mutating func shrink(to limit: Int) {
        while byteCount > max(limit, 0),
            let oldest = entries.indices.min(by: { entries[$0].lastUse < entries[$1].lastUse })
        {
            remove(at: oldest)
        }
    }

    private mutating func remove(at index: Int) {
        byteCount -= entries[index].state.cacheByteCount
        entries.remove(at: index)
    }
}
