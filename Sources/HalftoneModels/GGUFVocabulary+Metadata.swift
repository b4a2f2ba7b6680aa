import HalftoneFiles
import HalftoneText

extension GGUFVocabulary {
    /// The tokenizer keys of a GGUF file, or nil when it has no vocabulary.
    init?(_ metadata: GGUFMetadata) {
        func value(_ key: String) -> GGUFValue? { metadata["tokenizer.ggml." + key] }
        guard let model = value("model")?.string, model != "none",
            let tokens = value("tokens")?.strings
        else { return nil }
        self.init(model: model, pre: value("pre")?.string, tokens: Array(tokens))
        types = value("token_type")?.integers
        scores = value("scores")?.floats
        merges = value("merges")?.strings.map(Array.init)
        bosID = (value("bos_token_id") ?? value("cls_token_id"))?.integer
        eosID = value("eos_token_id")?.integer
        eotID = value("eot_token_id")?.integer
        unknownID = value("unknown_token_id")?.integer
        separatorID = value("seperator_token_id")?.integer
        paddingID = value("padding_token_id")?.integer
        maskID = value("mask_token_id")?.integer
        addsBOS = value("add_bos_token")?.bool
        addsEOS = value("add_eos_token")?.bool
        addsSeparator = value("add_sep_token")?.bool
        addsSpacePrefix = value("add_space_prefix")?.bool
    }
}
