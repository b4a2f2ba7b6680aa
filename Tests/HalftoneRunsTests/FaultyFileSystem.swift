import Foundation
import HalftoneRuns
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The real file system with a fault at a chosen step.
///
/// Steps are all calls that change something, counted from 1. A write that meets the fault leaves
/// half of its bytes behind.
final class FaultyFileSystem: RunFileSystem {
    enum Fault: CaseIterable {
        /// The step is refused, once.
        case refusal
        /// The process stops there: neither this step nor any later one happens.
        case crash
        /// As a crash, and what was not flushed is lost: files keep half of the bytes that were
        /// not flushed, and renames in folders that were not flushed are undone.
        case powerCut
        /// The process is killed by the system.
        case kill
    }

    struct Rename {
        var from: String
        var to: String
        var replaced: [UInt8]?
    }

    struct State {
        var steps = 0
        var isDown = false
        /// Files with bytes that were not flushed, and how many were.
        var flushed: [String: Int] = [:]
        var renames: [Rename] = []
    }

    private let base = LocalFileSystem()
    private let fault: Fault
    private let faultyStep: Int
    private let state = Mutex(State())

    init(_ fault: Fault = .refusal, at step: Int = .max) {
        self.fault = fault
        faultyStep = step
    }

    var steps: Int { state.withLock { $0.steps } }
    var isDown: Bool { state.withLock { $0.isDown } }

    private static func parent(_ path: String) -> String {
        (path as NSString).deletingLastPathComponent
    }

    /// Counts a step; `tear` does half of it when it is the faulty one.
    fileprivate func step(
        _ operation: FileSystemError.Operation, _ path: String, tear: () -> Void = {}
    ) throws(FileSystemError) {
        let (meetsFault, isDown) = state.withLock { state in
            state.steps += state.isDown ? 0 : 1
            return (!state.isDown && state.steps == faultyStep, state.isDown)
        }
        if meetsFault {
            tear()
            if fault == .kill { kill(getpid(), SIGKILL) }
            if fault != .refusal { goDown() }
        }
        if isDown || meetsFault { throw FileSystemError(operation, path, code: EIO) }
    }

    private func goDown() {
        state.withLock { state in
            state.isDown = true
            guard fault == .powerCut else { return }
            for (path, flushed) in state.flushed {
                guard let bytes = try? base.read(path) else { continue }
                let kept = flushed + (bytes.count - flushed) / 2
                try? Data(bytes[..<kept]).write(to: URL(fileURLWithPath: path))
            }
            for rename in state.renames.reversed() {
                guard (try? base.rename(rename.to, to: rename.from)) != nil else { continue }
                if let bytes = rename.replaced {
                    try? Data(bytes).write(to: URL(fileURLWithPath: rename.to))
                }
            }
        }
    }

    fileprivate func didWrite(_ path: String, before: Int) {
        state.withLock { if $0.flushed[path] == nil { $0.flushed[path] = before } }
    }

    fileprivate func didFlush(_ path: String) {
        state.withLock { _ = $0.flushed.removeValue(forKey: path) }
    }

    func createFile(_ path: String) throws(FileSystemError) -> any RunFile {
        try step(.create, path)
        return FaultyFile(try base.createFile(path), path, self)
    }

    func openForAppending(_ path: String) throws(FileSystemError) -> any RunFile {
        try step(.open, path)
        return FaultyFile(try base.openForAppending(path), path, self)
    }

    func createFolder(_ path: String) throws(FileSystemError) {
        try step(.create, path)
        try base.createFolder(path)
    }

    func rename(_ path: String, to newPath: String) throws(FileSystemError) {
        try step(.rename, path)
        let replaced = try base.status(newPath)?.kind == .file ? try base.read(newPath) : nil
        try base.rename(path, to: newPath)
        state.withLock { state in
            state.renames.append(Rename(from: path, to: newPath, replaced: replaced))
            for (file, flushed) in state.flushed
            where file == path || file.hasPrefix(path + "/") {
                state.flushed.removeValue(forKey: file)
                state.flushed[newPath + file.dropFirst(path.count)] = flushed
            }
        }
    }

    func remove(_ path: String) throws(FileSystemError) {
        try step(.remove, path)
        try base.remove(path)
        state.withLock { state in
            for file in state.flushed.keys where file == path || file.hasPrefix(path + "/") {
                state.flushed.removeValue(forKey: file)
            }
        }
    }

    func synchronizeFolder(_ path: String) throws(FileSystemError) {
        try step(.synchronize, path)
        // Nothing real is flushed: only what the fault leaves counts, and tests should be fast.
        let path = path.hasSuffix("/") ? String(path.dropLast()) : path
        state.withLock { $0.renames.removeAll { Self.parent($0.to) == path } }
    }

    func touch(_ path: String) throws(FileSystemError) {
        try step(.touch, path)
        try base.touch(path)
    }

    func list(_ path: String) throws(FileSystemError) -> [String] {
        try requireUp(.list, path)
        return try base.list(path)
    }

    func read(_ path: String) throws(FileSystemError) -> [UInt8] {
        try requireUp(.read, path)
        return try base.read(path)
    }

    func read(_ path: String, from offset: Int, count: Int) throws(FileSystemError) -> [UInt8] {
        try requireUp(.read, path)
        return try base.read(path, from: offset, count: count)
    }

    func status(_ path: String) throws(FileSystemError) -> FileStatus? {
        try requireUp(.inspect, path)
        return try base.status(path)
    }

    private func requireUp(
        _ operation: FileSystemError.Operation, _ path: String
    ) throws(FileSystemError) {
        if isDown { throw FileSystemError(operation, path, code: EIO) }
    }
}

private final class FaultyFile: RunFile {
    private let base: any RunFile
    private let path: String
    private let owner: FaultyFileSystem

    init(_ base: any RunFile, _ path: String, _ owner: FaultyFileSystem) {
        self.base = base
        self.path = path
        self.owner = owner
    }

    func write(_ bytes: [UInt8]) throws(FileSystemError) {
        let before = (try? LocalFileSystem().status(path))??.byteCount ?? 0
        owner.didWrite(path, before: before)
        try owner.step(.write, path) { try? base.write(Array(bytes.prefix(bytes.count / 2))) }
        try base.write(bytes)
    }

    func synchronize() throws(FileSystemError) {
        try owner.step(.synchronize, path)
        owner.didFlush(path)
    }

    func close() throws(FileSystemError) { try base.close() }
}
