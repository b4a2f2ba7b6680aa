import Foundation
import HalftoneRuns
import Testing

private func makeRun(_ folder: ScratchFolder) throws -> Run {
    try Run.open(at: folder.path + "/run", kind: "x", recipe: RunRecipe(text: "a\nb"))
}

struct RecordTests {
    @Test func theNewestValidCheckpointIsFound() throws {
        let folder = try ScratchFolder()
        let run = try makeRun(folder)
        let lock = try run.lock()
        #expect(try run.latestCheckpoint("t") == nil)
        for version in [10, 20, 30] {
            try lock.saveCheckpoint("t", version: version, state: [UInt8(version)])
            try lock.saveCheckpoint("t@other", version: 7, keeping: 1, state: [7])
        }
        let home = run.path + "/checkpoints"
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: home).sorted()
                == ["t%40other@000000007-3", "t@000000020-1", "t@000000030-1"])
        let latest = try #require(try run.latestCheckpoint("t"))
        #expect(try latest.version == 30 && latest.folder.read("state") == [30])
        // A disk that forgets: the one before is found, and the run goes on from there.
        try AtomicFile.write([31], to: latest.folder.path + "/state")
        let before = try #require(try run.latestCheckpoint("t"))
        #expect(try before.version == 20 && before.folder.read("state") == [20])
        #expect(before.damaged == [30])
        try lock.saveCheckpoint("t", version: 25, state: [25])
        let after = try #require(try run.latestCheckpoint("t"))
        #expect(after.version == 25 && after.damaged == [])
        for broken in ["state", "checkpoint.json"] {
            try FileManager.default.removeItem(
                atPath: try #require(try run.latestCheckpoint("t")).folder.path + "/" + broken)
        }
        #expect(try run.latestCheckpoint("t") == nil)
    }

    @Test func aCheckpointThatCannotBeFilledLeavesTheOneBefore() throws {
        struct Trouble: Error {}
        let folder = try ScratchFolder()
        let run = try makeRun(folder)
        let lock = try run.lock()
        try lock.saveCheckpoint("t", version: 1, state: [1])
        #expect(throws: Trouble.self) {
            try lock.saveCheckpoint("t", version: 2) { folder in
                try folder.write([2], to: "state")
                throw Trouble()
            }
        }
        #expect(try run.latestCheckpoint("t")?.version == 1)
    }

    @Test func aTornLineSpoilsNoOther() throws {
        let folder = try ScratchFolder()
        do { try makeRun(folder).note("first") }
        let path = folder.path + "/run/log.jsonl"
        var bytes = try #require(folder.contents("run/log.jsonl"))
        bytes += Array("{\"time\":\"20".utf8)
        try AtomicFile.write(bytes, to: path)
        let run = try makeRun(folder)
        run.note("second", unit: "u\n\"", message: "m")
        let (events, broken) = try run.events()
        #expect(events.map(\.event) == ["first", "second"])
        #expect(events.last?.unit == "u\n\"" && broken == 1)
    }

    @Test func metricsGoOnFromTheCheckpoint() throws {
        let folder = try ScratchFolder()
        let run = try makeRun(folder)
        let lock = try run.lock()
        func record(_ step: Int) -> MetricsRecord {
            .init(step: step, values: ["loss": step == 2 ? .nan : 1 / Double(step), "rate": 0.5])
        }
        let log = try lock.metrics()
        for step in 1...5 { try log.append(record(step)) }
        let whole = try #require(folder.contents("run/metrics.jsonl"))
        try AtomicFile.write(whole + Array("{\"st".utf8), to: log.path)
        let resumed = try lock.metrics(through: 3)
        #expect(try resumed.records().map(\.step) == [1, 2, 3])
        #expect(try resumed.records()[1].values["loss"]?.isNaN == true)
        for step in 4...5 { try resumed.append(record(step)) }
        #expect(folder.contents("run/metrics.jsonl") == whole)
        #expect(
            String(decoding: whole.prefix { $0 != 10 }, as: UTF8.self)
                == "{\"loss\":1,\"rate\":0.5,\"step\":1}")
    }

    /// FIPS 180-2, appendix B, and the sum of nothing; lengths around a block from `sha256sum`.
    @Test func sumsAreThoseOfTheStandard() {
        #expect(
            SHA256.hexadecimal(of: Array("abc".utf8))
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            SHA256.hexadecimal(of: [])
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            SHA256.hexadecimal(
                of: Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
                == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        let million = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
        let expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        #expect(SHA256.hexadecimal(of: million) == expected)
        var pieces = SHA256()
        var start = 0
        for size in (1...).lazy where start < million.count {
            let end = min(million.count, start + size)
            pieces.update(Array(million[start..<end]))
            start = end
            if start == million.count { break }
        }
        #expect(pieces.hexadecimal() == expected)
    }

    @Test func textRecipesAreComparedByLine() throws {
        let here = RunRecipe(text: "a\nc\nd")
        #expect(
            here.differences(from: RunRecipe(text: "a\nb"))
                == ["line 2: b in the run, c now", "line 3: absent in the run, d now"])
        #expect(
            try RunRecipe(json: Array("{\"s\":18446744073709551615}".utf8))
                .differences(from: RunRecipe(json: Array("{\"s\":18446744073709551614}".utf8)))
                .count == 1)
    }
}
