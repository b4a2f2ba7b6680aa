/// Byte-pair encoding: characters or bytes, joined by a ranked list of merges.
///
/// Source: R. Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units",
/// ACL 2016, arXiv:1508.07909; the order of merges and the treatment of unknown characters are
/// those of the reference tokenizer.
struct BPEModel: Sendable {
    /// The settings of the model.
    struct Options: Sendable {
        /// The token for characters outside the vocabulary; nil drops them.
        var unknownID: Int32?
        /// Whether neighbouring unknown characters become one token.
        var fusesUnknown = false
        /// Whether unknown characters become the tokens of their bytes.
        var fallsBackToBytes = false
        /// Whether a piece that is a token is that token, whatever the merges say.
        var ignoresMerges = false
        /// What tokens inside a word start with, and what those at its end end with.
        var continuingPrefix: [UInt8] = []
        var endSuffix: [UInt8] = []
        /// Whether text reaches the model as bytes and the vocabulary is byte-level.
        var takesBytes = false
    }

    private let vocabulary: Vocabulary
    private let merges: PairTable
    private let options: Options
    private let byteTokens: [Int32]
    /// With byte input: the ids that each byte starts as, and the tokens by their bytes.
    private let startsOfBytes: [[Int32]]
    private let wholePieces: Vocabulary?
    private let wordStart: WordStart?

    /// Builds the table of merges.
    ///
    /// - Parameters:
    ///   - vocabulary: All tokens.
    ///   - merges: A repeated pair has the last rank.
    /// - Throws: ``TokenizerError/notInVocabulary(field:token:)`` when a part or a whole is no
    ///   token.
    init(
        vocabulary: Vocabulary, merges: MergeList, options: Options, field: String
    ) throws(TokenizerError) {
        self.vocabulary = vocabulary
        self.options = options
        var table = PairTable(capacity: merges.places.count)
        var wordStart = WordStartFinder()
        let text = merges.text
        let prefix = options.continuingPrefix
        for (rank, merge) in merges.places.enumerated() {
            let (first, second) = (merge.start..<merge.middle, merge.middle..<merge.end)
            guard let left = vocabulary.id(of: text, first) else {
                throw Self.missing(Array(text[first]), rank, field)
            }
            guard let right = vocabulary.id(of: text, second) else {
                throw Self.missing(Array(text[second]), rank, field)
            }
            // What it makes are the same bytes, but for a prefix inside it.
            var made = merge.start..<merge.end
            var whole = text
            if !prefix.isEmpty, text[second].starts(with: prefix) {
                whole = Array(text[first] + text[second].dropFirst(prefix.count))
                made = 0..<whole.count
            }
            guard let id = vocabulary.id(of: whole, made) else {
                throw Self.missing(Array(whole[made]), rank, field)
            }
            table.set(left, right, to: .init(first: Int32(truncatingIfNeeded: rank), second: id))
            if text[second].first == WordStart.mark[0] {
                wordStart.add(left: Array(text[first]), right: Array(text[second]))
            }
        }
        self.merges = table
        byteTokens = vocabulary.byteTokens()
        let everyByte = options.fallsBackToBytes && !byteTokens.contains(-1)
        let plain = options.continuingPrefix.isEmpty && options.endSuffix.isEmpty
        self.wordStart = everyByte && plain && !options.takesBytes ? wordStart.result : nil
        startsOfBytes =
            options.takesBytes
            ? Self.byteStarts(vocabulary, options, byteTokens) : []
        wholePieces =
            options.takesBytes && options.ignoresMerges
            ? try Self.byBytes(vocabulary) : nil
    }

    /// Appends the ids of a piece that is not empty.
    func encode(_ text: [UInt8], _ range: Range<Int>, into state: inout EncodingState) {
        guard let wordStart else {
            state.appendStored(text, range) { encodeWhole(text, range, into: &$0) }
            return
        }
        if options.ignoresMerges, let id = vocabulary.id(of: text, range) {
            state.ids.append(id)
            return
        }
        var index = range.lowerBound
        while index < range.upperBound {
            let end = wordStart.next(in: text, after: index, end: range.upperBound)
            let word = index..<end
            state.appendStored(text, word) { state in
                startWithCharacters(text, word, into: &state.merger.symbols)
                finish(text, into: &state)
            }
            index = end
        }
    }

    private func encodeWhole(
        _ text: [UInt8], _ range: Range<Int>, into state: inout EncodingState
    ) {
        if options.ignoresMerges {
            let whole =
                options.takesBytes
                ? wholePieces?.id(of: text, range) : vocabulary.id(of: text, range)
            if let whole {
                state.ids.append(whole)
                return
            }
        }
        if options.takesBytes {
            startWithBytes(text, range, into: &state.merger.symbols)
        } else {
            startWithCharacters(text, range, into: &state.merger.symbols)
        }
        finish(text, into: &state)
    }

