import HalftoneFiles

/// The tokenizer keys of a GGUF file that say what the documents of a folder say.
struct GGUFTokenizerKeys {
    private let document: JSONValue
    private let configuration: JSONValue?
    private var texts: [String]
    private var kinds: [StoredVocabulary.Kind]
    private var ids: [ExactString: Int] = [:]
    private let vocabularySize: Int

    /// Collects the tokens of a `tokenizer.json`.
    ///
    /// - Parameters:
    ///   - tokenizer: The document.
    ///   - configuration: `tokenizer_config.json`.
    ///   - vocabularySize: Rows of the embedding; GGUF wants as many tokens.
    /// - Throws: ``ConversionError``.
    init(
        tokenizer: JSONValue, configuration: JSONValue?, vocabularySize: Int
    ) throws(ConversionError) {
        document = tokenizer
        self.configuration = configuration
        self.vocabularySize = vocabularySize
        texts = (0..<vocabularySize).map { "[PAD\($0)]" }
        kinds = Array(repeating: .unused, count: vocabularySize)
        let type = tokenizer["model"]?["type"]?.string
        guard type == "BPE" || (type == nil && tokenizer["model"]?["merges"] != nil) else {
            throw .unsupported(
                field: "model.type of tokenizer.json", found: type ?? "missing", supported: "BPE")
        }
        guard let members = tokenizer["model"]?["vocab"]?.object?.members else {
            throw .missing(field: "model.vocab of tokenizer.json")
        }
        for (text, value) in members { try set(text, value.integer, .normal) }
        for token in tokenizer["added_tokens"]?.array ?? [] {
            try set(
                token["content"]?.string ?? "", token["id"]?.integer,
                token["special"]?.bool == true ? .control : .userDefined)
        }
    }

    private mutating func set(
        _ text: String, _ id: Int?, _ kind: StoredVocabulary.Kind
    ) throws(ConversionError) {
        guard let id, texts.indices.contains(id) else {
            throw .inconsistent(
                field: "vocabulary of tokenizer.json",
                reason: "the token \(JSONValue.quoted(text)) has the id "
                    + "\(id.map(String.init) ?? "null"), and the embedding has "
                    + "\(vocabularySize) rows")
        }
        texts[id] = text
        kinds[id] = kind
        ids[ExactString(text)] = id
    }

    /// The keys, without the prefix `tokenizer.ggml.`.
    ///
    /// - Parameters:
    ///   - model: `config.json`, for ids that `tokenizer_config.json` does not name.
    ///   - stops: `generation_config.json`, whose further stop tokens become `eot` and `eom`.
    /// - Throws: ``ConversionError``.
    func entries(
        model: JSONValue, generation: JSONValue?
    ) throws(ConversionError) -> [(key: String, value: GGUFValue)] {
        var entries: [(key: String, value: GGUFValue)]
        if document["model"]?["byte_fallback"]?.bool == true {
            entries = try scoreEntries()
        } else {
            entries = try byteLevelEntries()
        }
        let around = try endpoints()
        let bos = around.first ?? id("bos", model, generation)
        let eos = around.last ?? id("eos", model, generation)
        for (name, id) in [
            ("bos", bos), ("eos", eos), ("padding", id("pad", model, generation)),
            ("unknown", id("unk", model, generation)),
        ] {
            guard let id, texts.indices.contains(id) else { continue }
            entries.append(("\(name)_token_id", .uint32(UInt32(id))))
        }
        var others: [Int] = []
        for source in [generation, model] {
            let stop = source?["eos_token_id"]
            for id in (stop?.array ?? [stop].compactMap { $0 }).compactMap(\.integer)
            where id != eos && texts.indices.contains(id) && !others.contains(id) {
                others.append(id)
            }
        }
        for (name, id) in zip(["eot", "eom"], others) {
            entries.append(("\(name)_token_id", .uint32(UInt32(id))))
        }
        entries.append(("add_bos_token", .bool(around.first != nil)))
        entries.append(("add_eos_token", .bool(around.last != nil)))
        return entries
    }

