import HalftoneFiles

extension Tokenizer {
    /// Reads a Hugging Face `tokenizer.json`.
    ///
    /// Padding and truncation settings of the file are left to the caller.
    ///
    /// - Parameters:
    ///   - tokenizerJSON: The whole document.
    ///   - configuration: `tokenizer_config.json`, which names the tokens with a role.
    /// - Throws: ``TokenizerError`` for parts that are missing, malformed or not supported.
    /// - Complexity: O(tokens + merges); 262,144 tokens take about half a second.
    public init(
        tokenizerJSON: JSONValue, configuration: JSONValue? = nil
    ) throws(TokenizerError) {
        let root = JSONFields(path: "", value: tokenizerJSON)
        guard root.value.object != nil else {
            throw .wrongType(field: "tokenizer.json", expected: "an object")
        }
        let normalizers = try root["normalizer"].map(Self.normalizers) ?? []
        let preTokenizers = try root["pre_tokenizer"].map(Self.preTokenizers) ?? []
        let model = try root.required("model")
        let added = try root["added_tokens"]?.elements() ?? []
        var parts = try Self.modelParts(model, added, takesBytes: preTokenizers.last?.isByteLevel)
        parts.normalizers = normalizers
        parts.preTokenizers = preTokenizers
        parts.decoder = try root["decoder"].map(Self.decoderSteps) ?? []
        try Self.check(growths: normalizers.map(\.growth), field: "normalizer")
        try Self.check(growths: preTokenizers.map(\.growth), field: "pre_tokenizer")
        try Self.check(growths: parts.decoder.map(\.growth), field: "decoder")
        if let processor = root["post_processor"] {
            let around = try Self.templates(processor)
            for (field, id) in around.prefix + around.suffix {
                guard id >= 0, id < parts.vocabulary.idEnd else {
                    throw .idOutOfRange(field: field, id: id, limit: parts.vocabulary.idEnd)
                }
            }
            parts.prefix = around.prefix.map { Int32(truncatingIfNeeded: $0.id) }
            parts.suffix = around.suffix.map { Int32(truncatingIfNeeded: $0.id) }
        }
        parts.special = Self.roles(configuration, parts)
        self.init(parts)
    }

    /// Finds the tokens with a role.
    private static func roles(
        _ configuration: JSONValue?, _ parts: TokenizerParts
    ) -> SpecialTokens {
        func id(_ name: String) -> Int32? {
            let value = configuration?[name]
            let text = value?.string ?? value?["content"]?.string
            return text.flatMap { parts.vocabulary.id(of: Array($0.utf8)) }
        }
        var special = SpecialTokens()
        special.bos = id("bos_token")
        special.eos = id("eos_token")
        special.unknown = id("unk_token")
        special.padding = id("pad_token")
        special.separator = id("sep_token")
        special.mask = id("mask_token")
        special.eot = endOfTurn(parts)
        return special
    }

    /// The special token that ends a turn in the chats of published models.
    static func endOfTurn(_ parts: TokenizerParts) -> Int32? {
        let special = Dictionary(
            parts.added.lazy.filter(\.isSpecial).map { ($0.content, $0.id) },
            uniquingKeysWith: { first, _ in first })
        for name in ["<|eot_id|>", "<|im_end|>", "<end_of_turn>", "<|end|>", "<|eot|>"] {
            if let id = special[Array(name.utf8)] { return id }
        }
        return nil
    }

    // MARK: Models

    private static func modelParts(
        _ model: JSONFields, _ added: [JSONFields], takesBytes: Bool?
    ) throws(TokenizerError) -> TokenizerParts {
        // Old files leave the type out; only byte-pair encoding has merges.
        let type = try model.text("type") ?? (model["merges"] == nil ? "WordPiece" : "BPE")
        switch type {
        case "BPE":
            var vocabulary = try vocabulary(model)
            let tokens = try addedTokens(added, &vocabulary)
            let options = try options(model, vocabulary, takesBytes: takesBytes ?? false)
            let bpe = try BPEModel(
                vocabulary: vocabulary, merges: try merges(model), options: options,
                field: "model.merges")
            return TokenizerParts(
                vocabulary: vocabulary, added: tokens, model: .bpe(bpe),
                modelTakesBytes: options.takesBytes)
        case "Unigram":
            var (vocabulary, scores) = try scoredVocabulary(model)
            let own = vocabulary
            let tokens = try addedTokens(added, &vocabulary)
            var unknown: Int32?
            if let field = model["unk_id"] {
                let id = try field.integer()
                guard id >= 0, id < scores.count else {
                    throw .idOutOfRange(field: field.path, id: id, limit: scores.count)
                }
                unknown = Int32(truncatingIfNeeded: id)
            }
            let unigram = UnigramModel(
                vocabulary: own, scores: scores, unknownID: unknown,
                fallsBackToBytes: try model.flag("byte_fallback", default: false))
            return TokenizerParts(vocabulary: vocabulary, added: tokens, model: .unigram(unigram))
        case "WordPiece":
            var vocabulary = try vocabulary(model)
            let own = vocabulary
            let tokens = try addedTokens(added, &vocabulary)
            let name = try model.text("unk_token") ?? "[UNK]"
            guard let unknown = own.id(of: Array(name.utf8)) else {
                throw .notInVocabulary(field: "model.unk_token", token: name)
            }
            let wordPiece = WordPieceModel(
                vocabulary: own, unknownID: unknown,
                prefix: Array((try model.text("continuing_subword_prefix") ?? "##").utf8),
                longestWord: try model["max_input_chars_per_word"]?.integer() ?? 100)
            return TokenizerParts(
                vocabulary: vocabulary, added: tokens, model: .wordPiece(wordPiece))
        default:
            throw .unsupported(
                field: "model.type", value: type, supported: "BPE, Unigram, WordPiece")
        }
    }

