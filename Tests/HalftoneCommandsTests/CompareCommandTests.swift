import ArgumentParser
import Foundation
import HalftoneCommands
import HalftoneFiles
import Testing

/// `halftone compare`, run as a user would.
@Suite struct CompareCommandTests {
    private func folder() -> String {
        NSTemporaryDirectory() + "halftone-compare-" + UUID().uuidString
    }

    private func arguments(_ folder: String, _ more: [String] = []) -> [String] {
        [
            "compare", "stories", "--bits", "2", "--methods", "rtn,rotation,gptq", "--group", "64",
            "--windows", "2", "--window", "64", "--calibration-windows", "2", "--quiet", "-o",
            folder,
        ] + more
    }

    private func run(_ arguments: [String]) throws {
        var command = try HalftoneCommand.parseAsRoot(arguments)
        try command.run()
    }

    @Test func whatIsDoneIsKeptAndWhatWasAskedForIsWritten() throws {
        let folder = folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try run(arguments(folder))
        let data = try Data(contentsOf: URL(filePath: folder + "/comparison.json"))
        let results = try #require(JSONParser.parse(Array(data)).array)
        #expect(
            results.compactMap { $0["method"]?.string } == ["float", "rtn", "rotation", "gptq"])
        // Two bits, a float16 scale and a 2-bit zero point for 64 weights; 128 columns.
        #expect(results[1]["bitsPerWeight"]?.double == 2 + 18.0 / 64)
        #expect(try #require(results[1]["divergence"]?.double) > 0.01)
        #if os(Linux)
            // The model that comes along is larger than a mebibyte, and no test takes a tebibyte.
            for result in results {
                let peak = try #require(result["peakMemoryBytes"]?.integer)
                #expect((1 << 20..<1 << 40).contains(peak))
            }
        #endif
        let page = try String(contentsOfFile: folder + "/report.html", encoding: .utf8)
        #expect(page.contains("rotation") && page.contains("<svg"))
        // Once more: nothing is measured again, so the data are the same to the last digit.
        let before = try Data(contentsOf: URL(filePath: folder + "/comparison.json"))
        try run(arguments(folder))
        #expect(try Data(contentsOf: URL(filePath: folder + "/comparison.json")) == before)
        // With other settings it is another comparison.
        #expect(throws: (any Error).self) { try run(arguments(folder, ["--seeds", "2"])) }
    }

    /// A method that has one width is measured once, at that width, and one that has several where
    /// they were asked for.
    @Test func publishedMethodsAreStepsLikeOthers() throws {
        let folder = folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try run([
            "compare", "stories", "--bits", "3", "--methods", "rtn,rotation+lq-lora,zeroquant-fp6",
            "--windows", "1", "--window", "64", "--quiet", "-o", folder,
        ])
        let data = try Data(contentsOf: URL(filePath: folder + "/comparison.json"))
        let results = try #require(JSONParser.parse(Array(data)).array)
        #expect(
            results.compactMap { $0["method"]?.string }
                == ["float", "rtn", "rotation+lq-lora", "zeroquant-fp6"])
        #expect(results.compactMap { $0["bits"]?.integer } == [32, 3, 3, 6])
        #expect(try #require(results[3]["bitsPerWeight"]?.double) >= 6)
    }

    /// Other text under the same name is another comparison.
    @Test func textsAreKnownByWhatTheySay() throws {
        let folder = folder()
        let text = folder + ".txt"
        defer { for path in [folder, text] { try? FileManager.default.removeItem(atPath: path) } }
        func write(_ sentence: String) throws {
            let whole = String(repeating: sentence + " ", count: 60)
            try Data(whole.utf8).write(to: URL(filePath: text))
        }
        let given = [
            "compare", "stories", "--bits", "2", "--methods", "rtn", "--group", "64", "--window",
            "64", "--windows", "1", "--quiet", "--text", text, "-o", folder,
        ]
        try write("Tom has a red ball.")
        try run(given)
        try write("Ann went to the old mill.")
        #expect(throws: (any Error).self) { try run(given) }
    }

    @Test(arguments: [
        ["--bits", "9"], ["--bits", "3,3"], ["--bits", "x"], ["--methods", "gptq,gptq"],
        ["--methods", "magic"], ["--seeds", "0"], ["--windows", "0"], ["--group", "x"],
        ["--group", "tensor"], ["--questions", "a/q.jsonl", "--questions", "b/q.jsonl"],
        ["--methods", "lq-lora", "--bits", "3,5"], ["--methods", "baq+rotation"],
    ])
    func whatCannotBeIsRefusedBeforeAnythingIsRead(options: [String]) {
        #expect(throws: (any Error).self) {
            _ = try HalftoneCommand.parseAsRoot(["compare", "stories"] + options)
        }
    }
}
