import Foundation
import Synchronization

/// A unit of work that this worker holds.
///
/// Hand in a result with ``finish(_:)-([UInt8])`` or one of its siblings; a claim that is dropped
/// without goes back to the others.
public final class UnitClaim: Sendable {
    /// The unit's name.
    public let name: String
    /// A folder for files that belong to the result; they become visible with it.
    public let folder: RunFolder
    /// 1 for the first try, and one more after each that failed.
    public let attempt: Int

    private let file: String
    private let run: Run
    private let start: Double
    private let isOpen = Mutex(true)

    init(name: String, file: String, path: String, run: Run) throws {
        self.name = name
        self.file = file
        self.run = run
        start = ProcessInfo.processInfo.systemUptime
        folder = RunFolder(path: path, fileSystem: run.fileSystem)
        let failures = try Self.failure(in: path, run.fileSystem)?.attempts ?? 0
        attempt = failures + 1
        // What an owner left who did not come to the end.
        for entry in try run.fileSystem.list(path) where entry != FailureRecord.file {
            try run.fileSystem.remove(path + "/" + entry)
        }
    }

    deinit { release() }

    /// Hands in a result of bytes, in one step.
    ///
    /// - Throws: ``RunError/claimLost(unit:)`` when another worker has taken over, and
    ///   ``WriteError`` or ``FileSystemError`` when the disk refuses; the unit is then not done.
    public func finish(_ bytes: [UInt8]) throws {
        try handIn(to: RunLayout.done, [(UnitRecord.bytesFile, bytes)])
        run.note("done", unit: name)
    }

    /// Hands in a result as JSON, in one step.
    ///
    /// - Throws: As for bytes; also what the value's `encode(to:)` throws.
    public func finish(encoding value: some Encodable) throws {
        try handIn(to: RunLayout.done, [(UnitRecord.valueFile, RunJSON.encode(value))])
        run.note("done", unit: name)
    }

    /// Hands in the files of ``folder`` as the whole result, in one step.
    ///
    /// - Throws: As for bytes.
    public func finish() throws {
        try handIn(to: RunLayout.done, [])
        run.note("done", unit: name)
    }

    /// Records that the unit cannot be done; ``Run/retryFailed()`` gives it another try.
    ///
    /// - Throws: As for bytes.
    public func fail(_ message: String) throws {
        let record = FailureRecord(attempts: attempt, message: message)
        try handIn(to: RunLayout.failed, [(FailureRecord.file, RunJSON.encode(record))])
        run.note("failed", unit: name, message: message)
    }

    /// Gives the unit back undone; after it was handed in, nothing.
    public func release() {
        let isHeld = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        guard isHeld else { return }
        try? run.fileSystem.rename(folder.path, to: run.place("\(RunLayout.pending)/\(file)"))
    }

    private func handIn(to state: String, _ files: [(name: String, bytes: [UInt8])]) throws {
        precondition(isOpen.withLock { $0 }, "\(name) was handed in or given back already")
        let fileSystem = run.fileSystem
        let seconds = ProcessInfo.processInfo.systemUptime - start
        let record = UnitRecord(
            attempt: attempt, owner: run.options.owner.description, seconds: seconds)
        do {
            for file in files { try folder.write(file.bytes, to: file.name) }
            try folder.write(RunJSON.encode(record), to: UnitRecord.file)
            try fileSystem.synchronizeFolder(folder.path)
            try fileSystem.rename(folder.path, to: run.place("\(state)/\(file)"))
        } catch {
            let place = Result { try fileSystem.status(folder.path) }
            if case .success(nil) = place {
                isOpen.withLock { $0 = false }
                throw RunError.claimLost(unit: name)
            }
            throw error
        }
        isOpen.withLock { $0 = false }
        try fileSystem.synchronizeFolder(run.place(state))
        try fileSystem.synchronizeFolder(run.place(RunLayout.claimed))
    }

    static func failure(
        in path: String, _ fileSystem: any RunFileSystem
    ) throws -> FailureRecord? {
        let file = path + "/" + FailureRecord.file
        guard try fileSystem.status(file) != nil else { return nil }
        return try? RunJSON.decode(FailureRecord.self, from: fileSystem.read(file))
    }
}

/// How a unit came to its end; beside the result, since times differ from run to run.
struct UnitRecord: Codable {
    static let file = "unit.json"
    static let bytesFile = "result.bin"
    static let valueFile = "result.json"

    var attempt: Int
    var owner: String
    var seconds: Double
}

/// Why a unit is not done.
struct FailureRecord: Codable {
    static let file = "failure.json"

    var attempts: Int
    var message: String
}