    /// The id of a role: by the name of its token, else by a number.
    private func id(_ role: String, _ model: JSONValue, _ generation: JSONValue?) -> Int? {
        let named = configuration?[role + "_token"]
        if let text = named?.string ?? named?["content"]?.string, let id = ids[ExactString(text)] {
            return id
        }
        if role == "unk", let text = document["model"]?["unk_token"]?.string {
            return ids[ExactString(text)]
        }
        for source in [model, generation] {
            let value = source?[role + "_token_id"]
            if let id = value?.integer ?? value?.array?.first?.integer { return id }
        }
        return nil
    }

    /// The tokens that the post-processor puts before and after a text.
    private func endpoints() throws(ConversionError) -> (first: Int?, last: Int?) {
        let processor = document["post_processor"] ?? .null
        let steps = processor["processors"]?.array ?? [processor]
        guard let template = steps.first(where: { $0["type"]?.string == "TemplateProcessing" })
        else { return (nil, nil) }
        let pieces = template["single"]?.array ?? []
        func id(_ pieces: ArraySlice<JSONValue>) throws(ConversionError) -> Int? {
            guard let piece = pieces.first else { return nil }
            let name = piece["SpecialToken"]?["id"]?.string ?? ""
            let ids = template["special_tokens"]?[name]?["ids"]?.array?.compactMap(\.integer) ?? []
            guard pieces.count == 1, ids.count == 1, texts.indices.contains(ids[0]) else {
                throw .unsupported(
                    field: "post_processor of tokenizer.json", found: template.serialized(),
                    supported: "at most one token of the vocabulary before and one after a text")
            }
            return ids[0]
        }
        guard let text = pieces.firstIndex(where: { $0["Sequence"] != nil }) else {
            return (nil, nil)
        }
        return (try id(pieces[..<text]), try id(pieces[(text + 1)...]))
    }

    private func common(_ model: String, _ pre: String) -> [(key: String, value: GGUFValue)] {
        [
            ("model", .string(model)), ("pre", .string(pre)),
            ("tokens", .array(.strings(GGUFStrings(texts)))),
        ]
    }

    private func merges() throws(ConversionError) -> [(left: String, right: String)] {
        var merges: [(left: String, right: String)] = []
        for value in document["model"]?["merges"]?.array ?? [] {
            if let pair = value.array, pair.count == 2, let left = pair[0].string,
                let right = pair[1].string
            {
                merges.append((left, right))
            } else if let line = value.string {
                let sides = line.utf8.split(separator: 0x20, omittingEmptySubsequences: false)
                if sides.count == 2, let left = String(sides[0]), let right = String(sides[1]) {
                    merges.append((left, right))
                    continue
                }
                throw .inconsistent(
                    field: "model.merges[\(merges.count)] of tokenizer.json",
                    reason: "is not two tokens with a space between")
            }
        }
        return merges
    }
}

extension GGUFTokenizerKeys {
    private func byteLevelEntries() throws(ConversionError) -> [(key: String, value: GGUFValue)] {
        let split = try TextSplit.matching(document)
        let lines = try merges().map { $0.left + " " + $0.right }
        return common("gpt2", split.names[0]) + [
            ("token_type", .array(.int32(kinds.map { Int32($0.rawValue) }))),
            ("merges", .array(.strings(GGUFStrings(lines)))),
        ]
    }

