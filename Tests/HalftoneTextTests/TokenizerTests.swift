import HalftoneFiles
import HalftoneText
import Testing

/// Loading, roles, errors and the promises of the interface.
@Suite struct TokenizerTests {
    private static func gpt2() throws -> GGUFVocabulary {
        try GGUFVocabulary(converting: TokenizerFixtures.json("gpt2"), family: "gpt2")
    }

    private func replacing(
        _ json: JSONValue, _ path: [String], with value: JSONValue?
    ) -> JSONValue {
        guard let name = path.first, var object = json.object else { return value ?? .null }
        let rest = Array(path.dropFirst())
        object[name] =
            rest.isEmpty ? value : replacing(object[name] ?? .null, rest, with: value)
        return .object(object)
    }

    @Test func tokensAreComparedByteByByte() throws {
        // é as one scalar and as two; Swift's String would call them equal.
        var file = GGUFVocabulary(
            model: "llama", tokens: ["<unk>", "\u{E9}", "e\u{301}", "e", "\u{301}"])
        file.scores = [0, -3, -2, -4, -5]
        file.types = [2, 1, 1, 1, 1]
        file.addsSpacePrefix = false
        let tokenizer = try Tokenizer(file)
        #expect(tokenizer.id(of: "\u{E9}") == 1)
        #expect(tokenizer.id(of: "e\u{301}") == 2)
        #expect(tokenizer.encode("\u{E9}") == [1])
        #expect(tokenizer.encode("e\u{301}") == [2])
        #expect(tokenizer.decode([1, 2]).utf8.elementsEqual("\u{E9}e\u{301}".utf8))
    }

    @Test func controlTokensNeedPermission() throws {
        let tokenizer = try Tokenizer(tokenizerJSON: TokenizerFixtures.json("qwen2"))
        let end = try #require(tokenizer.id(of: "<|im_end|>"))
        #expect(tokenizer.specialIDs.contains(end))
        #expect(tokenizer.encode("a<|im_end|>", parseSpecial: true).contains(end))
        #expect(!tokenizer.encode("a<|im_end|>").contains(end))
        #expect(tokenizer.decode(tokenizer.encode("a<|im_end|>b")) == "a<|im_end|>b")
        #expect(tokenizer.decode([end], skipSpecial: true) == "")
        #expect(tokenizer.decode([end], skipSpecial: false) == "<|im_end|>")
    }

    @Test func mergesDoNotSpellControlTokens() throws {
        var file = GGUFVocabulary(
            model: "llama", tokens: ["<unk>", "<s>", "<", "s", ">", "<s", "s>"])
        file.types = [2, 3, 1, 1, 1, 1, 1]
        file.scores = [0, 0, -5, -6, -7, -1, -2]
        file.addsSpacePrefix = false
        file.bosID = 1
        let tokenizer = try Tokenizer(file)
        #expect(tokenizer.encode("<s>") == [1, 5, 4])
        #expect(tokenizer.encode("<s>", parseSpecial: true) == [1, 1])
    }

    @Test func rolesComeFromTheConfiguration() throws {
        let configuration: JSONValue = [
            "bos_token": "<|endoftext|>", "eos_token": ["content": "<|im_end|>"],
        ]
        let tokenizer = try Tokenizer(
            tokenizerJSON: TokenizerFixtures.json("smollm"), configuration: configuration)
        #expect(tokenizer.special.bos == tokenizer.id(of: "<|endoftext|>"))
        #expect(tokenizer.special.eos == tokenizer.id(of: "<|im_end|>"))
        #expect(tokenizer.special.eot == tokenizer.id(of: "<|im_end|>"))
        #expect(tokenizer.stopIDs == [try #require(tokenizer.id(of: "<|im_end|>"))])
        #expect(tokenizer.vocabularySize == 1300)
        #expect(tokenizer.piece(of: 1299) != nil)
        #expect(tokenizer.piece(of: 1300) == nil)
        #expect(tokenizer.piece(of: -1) == nil)
        #expect(tokenizer.decode([-1, 1300, .max]) == "")
    }

    @Test func streamsHoldBackHalfCharacters() throws {
        let tokenizer = try Tokenizer(tokenizerJSON: TokenizerFixtures.json("gpt2"))
        // A character that the vocabulary has only as bytes.
        let ids = tokenizer.encode("\u{1F9FF}")
        try #require(ids.count > 1)
        var decoder = StreamingDecoder(tokenizer)
        var pieces = ids.map { decoder.push($0) }
        #expect(pieces.dropLast().joined() == "")
        #expect(pieces.last == "\u{1F9FF}")
        #expect(decoder.finish() == "")
        pieces = ids.dropLast().map { decoder.push($0) }
        #expect(pieces.joined() == "")
        #expect(decoder.finish() == "\u{FFFD}")
    }

