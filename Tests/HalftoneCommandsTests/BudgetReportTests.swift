import ArgumentParser
import Foundation
import HalftoneCommands
import HalftoneRuns
import Testing

/// The page of `halftone compress --report`, written as a user would.
struct BudgetReportTests {
    @Test func thePageSaysWhatWasChosenAndHowToDoItAgain() throws {
        let folder = NSTemporaryDirectory() + "halftone-budget-" + UUID().uuidString
        let path = folder + ".html"
        defer { for path in [folder, path] { try? FileManager.default.removeItem(atPath: path) } }
        var command = try HalftoneCommand.parseAsRoot([
            "compress", "stories", "--bits", "3.0", "--effort", "fast", "--calibration-windows",
            "2", "--calibration-length", "64", "--quiet", "-o", folder, "--report", path,
        ])
        try command.run()
        let page = try String(contentsOfFile: path, encoding: .utf8)
        let weights = try Data(contentsOf: URL(filePath: folder + "/model.safetensors"))
        #expect(page.contains(SHA256.hexadecimal(of: Array(weights))))
        for part in ["Expected damage", "block 5", "blocks.1.down", "calibrationWindows"] {
            #expect(page.contains(part), "\(part)")
        }
        #expect(!page.contains("src=") && !page.contains("href="), "nothing is loaded")
        #expect(!FileManager.default.fileExists(atPath: folder + ".run"))
    }

    @Test func thePageIsForBudgets() {
        #expect(throws: (any Error).self) {
            _ = try HalftoneCommand.parseAsRoot([
                "compress", "stories", "--bits", "3", "--report", "r.html", "-o", "x",
            ])
        }
    }
}