    /// Scores that order concatenations as the ranks of the merges do.
    ///
    /// - Throws: ``ConversionError`` when a program that merges by score would merge other pairs.
    private func scoreEntries() throws(ConversionError) -> [(key: String, value: GGUFValue)] {
        let addsSpace = try spacePrefix()
        var kinds = kinds
        for id in texts.indices where Self.isByte(texts[id]) { kinds[id] = .byte }
        if let unknown = document["model"]?["unk_token"]?.string,
            let id = ids[ExactString(unknown)]
        {
            kinds[id] = .unknown
        }
        var scores = [Float](repeating: 0, count: texts.count)
        var isScored = [Bool](repeating: false, count: texts.count)
        let merges = try merges()
        var last: Int?
        var rank = 0
        for merge in merges {
            guard let id = ids[ExactString(merge.left + merge.right)] else {
                throw .inconsistent(
                    field: "model.merges of tokenizer.json",
                    reason: "\(JSONValue.quoted(merge.left + merge.right)) is no token")
            }
            guard id != last else { continue }
            if !isScored[id] {
                scores[id] = Float(-rank)
                isScored[id] = true
                rank += 1
            }
            last = id
        }
        for id in texts.indices where !isScored[id] && kinds[id] == .normal {
            scores[id] = Float(-rank)
        }
        try checkClosed(merges, kinds)
        return common("llama", "default") + [
            ("scores", .array(.float32(scores))),
            ("token_type", .array(.int32(kinds.map { Int32($0.rawValue) }))),
            ("add_space_prefix", .bool(addsSpace)),
        ]
    }

    private func checkClosed(
        _ merges: [(left: String, right: String)], _ kinds: [StoredVocabulary.Kind]
    ) throws(ConversionError) {
        let isText = kinds.map { $0 == .normal }
        let needed = ScoreMerges(
            tokens: texts.map { Array($0.utf8) },
            scores: [Float](repeating: 0, count: texts.count), isText: isText)
        var known: Set<Int> = []
        for merge in merges {
            if let left = ids[ExactString(merge.left)], let right = ids[ExactString(merge.right)] {
                known.insert(left << 32 | right)
            }
        }
        guard let extra = needed.pairs.first(where: { !known.contains($0.left << 32 | $0.right) })
        else { return }
        throw .unsupported(
            field: "model.merges of tokenizer.json",
            found: "a list without \(JSONValue.quoted(texts[extra.left])) + "
                + JSONValue.quoted(texts[extra.right]),
            supported: "with byte_fallback, every way to put a token together from two tokens, "
                + "since GGUF orders merges by the score of the token alone")
    }

    /// Whether a text gets a space before it.
    private func spacePrefix() throws(ConversionError) -> Bool {
        let mark = "▁"
        let normalizer = document["normalizer"] ?? .null
        let steps = normalizer["normalizers"]?.array ?? (normalizer == .null ? [] : [normalizer])
        let isReplace: (JSONValue) -> Bool = {
            $0["type"]?.string == "Replace" && $0["pattern"]?["String"]?.string == " "
                && $0["content"]?.string == mark
        }
        let isPrepend: (JSONValue) -> Bool = {
            $0["type"]?.string == "Prepend" && $0["prepend"]?.string == mark
        }
        let pre = document["pre_tokenizer"] ?? .null
        // Gemma's step splits at spaces that its normalizer has already replaced.
        let isIdle =
            pre == .null
            || pre["type"]?.string == "Split" && pre["pattern"]?["String"]?.string == " "
        if isIdle, steps.count == 1, isReplace(steps[0]) { return false }
        if isIdle, steps.count == 2, isPrepend(steps[0]), isReplace(steps[1]) { return true }
        if steps.isEmpty, pre["type"]?.string == "Metaspace",
            pre["replacement"]?.string == mark, pre["split"]?.bool == false
        {
            return pre["prepend_scheme"]?.string != "never"
        }
        throw .unsupported(
            field: "normalizer and pre_tokenizer of tokenizer.json",
            found: "\(normalizer.serialized()) and \(pre.serialized())",
            supported: "with byte_fallback, Prepend and Replace of Llama 2 or Metaspace that does "
                + "not split")
    }

    private static func isByte(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.count == 6 && text.hasPrefix("<0x") && text.hasSuffix(">")
            && UInt8(text.dropFirst(3).dropLast(), radix: 16) != nil
    }
}