    @Test func longWordsTakeNoQuadraticTime() throws {
        let tokenizer = try Tokenizer(Self.gpt2())
        let text = String(repeating: "a", count: 1_000_000)
        let clock = ContinuousClock()
        let time = clock.measure { #expect(tokenizer.decode(tokenizer.encode(text)) == text) }
        // A quadratic loop would take hours.
        #expect(time < .seconds(30))
    }

    @Test func unknownPartsAreNamed() throws {
        let json = try TokenizerFixtures.json("llama3")
        var split = try #require(json["pre_tokenizer"]?["pretokenizers"]?.array?.first?.object)
        split["pattern"] = ["Regex": "(a+)+$"]
        #expect(
            throws: TokenizerError.unknownPattern(
                field: "pre_tokenizer.pattern.Regex", pattern: "(a+)+$")
        ) {
            try Tokenizer(tokenizerJSON: replacing(json, ["pre_tokenizer"], with: .object(split)))
        }
        let parts = [
            (["model", "type"], "model.type"), (["pre_tokenizer"], "pre_tokenizer.type"),
            (["normalizer"], "normalizer.type"), (["decoder"], "decoder.type"),
            (["post_processor"], "post_processor.type"),
        ]
        for (path, field) in parts {
            let value: JSONValue = path.count == 2 ? "Novel" : ["type": "Novel"]
            let error = #expect(throws: TokenizerError.self) {
                try Tokenizer(tokenizerJSON: replacing(json, path, with: value))
            }
            guard case .unsupported(let found, "Novel", _) = error else {
                Issue.record("\(field): \(String(describing: error))")
                continue
            }
            #expect(found == field)
        }
    }

    @Test func brokenFilesAreNamed() throws {
        let json = try TokenizerFixtures.json("gpt2")
        func expect(_ path: [String], _ value: JSONValue?, _ error: TokenizerError) {
            #expect(throws: error) {
                try Tokenizer(tokenizerJSON: replacing(json, path, with: value))
            }
        }
        expect(["model"], nil, .missing(field: "model"))
        expect(["model", "vocab"], nil, .missing(field: "model.vocab"))
        expect(["model", "vocab"], [], .wrongType(field: "model.vocab", expected: "an object"))
        expect(
            ["model", "vocab"], ["a": "b"],
            .wrongType(field: "model.vocab[\"a\"]", expected: "a whole number"))
        expect(
            ["model", "vocab"], ["a": -1],
            .idOutOfRange(field: "model.vocab", id: -1, limit: 1 << 24))
        expect(
            ["model", "vocab"], ["a": 4_000_000_000],
            .idOutOfRange(field: "model.vocab", id: 4_000_000_000, limit: 1 << 24))
        expect(["model", "vocab"], ["a": 3, "b": 3], .repeatedID(field: "model.vocab", id: 3))
        expect(
            ["model", "merges"], ["a b c"],
            .wrongType(field: "model.merges[0]", expected: "two tokens with a space between"))
        expect(
            ["model", "merges"], [["a", "\u{3B1}\u{3B2}"]],
            .notInVocabulary(field: "model.merges[0]", token: "\u{3B1}\u{3B2}"))
        expect(
            ["model", "unk_token"], "<none>",
            .notInVocabulary(field: "model.unk_token", token: "<none>"))
        expect(
            ["post_processor"],
            ["type": "BertProcessing", "cls": ["a", 99_999], "sep": ["b", 0]],
            .idOutOfRange(field: "post_processor.cls[1]", id: 99_999, limit: 1300))
        #expect(throws: TokenizerError.wrongType(field: "tokenizer.json", expected: "an object")) {
            try Tokenizer(tokenizerJSON: [])
        }
    }

    @Test func textCannotBeMadeToGrowWithoutBound() throws {
        let json = try TokenizerFixtures.json("gpt2")
        let step: JSONValue = [
            "type": "Replace", "pattern": ["String": "a"], "content": "aaaaaaaaaaaaaaaa",
        ]
        for field in ["normalizer", "decoder"] {
            func nested(_ count: Int) -> JSONValue {
                [
                    "type": "Sequence",
                    "\(field)s": .array(Array(repeating: step, count: count)),
                ]
            }
            #expect(throws: Never.self) {
                try Tokenizer(tokenizerJSON: replacing(json, [field], with: nested(3)))
            }
            #expect(
                throws: TokenizerError.unsupported(
                    field: field, value: "able to make a text 65536 times longer",
                    supported: "up to 4096 times")
            ) { try Tokenizer(tokenizerJSON: replacing(json, [field], with: nested(4))) }
        }
    }

    @Test func brokenMetadataAreNamed() throws {
        let file = try Self.gpt2()
        func expect(_ error: TokenizerError, _ change: (inout GGUFVocabulary) -> Void) {
            var changed = file
            change(&changed)
            #expect(throws: error) { try Tokenizer(changed) }
        }
        expect(.unknownPreTokenizer(name: "novel")) { $0.pre = "novel" }
        expect(.unknownPreTokenizer(name: "missing")) { $0.pre = nil }
        expect(.missing(field: "tokenizer.ggml.merges")) { $0.merges = nil }
        expect(.missing(field: "tokenizer.ggml.scores")) { $0.model = "llama" }
        expect(
            .unsupported(
                field: "tokenizer.ggml.model", value: "rwkv", supported: "llama, gpt2, bert")
        ) { $0.model = "rwkv" }
        expect(
            .lengthsDiffer(field: "tokenizer.ggml.token_type", count: 1, expected: 1300)
        ) { $0.types = [1] }
        expect(
            .lengthsDiffer(field: "tokenizer.ggml.scores", count: 2, expected: 1300)
        ) { $0.scores = [0, 0] }
        expect(
            .idOutOfRange(field: "tokenizer.ggml.bos_token_id", id: 1300, limit: 1300)
        ) { $0.bosID = 1300 }
        expect(
            .idOutOfRange(field: "tokenizer.ggml.eot_token_id", id: -1, limit: 1300)
        ) { $0.eotID = -1 }
        expect(
            .wrongType(
                field: "tokenizer.ggml.merges[0]", expected: "two tokens with a space between")
        ) { $0.merges = ["ab"] }
    }
}
