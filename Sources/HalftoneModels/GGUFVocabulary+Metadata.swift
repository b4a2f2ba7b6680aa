import HalftoneFiles
import HalftoneText

extension GGUFVocabulary {
    /// The tokenizer keys of a GGUF file, or nil when it has no vocabulary.
    init?(_ metadata: GGUFMetadata) {
        func value(_ key: String) -> GGUFValue? { metadata["tokenizer.ggml." + key] }
        guard let model = value("model")?.string, model != "none",
            let tokens = value("tokens")?.strings
        else { return nil }
        self.init(
            model: model, pre: value("pre")?.string,
            tokens: tokens.indices.map { tokens.utf8(at: $0) },
            types: value("token_type")?.integers, scores: value("scores")?.floats,
            merges: value("merges")?.strings.map(Array.init),
            bos: value("bos_token_id")?.integer, eos: value("eos_token_id")?.integer,
            eot: value("eot_token_id")?.integer, unknown: value("unknown_token_id")?.integer,
            padding: value("padding_token_id")?.integer, addBOS: value("add_bos_token")?.bool,
            addEOS: value("add_eos_token")?.bool,
            addSpacePrefix: value("add_space_prefix")?.bool)
    }
}
