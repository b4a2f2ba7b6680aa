extension Tokenizer {
    /// Builds the tokenizer that a GGUF file describes.
    ///
    /// `llama` joins neighbours by score as SentencePiece does, `gpt2` is byte-level byte-pair
    /// encoding with the split that ``GGUFVocabulary/pre`` names, `bert` is word pieces of
    /// uncased text. Control tokens are found in text when the caller parses special tokens;
    /// user-defined ones always, as in the reference implementations.
    ///
    /// - Throws: ``TokenizerError`` for kinds that are not supported and for metadata that
    ///   contradict each other.
    /// - Complexity: O(tokens + merges).
    public init(_ file: GGUFVocabulary) throws(TokenizerError) {
        try Self.check(file)
        switch file.model {
        case "llama": self.init(try Self.scoreMergeParts(file))
        case "gpt2": self.init(try Self.byteLevelParts(file))
        case "bert": self.init(try Self.wordPieceParts(file))
        default:
            throw .unsupported(
                field: "tokenizer.ggml.model", value: file.model, supported: "llama, gpt2, bert")
        }
    }

    private static func check(_ file: GGUFVocabulary) throws(TokenizerError) {
        let count = file.tokens.count
        if let types = file.types, types.count != count {
            throw .lengthsDiffer(
                field: "tokenizer.ggml.token_type", count: types.count, expected: count)
        }
        if let scores = file.scores, scores.count != count {
            throw .lengthsDiffer(
                field: "tokenizer.ggml.scores", count: scores.count, expected: count)
        }
        let ids: [(name: String, id: Int?)] = [
            ("bos", file.bosID), ("eos", file.eosID), ("eot", file.eotID),
            ("unknown", file.unknownID), ("seperator", file.separatorID),
            ("padding", file.paddingID), ("mask", file.maskID),
        ]
        for (name, id) in ids {
            if let id, id < 0 || id >= count {
                throw .idOutOfRange(
                    field: "tokenizer.ggml.\(name)_token_id", id: id, limit: count)
            }
        }
    }

    private static func byteLevelParts(
        _ file: GGUFVocabulary
    ) throws(TokenizerError) -> TokenizerParts {
        guard let lines = file.merges else { throw .missing(field: "tokenizer.ggml.merges") }
        let split = try GGUFSplit(name: file.pre)
        let vocabulary = try vocabulary(file) { $0 }
        var merges = MergeList(capacity: lines.count)
        for (rank, line) in lines.enumerated() where !merges.append(line: line) {
            throw .wrongType(
                field: "tokenizer.ggml.merges[\(rank)]",
                expected: "two tokens with a space between")
        }
        var options = BPEModel.Options()
        options.ignoresMerges = split.ignoresMerges
        options.takesBytes = true
        let model = try BPEModel(
            vocabulary: vocabulary, merges: merges, options: options,
            field: "tokenizer.ggml.merges")
        var parts = TokenizerParts(vocabulary: vocabulary, model: .bpe(model))
        parts.modelTakesBytes = true
        parts.normalizers = split.normalizers
        parts.preTokenizers = split.preTokenizers
        parts.decoder = [.byteLevel]
        try finish(
            &parts, file, addsBOS: split.addsBOS, addsSeparator: split.addsSeparator)
        return parts
    }

    private static func scoreMergeParts(
        _ file: GGUFVocabulary
    ) throws(TokenizerError) -> TokenizerParts {
        guard let scores = file.scores else { throw .missing(field: "tokenizer.ggml.scores") }
        let vocabulary = try vocabulary(file) { $0 }
        let model = ScoreMergeModel(
            vocabulary: vocabulary, scores: scores,
            isMerged: file.tokens.indices.map { isMerged(type(of: $0, file)) },
            unknownID: id(file.unknownID))
        var parts = TokenizerParts(vocabulary: vocabulary, model: .scoreMerge(model))
        let space: [UInt8] = [0x20]
        let prefixed = file.addsSpacePrefix ?? true
        parts.normalizers = [.replace(.literal(space), with: WordStart.mark)]
        parts.decoder = [.replace(.literal(WordStart.mark), with: space), .byteFallback, .fuse]
        if prefixed {
            parts.normalizers.insert(.prepend(WordStart.mark), at: 0)
            parts.decoder.append(.strip(0x20, start: 1, stop: 0))
        }
        try finish(&parts, file, addsBOS: true, addsSeparator: false)
        return parts
    }

    private static func wordPieceParts(
        _ file: GGUFVocabulary
    ) throws(TokenizerError) -> TokenizerParts {
        // The converter marks the starts of words instead of their continuations.
        let vocabulary = try vocabulary(file) { token in
            if token.starts(with: WordStart.mark) { return Array(token.dropFirst(3)) }
            if token.first == 0x5B, token.last == 0x5D { return token }
            return [0x23, 0x23] + token
        }
        let unknown =
            file.unknownID.map { Int32(truncatingIfNeeded: $0) }
            ?? vocabulary.id(of: Array("[UNK]".utf8))
        guard let unknown else { throw .missing(field: "tokenizer.ggml.unknown_token_id") }
        let model = WordPieceModel(
            vocabulary: vocabulary, unknownID: unknown, prefix: [0x23, 0x23], longestWord: 100)
        var parts = TokenizerParts(vocabulary: vocabulary, model: .wordPiece(model))
        parts.normalizers = [.bert(BertNormalizer())]
        parts.preTokenizers = [.bert]
        parts.decoder = [.wordPiece(prefix: [0x23, 0x23], cleansUp: true)]
        var file = file
        // Files from before these keys had names for them.
        file.bosID = file.bosID ?? vocabulary.id(of: Array("[CLS]".utf8)).map { Int($0) }
        file.separatorID =
            file.separatorID ?? vocabulary.id(of: Array("[SEP]".utf8)).map { Int($0) }
        try finish(&parts, file, addsBOS: true, addsSeparator: true)
        return parts
    }

    // MARK: Parts of all kinds

    private static func type(of id: Int, _ file: GGUFVocabulary) -> GGUFVocabulary.TokenType {
        file.types.flatMap { GGUFVocabulary.TokenType(rawValue: $0[id]) } ?? .normal
    }

    private static func isMerged(_ type: GGUFVocabulary.TokenType) -> Bool {
        switch type {
        case .normal, .userDefined, .unused: true
        case .unknown, .control, .byte: false
        }
    }

    private static func id(_ id: Int?) -> Int32? { id.map { Int32(truncatingIfNeeded: $0) } }

    private static func vocabulary(
        _ file: GGUFVocabulary, _ convert: ([UInt8]) -> [UInt8]
    ) throws(TokenizerError) -> Vocabulary {
        var vocabulary = Vocabulary(capacity: file.tokens.count)
        for (id, token) in file.tokens.enumerated() {
            try vocabulary.add(
                convert(Array(token.utf8)), id: id, field: "tokenizer.ggml.tokens")
        }
        return vocabulary
    }

    private static func finish(
        _ parts: inout TokenizerParts, _ file: GGUFVocabulary, addsBOS: Bool, addsSeparator: Bool
    ) throws(TokenizerError) {
        for index in file.tokens.indices {
            let type = type(of: index, file)
            // Of the tokens marked unknown only the one in use can be spelled; others fill up.
            let isUnknown = type == .unknown && index == file.unknownID
            guard type == .control || type == .userDefined || isUnknown else { continue }
            let id = Int32(truncatingIfNeeded: index)
            guard let content = parts.vocabulary[id], !content.isEmpty else { continue }
            parts.added.append(
                AddedToken(
                    id: id, content: Array(content),
                    stripsRight: file.rightStrippedIDs.contains(index),
                    isSpecial: type != .userDefined))
        }
        parts.special.bos = id(file.bosID)
        parts.special.eos = id(file.eosID)
        parts.special.eot = id(file.eotID) ?? endOfTurn(parts)
        parts.special.unknown = id(file.unknownID)
        parts.special.padding = id(file.paddingID)
        parts.special.separator = id(file.separatorID)
        parts.special.mask = id(file.maskID)
        if file.addsBOS ?? addsBOS, let bos = parts.special.bos { parts.prefix = [bos] }
        if file.addsEOS ?? false, let eos = parts.special.eos { parts.suffix = [eos] }
        if file.addsSeparator ?? addsSeparator,
            let separator = parts.special.separator ?? parts.special.eos
        {
            parts.suffix.append(separator)
        }
    }
}
