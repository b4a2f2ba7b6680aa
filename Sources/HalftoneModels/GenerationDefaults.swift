import HalftoneFiles

/// What a model's files say about generating: where to stop and how to sample.
public struct GenerationDefaults: Sendable, Equatable {
    /// Tokens that end a text.
    public var stopTokens: Set<Int32>
    /// The recommended temperature, where given.
    public var temperature: Double?
    /// How many of the most likely tokens to choose among, where given.
    public var topK: Int?
    /// The probability of the tokens to choose among, where given.
    public var topP: Double?
    /// The recommended penalty for tokens seen lately, where given.
    public var repetitionPenalty: Double?

    /// Reads `generation_config.json`, with the stop tokens of `config.json` added.
    init(configuration: JSONValue, generation: JSONValue?) {
        stopTokens = []
        for source in [configuration, generation] {
            guard let value = source?["eos_token_id"] else { continue }
            for id in value.array ?? [value] {
                if let id = id.integer { stopTokens.insert(Int32(clamping: id)) }
            }
        }
        // Settings for sampling count only where the files say to sample.
        guard let generation, generation["do_sample"]?.bool == true else { return }
        temperature = generation["temperature"]?.double
        topK = generation["top_k"]?.integer
        topP = generation["top_p"]?.double
        repetitionPenalty = generation["repetition_penalty"]?.double
    }

    /// Reads the tokenizer and sampling keys of a GGUF file.
    init(metadata: GGUFMetadata) {
        stopTokens = []
        for key in ["eos_token_id", "eot_token_id", "eom_token_id"] {
            if let id = metadata["tokenizer.ggml." + key]?.integer {
                stopTokens.insert(Int32(clamping: id))
            }
        }
        temperature = metadata["general.sampling.temp"]?.double
        topK = metadata["general.sampling.top_k"]?.integer
        topP = metadata["general.sampling.top_p"]?.double
        repetitionPenalty = metadata["general.sampling.penalty_repeat"]?.double
    }
}
