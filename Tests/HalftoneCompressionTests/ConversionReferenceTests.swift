import Foundation
import HalftoneCompression
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneTesting
import HalftoneText
import Testing

/// Vocabularies of real files, held to llama.cpp and the package tokenizers.
struct ConversionReferenceTests {
    private static let environment = ProcessInfo.processInfo.environment

    private static let models: [String] = {
        guard let folder = environment["HALFTONE_MODELS"] else { return [] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        // Files of one family have one vocabulary.
        var families: Set<Substring> = []
        return names.sorted().filter { name in
            name.hasSuffix(".gguf")
                && families.insert(name.prefix { $0 != "." && $0 != "-" }).inserted
        }.map { folder + "/" + $0 }
    }()

    private static let stories: String = {
        let shared =
            environment["HALFTONE_SHARED"]
            ?? conversionTestsFolder.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "shared").path()
        return shared + "/data/lm/stories260K"
    }()

    @Test(
        .enabled(if: !models.isEmpty, "needs model files (set HALFTONE_MODELS to their folder)"),
        arguments: models)
    func documentsEncodeAsTheFileDoes(path: String) throws {
        let scratch = try ConversionScratch()
        let documents = try HuggingFaceDocuments(GGUFFile(contentsOf: path)).json
        let file = scratch.file("tokenizer.json")
        try Data(documents[0].value.serialized().utf8).write(to: URL(filePath: file))
        let own = try Tokenizer(
            tokenizerJSON: documents[0].value, configuration: documents[1].value)
        let stored = try #require(LanguageModel(path: path).tokenizer)
        for text in [
            "Hello, world!  It's 2024.", "\n\n\t x", "naïve 你好 👍🏽", " leading",
            "def f(x):\n        return 12345", String(repeating: "a", count: 41),
            String(repeating: " ", count: 70),
        ] {
            #expect(own.encode(text) == stored.encode(text), "\(text)")
        }
        guard ReferencePython.has("llama_cpp, tokenizers") else { return }
        let script = conversionTestsFolder.appending(path: "Reference/conversion_tokenizers.py")
        let (code, output) = try ReferencePython.run([script.path(), path, file])
        #expect(code == 0, "\(output)")
    }

    @Test(
        .enabled(
            if: FileManager.default.fileExists(atPath: stories),
            "needs stories260K (set HALFTONE_SHARED to the folder of shared data)"))
    func aFolderBecomesTheFileThatOthersMade() throws {
        let scratch = try ConversionScratch()
        let output = scratch.file("stories.gguf")
        let folder = try LanguageModel(path: Self.stories)
        try GGUFExport(folder, type: .f32).write(to: output, replaces: false)
        let found = try GGUFFile(contentsOf: output)
        let expected = try GGUFFile(contentsOf: Self.stories + "/stories260K-f32.gguf")
        // That file's scores go on falling over single characters, which nothing merges into.
        for (key, value) in expected.metadata.entries
        where !["general.name", "general.license", "tokenizer.ggml.scores"].contains(key) {
            #expect(found.metadata[key] == value, "\(key)")
        }
        #expect(Set(found.tensorNames) == Set(expected.tensorNames))
        for tensor in expected.tensors {
            let copy = try #require(found.tensor(named: tensor.name))
            #expect(copy.bytes.array == tensor.bytes.array, "\(tensor.name)")
        }
        let first = try #require(LanguageModel(path: output).tokenizer)
        let second = try #require(LanguageModel(path: expected.path).tokenizer)
        let original = try #require(folder.tokenizer)
        for text in ["Once upon a time, there was a girl.", " two  spaces", "é 你好\n", "<s>x"] {
            #expect(first.encode(text) == original.encode(text))
            #expect(first.encode(text) == second.encode(text))
        }
    }
}
