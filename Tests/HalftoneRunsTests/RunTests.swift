import Foundation
import HalftoneRuns
import Synchronization
import Testing

private func recipe(_ values: [String: Int] = ["bits": 4]) throws -> RunRecipe {
    try RunRecipe(encoding: values)
}

private func options(machine: String? = nil, stale: Double = 120) -> RunOptions {
    var owner = RunOwner.current()
    if let machine { owner.machine = machine }
    return RunOptions(owner: owner, heartbeatSeconds: .infinity, staleSeconds: stale)
}

/// How often each unit was worked on.
private final class Tally: Sendable {
    let counts = Mutex<[String: Int]>([:])
    func add(_ unit: String) { counts.withLock { $0[unit, default: 0] += 1 } }
}

struct RunTests {
    @Test func refusesAnotherRecipeAndNamesWhatDiffers() throws {
        struct Recipe: Encodable {
            var bits = [2, 4]
            var rate = 0.1
            var name: String? = nil
        }
        let folder = try ScratchFolder()
        let path = folder.path + "/a/b/run/"
        _ = try Run.open(at: path, kind: "x", recipe: RunRecipe(encoding: Recipe()))
        let other = try RunRecipe(encoding: Recipe(bits: [2, 3, 8], rate: 0.1, name: "new"))
        let error = #expect(throws: RunError.self) {
            try Run.open(at: path, kind: "x", recipe: other)
        }
        #expect(
            error
                == .recipeDiffers(
                    path: String(path.dropLast()),
                    differences: [
                        "bits[1]: 4 in the run, 3 now", "bits[2]: absent in the run, 8 now",
                        "name: absent in the run, \"new\" now",
                    ]))
        // Spelling does not count.
        let spelled = try RunRecipe(json: Array("{ \"rate\": 1e-1, \"bits\": [2.0, 4] }".utf8))
        let again = try Run.open(at: path, kind: "x", recipe: spelled, opening: .resume)
        #expect(again.recipe == spelled)
        #expect(throws: RunError.otherKind(path: again.path, found: "x", wanted: "y")) {
            try Run.open(at: path, kind: "y", recipe: spelled)
        }
        #expect(throws: RunError.alreadyExists(path: again.path)) {
            try Run.open(at: path, kind: "x", recipe: spelled, opening: .start)
        }
        #expect(throws: RunError.unitsDiffer(path: again.path, onlyInRun: [], onlyNow: ["u"])) {
            try Run.open(at: path, kind: "x", recipe: spelled, units: ["u"])
        }
    }

    /// Steps that follow each other ask for their units by name, also after a kill.
    @Test func aNamedUnitIsTakenFromWhoIsGone() throws {
        let folder = try ScratchFolder()
        func open(_ options: RunOptions) throws -> Run {
            try Run.open(
                at: folder.path + "/run", kind: "x", recipe: recipe(), units: ["a", "b", "c"],
                options: options)
        }
        var gone = RunOwner.current()
        gone.process = 0x3fff_fff0
        let first = try open(RunOptions(owner: gone, heartbeatSeconds: .infinity))
        let lost = try #require(try first.claim("b"))
        let second = try open(options())
        let claim = try #require(try second.claim("b"))
        #expect(claim.name == "b" && lost.name == "b")
        #expect(try second.claim("b") == nil)
        try claim.finish(encoding: 1)
        #expect(try second.claim("b") == nil)
        #expect(try second.claim()?.name == "a")
        #expect(throws: RunError.claimLost(unit: "b")) { try lost.finish(encoding: 2) }
    }

    @Test func refusesWhatIsNoRunOrFromTheFuture() throws {
        let folder = try ScratchFolder()
        #expect(throws: RunError.doesNotExist(path: folder.path)) {
            try Run.existing(at: folder.path)
        }
        try AtomicFile.write("mine", to: folder.path + "/notes.txt")
        #expect(throws: RunError.notARun(path: folder.path)) {
            try Run.open(at: folder.path, kind: "x", recipe: recipe())
        }
        #expect(folder.tree == ["notes.txt"])
        try AtomicFile.write("{\"format\":2}", to: folder.path + "/run.json")
        #expect(throws: RunError.newerFormat(path: folder.path, found: 2, known: 1)) {
            try Run.existing(at: folder.path)
        }
        try AtomicFile.write("{\"form", to: folder.path + "/run.json")
        #expect(throws: RunError.self) { try Run.existing(at: folder.path) }
    }

    @Test func noticesARecipeThatWasEdited() throws {
        let folder = try ScratchFolder()
        let run = try Run.open(at: folder.path + "/run", kind: "x", recipe: recipe())
        try AtomicFile.write("{\"bits\": 5}", to: run.path + "/recipe.json")
        #expect(throws: RunError.self) { try Run.existing(at: run.path) }
    }

    @Test func unitNamesMayBeAnything() throws {
        let folder = try ScratchFolder()
        let names = ["../../etc/passwd", ".", "a@b", "schicht ü/7", "100%", "-x", "new\nline"]
        let run = try Run.open(
            at: folder.path + "/run", kind: "x", recipe: recipe(), units: names)
        var order: [String] = []
        try run.work { claim in
            order.append(claim.name)
            return claim.name
        }
        #expect(order == names)
        #expect(try run.results(as: String.self).map(\.value) == names)
        #expect(try folder.names == ["run"])
        for bad in [["a", "a"], [""], [String(repeating: "x", count: 181)]] {
            #expect(throws: RunError.self) {
                try Run.open(at: folder.path + "/bad", kind: "x", recipe: recipe(), units: bad)
            }
        }
        #expect(try folder.names == ["run"])
    }

    @Test func failuresAreRecordedAndTriedAgain() throws {
        struct Trouble: Error, CustomStringConvertible { var description: String { "no luck" } }
        let folder = try ScratchFolder()
        let run = try Run.open(
            at: folder.path + "/run", kind: "x", recipe: recipe(), units: ["a", "b", "c"])
        func work(failing: Bool) throws -> RunStatus {
            try run.work { claim in
                if failing, claim.name == "b" { throw Trouble() }
                return claim.attempt
            }
        }
        for attempt in 1...2 {
            let status = try work(failing: true)
            #expect(status.done == ["a", "c"])
            #expect(status.failed == [.init(unit: "b", attempts: attempt, message: "no luck")])
            try run.retryFailed()
        }
        #expect(try work(failing: false).done == ["a", "b", "c"])
        #expect(try run.result(of: "b", as: Int.self) == 3)
        #expect(throws: RunError.noResult(unit: "d")) { try run.resultBytes(of: "d") }
        let events = try run.events()
        #expect(events.events.map(\.event) == ["done", "failed", "done", "failed", "done"])
        #expect(events.brokenLineCount == 0)
    }

    @Test func manyWorkersShareTheUnits() async throws {
        let folder = try ScratchFolder()
        let names = (0..<120).map { "unit \($0)" }
        let tally = Tally()
        let path = folder.path + "/run"
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<6 {
                group.addTask { @Sendable in
                    do {
                        // All start at once: one creates the folder.
                        let run = try Run.open(
                            at: path, kind: "x", recipe: recipe(), units: names,
                            options: options())
                        try run.work { claim in
                            tally.add(claim.name)
                            return 1
                        }
                    } catch {
                        Issue.record(error)
                    }
                }
            }
        }
        let counts = tally.counts.withLock { $0 }
        #expect(counts == Dictionary(uniqueKeysWithValues: names.map { ($0, 1) }))
        #expect(try Run.existing(at: path).status().done == names)
        #expect(try folder.names == ["run"])
    }

    @Test func aSilentWorkerElsewhereLosesItsClaim() throws {
        let folder = try ScratchFolder()
        let path = folder.path + "/run"
        let far = try Run.open(
            at: path, kind: "x", recipe: recipe(), units: ["a"],
            options: options(machine: "elsewhere"))
        let claim = try #require(try far.claim())
        let patient = try Run.existing(at: path, options: options(stale: 60))
        #expect(try patient.claim() == nil)
        #expect(try patient.status().claimed.map(\.unit) == ["a"])
        Thread.sleep(forTimeInterval: 0.2)
        let hasty = try Run.existing(at: path, options: options(stale: 0.1))
        let taken = try #require(try hasty.claim())
        #expect(throws: RunError.claimLost(unit: "a")) { try claim.finish([1]) }
        try taken.finish([2])
        #expect(try far.resultBytes(of: "a") == [2])
    }

    @Test func aDroppedClaimGoesBack() throws {
        let folder = try ScratchFolder()
        let run = try Run.open(
            at: folder.path + "/run", kind: "x", recipe: recipe(), units: ["a"])
        do {
            let claim = try #require(try run.claim())
            try claim.folder.write([1], to: "half")
            #expect(try run.status().claimed.count == 1)
        }
        #expect(try run.status().pending == ["a"])
        let claim = try #require(try run.claim())
        #expect(try claim.folder.names == [])
        try claim.finish()
        #expect(try run.status().isFinished)
    }

    @Test func theLockIsHeldByOne() throws {
        let folder = try ScratchFolder()
        let path = folder.path + "/run"
        let first = try Run.open(at: path, kind: "x", recipe: recipe(), options: options())
        let second = try Run.existing(at: path, options: options())
        let lock = try first.lock()
        for run in [first, second] {
            let error = #expect(throws: RunError.self) { try run.lock() }
            guard case .lockHeld = error else {
                Issue.record("\(String(describing: error))")
                continue
            }
        }
        lock.release()
        let next = try second.lock()
        #expect(throws: RunError.lockLost(path: path)) {
            try lock.saveCheckpoint("t", version: 1, state: [1])
        }
        try next.saveCheckpoint("t", version: 1, state: [1])
    }
}
