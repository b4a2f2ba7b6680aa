import HalftoneFiles

/// A trained byte-level vocabulary: special tokens, the 256 bytes, and what was joined from them.
public struct BPEVocabulary: Sendable, Equatable {
    /// Two tokens and the token that they become.
    public struct Merge: Sendable, Equatable {
        /// The id of the left token.
        public let left: Int32
        /// The id of the right token.
        public let right: Int32
        /// The id of the two as one.
        public let whole: Int32
    }

    /// How text is cut.
    public let split: BPETrainer.Split
    /// The tokens with the first ids.
    public let specialTokens: [String]
    /// The bytes of each token by its id.
    public let tokens: [[UInt8]]
    /// What is joined, the first one before all others.
    public let merges: [Merge]

    /// The vocabulary as a Hugging Face `tokenizer.json`.
    ///
    /// - Parameter opening: A special token that is put before every text; nil for none.
    /// - Throws: ``TokenizerError/notInVocabulary(field:token:)`` when that token is not special.
    public func tokenizerJSON(opening: String? = nil) throws(TokenizerError) -> JSONValue {
        var vocabulary = JSONObject()
        for id in tokens.indices { vocabulary[name(id)] = .integer(id) }
        let added = specialTokens.enumerated().map { id, content -> JSONValue in
            [
                "id": .integer(id), "content": .string(content), "single_word": false,
                "lstrip": false, "rstrip": false, "normalized": false, "special": true,
            ]
        }
        return [
            "version": "1.0", "truncation": .null, "padding": .null,
            "added_tokens": .array(added), "normalizer": .null, "pre_tokenizer": preTokenizer,
            "post_processor": try postProcessor(opening),
            "decoder": [
                "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
                "use_regex": true,
            ],
            "model": [
                "type": "BPE", "dropout": .null, "unk_token": .null,
                "continuing_subword_prefix": .null, "end_of_word_suffix": .null,
                "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                "vocab": .object(vocabulary),
                "merges": .array(
                    merges.map {
                        .array([.string(name(Int($0.left))), .string(name(Int($0.right)))])
                    }),
            ],
        ]
    }

    /// A `tokenizer_config.json` that names the tokens with a role.
    ///
    /// - Parameters:
    ///   - bos: The token that begins a text.
    ///   - eos: The token that ends a text.
    ///   - chatTemplate: The template of conversations.
    ///   - contextLength: The most tokens that the model can take.
    public func configuration(
        bos: String?, eos: String, chatTemplate: String?, contextLength: Int
    ) -> JSONValue {
        var object: JSONObject = [
            "tokenizer_class": "PreTrainedTokenizerFast", "clean_up_tokenization_spaces": false,
            "model_max_length": .integer(contextLength), "eos_token": .string(eos),
            "pad_token": .string(eos),
        ]
        if let bos { object["bos_token"] = .string(bos) }
        if let chatTemplate { object["chat_template"] = .string(chatTemplate) }
        return .object(object)
    }

    private func name(_ id: Int) -> String {
        id < specialTokens.count
            ? specialTokens[id]
            : String(decoding: ByteLevelAlphabet.characters(for: tokens[id][...]), as: UTF8.self)
    }

    private var preTokenizer: JSONValue {
        let byteLevel: JSONValue = [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
            "use_regex": .bool(split == .gpt2),
        ]
        guard split != .gpt2, let expression = TextPattern.expression(of: split.rule) else {
            return byteLevel
        }
        return [
            "type": "Sequence",
            "pretokenizers": [
                [
                    "type": "Split", "pattern": ["Regex": .string(expression)],
                    "behavior": "Isolated", "invert": false,
                ],
                byteLevel,
            ],
        ]
    }

    private func postProcessor(_ opening: String?) throws(TokenizerError) -> JSONValue {
        guard let opening else { return .null }
        guard let id = specialTokens.firstIndex(of: opening) else {
            throw .notInVocabulary(field: "post_processor", token: opening)
        }
        let token: JSONValue = ["SpecialToken": ["id": .string(opening), "type_id": 0]]
        return [
            "type": "TemplateProcessing",
            "single": [token, ["Sequence": ["id": "A", "type_id": 0]]],
            "pair": [
                token, ["Sequence": ["id": "A", "type_id": 0]], token,
                ["Sequence": ["id": "B", "type_id": 1]],
            ],
            "special_tokens": .object([
                opening: [
                    "id": .string(opening), "ids": [.integer(id)], "tokens": [.string(opening)],
                ]
            ]),
        ]
    }
}