    private func finish(_ text: [UInt8], into state: inout EncodingState) {
        state.merger.merge(self, in: text)
        for symbol in state.merger.symbols { state.ids.append(symbol.id) }
    }

    // MARK: First symbols

    private func startWithBytes(
        _ text: [UInt8], _ range: Range<Int>, into symbols: inout [SymbolMerger.Symbol]
    ) {
        symbols.removeAll(keepingCapacity: true)
        for index in range {
            for id in startsOfBytes[Int(text[index])] {
                if id == options.unknownID, options.fusesUnknown, symbols.last?.id == id {
                    symbols[symbols.count - 1].end += 1
                } else {
                    symbols.append(symbol(id, symbols.count, symbols.count + 1))
                }
            }
        }
    }

    private func startWithCharacters(
        _ text: [UInt8], _ range: Range<Int>, into symbols: inout [SymbolMerger.Symbol]
    ) {
        symbols.removeAll(keepingCapacity: true)
        // An unknown token is written when the next known character comes, as in the reference.
        var unknown: SymbolMerger.Symbol?
        var index = range.lowerBound
        while index < range.upperBound {
            let end = index + UTF8Text.scalar(in: text, at: index).width
            defer { index = end }
            if let id = startID(text, index..<end, within: range) {
                if let waiting = unknown { symbols.append(waiting) }
                unknown = nil
                symbols.append(symbol(id, index, end))
            } else if options.fallsBackToBytes,
                (index..<end).allSatisfy({ byteTokens[Int(text[$0])] >= 0 })
            {
                for byte in index..<end {
                    symbols.append(symbol(byteTokens[Int(text[byte])], byte, byte + 1))
                }
            } else if let id = options.unknownID {
                if let waiting = unknown {
                    if options.fusesUnknown {
                        unknown = symbol(id, Int(waiting.start), end)
                        continue
                    }
                    symbols.append(waiting)
                }
                unknown = symbol(id, index, end)
            }
        }
        if let unknown { symbols.append(unknown) }
    }

    private func startID(
        _ text: [UInt8], _ character: Range<Int>, within word: Range<Int>
    ) -> Int32? {
        let isInside = character.lowerBound > word.lowerBound && !options.continuingPrefix.isEmpty
        let isLast = character.upperBound == word.upperBound && !options.endSuffix.isEmpty
        guard isInside || isLast else { return vocabulary.id(of: text, character) }
        var name = isInside ? options.continuingPrefix : []
        name += text[character]
        if isLast { name += options.endSuffix }
        return vocabulary.id(of: name)
    }

    private func symbol(_ id: Int32, _ start: Int, _ end: Int) -> SymbolMerger.Symbol {
        .init(
            id: id, start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: end))
    }

    private static func byteStarts(
        _ vocabulary: Vocabulary, _ options: Options, _ byteTokens: [Int32]
    ) -> [[Int32]] {
        ByteLevelAlphabet.scalars.map { scalar in
            var name: [UInt8] = []
            UTF8Text.append(scalar, to: &name)
            if let id = vocabulary.id(of: name) { return [id] }
            let bytes = name.map { byteTokens[Int($0)] }
            if options.fallsBackToBytes, !bytes.contains(-1) { return bytes }
            return options.unknownID.map { [$0] } ?? []
        }
    }

    private static func byBytes(_ vocabulary: Vocabulary) throws(TokenizerError) -> Vocabulary {
        var result = Vocabulary(capacity: vocabulary.idEnd)
        for id in 0..<vocabulary.idEnd {
            if let token = vocabulary[Int32(truncatingIfNeeded: id)],
                let bytes = ByteLevelAlphabet.bytes(of: token)
            {
                try result.add(bytes, id: id, field: "model.vocab")
            }
        }
        return result
    }

    private static func missing(_ token: [UInt8], _ rank: Int, _ field: String) -> TokenizerError {
        .notInVocabulary(
            field: "\(field)[\(rank)]", token: String(decoding: token, as: UTF8.self))
    }
}

extension BPEModel: MergeRules {
    @inline(__always)
    func merge(
        _ left: SymbolMerger.Symbol, _ right: SymbolMerger.Symbol, in text: [UInt8]
    ) -> (rank: Int32, id: Int32)? {
        merges[left.id, right.id].map { ($0.first, $0.second) }
    }
}
