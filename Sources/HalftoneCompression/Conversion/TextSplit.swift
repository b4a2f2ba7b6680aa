import HalftoneFiles

/// How byte-level vocabularies cut text before they merge: a name in GGUF files, steps in
/// `tokenizer.json`.
///
/// Source of the patterns: the published `tokenizer.json` of GPT-2, Llama 3 and Qwen 2.
struct TextSplit {
    /// Values of `tokenizer.ggml.pre`, the one to write first.
    let names: [String]
    /// The steps that `tokenizer.json` calls the pre-tokenizer.
    let preTokenizer: JSONValue
    /// Whether characters are composed first.
    let composes: Bool
    /// Whether a piece that is a token needs no merges.
    let ignoresMerges: Bool
    /// Whether a text begins with the first special token unless the file says otherwise.
    let addsBOS: Bool

    /// Every split that can be converted.
    static let all: [TextSplit] = [
        TextSplit(
            names: [
                "gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "gigachat", "mellum",
                "modern-bert", "exaone4",
            ], preTokenizer: byteLevel(splits: true)),
        TextSplit(
            names: [
                "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0",
                "lfm2",
            ], preTokenizer: pattern(digits: #"\p{N}{1,3}"#), ignoresMerges: true, addsBOS: true),
        TextSplit(
            names: ["glm4"], preTokenizer: pattern(digits: #"\p{N}{1,3}"#), ignoresMerges: true),
        TextSplit(names: ["dbrx", "smaug-bpe"], preTokenizer: pattern(digits: #"\p{N}{1,3}"#)),
        TextSplit(names: ["qwen2"], preTokenizer: pattern(digits: #"\p{N}"#), composes: true),
        TextSplit(
            names: ["stablelm2", "deepseek-r1-qwen", "hunyuan", "megrez"],
            preTokenizer: pattern(digits: #"\p{N}"#)),
        TextSplit(
            names: [
                "smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b",
            ],
            preTokenizer: [
                "type": "Sequence",
                "pretokenizers": [
                    ["type": "Digits", "individual_digits": true], byteLevel(splits: true),
                ],
            ]),
    ]

    private init(
        names: [String], preTokenizer: JSONValue, composes: Bool = false,
        ignoresMerges: Bool = false, addsBOS: Bool = false
    ) {
        self.names = names
        self.preTokenizer = preTokenizer
        self.composes = composes
        self.ignoresMerges = ignoresMerges
        self.addsBOS = addsBOS
    }

    /// The split of a `tokenizer.ggml.pre`.
    ///
    /// - Throws: ``ConversionError/unsupported(field:found:supported:)``; a wrong split would
    ///   give wrong tokens silently.
    static func named(_ name: String?) throws(ConversionError) -> TextSplit {
        if let name, let split = all.first(where: { $0.names.contains(name) }) { return split }
        throw .unsupported(
            field: "tokenizer.ggml.pre", found: name ?? "missing",
            supported: all.flatMap(\.names).joined(separator: ", "))
    }

    /// The split of a `tokenizer.json`.
    ///
    /// GGUF has no name for composing characters: where no split does both, the one without is
    /// taken, as programs that read GGUF files never compose.
    ///
    /// - Throws: ``ConversionError/unsupported(field:found:supported:)``.
    static func matching(_ document: JSONValue) throws(ConversionError) -> TextSplit {
        let steps = document["pre_tokenizer"].map(essence) ?? .null
        let ignoresMerges = document["model"]?["ignore_merges"]?.bool ?? false
        let composes: Bool
        switch document["normalizer"] {
        case nil, .null: composes = false
        case let value? where value["type"]?.string == "NFC": composes = true
        case let value?:
            throw .unsupported(
                field: "normalizer of tokenizer.json", found: value.serialized(),
                supported: "none and NFC, with byte-level merges")
        }
        let matches = all.filter {
            essence($0.preTokenizer) == steps && $0.ignoresMerges == ignoresMerges
        }
        guard let split = matches.first(where: { $0.composes == composes }) ?? matches.first else {
            throw .unsupported(
                field: "pre_tokenizer of tokenizer.json",
                found: (document["pre_tokenizer"] ?? .null).serialized(),
                supported: "the splits that GGUF calls "
                    + all.map { $0.names[0] }.joined(separator: ", "))
        }
        return split
    }

    /// The steps without what changes offsets only, a sequence of one as that one.
    private static func essence(_ step: JSONValue) -> JSONValue {
        switch step["type"]?.string {
        case "Sequence":
            let steps = (step["pretokenizers"]?.array ?? []).map(essence)
            return steps.count == 1 ? steps[0] : .array(steps)
        case "ByteLevel":
            return byteLevel(
                splits: step["use_regex"]?.bool ?? true,
                addsPrefixSpace: step["add_prefix_space"]?.bool ?? true)
        case "Digits":
            return [
                "type": "Digits", "individual_digits": step["individual_digits"] ?? false,
            ]
        default: return step
        }
    }

    private static func byteLevel(splits: Bool, addsPrefixSpace: Bool = false) -> JSONValue {
        [
            "type": "ByteLevel", "add_prefix_space": .bool(addsPrefixSpace), "trim_offsets": true,
            "use_regex": .bool(splits),
        ]
    }

    private static func pattern(digits: String) -> JSONValue {
        let text =
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
        return [
            "type": "Sequence",
            "pretokenizers": [
                [
                    "type": "Split", "pattern": ["Regex": .string(text)], "behavior": "Isolated",
                    "invert": false,
                ],
                byteLevel(splits: false),
            ],
        ]
    }
}
