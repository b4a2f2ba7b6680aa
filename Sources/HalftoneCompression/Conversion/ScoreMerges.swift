/// The merges that a vocabulary with scores amounts to.
///
/// SentencePiece joins the neighbours whose concatenation has the highest score. As a list for
/// byte-pair encoding: every way to cut a token into two tokens, tokens of higher score first,
/// and among equal scores those with the longer left part, then the longer right part, so that
/// runs of one character grow from the left as they do with scores.
/// Source: `generate_merges` of `transformers` is the same list.
struct ScoreMerges {
    private struct Merge {
        var left: Int32
        var right: Int32
        var score: Float
        var leftLength: Int32
        var rightLength: Int32
    }

    /// Ids of the left and right tokens in the order of their ranks.
    let pairs: [(left: Int, right: Int)]

    /// Finds all merges.
    ///
    /// - Parameters:
    ///   - tokens: UTF-8 of each token.
    ///   - scores: The score of each.
    ///   - isText: Whether a token stands for its own text; others neither merge nor arise.
    /// - Complexity: O(bytes of all tokens) look-ups.
    init(tokens: [[UInt8]], scores: [Float], isText: [Bool]) {
        var ids: [ArraySlice<UInt8>: Int32] = [:]
        ids.reserveCapacity(tokens.count)
        for id in tokens.indices where isText[id] { ids[tokens[id][...]] = Int32(id) }
        var merges: [Merge] = []
        for id in tokens.indices where isText[id] {
            let token = tokens[id]
            let first = merges.count
            var leftLength: Int32 = 0
            for cut in token.indices.dropFirst() where token[cut] & 0xC0 != 0x80 {
                leftLength += 1
                guard let left = ids[token[..<cut]], let right = ids[token[cut...]] else {
                    continue
                }
                let rightLength = token[cut...].reduce(0) { $0 + ($1 & 0xC0 != 0x80 ? 1 : 0) }
                merges.append(
                    Merge(
                        left: left, right: right, score: scores[id], leftLength: leftLength,
                        rightLength: Int32(rightLength)))
            }
            merges[first...].sort { ($0.left, $0.right) < ($1.left, $1.right) }
        }
        // The standard library's sort is stable.
        merges.sort {
            ($0.score, $0.leftLength, $0.rightLength) > ($1.score, $1.leftLength, $1.rightLength)
        }
        pairs = merges.map { (Int($0.left), Int($0.right)) }
    }
}
