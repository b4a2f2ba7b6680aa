/// Makes a byte-level BPE vocabulary from text.
///
/// Text is cut into pieces as the finished tokenizer will cut it; then the pair of neighbouring
/// tokens that occurs most often becomes a token, again and again. Among pairs that occur equally
/// often the one with the smaller left id is taken, then with the smaller right id, so the result
/// does not depend on the order of the texts. This is the rule of the reference `tokenizers`
/// package, and the ids are the same.
///
///     var trainer = BPETrainer(split: .llama3, specialTokens: ["<|endoftext|>"])
///     trainer.add(text)
///     let trained = trainer.train(vocabularySize: 4096)
///     try Data(trained.tokenizerJSON().serialized().utf8).write(to: url)
///
/// Source: R. Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units",
/// ACL 2016, arXiv:1508.07909, Algorithm 1, with counts that are updated where a merge changes
/// them.
public struct BPETrainer: Sendable {
    /// How text is cut before bytes are joined; no token reaches over a cut.
    public enum Split: Sendable, CaseIterable {
        /// GPT-2: words with the space before them, runs of digits.
        case gpt2
        /// Llama 3: the same with digits in threes and line breaks of their own.
        case llama3
        /// Qwen 2: Llama 3's with single digits, which makes arithmetic easier to learn.
        case qwen2

        var rule: SplitRule {
            switch self {
            case .gpt2: .gpt2
            case .llama3: .llama3
            case .qwen2: .qwen2
            }
        }
    }

    /// How text is cut.
    public let split: Split
    /// Tokens with the first ids, found in text as they are and never joined to others.
    public let specialTokens: [String]

    private let special: AddedTokens
    private var pieces = ByteStringTable(capacity: 1 << 14)
    private var counts: [Int] = []

    /// Sets up a trainer without text.
    ///
    /// - Parameters:
    ///   - split: How text is cut.
    ///   - specialTokens: Different texts, none empty.
    public init(split: Split = .llama3, specialTokens: [String] = []) {
        precondition(
            Set(specialTokens).count == specialTokens.count && !specialTokens.contains(""),
            "special tokens must differ and must not be empty: \(specialTokens)")
        self.split = split
        self.specialTokens = specialTokens
        let tokens = specialTokens.enumerated().map { index, content in
            AddedToken(
                id: Int32(truncatingIfNeeded: index), content: Array(content.utf8),
                isSpecial: true)
        }
        special = AddedTokens(tokens) { $0 }
    }

    /// Counts the pieces of a text.
    ///
    /// - Complexity: O(bytes); memory grows with the different pieces, not with the text.
    public mutating func add(_ text: String) {
        let bytes = Array(text.utf8)
        for part in special.parts(ofRaw: bytes, parsesSpecial: true) {
            guard case .text(let range) = part else { continue }
            let scanner = SplitScanner(split.rule, text: bytes, end: range.upperBound)
            var index = range.lowerBound
            while index < range.upperBound {
                let end = scanner.matchEnd(at: index)
                let (number, isNew) = pieces.insert(bytes, index..<end)
                if isNew { counts.append(1) } else { counts[number] += 1 }
                index = end
            }
        }
    }

    /// Joins pairs until the vocabulary has the wanted size or no pair occurs often enough.
    ///
    /// - Parameters:
    ///   - vocabularySize: Tokens in all; at least 256 and the special ones.
    ///   - minimumCount: How often a pair has to occur; at least 1.
    /// - Complexity: O(bytes of different pieces · log of different pairs) and the merges' places.
    public func train(vocabularySize: Int, minimumCount: Int = 2) -> BPEVocabulary {
        let first = specialTokens.count
        precondition(
            vocabularySize >= first + 256, "\(vocabularySize) tokens do not hold every byte")
        precondition(minimumCount >= 1, "a pair cannot occur \(minimumCount) times")
        // The ids of bytes follow the characters that stand for them.
        let order = (0..<256).sorted {
            ByteLevelAlphabet.scalars[$0] < ByteLevelAlphabet.scalars[$1]
        }
        var idOfByte = [Int32](repeating: 0, count: 256)
        var tokens = specialTokens.map { Array($0.utf8) }
        for (rank, byte) in order.enumerated() {
            idOfByte[byte] = Int32(truncatingIfNeeded: first + rank)
            tokens.append([UInt8(truncatingIfNeeded: byte)])
        }
        var words = BPEWords(pieces: pieces, counts: counts, idOfByte: idOfByte)
        var known = ByteStringTable(capacity: vocabularySize)
        for token in tokens[first...] { _ = known.insert(token, 0..<token.count) }
        var merges: [BPEVocabulary.Merge] = []
        while tokens.count < vocabularySize, let best = words.mostFrequent(least: minimumCount) {
            let whole = tokens[Int(best.left)] + tokens[Int(best.right)]
            // Two ways to one text share its id.
            let (number, isNew) = known.insert(whole, 0..<whole.count)
            let id = Int32(truncatingIfNeeded: first + number)
            if isNew { tokens.append(whole) }
            merges.append(.init(left: best.left, right: best.right, whole: id))
            words.merge(best, into: id)
        }
        return BPEVocabulary(
            split: split, specialTokens: specialTokens, tokens: tokens, merges: merges)
    }
}
