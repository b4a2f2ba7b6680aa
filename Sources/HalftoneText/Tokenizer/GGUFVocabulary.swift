/// What the metadata of a GGUF file say about its tokenizer, under neutral names.
///
/// Whoever reads a file fills this; the comments name the metadata keys. Ids are those of the
/// file and may be anything: ``Tokenizer/init(_:)`` checks them.
public struct GGUFVocabulary: Sendable, Equatable {
    /// The kind of a token in `tokenizer.ggml.token_type`.
    public enum TokenType: Int, Sendable {
        case normal = 1
        case unknown = 2
        case control = 3
        case userDefined = 4
        case unused = 5
        case byte = 6
    }

    /// `tokenizer.ggml.model`: `llama`, `gpt2` or `bert`.
    public var model: String
    /// `tokenizer.ggml.pre`: the name of the split.
    public var pre: String?
    /// `tokenizer.ggml.tokens`.
    public var tokens: [String]
    /// `tokenizer.ggml.token_type`; nil counts every token as normal.
    public var types: [Int]?
    /// `tokenizer.ggml.scores`; `llama` needs them.
    public var scores: [Float]?
    /// `tokenizer.ggml.merges`; `gpt2` needs them.
    public var merges: [String]?

    /// `tokenizer.ggml.bos_token_id`; for `bert` also `tokenizer.ggml.cls_token_id`.
    public var bosID: Int?
    /// `tokenizer.ggml.eos_token_id`.
    public var eosID: Int?
    /// `tokenizer.ggml.eot_token_id`.
    public var eotID: Int?
    /// `tokenizer.ggml.unknown_token_id`.
    public var unknownID: Int?
    /// `tokenizer.ggml.seperator_token_id`, as the format spells it.
    public var separatorID: Int?
    /// `tokenizer.ggml.padding_token_id`.
    public var paddingID: Int?
    /// `tokenizer.ggml.mask_token_id`.
    public var maskID: Int?

    /// `tokenizer.ggml.add_bos_token`; nil leaves it to the model's kind.
    public var addsBOS: Bool?
    /// `tokenizer.ggml.add_eos_token`; nil leaves it to the model's kind.
    public var addsEOS: Bool?
    /// `tokenizer.ggml.add_sep_token`; nil leaves it to the model's kind.
    public var addsSeparator: Bool?
    /// `tokenizer.ggml.add_space_prefix`; nil leaves it to the model's kind.
    public var addsSpacePrefix: Bool?

    /// Special tokens that swallow the white space after them.
    ///
    /// The format has no key for this; Phi-3's tokenizer strips after all of its special tokens
    /// but `<unk>`, `<s>` and `<|endoftext|>`.
    public var rightStrippedIDs: Set<Int> = []

    /// A vocabulary with nothing but its tokens; the rest is set by name.
    public init(model: String, pre: String? = nil, tokens: [String]) {
        self.model = model
        self.pre = pre
        self.tokens = tokens
    }
}
