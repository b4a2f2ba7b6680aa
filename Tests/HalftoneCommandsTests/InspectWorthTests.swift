import ArgumentParser
import Foundation
import HalftoneCommands
import HalftoneFiles
import Testing

/// `halftone inspect --worth`, run as a user would.
struct InspectWorthTests {
    private func run(_ arguments: [String]) throws {
        var command = try HalftoneCommand.parseAsRoot(arguments + ["--quiet"])
        try command.run()
    }

    /// A text for a tiny model.
    private func withText(_ body: (String) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "halftone-worth-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let text = (0..<4000).map { "Sam saw a red fox number \($0 % 97). " }.joined()
        try Data(text.utf8).write(to: URL(filePath: folder + "/text.txt"))
        try body(folder)
    }

    @Test func whatIsSavedIsDrawnAndSpent() throws {
        try withText { folder in
            let (saved, text) = (folder + "/worth.json", folder + "/text.txt")
            try run([
                "inspect", "stories", "--worth", "--calibration", text, "--save", saved, "--chart",
                folder + "/worth.svg",
            ])
            let document = try JSONParser.parse(Array(try Data(contentsOf: URL(filePath: saved))))
            #expect(document["measure"]?.string == "curvature")
            let svg = try String(contentsOfFile: folder + "/worth.svg", encoding: .utf8)
            #expect(svg.contains("block 0") && svg.contains("down"))
            try run([
                "inspect", "stories", "--worth", "--load", saved, "--chart", folder + "/all.html",
            ])
            let page = try String(contentsOfFile: folder + "/all.html", encoding: .utf8)
            #expect(page.contains("blocks.1.down") && page.contains("nats per token"))
            try run([
                "compress", "stories", "--bits", "3.5", "--effort", "fast", "--calibration", text,
                "--worth", saved, "-o", folder + "/out",
            ])
            #expect(FileManager.default.fileExists(atPath: folder + "/out/model.safetensors"))
            try Data("{}".utf8).write(to: URL(filePath: saved))
            #expect(throws: (any Error).self) {
                try run(["inspect", "stories", "--worth", "--load", saved])
            }
        }
    }

    @Test(arguments: ["layer", "channels", "columns", "planes"])
    func partsAreShown(by: String) throws {
        try withText { folder in
            try run([
                "inspect", "stories", "--worth", "--by", by, "--parts", "4", "--only", "blocks.1.",
                "--calibration", folder + "/text.txt", "--chart", folder + "/parts.svg",
                "--sensitivity", "error",
            ])
            let svg = try String(contentsOfFile: folder + "/parts.svg", encoding: .utf8)
            #expect(svg.contains(by == "layer" ? "block 1" : "1.down"))
        }
    }

    @Test(arguments: [
        ["inspect", "stories", "--sensitivity", "kl"],
        ["inspect", "stories", "--worth", "--widths", "0,3"],
        ["inspect", "stories", "--worth", "--chart", "it.gif"],
        ["inspect", "stories", "--worth", "--parts", "0"],
        ["inspect", "stories", "--worth", "--load", "a", "--save", "b"],
        ["inspect", "stories", "--worth", "--only", "down", "--save", "b"],
        ["compress", "stories", "--bits", "4", "--sensitivity", "kl", "-o", "x"],
        ["compress", "stories", "--bits", "3.5", "--sensitivity", "kl", "--worth", "a", "-o", "x"],
    ])
    func whatDoesNotGoTogetherIsRefused(arguments: [String]) {
        #expect(throws: (any Error).self) { _ = try HalftoneCommand.parseAsRoot(arguments) }
    }
}
