/// The text preparation that a `tokenizer.ggml.pre` stands for.
struct GGUFSplit: Sendable {
    var normalizers: [Normalizer] = []
    var preTokenizers: [PreTokenizer]
    /// Whether a piece that is a token needs no merges.
    var ignoresMerges = false
    /// Whether a text begins with the token that begins texts, unless the file says otherwise.
    var addsBOS = false
    /// Whether a text ends with the separator, unless the file says otherwise.
    var addsSeparator = false

    /// The split of a name.
    ///
    /// The names are those that llama.cpp's converter gives to the tokenizers it knows. A missing
    /// name and `default` mean a file from before there were names, whose split is not known:
    /// guessing it would give wrong tokens silently.
    ///
    /// - Throws: ``TokenizerError/unknownPreTokenizer(name:)``.
    init(name: String?) throws(TokenizerError) {
        switch name {
        case "gpt-2", "phi-2", "mpt", "olmo", "jais", "trillion", "gigachat", "mellum", "a.x-4.0",
            "modern-bert", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "exaone4",
            "granite-docling":
            preTokenizers = [.gpt2]
        case "roberta-bpe", "jina-v1-en", "jina-v2-code":
            preTokenizers = [.gpt2]
            addsSeparator = true
        case "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0",
            "lfm2", "jina-v5-nano":
            preTokenizers = Self.rule(.llama3)
            ignoresMerges = true
            addsBOS = true
        case "dbrx", "smaug-bpe", "chatglm-bpe": preTokenizers = Self.rule(.llama3)
        case "glm4", "glm5":
            preTokenizers = Self.rule(.llama3)
            ignoresMerges = true
        case "qwen2":
            normalizers = [.unicode(.composed)]
            preTokenizers = Self.rule(.qwen2)
        case "deepseek-r1-qwen", "kormo", "f2llmv2", "stablelm2", "hunyuan", "megrez", "grok-2",
            "solar-open":
            preTokenizers = Self.rule(.qwen2)
        case "qwen35":
            normalizers = [.unicode(.composed)]
            preTokenizers = Self.rule(.qwen35)
        case "tekken":
            preTokenizers = Self.rule(.tekken)
            ignoresMerges = true
            addsBOS = true
        case "gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2":
            preTokenizers = Self.rule(.gpt4o)
        case "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b",
            "mellum2":
            preTokenizers = [.digits(individual: true), .gpt2]
        default: throw .unknownPreTokenizer(name: name ?? "missing")
        }
    }

    private static func rule(_ rule: SplitRule) -> [PreTokenizer] {
        [
            .split(TextPattern(kind: .rule(rule)), .isolated, inverted: false),
            .byteLevel(addsPrefixSpace: false, splits: false),
        ]
    }
}

extension PreTokenizer {
    /// GPT-2's split of text into bytes.
    fileprivate static let gpt2 = PreTokenizer.byteLevel(addsPrefixSpace: false, splits: true)
}
