import HalftoneFiles

/// The vocabulary of a GGUF file on its way to a `tokenizer.json`.
struct StoredVocabulary {
    /// Kinds of tokens in `tokenizer.ggml.token_type`.
    enum Kind: Int {
        case normal = 1
        case unknown = 2
        case control = 3
        case userDefined = 4
        case unused = 5
        case byte = 6
    }

    private let metadata: GGUFMetadata
    private let model: String
    private let tokens: GGUFStrings
    private let kinds: [Kind]

    /// Collects and checks the tokenizer keys; nil when the file has no vocabulary.
    init?(_ metadata: GGUFMetadata) throws(ConversionError) {
        guard let model = metadata["tokenizer.ggml.model"]?.string, model != "none" else {
            return nil
        }
        guard let tokens = metadata["tokenizer.ggml.tokens"]?.strings else {
            throw .missing(field: "tokenizer.ggml.tokens")
        }
        self.metadata = metadata
        self.model = model
        self.tokens = tokens
        let types =
            metadata["tokenizer.ggml.token_type"]?.integers
            ?? [Int](repeating: Kind.normal.rawValue, count: tokens.count)
        guard types.count == tokens.count else {
            throw .inconsistent(
                field: "tokenizer.ggml.token_type",
                reason: "\(types.count) elements for \(tokens.count) tokens")
        }
        kinds = types.map { Kind(rawValue: $0) ?? .normal }
        for role in ["bos", "eos", "unknown", "padding"] {
            if let id = Self.id(role, metadata), !tokens.indices.contains(id) {
                throw .inconsistent(
                    field: "tokenizer.ggml.\(role)_token_id",
                    reason: "\(id) is not one of the \(tokens.count) tokens")
            }
        }
    }

    private static func id(_ role: String, _ metadata: GGUFMetadata) -> Int? {
        metadata["tokenizer.ggml.\(role)_token_id"]?.integer
    }

    private func id(_ role: String) -> Int? { Self.id(role, metadata) }

    private func flag(_ key: String, default fallback: Bool) -> Bool {
        metadata["tokenizer.ggml." + key]?.bool ?? fallback
    }

    private var addsEOS: Bool { flag("add_eos_token", default: false) }

    private func addsBOS() -> Bool {
        let name = metadata["tokenizer.ggml.pre"]?.string
        let split = name.flatMap { name in TextSplit.all.first { $0.names.contains(name) } }
        return flag("add_bos_token", default: model == "llama" || split?.addsBOS == true)
    }

    /// The members of `special_tokens_map.json`.
    var specialTokens: JSONObject {
        var object = JSONObject()
        for (name, role) in [
            ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"),
            ("pad_token", "padding"), ("mask_token", "mask"),
        ] {
            if let id = id(role), tokens.indices.contains(id) { object[name] = .string(tokens[id]) }
        }
        return object
    }

    /// The content of `tokenizer_config.json`.
    var configuration: JSONValue {
        var object: JSONObject = [
            "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false,
            "add_bos_token": .bool(addsBOS()), "add_eos_token": .bool(addsEOS),
        ]
        for (name, value) in specialTokens.members { object[name] = value }
        return .object(object)
    }
}

extension StoredVocabulary {
    /// The content of `tokenizer.json`.
    ///
    /// - Throws: ``ConversionError``.
    func tokenizerJSON() throws(ConversionError) -> JSONValue {
        let parts: Parts
        switch model {
        case "gpt2": parts = try byteLevelParts()
        case "llama": parts = try scoreParts()
        default:
            throw .unsupported(
                field: "tokenizer.ggml.model", found: model, supported: "gpt2, llama")
        }
        return [
            "version": "1.0", "truncation": .null, "padding": .null,
            "added_tokens": .array(addedTokens), "normalizer": parts.normalizer,
            "pre_tokenizer": parts.preTokenizer, "post_processor": postProcessor,
            "decoder": parts.decoder, "model": .object(parts.model),
        ]
    }

    private struct Parts {
        var normalizer: JSONValue
        var preTokenizer: JSONValue
        var decoder: JSONValue
        var model: JSONObject
    }

    private func byteLevelParts() throws(ConversionError) -> Parts {
        let split = try TextSplit.named(metadata["tokenizer.ggml.pre"]?.string)
        guard let lines = metadata["tokenizer.ggml.merges"]?.strings else {
            throw .missing(field: "tokenizer.ggml.merges")
        }
        var merges: [JSONValue] = []
        merges.reserveCapacity(lines.count)
        for line in lines {
            let sides = line.utf8.split(separator: 0x20, omittingEmptySubsequences: false)
            guard sides.count == 2, let left = String(sides[0]), let right = String(sides[1]) else {
                throw .inconsistent(
                    field: "tokenizer.ggml.merges[\(merges.count)]",
                    reason: "is not two tokens with a space between")
            }
            merges.append([.string(left), .string(right)])
        }
        let model = model(
            vocabulary: try vocabulary(), merges: merges, unknown: .null, fallsBack: false,
            ignoresMerges: split.ignoresMerges)
        return Parts(
            normalizer: split.composes ? ["type": "NFC"] : .null,
            preTokenizer: split.preTokenizer,
            decoder: [
                "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                "use_regex": true,
            ], model: model)
    }

