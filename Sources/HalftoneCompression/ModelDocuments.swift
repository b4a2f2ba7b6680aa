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
            for (name, document) in try HuggingFaceDocuments(file).json {
                try AtomicFile.write(
                    document.serialized(.pretty(indent: 2)) + "\n", to: folder + "/" + name)
            }
            if let template = model.chatTemplate {
                try AtomicFile.write(template, to: folder + "/chat_template.jinja")
            }
        case .safetensors: break
        }
    }
}
