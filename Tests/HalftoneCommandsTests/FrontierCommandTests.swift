import ArgumentParser
import Foundation
import HalftoneCommands
import HalftoneFiles
import Testing

/// `halftone frontier`, run as a user would.
struct FrontierCommandTests {
    @Test func theCurveIsWritten() throws {
        let folder = NSTemporaryDirectory() + "halftone-frontier-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func run(_ most: String) throws {
            var command = try HalftoneCommand.parseAsRoot([
                "frontier", "stories", "--from", "2.5", "--to", most, "--points", "2", "--effort",
                "fast", "--quiet", "-o", folder,
            ])
            try command.run()
        }
        try run("4")
        let data = try Data(contentsOf: URL(filePath: folder + "/frontier.json"))
        let outcome = try JSONParser.parse(Array(data))
        let points = try #require(outcome["points"]?.array)
        #expect(points.compactMap { $0["bitsPerWeight"]?.double } == [2.5, 4])
        for point in points {
            let candidates = try #require(point["candidates"]?.array)
            #expect(
                candidates.compactMap { $0["kind"]?.string } == ["uniform", "allocated", "coded"])
        }
        for name in ["report.html", "frontier.svg"] {
            let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
            #expect(text.contains("allocated") && text.contains("uniform"), "\(name)")
        }
        // The folder is of these budgets, and of no others.
        #expect(throws: (any Error).self) { try run("5") }
    }

    @Test(arguments: [
        ["--from", "5", "--to", "2"], ["--points", "1"], ["--from", "0"],
        ["--from", "3", "--to", "3", "--points", "2"],
    ])
    func rangesAreChecked(options: [String]) {
        #expect(throws: (any Error).self) {
            _ = try HalftoneCommand.parseAsRoot(["frontier", "stories"] + options)
        }
    }
}
