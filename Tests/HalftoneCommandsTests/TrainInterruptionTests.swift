import Foundation
import HalftoneRuns
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// `halftone train` as a process of its own, stopped from outside.
struct TrainInterruptionTests {
    private let folder = FileManager.default.temporaryDirectory
        .appending(path: "interrupted-\(UUID())")

    /// The program, which the build puts beside the tests.
    private static let program = URL(filePath: CommandLine.arguments[0])
        .deletingLastPathComponent().appending(path: "halftone")

    private static let steps = 400

    /// A classifier small enough for thousands of steps a minute, with all that has state.
    private static let recipe = """
        version: 1
        images: {network: plain, widths: [4, 4], strides: [2, 2], classes: 3, size: 16, batch: 4,
          seed: 1, heldOut: 8}
        optimizer: {rule: adamw, rate: 0.002, warmup: 10, schedule: cosine}
        training: {steps: \(steps), metricsInterval: 1, checkpointInterval: 50, averageDecay: 0.9}
        """

    /// A process that was started, with what it says.
    private struct Child {
        let process = Process()
        let messages: URL

        init(_ arguments: [String], messages: URL) throws {
            self.messages = messages
            try Data().write(to: messages)
            process.executableURL = TrainInterruptionTests.program
            process.arguments = arguments
            process.standardOutput = FileHandle.nullDevice
            process.standardError = try FileHandle(forWritingTo: messages)
            try process.run()
        }

        /// Waits for the end.
        func end() throws -> (status: Int32, text: String) {
            process.waitUntilExit()
            return (process.terminationStatus, try String(contentsOf: messages, encoding: .utf8))
        }
    }

    private func train(_ name: String, _ more: [String] = []) throws -> Child {
        let recipe = folder.appending(path: "recipe.yaml")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Self.recipe.write(to: recipe, atomically: true, encoding: .utf8)
        return try Child(
            ["train", recipe.path, "-o", folder.appending(path: name).path, "--threads", "1"]
                + more, messages: folder.appending(path: name + ".txt"))
    }

    private func records(_ name: String) throws -> [MetricsRecord] {
        try MetricsLog.records(at: folder.appending(path: name + "/metrics.jsonl").path).map {
            MetricsRecord(step: $0.step, values: $0.values)
        }
    }

    @Test(
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: program.path),
            "needs the program beside the tests (swift build --product halftone)"))
    func controlCStopsAtAWholeStepAndResumingEndsWithTheSameBytes() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let whole = try train("whole").end()
        try #require(whole.status == 0, "\(whole.text)")

        let child = try train("parts")
        // Some steps in, long before the end: the metrics grow by a line a step.
        let metrics = folder.appending(path: "parts/metrics.jsonl")
        let deadline = Date(timeIntervalSinceNow: 60)
        while child.process.isRunning, Date() < deadline,
            ((try? String(contentsOf: metrics, encoding: .utf8)) ?? "").count(where: \.isNewline)
                < 5
        { usleep(2000) }
        try #require(kill(child.process.processIdentifier, SIGINT) == 0)
        let stopped = try child.end()
        #expect(child.process.terminationReason == .exit)
        #expect(stopped.status == 130, "\(stopped.text)")
        // Says where it is, and what to type.
        let run = folder.appending(path: "parts")
        let last = try #require(try records("parts").last)
        #expect((1..<Self.steps).contains(last.step), "stopped too late to show anything")
        #expect(
            stopped.text.contains("stopped after step \(last.step) of \(Self.steps)"),
            "\(stopped.text)")
        #expect(stopped.text.contains("-o \(run.path) --resume"), "\(stopped.text)")
        // The checkpoint is of that step, and there are curves of what was done, and no model yet.
        let opened = try Run.open(
            at: run.path, kind: "train",
            recipe: RunRecipe(json: Array(Data(contentsOf: run.appending(path: "recipe.json")))),
            opening: .resume)
        #expect(try opened.latestCheckpoint("training")?.version == last.step)
        let page = try String(contentsOf: run.appending(path: "curves.html"), encoding: .utf8)
        #expect(page.contains("\(last.step) of \(Self.steps) steps"))
        #expect(!FileManager.default.fileExists(atPath: run.appending(path: "model").path))

        let resumed = try train("parts", ["--resume"]).end()
        #expect(resumed.status == 0, "\(resumed.text)")
        for name in ["model/model.safetensors", "model/config.json", "loss.svg"] {
            let (expected, found) = (
                try Data(contentsOf: folder.appending(path: "whole/" + name)),
                try Data(contentsOf: folder.appending(path: "parts/" + name))
            )
            #expect(expected == found, "\(name) differs")
        }
        #expect(try records("parts") == records("whole"))
    }
}
