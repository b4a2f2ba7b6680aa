import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The right to write what a run has only one of: its checkpoints and its metrics.
///
/// One process has it at a time; it goes back when the value is dropped, and the next one takes
/// it over from a process that died. Get one with ``Run/lock()``.
public final class RunLock: Sendable {
    /// The run that is locked.
    public let run: Run
    private let isHeld = Mutex(true)
    private let metricsLogs = Mutex<[MetricsLog]>([])

    fileprivate init(run: Run) { self.run = run }

    deinit { release() }

    /// Gives the right back; a second call does nothing.
    public func release() {
        let wasHeld = isHeld.withLock { isHeld in
            defer { isHeld = false }
            return isHeld
        }
        guard wasHeld else { return }
        try? run.fileSystem.rename(heldPath, to: run.place(RunLayout.freeLock))
    }

    /// Checks that no other process has taken over from this one.
    ///
    /// - Throws: ``RunError/lockLost(path:)``, ``FileSystemError``.
    public func requireHeld() throws {
        guard isHeld.withLock({ $0 }), try run.fileSystem.status(heldPath) != nil else {
            throw RunError.lockLost(path: run.path)
        }
    }

    /// The run's metrics, cut back to a step.
    ///
    /// - Parameters:
    ///   - name: The file's name, without `.jsonl`.
    ///   - step: The step of the checkpoint that the run goes on from; records of later steps are
    ///     removed, since the run will write them again. A new run says nothing.
    /// - Throws: ``WriteError``, ``FileSystemError``, ``RunError/lockLost(path:)``.
    public func metrics(named name: String = "metrics", through step: Int = 0) throws -> MetricsLog
    {
        try requireHeld()
        let path = run.place(try RunLayout.encode(name) + ".jsonl")
        let log = try MetricsLog(path: path, through: step, fileSystem: run.fileSystem)
        metricsLogs.withLock { $0.append(log) }
        return log
    }

    /// Puts all metrics on the disk.
    func synchronizeMetrics() throws {
        for log in metricsLogs.withLock({ $0 }) { try log.synchronize() }
    }

    private var heldPath: String { run.place("\(RunLayout.lock)/\(run.options.owner)") }
}

extension Run {
    /// Takes the right to write checkpoints and metrics.
    ///
    /// - Throws: ``RunError/lockHeld(path:owner:)`` when a process that is alive has it;
    ///   ``FileSystemError``, ``WriteError``.
    public func lock() throws -> RunLock {
        try register()
        let own = options.owner.description
        let path = place("\(RunLayout.lock)/\(own)")
        for _ in 0..<100 {
            let holder = try fileSystem.list(place(RunLayout.lock)).first
            // Nobody: the folder was listed while it was being renamed.
            guard let holder else { continue }
            let holderPath = place("\(RunLayout.lock)/\(holder)")
            let isFree = holderPath == place(RunLayout.freeLock)
            guard try isFree || isStale(holder, holding: holderPath) else {
                throw RunError.lockHeld(path: self.path, owner: describe(holder))
            }
            do {
                try fileSystem.rename(holderPath, to: path)
            } catch {
                guard error.code == ENOENT else { throw error }
                continue
            }
            let lock = RunLock(run: self)
            try removeCheckpointLeftovers()
            return lock
        }
        throw RunError.damaged(path: place(RunLayout.lock), reason: "the lock is gone")
    }
}
