/// Which files of a repository are needed.
public enum HubFiles: Sendable, Equatable {
    /// Configuration, tokenizer, chat template and safetensors weights.
    case folder
    /// The GGUF file whose name contains a text, with all its parts; the only one without a text.
    case gguf(String)
    /// Files by name.
    case named([String])

    /// The needed ones among the files of a repository.
    ///
    /// - Throws: ``HubError/noFiles(repository:wanted:)``, ``HubError/ambiguous(repository:choices:)``.
    func select(
        from names: [String], repository: String
    ) throws(HubError) -> [String] {
        switch self {
        case .folder:
            let chosen = names.filter(Self.isFolderFile)
            // Some repositories hold the same weights twice, the second time as consolidated.*.
            let hasModel = chosen.contains { $0.hasPrefix("model") && $0.hasSuffix(".safetensors") }
            let kept = chosen.filter { !(hasModel && $0.hasPrefix("consolidated")) }
            guard kept.contains(where: { $0.hasSuffix(".safetensors") }) else {
                throw .noFiles(repository: repository, wanted: "safetensors weights")
            }
            return kept
        case .gguf(let text):
            let all = names.filter { $0.lowercased().hasSuffix(".gguf") }
            let exact = all.filter { $0 == text }
            let found =
                exact.isEmpty
                ? all.filter { text.isEmpty || $0.lowercased().contains(text.lowercased()) } : exact
            guard !found.isEmpty else {
                throw .noFiles(
                    repository: repository,
                    wanted: text.isEmpty ? "GGUF file" : "GGUF file with '\(text)' in its name")
            }
            let models = Set(found.map(Self.withoutPart))
            guard models.count == 1 else {
                throw .ambiguous(repository: repository, choices: found.sorted())
            }
            return found
        case .named(let wanted):
            for name in wanted where !names.contains(name) {
                throw .noFiles(repository: repository, wanted: "file '\(name)'")
            }
            return names.filter(wanted.contains)
        }
    }

    private static let folderFiles: Set<String> = [
        "config.json", "generation_config.json", "special_tokens_map.json", "added_tokens.json",
        "vocab.json", "vocab.txt", "merges.txt", "spiece.model", "preprocessor_config.json",
        "processor_config.json", "modules.json", "sentence_bert_config.json",
        "config_sentence_transformers.json", "1_Pooling/config.json",
    ]

    private static func isFolderFile(_ name: String) -> Bool {
        if folderFiles.contains(name) { return true }
        if name.hasPrefix("additional_chat_templates/") { return name.hasSuffix(".jinja") }
        guard !name.contains("/") else { return false }
        return name.hasPrefix("tokenizer") || name.hasPrefix("chat_template")
            || name.hasSuffix(".safetensors") || name.hasSuffix(".safetensors.index.json")
    }

    /// The name of a GGUF file without `-00001-of-00003`.
    private static func withoutPart(_ name: String) -> String {
        let stem = String(name.dropLast(5))
        let parts = stem.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count > 3, parts[parts.count - 2] == "of",
            parts[parts.count - 1].count == 5, parts[parts.count - 3].count == 5,
            Int(parts[parts.count - 1]) != nil, Int(parts[parts.count - 3]) != nil
        else { return name }
        return parts.dropLast(3).joined(separator: "-")
    }
}
