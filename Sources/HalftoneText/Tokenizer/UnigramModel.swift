/// SentencePiece's unigram model: the split of a piece with the greatest sum of log probabilities.
///
/// Source: T. Kudo, "Subword Regularization", ACL 2018, arXiv:1804.10959; the search is the
/// forward pass of the published encoder. Neighbouring unknown characters are one unknown part.
struct UnigramModel: Sendable {
    /// The best way to reach each byte of a piece.
    struct Path: Sendable {
        fileprivate struct Node: Sendable {
            var id: Int32
            var score: Double
            var start: Int
        }
        fileprivate var nodes: [Node] = []
        fileprivate var parts: [Range<Int>] = []
    }

    private let vocabulary: Vocabulary
    private let scores: [Double]
    private let unknownID: Int32?
    private let unknownScore: Double
    private let byteTokens: [Int32]?
    private let trie: ByteTrie

    /// Builds the trie of all tokens.
    init(
        vocabulary: Vocabulary, scores: [Double], unknownID: Int32?, fallsBackToBytes: Bool
    ) {
        self.vocabulary = vocabulary
        self.scores = scores
        self.unknownID = unknownID
        // The reference's penalty for an unknown character.
        unknownScore = (scores.min() ?? 0) - 10
        byteTokens = fallsBackToBytes ? vocabulary.byteTokens() : nil
        var trie = ByteTrie()
        for id in 0..<vocabulary.idEnd {
            let id = Int32(truncatingIfNeeded: id)
            guard let token = vocabulary[id] else { continue }
            trie.insert(token, value: vocabulary.id(of: Array(token)) ?? id)
        }
        self.trie = trie
    }

    /// Appends the ids of a piece that is not empty.
    func encode(_ text: [UInt8], _ range: Range<Int>, into state: inout EncodingState) {
        state.appendStored(text, range) { state in
            search(text, range, &state.path)
            collect(range, &state.path)
            for part in state.path.parts.reversed() { append(text, part, to: &state.ids) }
        }
    }

    private func search(_ text: [UInt8], _ range: Range<Int>, _ path: inout Path) {
        path.nodes.removeAll(keepingCapacity: true)
        for _ in 0...range.count { path.nodes.append(.init(id: -1, score: 0, start: -1)) }
        var index = range.lowerBound
        while index < range.upperBound {
            let offset = index - range.lowerBound
            let width = UTF8Text.scalar(in: text, at: index).width
            let sum = path.nodes[offset].score
            var coversCharacter = false
            var node = ByteTrie.root
            for position in index..<range.upperBound {
                guard let found = trie.step(from: node, text[position]) else { break }
                node = found
                guard let id = trie.value(at: node) else { continue }
                let end = position + 1 - index
                if end == width { coversCharacter = true }
                offer(id, sum + scores[Int(id)], from: offset, to: offset + end, &path)
            }
            if !coversCharacter {
                let id = unknownID ?? -1
                offer(id, sum + unknownScore, from: offset, to: offset + width, &path)
            }
            index += width
        }
    }

    private func offer(
        _ id: Int32, _ score: Double, from start: Int, to end: Int, _ path: inout Path
    ) {
        guard path.nodes[end].start < 0 || score > path.nodes[end].score else { return }
        path.nodes[end] = .init(id: id, score: score, start: start)
    }

    /// The parts of the best path from last to first.
    private func collect(_ range: Range<Int>, _ path: inout Path) {
        path.parts.removeAll(keepingCapacity: true)
        var end = range.count
        var followsUnknown = false
        while end > 0 {
            let node = path.nodes[end]
            let isUnknown = node.id < 0 || node.id == unknownID
            let start = range.lowerBound + node.start
            if isUnknown, followsUnknown, let last = path.parts.last {
                path.parts[path.parts.count - 1] = start..<last.upperBound
            } else {
                path.parts.append(start..<range.lowerBound + end)
            }
            followsUnknown = isUnknown
            end = node.start
        }
    }

    private func append(_ text: [UInt8], _ part: Range<Int>, to ids: inout [Int32]) {
        if let id = vocabulary.id(of: text, part) {
            ids.append(id)
        } else if let byteTokens, text[part].allSatisfy({ byteTokens[Int($0)] >= 0 }) {
            for byte in text[part] { ids.append(byteTokens[Int(byte)]) }
        } else if let unknownID {
            ids.append(unknownID)
        }
    }
}