    private static func vocabulary(_ model: JSONFields) throws(TokenizerError) -> Vocabulary {
        let field = try model.required("vocab")
        guard let members = field.value.object?.members else {
            throw .wrongType(field: field.path, expected: "an object")
        }
        var vocabulary = Vocabulary(capacity: members.count)
        for (token, value) in members {
            guard let id = value.integer else {
                throw .wrongType(field: "\(field.path)[\"\(token)\"]", expected: "a whole number")
            }
            try vocabulary.add(Array(token.utf8), id: id, field: field.path)
        }
        return vocabulary
    }

    private static func scoredVocabulary(
        _ model: JSONFields
    ) throws(TokenizerError) -> (Vocabulary, [Double]) {
        let field = try model.required("vocab")
        guard let pairs = field.value.array else {
            throw .wrongType(field: field.path, expected: "an array")
        }
        var vocabulary = Vocabulary(capacity: pairs.count)
        var scores: [Double] = []
        for (id, pair) in pairs.enumerated() {
            guard let parts = pair.array, parts.count == 2, let token = parts[0].string,
                let score = parts[1].double
            else {
                throw .wrongType(field: "\(field.path)[\(id)]", expected: "a token and a score")
            }
            try vocabulary.add(Array(token.utf8), id: id, field: field.path)
            scores.append(score)
        }
        return (vocabulary, scores)
    }

    private static func merges(_ model: JSONFields) throws(TokenizerError) -> MergeList {
        let field = try model.required("merges")
        guard let elements = field.value.array else {
            throw .wrongType(field: field.path, expected: "an array")
        }
        var merges = MergeList(capacity: elements.count)
        for (rank, element) in elements.enumerated() {
            if let pair = element.array, pair.count == 2, let left = pair[0].string,
                let right = pair[1].string
            {
                merges.append(left: left.utf8, right: right.utf8)
                continue
            }
            guard let line = element.string, merges.append(line: line) else {
                throw .wrongType(
                    field: "\(field.path)[\(rank)]", expected: "two tokens with a space between")
            }
        }
        return merges
    }

    private static func options(
        _ model: JSONFields, _ vocabulary: Vocabulary, takesBytes: Bool
    ) throws(TokenizerError) -> BPEModel.Options {
        if let dropout = model["dropout"], dropout.value.double != 0 {
            throw .unsupported(
                field: dropout.path, value: "\(dropout.value)", supported: "null or 0")
        }
        var options = BPEModel.Options()
        if let field = model["unk_token"] {
            let name = try field.text()
            options.unknownID = vocabulary.id(of: Array(name.utf8))
            if options.unknownID == nil {
                throw .notInVocabulary(field: field.path, token: name)
            }
        }
        options.fusesUnknown = try model.flag("fuse_unk", default: false)
        options.fallsBackToBytes = try model.flag("byte_fallback", default: false)
        options.ignoresMerges = try model.flag("ignore_merges", default: false)
        options.continuingPrefix = try model.bytes("continuing_subword_prefix")
        options.endSuffix = try model.bytes("end_of_word_suffix")
        options.takesBytes =
            takesBytes && options.continuingPrefix.isEmpty && options.endSuffix.isEmpty
        return options
    }

    private static func addedTokens(
        _ fields: [JSONFields], _ vocabulary: inout Vocabulary
    ) throws(TokenizerError) -> [AddedToken] {
        var tokens: [AddedToken] = []
        for field in fields {
            let content = try field.required("content").bytes()
            guard !content.isEmpty else { continue }
            let id: Int32
            if let known = vocabulary.id(of: content) {
                id = known
            } else {
                let given = try field.required("id")
                try vocabulary.add(content, id: try given.integer(), field: given.path)
                id = Int32(truncatingIfNeeded: try given.integer())
            }
            let special = try field.flag("special", default: false)
            tokens.append(
                AddedToken(
                    id: id, content: content,
                    isSingleWord: try field.flag("single_word", default: false),
                    stripsLeft: try field.flag("lstrip", default: false),
                    stripsRight: try field.flag("rstrip", default: false),
                    isNormalized: try field.flag("normalized", default: !special),
                    isSpecial: special))
        }
        return tokens
    }
}
