import Foundation
import HalftoneFiles
import HalftoneTesting
import HalftoneText
import Testing

@Suite struct BPETrainerTests {
    private static let special = ["<|endoftext|>", "<|im_start|>"]

    /// Text with ties, overlaps ("aaaa"), several scripts, marks and special tokens.
    private static let text: String = {
        let lines = [
            "the cat sat on the mat, the cat's hat and the other's coat",
            "aaaa aaaaa aaaaaa banana bananas ananas", "x1 22 333 4444 55555 + 1,000.50",
            "  indented\n\tlines\r\n\r\n  and   spaces  ", "Größe, naïve, Ελλάδα, 日本語, 🙂🙂",
            "<|im_start|>user\nHello<|endoftext|>",
        ]
        return (0..<40).map { lines[($0 * 7 + $0 / 3) % lines.count] + " \($0)" }
            .joined(separator: "\n")
    }()

    private func vocabulary(
        _ split: BPETrainer.Split, size: Int, _ texts: [String] = [text]
    ) -> BPEVocabulary {
        var trainer = BPETrainer(split: split, specialTokens: Self.special)
        for text in texts { trainer.add(text) }
        return trainer.train(vocabularySize: size)
    }

    /// Sennrich's Algorithm 1 word for word: all pairs counted anew for each merge.
    private func countedAnew(_ words: [String: Int], merges: Int) -> [[UInt8]] {
        var words = words.map { (parts: $0.key.utf8.map { [$0] }, count: $0.value) }
        var joined: [[UInt8]] = []
        for _ in 0..<merges {
            var counts: [[[UInt8]]: Int] = [:]
            for word in words {
                for (left, right) in zip(word.parts, word.parts.dropFirst()) {
                    counts[[left, right], default: 0] += word.count
                }
            }
            // Ids order ties: printable ASCII bytes by value, then tokens by age.
            func id(_ part: [UInt8]) -> Int {
                part.count == 1 ? Int(part[0]) : 256 + (joined.firstIndex(of: part) ?? 0)
            }
            guard
                let best = counts.max(by: {
                    ($0.value, -id($0.key[0]), -id($0.key[1]))
                        < ($1.value, -id($1.key[0]), -id($1.key[1]))
                }), best.value >= 2
            else { break }
            joined.append(best.key[0] + best.key[1])
            words = words.map { word in
                var parts = word.parts
                var index = 0
                while index + 1 < parts.count {
                    if parts[index] == best.key[0], parts[index + 1] == best.key[1] {
                        parts.replaceSubrange(index...index + 1, with: [joined[joined.count - 1]])
                    }
                    index += 1
                }
                return (parts, word.count)
            }
        }
        return joined
    }

    @Test func mergesEqualThoseOfCountsMadeAnew() {
        let words = ["lower": 5, "lowest": 2, "newer": 6, "wider": 3, "aaaa": 4, "aaaaa": 1]
        var trainer = BPETrainer(split: .gpt2)
        // Without spaces between them words would be one piece; digits keep them apart.
        for (word, count) in words {
            for _ in 0..<count { trainer.add(word + "1") }
        }
        let trained = trainer.train(vocabularySize: 256 + 20)
        let expected = countedAnew(words, merges: 20)
        #expect(!expected.isEmpty)
        #expect(Array(trained.tokens[256...]) == expected)
    }

    @Test func theOrderOfTextsDoesNotMatter() {
        let lines = Self.text.components(separatedBy: "\n")
        let forward = vocabulary(.llama3, size: 340, lines)
        #expect(forward == vocabulary(.llama3, size: 340, lines.reversed()))
        #expect(forward.tokens.count == 340)
    }

    @Test func trainingStopsWhenNoPairRepeats() {
        var trainer = BPETrainer(split: .gpt2)
        trainer.add("abab")
        let trained = trainer.train(vocabularySize: 1000)
        #expect(trained.tokens.count == 257)
        #expect(trained.tokens[256] == Array("ab".utf8))
        #expect(BPETrainer().train(vocabularySize: 300).tokens.count == 256)
    }

    @Test(arguments: BPETrainer.Split.allCases)
    func theTokenizerReadsWhatWasWritten(split: BPETrainer.Split) throws {
        let trained = vocabulary(split, size: 340)
        let json = try JSONParser.parse(
            Array(trained.tokenizerJSON(opening: "<|endoftext|>").serialized().utf8))
        let configuration = trained.configuration(
            bos: "<|endoftext|>", eos: "<|endoftext|>", chatTemplate: nil, contextLength: 512)
        let tokenizer = try Tokenizer(tokenizerJSON: json, configuration: configuration)
        #expect(tokenizer.vocabularySize == 340)
        #expect(tokenizer.special.eos == 0)
        let ids = tokenizer.encode(Self.text, parseSpecial: true)
        #expect(ids.first == 0)
        #expect(tokenizer.decode(Array(ids.dropFirst()), skipSpecial: false) == Self.text)
        // Tokens save space: every merge was of a pair that occurred twice or more.
        #expect(ids.count < Self.text.utf8.count / 2)
    }

    @Test func anUnknownOpeningTokenIsRefused() {
        #expect(throws: TokenizerError.self) {
            try vocabulary(.gpt2, size: 300).tokenizerJSON(opening: "<s>")
        }
    }

    /// The reference trains the same vocabulary and reads ours to the same ids.
    @Test(
        .enabled(
            if: ReferencePython.has("tokenizers"),
            "needs the package tokenizers (set HALFTONE_PYTHON)"),
        arguments: zip(BPETrainer.Split.allCases, ["gpt2", "llama3", "qwen2"]))
    func vocabulariesEqualTheReference(split: BPETrainer.Split, name: String) throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "halftone-bpe-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let trained = vocabulary(split, size: 560)
        try Data(Self.text.utf8).write(to: folder.appending(path: "text.txt"))
        let json = try trained.tokenizerJSON()
        try Data(json.serialized().utf8).write(to: folder.appending(path: "tokenizer.json"))
        let tokenizer = try Tokenizer(tokenizerJSON: json)
        let ids = tokenizer.encode(Self.text, parseSpecial: true)
        try Data(JSONValue.array(ids.map { .integer(Int($0)) }).serialized().utf8)
            .write(to: folder.appending(path: "ids.json"))
        let (code, output) = try ReferencePython.run([
            "-B", ReferencePython.script("Reference/bpe_training.py"), folder.path,
        ])
        #expect(code == 0, "\(output)")
    }
}
