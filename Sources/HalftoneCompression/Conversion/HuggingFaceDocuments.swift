import HalftoneFiles

/// The documents of a Hugging Face folder that say what the metadata of a GGUF file say.
///
/// `tokenizer.json` encodes as the GGUF vocabulary does, with one exception that lies in the
/// formats: programs that read GGUF do not compose characters (NFC) for Qwen vocabularies,
/// `transformers` does.
public struct HuggingFaceDocuments {
    /// File names and their content, `tokenizer.json` first if the file has a vocabulary.
    public let json: [(name: String, value: JSONValue)]

    /// Translates the tokenizer and sampling keys of a file.
    ///
    /// - Throws: ``ConversionError`` for vocabularies that cannot be translated: those that are
    ///   neither `gpt2` nor `llama`, and splits of text that are not known.
    public init(_ file: GGUFFile) throws(ConversionError) {
        try self.init(file.metadata)
    }

    /// Translates the tokenizer and sampling keys of metadata.
    ///
    /// - Throws: As ``init(_:)-(GGUFFile)``.
    public init(_ metadata: GGUFMetadata) throws(ConversionError) {
        var documents: [(name: String, value: JSONValue)] = []
        if let vocabulary = try StoredVocabulary(metadata) {
            documents.append(("tokenizer.json", try vocabulary.tokenizerJSON()))
            documents.append(("tokenizer_config.json", vocabulary.configuration))
            documents.append(
                ("special_tokens_map.json", .object(vocabulary.specialTokens)))
        }
        documents.append(("generation_config.json", Self.generation(metadata)))
        json = documents
    }

    private static func generation(_ metadata: GGUFMetadata) -> JSONValue {
        func id(_ name: String) -> JSONValue? {
            metadata["tokenizer.ggml.\(name)_token_id"]?.integer.map { .integer($0) }
        }
        var document = JSONObject()
        document["bos_token_id"] = id("bos")
        var stops: [JSONValue] = []
        for stop in ["eos", "eot", "eom"].compactMap(id) where !stops.contains(stop) {
            stops.append(stop)
        }
        if !stops.isEmpty {
            document["eos_token_id"] = stops.count == 1 ? stops[0] : .array(stops)
        }
        document["pad_token_id"] = id("padding")
        for (name, key) in [
            ("temperature", "temp"), ("top_k", "top_k"), ("top_p", "top_p"), ("min_p", "min_p"),
            ("repetition_penalty", "penalty_repeat"),
        ] {
            guard let value = metadata["general.sampling." + key] else { continue }
            document["do_sample"] = true
            document[name] = value.integer.map { .integer($0) } ?? value.double.map { .number($0) }
        }
        return .object(document)
    }
}
