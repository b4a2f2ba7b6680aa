import Foundation
import HalftoneCompression
import HalftoneFiles
import HalftoneFormats
import HalftoneModels
import HalftoneText
import Testing

/// Vocabularies on their way from a folder to a GGUF file and back.
struct ConversionTokenizerTests {
    private static let strings = [
        "", "a", " ab", "abab  ab", "cab\n\ncc", "aaaaaaa", "  a", "<s>ab</s>", "bé", "12 345",
        "ab<x>cab", "I'm", "▁ab",
    ]

    /// Exports a model with a vocabulary and gives the file.
    private func exported(_ tokenizer: JSONValue, in scratch: ConversionScratch) throws -> String {
        let folder = try scratch.model(
            "llama2",
            documents: [
                ("tokenizer.json", tokenizer),
                ("tokenizer_config.json", ConversionVocabulary.configuration),
                ("generation_config.json", ["eos_token_id": [2, 7], "pad_token_id": 0]),
            ])
        let output = scratch.file("model.gguf")
        try GGUFExport(LanguageModel(path: folder), type: .f32).write(to: output, replaces: false)
        return output
    }

    @Test(arguments: [
        ("gpt2", ConversionVocabulary.byteLevel), ("llama", ConversionVocabulary.scored),
    ])
    func vocabulariesComeBackAsTheyWere(kind: String, document: JSONValue) throws {
        let scratch = try ConversionScratch()
        let path = try exported(document, in: scratch)
        let file = try GGUFFile(contentsOf: path)
        #expect(file.metadata["tokenizer.ggml.model"] == .string(kind))
        let original = try Tokenizer(
            tokenizerJSON: document, configuration: ConversionVocabulary.configuration)
        let converted = try LanguageModel(path: path)
        let stored = try #require(converted.tokenizer)
        let documents = try HuggingFaceDocuments(file).json
        #expect(
            documents.map(\.name) == [
                "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
                "generation_config.json",
            ])
        let back = try Tokenizer(
            tokenizerJSON: documents[0].value, configuration: documents[1].value)
        for text in Self.strings {
            for parses in [false, true] {
                let wanted = original.encode(text, parseSpecial: parses)
                #expect(wanted.first == 1)
                #expect(stored.encode(text, parseSpecial: parses) == wanted, "GGUF: \(text)")
                #expect(back.encode(text, parseSpecial: parses) == wanted, "JSON: \(text)")
                #expect(back.decode(wanted) == original.decode(wanted))
            }
        }
        #expect(back.special.bos == 1 && back.special.eos == 2 && back.special.unknown == 0)
        #expect(converted.generation.stopTokens == [2, 7])
        #expect(documents[3].value["eos_token_id"] == [2, 7])
        #expect(documents[3].value["pad_token_id"] == 0)
        #expect(documents[2].value["eos_token"] == "</s>")
    }

    @Test func namesAndKindsOfTokensAreThoseOfTheFormat() throws {
        let scratch = try ConversionScratch()
        let path = try exported(ConversionVocabulary.scored, in: scratch)
        let metadata = try GGUFFile(contentsOf: path).metadata
        let types = try #require(metadata["tokenizer.ggml.token_type"]?.integers)
        let tokens = try #require(metadata["tokenizer.ggml.tokens"]?.strings)
        let scores = try #require(metadata["tokenizer.ggml.scores"]?.floats)
        // Unknown, control, control, user-defined, byte, byte, byte, normal.
        #expect(types.prefix(8) == [2, 3, 3, 4, 6, 6, 6, 1])
        #expect(types.count == 128 && tokens.count == 128 && scores.count == 128)
        #expect(types.last == 5 && tokens[127] == "[PAD127]")
        let ranks = ["ab", "▁ab", "▁a", "cab", "aa", "aaa"].map { token in
            scores[tokens.firstIndex(of: token) ?? 0]
        }
        #expect(ranks == [0, -1, -2, -3, -4, -5])
        #expect(metadata["tokenizer.ggml.add_space_prefix"] == .bool(true))
        #expect(metadata["tokenizer.ggml.add_bos_token"] == .bool(true))
        #expect(metadata["tokenizer.ggml.eot_token_id"] == .uint32(7))
    }

    @Test(arguments: [
        ("gpt-2", "ab12 I'M"), ("llama-bpe", "ab1234 I'M"), ("dbrx", "ab1234 I'M"),
        ("qwen2", "e\u{301} 12 I'M"), ("stablelm2", "e\u{301} 12"), ("smollm", "ab 1234"),
    ])
    func splitsHaveTheirNames(name: String, text: String) throws {
        let base = try ConversionScratch()
        let start = try exported(ConversionVocabulary.byteLevel, in: base)
        var metadata = try GGUFFile(contentsOf: start).metadata
        metadata["tokenizer.ggml.pre"] = .string(name)
        let document = try #require(HuggingFaceDocuments(metadata).json.first?.value)
        let scratch = try ConversionScratch()
        let path = try exported(document, in: scratch)
        let file = try GGUFFile(contentsOf: path)
        #expect(file.metadata["tokenizer.ggml.pre"] == .string(name))
        let converted = try #require(LanguageModel(path: path).tokenizer)
        let original = try Tokenizer(tokenizerJSON: document)
        #expect(converted.encode(text) == original.encode(text))
    }

    @Test func unknownVocabulariesAreRefused() throws {
        let scratch = try ConversionScratch()
        let path = try exported(ConversionVocabulary.byteLevel, in: scratch)
        let metadata = try GGUFFile(contentsOf: path).metadata
        for (key, value) in [("pre", "default"), ("pre", "nonsense"), ("model", "bert")] {
            var changed = metadata
            changed["tokenizer.ggml." + key] = .string(value)
            #expect {
                try HuggingFaceDocuments(changed)
            } throws: { error in
                guard case ConversionError.unsupported(let field, let found, _) = error else {
                    return false
                }
                return field == "tokenizer.ggml." + key && found == value
            }
        }
        var doubled = metadata
        doubled["tokenizer.ggml.tokens"] = .array(
            .strings(GGUFStrings(Array(repeating: "a", count: 128))))
        #expect(throws: ConversionError.self) { try HuggingFaceDocuments(doubled) }
        var outside = metadata
        outside["tokenizer.ggml.bos_token_id"] = .uint32(128)
        #expect(throws: ConversionError.self) { try HuggingFaceDocuments(outside) }
        let empty: GGUFMetadata = ["tokenizer.ggml.model": .string("none")]
        #expect(try HuggingFaceDocuments(empty).json.map(\.name) == ["generation_config.json"])
    }

    @Test func mergesThatScoresCannotOrderAreRefused() throws {
        let scratch = try ConversionScratch()
        var document = try #require(ConversionVocabulary.scored.object)
        var model = try #require(document["model"]?.object)
        // Without this pair, "aaa" comes from the left only.
        let left = try #require(model["merges"]?.array).filter { $0 != ["a", "aa"] }
        model["merges"] = .array(left)
        document["model"] = .object(model)
        let changed = JSONValue.object(document)
        #expect(throws: ConversionError.self) { try exported(changed, in: scratch) }
    }
}
