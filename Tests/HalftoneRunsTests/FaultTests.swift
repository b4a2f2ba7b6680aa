import Foundation
import HalftoneRuns
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A job with everything that runs offer: units with results and files, checkpoints, metrics.
struct SampleJob {
    /// What is the same whether or not the job was disturbed.
    struct Outcome: Equatable {
        var results: [String: [Double]] = [:]
        var files: [String: [UInt8]] = [:]
        var state: [UInt8] = []
        var metrics: [[String: Double]] = []
        var steps: [Int] = []
    }

    static let units = ["one", "two/2", "three"]
    static let recipe = ["layers": 3, "steps": 6]

    var path: String
    var options: RunOptions
    /// Units that were worked on.
    var done: [String] = []
    /// Units whose results were handed in.
    var handedIn: [String] = []
    /// The last checkpoint that was saved.
    var saved = 0

    init(_ path: String, _ fileSystem: FaultyFileSystem) {
        self.path = path
        var owner = RunOwner.current()
        // No process has that number: whoever comes next finds the owner dead.
        owner.process = .max
        options = RunOptions(fileSystem: fileSystem, owner: owner, heartbeatSeconds: .infinity)
    }

    /// Runs to the end, or until a fault.
    mutating func run() throws -> Outcome {
        let run = try Run.open(
            at: path, kind: "sample", recipe: RunRecipe(encoding: Self.recipe), units: Self.units,
            options: options)
        var worked: [String] = []
        defer { done = worked }
        // Whoever takes a unit has handed in the one before.
        defer { handedIn = Array(worked.dropLast()) }
        let status = try run.work { claim in
            worked.append(claim.name)
            try claim.folder.write(Array("side of \(claim.name)".utf8), to: "side.txt")
            return claim.name.utf8.map { Double($0) / 3 }
        }
        #expect(status.failed.isEmpty && status.done == Self.units)

        let lock = try run.lock()
        let saved = try run.latestCheckpoint("training")
        var step = saved?.version ?? 0
        var state = try saved?.folder.read("state") ?? [1, 2, 3]
        let metrics = try lock.metrics(through: step)
        while step < 6 {
            step += 1
            state = state.map { $0 &* 5 &+ UInt8(step) }
            try metrics.append(
                .init(
                    step: step, values: ["loss": 1 / Double(step)],
                    timing: ["s": .random(in: 0...1)]))
            if step.isMultiple(of: 2) {
                try lock.saveCheckpoint("training", version: step, state: state)
                self.saved = step
            }
        }
        var outcome = Outcome(state: state)
        for (unit, value) in try run.results(as: [Double].self) {
            outcome.results[unit] = value
            outcome.files[unit] = try run.folder(of: unit).read("side.txt")
        }
        let records = try metrics.records()
        outcome.metrics = records.map(\.values)
        outcome.steps = records.map(\.step)
        return outcome
    }

    /// Checks that what a fault left can be opened; returns which units are done.
    ///
    /// - Parameters:
    ///   - handedIn: Units that must be done, since the job was told so.
    ///   - saved: A version that a checkpoint must have at least.
    static func inspect(
        _ path: String, handedIn: [String] = [], saved: Int = 0
    ) throws -> [String] {
        do {
            let run = try Run.existing(at: path)
            let status = try run.status()
            #expect(
                status.pending.count + status.claimed.count + status.done.count
                    == Self.units.count)
            for unit in status.done {
                let expected = unit.utf8.map { Double($0) / 3 }
                #expect(try run.result(of: unit, as: [Double].self) == expected)
                #expect(
                    try run.folder(of: unit).read("side.txt") == Array("side of \(unit)".utf8))
            }
            let checkpoint = try run.latestCheckpoint("training")
            #expect(checkpoint?.damaged ?? [] == [])
            #expect(checkpoint?.version ?? 0 >= saved, "a saved checkpoint is lost")
            #expect(Set(status.done).isSuperset(of: handedIn), "a result is lost")
            return status.done
        } catch RunError.doesNotExist {
            return []
        }
    }

    /// All but what depends on who worked, and the checkpoint that the next save would prune.
    static func lasting(_ tree: [String]) -> [String] {
        tree.filter { !$0.contains("workers/") && !$0.contains("/training@000000002-1") }
    }
}

struct FaultTests {
    @Test(arguments: [FaultyFileSystem.Fault.refusal, .crash, .powerCut])
    func everyStepCanFail(fault: FaultyFileSystem.Fault) throws {
        let whole = try ScratchFolder()
        let counter = FaultyFileSystem()
        var undisturbed = SampleJob(whole.path + "/run", counter)
        let expected = try undisturbed.run()
        #expect(expected.steps == [1, 2, 3, 4, 5, 6])
        #expect(counter.steps > 100, "only \(counter.steps) steps change something")

        for step in 1...counter.steps {
            let folder = try ScratchFolder()
            let path = folder.path + "/run"
            let faulty = FaultyFileSystem(fault, at: step)
            var job = SampleJob(path, faulty)
            let outcome = try? job.run()
            #expect(faulty.steps >= step, "step \(step) was not reached")
            if let outcome { #expect(outcome == expected, "\(fault) at \(step)") }
            let done = try SampleJob.inspect(path, handedIn: job.handedIn, saved: job.saved)
            var second = SampleJob(path, FaultyFileSystem())
            #expect(try second.run() == expected, "\(fault) at step \(step)")
            let repeated = done.filter(second.done.contains)
            #expect(repeated == [], "\(fault) at step \(step) repeats \(repeated)")
            #expect(
                SampleJob.lasting(folder.tree) == SampleJob.lasting(whole.tree),
                "\(fault) at step \(step) leaves something behind or loses something")
        }
    }

    @Test(.serialized, arguments: [40, 65, 90, 110, 135])
    func aKilledProcessIsSucceededAtOnce(step: Int) async throws {
        let folder = try ScratchFolder(name: killFolder(of: getpid()))
        try AtomicFile.write("\(step)", to: folder.path + "/step")
        await #expect(processExitsWith: .signal(SIGKILL)) {
            let path = NSTemporaryDirectory() + killFolder(of: getppid())
            let text = try String(contentsOfFile: path + "/step", encoding: .utf8)
            let fileSystem = FaultyFileSystem(.kill, at: Int(text) ?? 0)
            var job = SampleJob(path + "/run", fileSystem)
            job.options.owner = .current()
            _ = try job.run()
        }
        let done = try SampleJob.inspect(folder.path + "/run")
        let whole = try ScratchFolder()
        var undisturbed = SampleJob(whole.path + "/run", FaultyFileSystem())
        let expected = try undisturbed.run()
        var second = SampleJob(folder.path + "/run", FaultyFileSystem())
        #expect(try second.run() == expected)
        #expect(!done.contains { second.done.contains($0) })
    }
}

private func killFolder(of process: pid_t) -> String { "halftone-kill-\(process)" }
