import Foundation
import HalftoneFiles
import HalftoneModels
import HalftoneRuns

/// The documents of a model folder beside `config.json` and the weights.
struct ModelDocuments {
    private let model: LanguageModel

    /// Documents that are copied from a folder as they are.
    private static let copied = [
        "generation_config.json", "tokenizer.json", "tokenizer_config.json",
        "special_tokens_map.json", "chat_template.jinja", "added_tokens.json", "tokenizer.model",
    ]

    init(_ model: LanguageModel) { self.model = model }

    /// Writes generation defaults, vocabulary and chat template.
    func write(to folder: String) throws {
        switch model.source {
        case .folder(let source, _):
            for name in Self.copied {
                guard let path = try source.pathOfFile(name) else { continue }
                let data = try Data(contentsOf: URL(filePath: path))
                try AtomicFile.write(Array(data), to: folder + "/" + name)
            }
        case .gguf(let file):
            try writeVocabulary(of: file, to: folder)
            try writeGenerationDefaults(to: folder)
            if let template = model.chatTemplate {
                try AtomicFile.write(template, to: folder + "/chat_template.jinja")
            }
        case .safetensors: break
        }
    }

    /// Keeps the vocabulary exactly as the source has it, in a GGUF file without tensors.
    private func writeVocabulary(of file: GGUFFile, to folder: String) throws {
        var metadata: GGUFMetadata = ["general.architecture": .string("tokenizer")]
        for (key, value) in file.metadata.entries where key.hasPrefix("tokenizer.") {
            metadata[key] = value
        }
        guard metadata.count > 1 else { return }
        try GGUFWriter(metadata: metadata).write(
            to: folder + "/" + LanguageModel.vocabularyFileName)
    }

    private func writeGenerationDefaults(to folder: String) throws {
        let defaults = model.generation
        var document: JSONObject = [
            "eos_token_id": .array(defaults.stopTokens.sorted().map { .integer(Int($0)) })
        ]
        if let temperature = defaults.temperature {
            document["do_sample"] = true
            document["temperature"] = .number(temperature)
            document["top_k"] = defaults.topK.map { .integer($0) }
            document["top_p"] = defaults.topP.map { .number($0) }
            document["repetition_penalty"] = defaults.repetitionPenalty.map { .number($0) }
        }
        try AtomicFile.write(
            JSONValue.object(document).serialized(.pretty(indent: 2)) + "\n",
            to: folder + "/generation_config.json")
    }
}
