import Foundation
import HalftoneFiles
import HalftoneText
import Synchronization
import Testing

/// Vocabularies of real models outside the repository, and what the reference makes of them now.
///
/// Needs `HALFTONE_SHARED` (default `../shared` beside the package) or `HALFTONE_MODELS`, a folder
/// with models, and a Python (`HALFTONE_PYTHON`, default `python3`) that has `tokenizers` and
/// `gguf`.
enum RealTokenizers {
    static let names = [
        "gpt-2", "smollm2", "qwen2.5", "gemma3", "phi-3", "stories260K", "minilm", "bert-bge",
    ]

    private static let tests = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent()
    private static let environment = ProcessInfo.processInfo.environment
    private static let python = environment["HALFTONE_PYTHON"] ?? "python3"
    static let shared =
        environment["HALFTONE_SHARED"].map { URL(filePath: $0) }
        ?? tests.deletingLastPathComponent().deletingLastPathComponent().appending(path: "shared")
    private static let models = URL(filePath: environment["HALFTONE_MODELS"] ?? "/nonexistent")

    static let isAvailable: Bool = {
        let vocabularies = shared.appending(path: "data/tokenizers").path
        guard
            FileManager.default.fileExists(atPath: vocabularies)
                || FileManager.default.fileExists(atPath: models.path)
        else { return false }
        return run(["-c", "import tokenizers, gguf"])
    }()

    /// The folder that the script filled, in this run.
    static let folder: URL? = {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "halftone-tokenizers-\(ProcessInfo.processInfo.processIdentifier)")
        let script = tests.appending(path: "Reference/tokenizer_models.py").path
        temporary = folder
        atexit {
            if let folder = RealTokenizers.temporary {
                try? FileManager.default.removeItem(at: folder)
            }
        }
        return run(["-B", script, folder.path, shared.path, models.path]) ? folder : nil
    }()

    private static let temporaryFolder = Mutex<URL?>(nil)
    private static var temporary: URL? {
        get { temporaryFolder.withLock { $0 } }
        set { temporaryFolder.withLock { $0 = newValue } }
    }

    private static func run(_ arguments: [String]) -> Bool {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [python] + arguments
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}

@Suite(
    .enabled(
        if: RealTokenizers.isAvailable,
        "needs HALFTONE_SHARED or HALFTONE_MODELS, and tokenizers and gguf in HALFTONE_PYTHON"))
struct TokenizerModelTests {
    private struct Expected {
        var parsed: [Int32]
        var wrapped: [Int32]
        var text: [UInt8]
        var skipped: [UInt8]
    }

    private func read(_ name: String) throws -> [UInt8]? {
        let folder = try #require(RealTokenizers.folder)
        let url = folder.appending(path: name)
        guard FileManager.default.fileExists(atPath: url.path) else { return nil }
        return try [UInt8](Data(contentsOf: url))
    }

    private func integer(_ data: [UInt8], _ index: inout Int) -> Int {
        defer { index += 4 }
        return (0..<4).reduce(0) { $0 | Int(data[index + $1]) << (8 * $1) }
    }

    private func ids(_ data: [UInt8], _ index: inout Int) -> [Int32] {
        let count = integer(data, &index)
        return (0..<count).map { _ in Int32(truncatingIfNeeded: integer(data, &index)) }
    }

    private func bytes(_ data: [UInt8], _ index: inout Int) -> [UInt8] {
        let count = integer(data, &index)
        defer { index += count }
        return Array(data[index..<index + count])
    }

    private func expected(_ name: String) throws -> [Expected] {
        let data = try #require(try read("\(name)/results.bin"))
        var results: [Expected] = []
        var index = 0
        while index < data.count {
            results.append(
                Expected(
                    parsed: ids(data, &index), wrapped: ids(data, &index),
                    text: bytes(data, &index), skipped: bytes(data, &index)))
        }
        return results
    }

    private func strings() throws -> [[UInt8]] {
        let data = try #require(try read("strings.bin"))
        var strings: [[UInt8]] = []
        var index = 0
        while index < data.count {
            let count = Int(data[index]) | Int(data[index + 1]) << 8
            strings.append(Array(data[index + 2..<index + 2 + count]))
            index += 2 + count
        }
        return strings
    }

    private func tokenizers(_ name: String) throws -> [(source: String, Tokenizer)] {
        var found: [(source: String, Tokenizer)] = []
        if let json = try read("\(name)/tokenizer.json") {
            found.append(("json", try Tokenizer(tokenizerJSON: JSONParser.parse(json))))
        }
        if let json = try read("\(name)/vocabulary.json") {
            found.append(("gguf", try Tokenizer(GGUFVocabulary(JSONParser.parse(json)))))
        }
        return found
    }

