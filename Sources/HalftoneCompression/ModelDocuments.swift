import Foundation
import HalftoneFiles
import HalftoneModels
import HalftoneRuns
import HalftoneText

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
            try write(try HuggingFaceDocuments(file), to: folder)
        case .safetensors: break
        }
    }

    private func write(_ documents: HuggingFaceDocuments, to folder: String) throws {
        for (name, value) in documents.json {
            try AtomicFile.write(
                value.serialized(.pretty(indent: 2)) + "\n", to: folder + "/" + name)
        }
        if let template = model.chatTemplate {
            try AtomicFile.write(template, to: folder + "/chat_template.jinja")
        }
    }
}
