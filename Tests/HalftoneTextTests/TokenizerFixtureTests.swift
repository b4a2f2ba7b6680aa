import HalftoneFiles
import HalftoneText
import Testing

/// Every family against stored results of the reference package, string by string.
@Suite struct TokenizerFixtureTests {
    @Test func thereAreEnoughStrings() {
        #expect(TokenizerFixtures.strings.count >= 10_000)
        let valid = TokenizerFixtures.strings.filter {
            String(validating: $0, as: UTF8.self) != nil
        }
        #expect(TokenizerFixtures.strings.count - valid.count >= 500)
    }

    @Test(arguments: TokenizerFixtures.families)
    func idsAndTextsEqualTheReference(family: String) throws {
        let tokenizer = try Tokenizer(tokenizerJSON: TokenizerFixtures.json(family))
        try expectReference(tokenizer, family)
    }

    @Test(arguments: TokenizerFixtures.families)
    func streamingGivesTheSameText(family: String) throws {
        let tokenizer = try Tokenizer(tokenizerJSON: TokenizerFixtures.json(family))
        for string in TokenizerFixtures.strings.enumerated().filter({ $0.offset % 7 == 0 }) {
            let ids = tokenizer.encode(string.element, parseSpecial: true)
            var decoder = StreamingDecoder(tokenizer, skipSpecial: false)
            var text = ids.reduce("") { $0 + decoder.push($1) }
            text += decoder.finish()
            let whole = tokenizer.decode(ids, skipSpecial: false)
            #expect(Array(text.utf8) == Array(whole.utf8), "string \(string.offset)")
        }
    }

    /// The same vocabularies as a GGUF file would hold them.
    @Test(arguments: ["gpt2", "llama3", "qwen2", "smollm", "gpt4o", "llama2", "gemma", "wordpiece"])
    func vocabulariesFromGGUFGiveTheSameIDs(family: String) throws {
        let json = try TokenizerFixtures.json(family)
        let tokenizer = try Tokenizer(GGUFVocabulary(converting: json, family: family))
        try expectReference(tokenizer, family)
    }

    @Test func knownPatternsCutLikeTheReference() throws {
        let patterns = try #require(TokenizerFixtures.json("patterns").object)
        let expected = try TokenizerFixtures.digests("patterns")
        let strings = TokenizerFixtures.strings
        try #require(expected.count == patterns.count * strings.count)
        for (number, pattern) in patterns.members.enumerated() {
            let expression = try #require(pattern.value.string)
            var wrong: [Int] = []
            for (index, string) in strings.enumerated() {
                let text = String(decoding: string, as: UTF8.self)
                let pieces = try #require(SplitPattern.pieceLengths(of: text, expression))
                var checksum = CRC32()
                checksum.update(pieces.map { Int32($0) })
                if checksum.value != expected[number * strings.count + index] {
                    wrong.append(index)
                }
            }
            #expect(
                wrong.isEmpty, "\(pattern.name): \(wrong.count) strings, first \(wrong.prefix(9))")
        }
    }

    private func expectReference(_ tokenizer: Tokenizer, _ family: String) throws {
        let expected = try TokenizerFixtures.digests(family)
        let strings = TokenizerFixtures.strings
        try #require(expected.count == strings.count * 2)
        var wrongIDs: [Int] = []
        var wrongTexts: [Int] = []
        for (index, string) in strings.enumerated() {
            let found = TokenizerFixtures.digests(string, tokenizer)
            if found.ids != expected[index * 2] { wrongIDs.append(index) }
            if found.text != expected[index * 2 + 1] { wrongTexts.append(index) }
        }
        #expect(wrongIDs.isEmpty, "ids: \(wrongIDs.count) strings, first \(wrongIDs.prefix(12))")
        #expect(
            wrongTexts.isEmpty, "texts: \(wrongTexts.count) strings, first \(wrongTexts.prefix(12))"
        )
    }
}

extension GGUFVocabulary {
    /// What llama.cpp's converter would write for a `tokenizer.json` of the fixtures.
    init(converting json: JSONValue, family: String) throws {
        let members = try #require(json["model"]?["vocab"]?.object?.members)
        var tokens = [Int: String](
            uniqueKeysWithValues: try members.map { (try #require($0.value.integer), $0.name) })
        var types: [Int: Int] = [:]
        for token in try #require(json["added_tokens"]?.array) {
            let id = try #require(token["id"]?.integer)
            tokens[id] = try #require(token["content"]?.string)
            types[id] = token["special"] == .bool(true) ? 3 : 4
        }
        var list = try (0..<tokens.count).map { try #require(tokens[$0]) }
        let isScored = family == "llama2" || family == "gemma"
        if family == "wordpiece" {
            list = list.map { token in
                if token.hasPrefix("##") { return String(token.dropFirst(2)) }
                return token.hasPrefix("[") && token.hasSuffix("]") ? token : "\u{2581}" + token
            }
        }
        let pre = ["gpt2": "gpt-2", "llama3": "llama-bpe", "gpt4o": "gpt-4o"][family] ?? family
        self.init(
            model: isScored ? "llama" : family == "wordpiece" ? "bert" : "gpt2",
            pre: isScored || family == "wordpiece" ? "default" : pre, tokens: list)
        for (id, token) in list.enumerated() where isScored && token.hasPrefix("<0x") {
            types[id] = 6
        }
        self.types = list.indices.map { types[$0] ?? 1 }
        self.merges = json["model"]?["merges"]?.array?.compactMap { merge in
            merge.array.map { $0.compactMap(\.string).joined(separator: " ") } ?? merge.string
        }
        if isScored { scores = list.indices.map { -Float($0) } }
        addsSpacePrefix = family == "llama2"
        let bos = ["llama3": "<|begin_of_text|>", "llama2": "<s>", "gemma": "<bos>"][family]
        bosID = bos.flatMap { list.firstIndex(of: $0) }
        unknownID = list.firstIndex(of: isScored ? "<unk>" : "[UNK]")
        rightStrippedIDs = Set(list.indices.filter { list[$0] == "<|user|>" })
    }
}