    @Test(arguments: RealTokenizers.names)
    func idsAndTextsEqualTheReference(name: String) throws {
        guard try read("\(name)/results.bin") != nil else { return }
        let strings = try strings()
        let expected = try expected(name)
        try #require(strings.count == expected.count && strings.count >= 10_000)
        for (source, tokenizer) in try tokenizers(name) {
            var wrongIDs: [Int] = []
            var wrongTexts: [Int] = []
            for (index, string) in strings.enumerated() {
                let want = expected[index]
                let parsed = tokenizer.encode(string, addSpecialTokens: false, parseSpecial: true)
                let wrapped = tokenizer.encode(string, addSpecialTokens: true, parseSpecial: false)
                if parsed != want.parsed || wrapped != want.wrapped { wrongIDs.append(index) }
                let text = Array(tokenizer.decode(want.parsed, skipSpecial: false).utf8)
                let skipped = Array(tokenizer.decode(want.wrapped, skipSpecial: true).utf8)
                if text != want.text || skipped != want.skipped { wrongTexts.append(index) }
            }
            print(
                "\(name) \(source): \(strings.count) strings, \(wrongIDs.count) with other ids,"
                    + " \(wrongTexts.count) with other texts")
            #expect(wrongIDs.isEmpty, "\(source), ids: \(wrongIDs.count), \(wrongIDs.prefix(12))")
            #expect(
                wrongTexts.isEmpty,
                "\(source), texts: \(wrongTexts.count), \(wrongTexts.prefix(12))")
        }
    }

    @Test(arguments: RealTokenizers.names)
    func idsEqualLlamaCpp(name: String) throws {
        guard let data = try read("\(name)/llama.bin"),
            let json = try read("\(name)/vocabulary.json")
        else { return }
        let tokenizer = try Tokenizer(GGUFVocabulary(JSONParser.parse(json)))
        var index = 0
        var wrong: [Int] = []
        let strings = try strings()
        for (number, string) in strings.enumerated() {
            let want = ids(data, &index)
            let found = tokenizer.encode(string, addSpecialTokens: false, parseSpecial: true)
            if found != want { wrong.append(number) }
        }
        print("\(name): \(strings.count) strings, \(wrong.count) with other ids than llama.cpp")
        #expect(wrong.isEmpty, "\(wrong.count), first \(wrong.prefix(12))")
    }

    @Test(arguments: RealTokenizers.names)
    func casesOfTheVocabularyFilesHold(name: String) throws {
        guard let json = try read("\(name)/cases.json"),
            let vocabulary = try read("\(name)/vocabulary.json")
        else { return }
        let tokenizer = try Tokenizer(GGUFVocabulary(JSONParser.parse(vocabulary)))
        let cases = try #require(JSONParser.parse(json).array)
        for pair in cases {
            let text = try #require(pair.array?.first?.string)
            let want = pair.array?.last?.array?.compactMap(\.integer).map { Int32($0) }
            let found = tokenizer.encode(text, addSpecialTokens: false)
            #expect(found == want, "\(text.debugDescription)")
        }
        if !cases.isEmpty { print("\(name): \(cases.count) cases of its file hold") }
    }

    @Test(arguments: ["smollm2", "qwen2.5", "gemma3"])
    func loadingAndEncodingAreFast(name: String) throws {
        let wiki = RealTokenizers.shared.appending(path: "data/text/wikitext-2/wiki.test.raw")
        guard FileManager.default.fileExists(atPath: wiki.path),
            let json = try read("\(name)/vocabulary.json")
        else { return }
        let file = try GGUFVocabulary(JSONParser.parse(json))
        let text = try [UInt8](Data(contentsOf: wiki))
        let clock = ContinuousClock()
        var tokenizer: Tokenizer?
        let loading = try clock.measure { tokenizer = try Tokenizer(file) }
        let loaded = try #require(tokenizer)
        var ids: [Int32] = []
        let encoding = clock.measure { ids = loaded.encode(text, addSpecialTokens: false) }
        var decoded = ""
        let decoding = clock.measure { decoded = loaded.decode(ids) }
        #expect(Array(decoded.utf8) == text)
        print(
            "\(name): \(text.count) bytes, \(ids.count) ids, load \(loading), encode \(encoding),"
                + " decode \(decoding)")
        // Ten times what two busy cores take.
        #expect(loading < .seconds(10) && encoding < .seconds(20))
    }
}

extension GGUFVocabulary {
    /// The metadata that the script wrote.
    init(_ json: JSONValue) throws {
        self.init(
            model: try #require(json["model"]?.string), pre: json["pre"]?.string,
            tokens: try #require(json["tokens"]?.array).compactMap(\.string))
        types = json["types"]?.array?.compactMap(\.integer)
        scores = json["scores"]?.array?.compactMap(\.double).map { Float($0) }
        merges = json["merges"]?.array?.compactMap(\.string)
        bosID = json["bosID"]?.integer
        eosID = json["eosID"]?.integer
        eotID = json["eotID"]?.integer
        unknownID = json["unknownID"]?.integer
        separatorID = json["separatorID"]?.integer
        paddingID = json["paddingID"]?.integer
        maskID = json["maskID"]?.integer
        addsBOS = json["addsBOS"]?.bool
        addsEOS = json["addsEOS"]?.bool
        addsSpacePrefix = json["addsSpacePrefix"]?.bool
        rightStrippedIDs = Set(json["rightStrippedIDs"]?.array?.compactMap(\.integer) ?? [])
    }
}
