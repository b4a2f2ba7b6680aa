/// BERT's word pieces: the longest token at each place of a word, or one unknown token.
///
/// Source: M. Schuster and K. Nakajima, "Japanese and Korean Voice Search", ICASSP 2012; greedy
/// from the left as in the tokenizer published with BERT.
struct WordPieceModel: Sendable {
    private let vocabulary: Vocabulary
    private let unknownID: Int32
    private let prefix: [UInt8]
    private let longestWord: Int
    private let longestToken: Int

    /// Keeps the vocabulary.
    ///
    /// - Parameters:
    ///   - prefix: What tokens inside a word start with.
    ///   - longestWord: Words of more characters are unknown.
    init(vocabulary: Vocabulary, unknownID: Int32, prefix: [UInt8], longestWord: Int) {
        self.vocabulary = vocabulary
        self.unknownID = unknownID
        self.prefix = prefix
        self.longestWord = longestWord
        var longest = 0
        for id in 0..<vocabulary.idEnd {
            longest = max(longest, vocabulary[Int32(truncatingIfNeeded: id)]?.count ?? 0)
        }
        longestToken = longest
    }

    /// Appends the ids of a word that is not empty.
    func encode(_ text: [UInt8], _ word: Range<Int>, into state: inout EncodingState) {
        state.appendStored(text, word) { encodeWord(text, word, into: &$0.ids) }
    }

    private func encodeWord(_ text: [UInt8], _ word: Range<Int>, into ids: inout [Int32]) {
        let first = ids.count
        let characters = word.reduce(0) { $0 + (text[$1] & 0xC0 != 0x80 ? 1 : 0) }
        guard characters <= longestWord else {
            ids.append(unknownID)
            return
        }
        // The rest of the word after the prefix, so that a lookup takes one range.
        let continued = prefix + text[word]
        var start = 0
        while start < word.count {
            guard let (id, end) = longestToken(text, word, continued, from: start) else {
                ids.removeLast(ids.count - first)
                ids.append(unknownID)
                return
            }
            ids.append(id)
            start = end
        }
    }

    private func longestToken(
        _ text: [UInt8], _ word: Range<Int>, _ continued: [UInt8], from start: Int
    ) -> (id: Int32, end: Int)? {
        var end = min(word.count, start + longestToken)
        while end < word.count, text[word.lowerBound + end] & 0xC0 == 0x80 { end -= 1 }
        // The prefix overwrites what was read before.
        var candidate = continued
        for offset in prefix.indices { candidate[start + offset] = prefix[offset] }
        while end > start {
            let found =
                start == 0
                ? vocabulary.id(of: text, word.lowerBound..<word.lowerBound + end)
                : vocabulary.id(of: candidate, start..<prefix.count + end)
            if let found { return (found, end) }
            end -= 1
            while end > start, text[word.lowerBound + end] & 0xC0 == 0x80 { end -= 1 }
        }
        return nil
    }
}
