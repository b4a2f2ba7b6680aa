import Foundation
import HalftoneAllocation
import HalftoneCompression
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneNN
import HalftoneQuantization
import HalftoneRuns
import HalftoneTraining
import Synchronization
import Testing

/// Jobs that go on from what a folder keeps.
extension BudgetedCompressionTests {
    /// Does something with a job that tries and tunes, and with a folder to keep it in.
    private func resuming(
        _ body: (BudgetedCompression, _ path: String) throws -> Void
    ) throws {
        var settings = settings
        settings.evolution = EvolutionarySearch()
        settings.evolution?.generations = 2
        settings.tuning = PredictionTuning()
        settings.tuning?.steps = 4
        settings.tuning?.codeRate = 0.5
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID())").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(job(modelFixture("llama2"), .bitsPerWeight(4.5), settings), path)
    }

    /// Makes steps of a job that are done look as they do when it was killed inside them.
    private func reopen(_ steps: [String], of path: String) throws {
        for step in steps {
            try FileManager.default.moveItem(
                atPath: path + "/units/done/" + step, toPath: path + "/units/pending/" + step)
        }
    }

    /// A job that finds its steps done goes on from them, and writes the same bytes.
    @Test func finishedStepsAreNotRepeated() throws {
        try resuming { job, path in
            let whole = try bytes(job.run().model)
            let first = try job.run(keepingAt: path)
            #expect(try bytes(first.model) == whole)
            // Codes that were tuned are among what is kept.
            #expect(first.candidates.last?.kind == .tuned)
            var settings = job.settings
            settings.tuning?.codeRate = 0
            let plain = try self.job(job.model, .bitsPerWeight(4.5), settings).run()
            #expect(
                first.model.quantized.contains { role, matrix in
                    plain.model.quantized[role]?.parts.codes.array != matrix.parts.codes.array
                })
            let titles = Mutex<[String]>([])
            let again = try job.run(keepingAt: path) { title, _, _ in
                titles.withLock { $0.append(title) }
                return nil
            }
            #expect(try bytes(again.model) == whole)
            #expect(again.candidates == first.candidates)
            let repeated = titles.withLock { $0 }.filter { title in
                ["worth", "Trying", "Tuning"].contains { title.contains($0) }
            }
            #expect(repeated.isEmpty)
            #expect(throws: RunError.self) {
                _ = try self.job(job.model, .bitsPerWeight(4), job.settings)
                    .run(keepingAt: path)
            }
        }
    }

    /// A job goes on inside its long steps, and writes the same bytes.
    @Test func stepsGoOnFromWhatTheyKeep() throws {
        try resuming { job, path in
            let first = try job.run(keepingAt: path)
            try reopen(["costs", "evolved", "tuned", "measured%20tuned"], of: path)
            let again = try job.run(keepingAt: path)
            #expect(try bytes(again.model) == bytes(first.model))
            #expect(again.candidates == first.candidates)
            // What is kept is what is taken: another number makes another choice of costs.
            try reopen(["costs"], of: path)
            let run = try Run.existing(at: path, kind: BudgetedCompression.runKind)
            let kept = try #require(try run.latestCheckpoint("costs"))
            let numbers = try JSONDecoder().decode(
                [String: UInt64].self, from: Data(kept.folder.read("numbers.json")))
            let name = try #require(numbers.keys.first)
            let lock = try run.lock()
            try lock.saveCheckpoint("costs", version: 1 << 20) { folder in
                let changed = numbers.merging([name: (1e6).bitPattern]) { $1 }
                try folder.write(Array(JSONEncoder().encode(changed)), to: "numbers.json")
            }
            lock.release()
            let costs = try job.run(keepingAt: path).costs
            #expect(costs.units.flatMap(\.choices).count { $0.cost == 1e6 } == 1)
        }
    }

    /// A kept state that is of something else is named, and ends the job.
    @Test(arguments: ["tuned", "costs"])
    func aStateOfSomethingElseIsRefused(step: String) throws {
        try resuming { job, path in
            _ = try job.run(keepingAt: path)
            try reopen([step, "measured%20tuned"], of: path)
            let run = try Run.existing(at: path, kind: BudgetedCompression.runKind)
            let lock = try run.lock()
            try lock.saveCheckpoint(step, version: 1 << 20) { folder in
                try SavedState().write(to: folder)
                try folder.write(Array("[]".utf8), to: "numbers.json")
            }
            lock.release()
            #expect {
                _ = try job.run(keepingAt: path)
            } throws: { error in
                guard case RunError.damaged(let path, _) = error else { return false }
                return path.contains(step)
            }
        }
    }

    /// Numbers that are known are taken as they are, and others are measured.
    @Test func knownNumbersAreNotMeasuredAgain() throws {
        let model = try modelFixture("llama3")
        let text = CalibrationText(sequences: [Array(tokens(model).prefix(32))])
        func costs(_ numbers: MeasuredNumbers) throws -> [Double] {
            try StorageCosts(
                model.weights, packings: settings.packings, method: RoundToNearest(),
                measure: .error, calibration: text, numbers: numbers, pool: Self.pool
            ).units.flatMap { $0.choices.map(\.cost) }
        }
        var kept: [[String: Double]] = []
        let first = try costs(MeasuredNumbers { kept.append($0) })
        #expect(kept.map(\.count) == Array(1...first.count))
        let some = kept[first.count / 2].mapValues { $0 + 1e6 }
        kept = []
        let second = try costs(MeasuredNumbers(some) { kept.append($0) })
        #expect(kept.count == first.count - some.count)
        #expect(second.count { $0 >= 1e6 } == some.count)
        #expect(zip(first, second).allSatisfy { $1 == $0 || $1 == $0 + 1e6 })
    }
}
