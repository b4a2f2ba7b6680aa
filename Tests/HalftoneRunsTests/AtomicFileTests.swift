import Foundation
import HalftoneRuns
import Testing

struct AtomicFileTests {
    @Test func appearsCompleteAndAlone() throws {
        let folder = try ScratchFolder()
        let file = try AtomicFile(path: folder.path + "/out.bin")
        var expected: [UInt8] = []
        for index in 0..<40 {
            let piece = [UInt8](repeating: UInt8(index), count: index * 9001)
            try file.write(piece)
            expected += piece
        }
        #expect(file.byteCount == expected.count)
        #expect(try folder.names.allSatisfy { $0 != "out.bin" })
        try file.commit()
        #expect(try folder.names == ["out.bin"])
        #expect(folder.contents("out.bin") == expected)
        #expect(throws: WriteError.alreadyClosed(path: file.path)) { try file.write([1]) }
        #expect(throws: WriteError.alreadyClosed(path: file.path)) { try file.commit() }
        file.abandon()
        #expect(folder.contents("out.bin") == expected)
    }

    @Test func replacesOnlyAtTheCommit() throws {
        let folder = try ScratchFolder()
        let path = folder.path + "/out.bin"
        try AtomicFile.write("old", to: path)
        let file = try AtomicFile(path: path)
        try file.write(Array("new".utf8))
        #expect(folder.contents("out.bin") == Array("old".utf8))
        try file.commit()
        #expect(folder.contents("out.bin") == Array("new".utf8))
    }

    @Test func leavesNothingWhenDropped() throws {
        let folder = try ScratchFolder()
        do {
            let file = try AtomicFile(path: folder.path + "/out.bin")
            try file.write([UInt8](repeating: 7, count: 3 << 20))
            #expect(try folder.names.count == 1)
        }
        #expect(try folder.names == [])
    }

    @Test func leavesTheOldFileWhenVerificationFails() throws {
        struct Refused: Error {}
        let folder = try ScratchFolder()
        let path = folder.path + "/out.bin"
        try AtomicFile.write("old", to: path)
        let file = try AtomicFile(path: path)
        try file.write([1, 2, 3])
        #expect(throws: Refused.self) {
            try file.commit { temporary in
                #expect(FileManager.default.contents(atPath: temporary)?.count == 3)
                throw Refused()
            }
        }
        #expect(try folder.names == ["out.bin"])
        #expect(folder.contents("out.bin") == Array("old".utf8))
    }

    @Test func refusesWhatIsNoRegularFile() throws {
        let folder = try ScratchFolder()
        #expect(throws: WriteError.notARegularFile(path: folder.path)) {
            try AtomicFile(path: folder.path)
        }
        #expect(throws: WriteError.notARegularFile(path: "/dev/null")) {
            try AtomicFile(path: "/dev/null")
        }
        #expect(throws: WriteError.self) { try AtomicFile(path: folder.path + "/none/out.bin") }
        #expect(throws: WriteError.self) { try AtomicFile(path: folder.path + "/") }
        #expect(try folder.names == [])
    }

    @Test func asksForRoomBeforeWriting() throws {
        let folder = try ScratchFolder()
        let path = folder.path + "/out.bin"
        let available = try #require(FreeSpace.available(at: path))
        #expect(available > 0)
        let error = #expect(throws: WriteError.self) {
            try AtomicFile(path: path, expectedByteCount: .max)
        }
        guard case .notEnoughSpace(path, .max, _) = error else {
            Issue.record("a file of 2^63 bytes should not fit: \(String(describing: error))")
            return
        }
        #expect(try folder.names == [])
    }

    @Test func controlCRemovesWhatIsUnfinished() async throws {
        let folder = try ScratchFolder(name: interruptionFolder(of: getpid(), SIGINT))
        await #expect(processExitsWith: .exitCode(130)) { try await interruptAWrite(by: SIGINT) }
        #expect(try folder.names == [])
    }

    @Test func terminationRemovesWhatIsUnfinished() async throws {
        let folder = try ScratchFolder(name: interruptionFolder(of: getpid(), SIGTERM))
        await #expect(processExitsWith: .exitCode(143)) { try await interruptAWrite(by: SIGTERM) }
        #expect(try folder.names == [])
    }
}

/// The folder that a test process and the process it starts both know.
private func interruptionFolder(of process: pid_t, _ number: Int32) -> String {
    "halftone-interruption-\(process)-\(number)"
}

/// Runs in a process of its own: starts a file, is sent a signal, and would finish the file.
private func interruptAWrite(by number: Int32) async throws {
    let folder = NSTemporaryDirectory() + interruptionFolder(of: getppid(), number)
    Interruption.install { _ in
        // Goes on, and fails the test, unless there is something to remove.
        (try? FileManager.default.contentsOfDirectory(atPath: folder).count) == 1
    }
    let file = try AtomicFile(path: folder + "/out.bin")
    try file.write([1, 2, 3])
    kill(getpid(), number)
    try await Task.sleep(for: .seconds(20))
    try file.commit()
}
