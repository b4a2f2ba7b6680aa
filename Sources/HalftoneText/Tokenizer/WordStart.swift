/// Places in a text without pieces where no merge can cross, so that it is cut there.
///
/// SentencePiece vocabularies see a whole document as one piece. No token holds "▁" after another
/// character, except after a few: a cut before every other "▁" changes no result and makes words
/// that occur again.
struct WordStart: Sendable {
    /// U+2581 as UTF-8.
    static let mark: [UInt8] = [0xE2, 0x96, 0x81]

    /// Scalar values that a token may join to a following "▁".
    fileprivate var joined: Set<UInt32>

    /// The end of the word that starts at an index below `end`.
    func next(in text: [UInt8], after start: Int, end: Int) -> Int {
        var index = start
        var last: UInt32 = 0x2581
        while index < end {
            let (value, width) = UTF8Text.scalar(in: text, at: index)
            if value == 0x2581, last != 0x2581, !joined.contains(last) { return index }
            last = value
            index += width
        }
        return end
    }
}

/// Learns from all merges, or from all tokens, what may stand before "▁".
struct WordStartFinder {
    private var joined: Set<UInt32> = []
    private var isPossible = true

    /// Notes that two neighbours may join.
    mutating func add(left: [UInt8], right: [UInt8]) {
        guard right.starts(with: WordStart.mark), !left.isEmpty else { return }
        // Such a left part may be a byte, which is another character than its text ends in.
        if Vocabulary.endsInByteToken(left) { isPossible = false }
        let last = UTF8Text.indexBefore(left.count, in: left)
        joined.insert(UTF8Text.scalar(in: left, at: last).value)
    }

    /// Notes every pair of neighbours inside a token.
    mutating func add(token: [UInt8]) {
        var index = 0
        var last: UInt32?
        while index < token.count {
            let (value, width) = UTF8Text.scalar(in: token, at: index)
            if value == 0x2581, let last { joined.insert(last) }
            last = value
            index += width
        }
    }

    /// The cuts, or nil when there are none to rely on.
    var result: WordStart? { isPossible ? WordStart(joined: joined) : nil }
}
