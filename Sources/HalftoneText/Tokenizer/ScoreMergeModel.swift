/// SentencePiece's byte-pair encoding: neighbours join when their text is a token, best score
/// first.
///
/// Source: T. Kudo and J. Richardson, "SentencePiece", EMNLP 2018, arXiv:1808.06226, the published
/// encoder. Control, unknown and byte tokens do not come from merges there, nor here. Characters
/// that end up in no token become the tokens of their bytes, or the unknown token.
struct ScoreMergeModel: Sendable {
    private let vocabulary: Vocabulary
    /// The rank of each id among the scores, 0 the best; -1 for tokens that no merge makes.
    private let ranks: [Int32]
    private let longest: Int
    private let byteTokens: [Int32]
    private let unknownID: Int32?
    private let wordStart: WordStart?

    /// Ranks the tokens.
    ///
    /// - Parameters:
    ///   - vocabulary: All tokens.
    ///   - scores: One per id, higher first.
    ///   - isMerged: Whether merges may make a token, one per id.
    init(vocabulary: Vocabulary, scores: [Float], isMerged: [Bool], unknownID: Int32?) {
        self.vocabulary = vocabulary
        self.unknownID = unknownID
        byteTokens = vocabulary.byteTokens()
        let order = scores.indices.filter { isMerged[$0] && !scores[$0].isNaN }
            .sorted { scores[$0] > scores[$1] }
        var ranks = [Int32](repeating: -1, count: scores.count)
        var longest = 0
        var rank: Int32 = -1
        var last: Float?
        var finder = WordStartFinder()
        for id in order {
            if scores[id] != last { rank += 1 }
            last = scores[id]
            ranks[id] = rank
            guard let token = vocabulary[Int32(truncatingIfNeeded: id)] else { continue }
            longest = max(longest, token.count)
            finder.add(token: Array(token))
        }
        self.ranks = ranks
        self.longest = longest
        wordStart = finder.result
    }

    /// Appends the ids of a piece that is not empty.
    func encode(_ text: [UInt8], _ range: Range<Int>, into state: inout EncodingState) {
        var index = range.lowerBound
        while index < range.upperBound {
            let end =
                wordStart?.next(in: text, after: index, end: range.upperBound) ?? range.upperBound
            let word = index..<end
            state.appendStored(text, word) { encodeWord(text, word, into: &$0) }
            index = end
        }
    }

    private func encodeWord(
        _ text: [UInt8], _ word: Range<Int>, into state: inout EncodingState
    ) {
        state.merger.symbols.removeAll(keepingCapacity: true)
        var index = word.lowerBound
        while index < word.upperBound {
            let end = index + UTF8Text.scalar(in: text, at: index).width
            let id = vocabulary.id(of: text, index..<end).flatMap { isToken($0) ? $0 : nil }
            state.merger.symbols.append(
                .init(
                    id: id ?? -1, start: Int32(truncatingIfNeeded: index),
                    end: Int32(truncatingIfNeeded: end)))
            index = end
        }
        state.merger.merge(self, in: text)
        for symbol in state.merger.symbols {
            if symbol.id >= 0 {
                state.ids.append(symbol.id)
                continue
            }
            for byte in text[Int(symbol.start)..<Int(symbol.end)] {
                if byteTokens[Int(byte)] >= 0 {
                    state.ids.append(byteTokens[Int(byte)])
                } else if let unknownID {
                    state.ids.append(unknownID)
                }
            }
        }
    }

    private func isToken(_ id: Int32) -> Bool { ranks[Int(id)] >= 0 }
}

extension ScoreMergeModel: MergeRules {
    func merge(
        _ left: SymbolMerger.Symbol, _ right: SymbolMerger.Symbol, in text: [UInt8]
    ) -> (rank: Int32, id: Int32)? {
        let range = Int(left.start)..<Int(right.end)
        guard range.count <= longest, let id = vocabulary.id(of: text, range), isToken(id) else {
            return nil
        }
        return (ranks[Int(id)], id)
    }
}