    private func scoreParts() throws(ConversionError) -> Parts {
        guard let scores = metadata["tokenizer.ggml.scores"]?.floats else {
            throw .missing(field: "tokenizer.ggml.scores")
        }
        guard scores.count == tokens.count else {
            throw .inconsistent(
                field: "tokenizer.ggml.scores",
                reason: "\(scores.count) elements for \(tokens.count) tokens")
        }
        let list = ScoreMerges(
            tokens: tokens.indices.map { tokens.utf8(at: $0) }, scores: scores,
            isText: kinds.map { [.normal, .userDefined, .unused].contains($0) })
        let merges = list.pairs.map { pair -> JSONValue in
            [.string(tokens[pair.left]), .string(tokens[pair.right])]
        }
        let unknown = id("unknown").map { JSONValue.string(tokens[$0]) } ?? .null
        let model = model(
            vocabulary: try vocabulary(), merges: merges, unknown: unknown, fallsBack: true,
            ignoresMerges: false)
        let mark = "▁"
        let replace: JSONValue = [
            "type": "Replace", "pattern": ["String": " "], "content": .string(mark),
        ]
        var decoders: [JSONValue] = [
            ["type": "Replace", "pattern": ["String": .string(mark)], "content": " "],
            ["type": "ByteFallback"], ["type": "Fuse"],
        ]
        guard flag("add_space_prefix", default: true) else {
            return Parts(
                normalizer: replace, preTokenizer: .null,
                decoder: ["type": "Sequence", "decoders": .array(decoders)], model: model)
        }
        decoders.append(["type": "Strip", "content": " ", "start": 1, "stop": 0])
        return Parts(
            normalizer: [
                "type": "Sequence",
                "normalizers": [["type": "Prepend", "prepend": .string(mark)], replace],
            ], preTokenizer: .null,
            decoder: ["type": "Sequence", "decoders": .array(decoders)], model: model)
    }

    private func model(
        vocabulary: JSONObject, merges: [JSONValue], unknown: JSONValue, fallsBack: Bool,
        ignoresMerges: Bool
    ) -> JSONObject {
        [
            "type": "BPE", "dropout": .null, "unk_token": unknown,
            "continuing_subword_prefix": .null, "end_of_word_suffix": .null,
            "fuse_unk": .bool(fallsBack), "byte_fallback": .bool(fallsBack),
            "ignore_merges": .bool(ignoresMerges), "vocab": .object(vocabulary),
            "merges": .array(merges),
        ]
    }

    private func vocabulary() throws(ConversionError) -> JSONObject {
        var object = JSONObject()
        for (id, token) in tokens.enumerated() {
            guard object.append(token, .integer(id)) else {
                throw .inconsistent(
                    field: "tokenizer.ggml.tokens[\(id)]",
                    reason: "the token \(JSONValue.quoted(token)) is there twice")
            }
        }
        return object
    }

    private var addedTokens: [JSONValue] {
        tokens.indices.compactMap { id -> JSONValue? in
            let isSpecial = kinds[id] == .control || kinds[id] == .unknown
            guard isSpecial || kinds[id] == .userDefined, !tokens.utf8(at: id).isEmpty else {
                return nil
            }
            return [
                "id": .integer(id), "content": .string(tokens[id]), "single_word": false,
                "lstrip": false, "rstrip": false, "normalized": false, "special": .bool(isSpecial),
            ]
        }
    }

    private var postProcessor: JSONValue {
        let first = addsBOS() ? id("bos") : nil
        let last = addsEOS ? id("eos") : nil
        guard first != nil || last != nil else { return .null }
        func special(_ id: Int?, _ type: Int) -> [JSONValue] {
            guard let id else { return [] }
            return [["SpecialToken": ["id": .string(tokens[id]), "type_id": .integer(type)]]]
        }
        func sequence(_ name: String, _ type: Int) -> [JSONValue] {
            special(first, type)
                + [["Sequence": ["id": .string(name), "type_id": .integer(type)]]]
                + special(last, type)
        }
        var described = JSONObject()
        for id in [first, last].compactMap({ $0 }) {
            let token = JSONValue.string(tokens[id])
            described[tokens[id]] = ["id": token, "ids": [.integer(id)], "tokens": [token]]
        }
        return [
            "type": "TemplateProcessing", "single": .array(sequence("A", 0)),
            "pair": .array(sequence("A", 0) + sequence("B", 1)),
            "special_tokens": .object(described),
        ]
    }
}
