import HalftoneFiles

/// Small vocabularies as `tokenizer.json` has them.
enum ConversionVocabulary {
    /// `tokenizer_config.json` of both.
    static let configuration: JSONValue = [
        "bos_token": "<s>", "eos_token": ["content": "</s>"], "unk_token": "<unk>",
    ]

    /// Digits one by one, then GPT-2's split.
    static let byteLevel = document(
        tokens: ["<unk>", "<s>", "</s>", "<x>"]
            + "abc12345'Im<>/sxu".map { String($0) }
            + ["Ġ", "Ċ", "Ã", "©", "ab", "Ġab", "cab", "aa"],
        merges: ["a b", ["Ġ", "ab"], "c ab", "a a"], model: [:],
        members: [
            "pre_tokenizer": [
                "type": "Sequence",
                "pretokenizers": [
                    ["type": "Digits", "individual_digits": true],
                    ["type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true],
                ],
            ],
            "decoder": ["type": "ByteLevel"],
        ])

    /// As Llama 2's, with every way to put a token together among the merges.
    static let scored = document(
        tokens: ["<unk>", "<s>", "</s>", "<x>", "<0x0A>", "<0xC3>", "<0xA9>"]
            + "▁abc12345<>/sI'mx".map { String($0) } + ["ab", "▁ab", "▁a", "cab", "aa", "aaa"],
        merges: [
            ["a", "b"], ["▁", "ab"], ["▁a", "b"], ["▁", "a"], ["c", "ab"], ["a", "a"],
            ["aa", "a"], ["a", "aa"],
        ],
        model: ["unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true],
        members: [
            "normalizer": [
                "type": "Sequence",
                "normalizers": [
                    ["type": "Prepend", "prepend": "▁"],
                    ["type": "Replace", "pattern": ["String": " "], "content": "▁"],
                ],
            ],
            "decoder": [
                "type": "Sequence",
                "decoders": [
                    ["type": "Replace", "pattern": ["String": "▁"], "content": " "],
                    ["type": "ByteFallback"], ["type": "Fuse"],
                    ["type": "Strip", "content": " ", "start": 1, "stop": 0],
                ],
            ],
        ])

    private static func added(_ id: Int, _ content: String, special: Bool) -> JSONValue {
        [
            "id": .integer(id), "content": .string(content), "single_word": false,
            "lstrip": false, "rstrip": false, "normalized": false, "special": .bool(special),
        ]
    }

    private static func document(
        tokens: [String], merges: [JSONValue], model: JSONObject, members: JSONObject
    ) -> JSONValue {
        var vocabulary = JSONObject()
        for (id, token) in tokens.enumerated() { vocabulary[token] = .integer(id) }
        var body = model
        body["type"] = "BPE"
        body["vocab"] = .object(vocabulary)
        body["merges"] = .array(merges)
        var object = members
        object["version"] = "1.0"
        object["added_tokens"] = [
            added(0, "<unk>", special: true), added(1, "<s>", special: true),
            added(2, "</s>", special: true), added(3, "<x>", special: false),
        ]
        object["post_processor"] = [
            "type": "TemplateProcessing",
            "single": [
                ["SpecialToken": ["id": "<s>", "type_id": 0]],
                ["Sequence": ["id": "A", "type_id": 0]],
            ],
            "pair": [],
            "special_tokens": ["<s>": ["id": "<s>", "ids": [1], "tokens": ["<s>"]]],
        ]
        object["model"] = .object(body)
        return .object(object)
    }
}
