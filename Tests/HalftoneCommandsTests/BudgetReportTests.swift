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
            "compress", "stories", "--bits", "3.0", "--order", "automatic", "--effort", "fast",
            "--calibration-windows", "2", "--calibration-length", "64", "--quiet", "-o", folder,
            "--report", path,
        ])
        try command.run()
        let page = try String(contentsOfFile: path, encoding: .utf8)
        let weights = try Data(contentsOf: URL(filePath: folder + "/model.safetensors"))
        #expect(page.contains(SHA256.hexadecimal(of: Array(weights))))
        for part in [
            "Expected damage", "block 5", "blocks.1.down", "calibrationWindows", "of a prompt",
            "What other sizes would lose", "where they are worth most, expected",
        ] {
            #expect(page.contains(part), "\(part)")
        }
        #expect(!page.contains("src=") && !page.contains("href="), "nothing is loaded")
        #expect(!FileManager.default.fileExists(atPath: folder + ".run"))
    }

    /// A GGUF file of a budget, with its page.
    @Test func budgetsBecomeGGUFFiles() throws {
        let path = NSTemporaryDirectory() + "halftone-budget-" + UUID().uuidString + ".gguf"
        let page = path + ".html"
        defer { for path in [path, page] { try? FileManager.default.removeItem(atPath: path) } }
        var command = try HalftoneCommand.parseAsRoot([
            "compress", "stories", "--bits", "5.25", "--target", "gguf", "--effort", "fast",
            "--calibration-windows", "2", "--calibration-length", "64", "--quiet", "-o", path,
            "--report", page,
        ])
        try command.run()
        let weights = try Data(contentsOf: URL(filePath: path))
        #expect(weights.prefix(4) == Data("GGUF".utf8))
        let text = try String(contentsOfFile: page, encoding: .utf8)
        #expect(text.contains(SHA256.hexadecimal(of: Array(weights))))
        #expect(!FileManager.default.fileExists(atPath: path + ".run"))
    }

    /// A speed that there is is kept beside bits, one that there is not is refused.
    @Test func speedsAreKeptOrRefused() throws {
        let folder = NSTemporaryDirectory() + "halftone-budget-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var command = try HalftoneCommand.parseAsRoot([
            "compress", "stories", "--bits", "3.0", "--speed", "0.001", "--effort", "fast",
            "--calibration-windows", "2", "--calibration-length", "64", "--quiet", "-o", folder,
        ])
        try command.run()
        #expect(FileManager.default.fileExists(atPath: folder + "/model.safetensors"))
        #expect(throws: (any Error).self) {
            var command = try HalftoneCommand.parseAsRoot([
                "compress", "stories", "--speed", "1e12", "--effort", "fast",
                "--calibration-windows", "2", "--calibration-length", "64", "--quiet", "--restart",
                "--force", "-o", folder,
            ])
            try command.run()
        }
        try? FileManager.default.removeItem(atPath: folder + ".run")
    }

    /// A budget of bytes is spent on coded codes, with its page.
    @Test func budgetsAreSpentOnCodedCodes() throws {
        let folder = NSTemporaryDirectory() + "halftone-budget-" + UUID().uuidString
        let path = folder + ".html"
        defer { for path in [folder, path] { try? FileManager.default.removeItem(atPath: path) } }
        var command = try HalftoneCommand.parseAsRoot([
            "compress", "stories", "--size", "480kB", "--effort", "fast",
            "--calibration-windows", "8", "--calibration-length", "64", "--quiet", "-o", folder,
            "--report", path,
        ])
        try command.run()
        let weights = try Data(contentsOf: URL(filePath: folder + "/model.safetensors"))
        #expect((477_600...480_000).contains(weights.count))
        let page = try String(contentsOfFile: path, encoding: .utf8)
        #expect(page.contains(SHA256.hexadecimal(of: Array(weights))))
        #expect(page.contains("an entropy coder") && !page.contains("Expected damage"))
        for part in ["What weights change by", "what rows are worth, expected", "of a prompt"] {
            #expect(page.contains(part), "\(part)")
        }
    }

    /// Coded codes are for folders and their sizes.
    @Test(arguments: [
        ["--memory", "400MB"], ["--speed", "10"], ["--kl", "0.05"], ["--perplexity", "5%"],
    ])
    func codedCodesMakeFilesSmallAndNothingElse(options: [String]) throws {
        let error = try #require(
            #expect(throws: (any Error).self) {
                _ = try HalftoneCommand.parseAsRoot(
                    ["compress", "stories", "-o", "x", "--order", "coded"] + options)
            })
        #expect(HalftoneCommand.message(for: error).contains("--size and --bits"))
    }

    /// Codes are tuned where there are some and something is tuned, by at most one in a step.
    @Test(arguments: [
        (["--bits", "3.0", "--effort", "fast", "--tune-codes", "0.02"], "an effort that tunes"),
        (["--bits", "5.25", "--target", "gguf", "--tune-codes", "0.02"], "GGUF files"),
        (["--bits", "3.0", "--tune-codes", "2"], "from 0 to 1"),
        (["--bits", "3.0", "--tune-codes=-1"], "from 0 to 1"),
        (["--bits", "3.0", "--tune-codes", "0.02", "--order", "coded"], "--order automatic"),
        (["--bits", "3", "--tune-codes", "0.02"], "for a budget"),
        (["--bits", "3.0", "--tune-codes", "0.02"], nil),
        (["--bits", "3.0", "--embedding", "int6", "--order", "coded"], nil),
    ])
    func codesAreTunedWhereSomethingIs(options: [String], refusal: String?) throws {
        let output = options.contains("gguf") ? "x.gguf" : "x"
        let parse = {
            _ = try HalftoneCommand.parseAsRoot(["compress", "stories", "-o", output] + options)
        }
        guard let refusal else { return try parse() }
        let error = try #require(#expect(throws: (any Error).self) { try parse() })
        #expect(HalftoneCommand.message(for: error).contains(refusal))
    }

    @Test func thePageIsForBudgets() {
        #expect(throws: (any Error).self) {
            _ = try HalftoneCommand.parseAsRoot([
                "compress", "stories", "--bits", "3", "--report", "r.html", "-o", "x",
            ])
        }
    }

    /// What a budget chooses itself is refused before any work, and so are sizes that are none.
    @Test(arguments: [
        ["--bits", "2.5", "--method", "gptq"], ["--bits", "2.5", "--order", "rows"],
        ["--bits", "2.5", "--column-order", "natural"], ["--size", "1MB", "--group", "32"],
        ["--bits", "2.5", "--weighting", "uniform"], ["--bits", "3", "--size", "1MB"],
        ["--size", "1 furlong"], ["--size", "-1MB"], ["--bits", "nan"], ["--bits", "-2.5"],
        ["--kl", "0"], ["--kl", "-1"], ["--speed", "0"], ["--perplexity", "-3%"],
        ["--context", "100", "--size", "1MB"], ["--memory", "1MB", "--context", "0"],
        ["--bits", "2.5", "--target", "gguf"], ["--bits", "4", "--target", "folder"],
    ])
    func whatDoesNotGoWithABudgetIsRefused(options: [String]) {
        #expect(throws: (any Error).self) {
            _ = try HalftoneCommand.parseAsRoot(["compress", "stories", "-o", "x"] + options)
        }
    }

    @Test(arguments: [
        ["--size", "1.5 MB"], ["--size", "600kB"], ["--size", "1_000_000"], ["--kl", "0.05"],
        ["--bits", "4.25", "--target", "folder"], ["--kl", "0.1", "--size", "1MB"],
        ["--perplexity", "5%", "--speed", "20", "--memory", "1GB", "--context", "64"],
    ])
    func sizesAreReadAsPeopleWriteThem(options: [String]) throws {
        _ = try HalftoneCommand.parseAsRoot(["compress", "stories", "-o", "x"] + options)
    }
}
