import ArgumentParser
import Foundation
import HalftoneCommands
import HalftoneFormats
import Testing

/// The commands of number formats, by what they accept and draw.
@Suite struct FormatsCommandTests {
    private func message(_ arguments: [String]) -> String {
        do {
            var command = try HalftoneCommand.parseAsRoot(arguments)
            try command.run()
            return ""
        } catch { return HalftoneCommand.message(for: error) }
    }

    @Test func aFormatThatIsNoneIsAnsweredWithThoseThatAre() {
        let unknown = message(["formats", "show", "e9m9"])
        #expect(unknown.contains("no number format is called \"e9m9\""))
        for format in NumberFormat.known { #expect(unknown.contains("\(format)")) }
        #expect(message(["formats", "chart", "x", "--group-size", "0"]).contains("--group-size"))
        for format in NumberFormat.known {
            #expect(message(["formats", "show", "\(format)", "--json"]).isEmpty)
        }
    }

    @Test func theChartHasEveryFamilyAndTheBound() throws {
        let model = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fixtures/Models/llama3")
        let chart = FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID().uuidString).svg")
        defer { try? FileManager.default.removeItem(at: chart) }
        let path = model.path(percentEncoded: false)
        let failed = message(
            [
                "formats", "chart", path, "--output", chart.path(percentEncoded: false), "--quiet",
                "--json",
            ])
        #expect(failed.isEmpty)
        let text = try String(contentsOf: chart, encoding: .utf8)
        for name in [
            "rate-distortion bound", "integers", "floats", "codebooks", "shared exponents",
            "GGUF blocks", "structures", "bits per weight", "signal to noise",
        ] {
            #expect(text.contains(name), "\(name)")
        }
        #expect(message(["formats", "chart", path, "--tensor", "x"]).contains("has no matrix x"))
    }

    @Test func formatsAreTimedAgainstIntegers() {
        #expect(
            message([
                "formats", "speed", "--rows", "32", "--columns", "256", "--rounds", "1", "--json",
            ]).isEmpty)
        #expect(message(["formats", "speed", "--columns", "100"]).contains("--columns"))
        #expect(message(["formats", "speed", "--form", "int9"]).contains("is no form"))
    }

    @Test func compressTakesForms() {
        func refusal(_ arguments: String...) -> String {
            message(["compress", "stories", "-o", "out"] + arguments)
        }
        #expect(refusal("--format", "e9m9").contains("is no form such as"))
        #expect(refusal("--format", "nf4", "--group", "32").contains("nf4/32/f16"))
        #expect(refusal("--format", "nf4", "--layout", "gptq").contains("halftone convert"))
        #expect(refusal("--format", "nf4", "--bits", "4").contains("either"))
        #expect(refusal("--format", "int4", "--embedding", "nf9").contains("is no form"))
    }

    @Test func compressTakesPublishedMethods() {
        func refusal(_ arguments: String...) -> String {
            message(["compress", "stories", "-o", "out", "--method"] + arguments)
        }
        #expect(refusal("rotation+lq-lora").contains("lq-lora needs --bits, one of 2, 3, 4, 8"))
        #expect(refusal("lq-lora", "--bits", "5").contains("needs --bits"))
        #expect(refusal("rotation+zeroquant-fp6", "--bits", "6").contains("leave --bits out"))
        #expect(refusal("rotation+baq", "--bits", "2").contains("needs a text"))
        #expect(refusal("zeroquant-fp6", "--calibration", "x").contains("reads no text"))
        #expect(refusal("awq+zeroquant-fp6").contains("needs a text"))
        #expect(refusal("zeroquant-fp6", "--column-order", "natural").contains("of no use"))
        #expect(refusal("zeroquant-fp6", "--format", "int4").contains("form of its own"))
        #expect(refusal("baq+rotation", "--bits", "2").contains("is no step there"))
    }
}
