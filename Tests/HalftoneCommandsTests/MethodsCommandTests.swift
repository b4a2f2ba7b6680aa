import ArgumentParser
import Foundation
import HalftoneCommands
import HalftoneMethods
import HalftoneReproductions
import Testing

/// The commands of the catalogue, by what they accept and write.
@Suite struct MethodsCommandTests {
    private func message(_ arguments: [String]) -> String {
        do {
            _ = try HalftoneCommand.parseAsRoot(arguments)
            return ""
        } catch { return HalftoneCommand.message(for: error) }
    }

    @Test func whatIsNotThereIsNamedWithWhatIs() {
        let unknown = message(["reproduce", "nothing"])
        for record in MethodCatalogue.all { #expect(unknown.contains(record.id)) }
        #expect(message(["methods", "nothing"]).contains("no method is called \"nothing\""))
        #expect(message(["reproduce"]).contains("--all"))
        #expect(message(["reproduce", "--all", "ties-merging"]).contains("--all"))
        #expect(message(["methods", "--verdict", "maybe"]).contains("not-confirmed"))
        #expect(message(["methods", "--family", "maybe"]).contains("merging"))
        #expect(message(["methods", "--write-table", "x.md"]).contains("--results"))
        #expect(message(["methods", "--stage", "tuning", "--verdict", "none"]).isEmpty)
    }

    @Test func theTableIsMadeOfResultsAlone() throws {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "halftone-table-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let page = folder.appending(path: "page.md").path
        var command = try HalftoneCommand.parseAsRoot(
            ["methods", "--results", folder.path, "--write-table", page, "--quiet"])
        try command.run()
        let text = try String(contentsOfFile: page, encoding: .utf8)
        #expect(try text == CatalogueTable(ResultStore(folder: folder)).markdown)
        #expect(
            text.components(separatedBy: "Not reproduced yet.").count - 1
                == MethodCatalogue.all.count)
    }
}
