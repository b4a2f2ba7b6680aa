import Dispatch
import Foundation
import Synchronization

extension Run {
    func workerPath(_ owner: String) -> String { place(RunLayout.workers) + "/" + owner }

    /// Makes this worker known, before it holds anything, and starts to show that it is alive.
    func register() throws {
        let isNew = state.withLock { state in
            defer { state.isRegistered = true }
            return !state.isRegistered
        }
        guard isNew else { return }
        do {
            try removeDeadWorkers()
            let facts = [
                "host": ProcessInfo.processInfo.hostName, "process": "\(options.owner.process)",
            ]
            try AtomicFile.write(
                RunJSON.encode(facts), to: workerPath(options.owner.description),
                fileSystem: fileSystem)
        } catch {
            state.withLock { $0.isRegistered = false }
            throw error
        }
        guard options.heartbeatSeconds.isFinite else { return }
        let (path, fileSystem) = (workerPath(options.owner.description), fileSystem)
        let period = max(0.01, options.heartbeatSeconds)
        state.withLock { state in
            let timer = DispatchSource.makeTimerSource(queue: .global(qos: .utility))
            timer.schedule(deadline: .now() + period, repeating: period)
            timer.setEventHandler { try? fileSystem.touch(path) }
            timer.resume()
            state.heartbeat = timer
        }
    }

    /// Whether what an owner holds may be taken over.
    func isStale(_ owner: String, holding folder: String) throws -> Bool {
        if owner == options.owner.description { return false }
        if RunOwner(owner)?.isKnownDead == true { return true }
        // Both times are from the clock of the disk, so the machines' clocks may differ.
        let own = workerPath(options.owner.description)
        try fileSystem.touch(own)
        guard let now = try fileSystem.status(own)?.modified else { return false }
        let seen =
            try fileSystem.status(workerPath(owner))?.modified
            ?? fileSystem.status(folder)?.modified
        guard let seen else { return false }
        return now - seen > options.staleSeconds
    }

    /// A worker's host and process in words.
    func describe(_ owner: String) -> String {
        let bytes = try? fileSystem.read(workerPath(owner))
        let facts = bytes.flatMap { try? RunJSON.decode([String: String].self, from: $0) }
        guard let host = facts?["host"], let process = facts?["process"] else { return owner }
        return "process \(process) on \(host)"
    }

    /// Forgets workers of this machine that have ended and hold nothing.
    private func removeDeadWorkers() throws {
        let holders = try fileSystem.list(place(RunLayout.claimed)).compactMap(Self.owner(ofClaim:))
        let kept = Set(holders + (try fileSystem.list(place(RunLayout.lock))))
        for entry in try fileSystem.list(place(RunLayout.workers)) where !kept.contains(entry) {
            // `.OWNER.XXXXXXXX.partial` is a worker that died while it made itself known.
            let owner =
                entry.hasPrefix(".") ? entry.dropFirst().prefix { $0 != "." } : entry[...]
            guard RunOwner(owner)?.isKnownDead == true else { continue }
            try? fileSystem.remove(workerPath(entry))
        }
    }

    /// The part after the `@` of a claimed unit's file name.
    static func owner(ofClaim file: String) -> String? {
        file.lastIndex(of: "@").map { String(file[file.index(after: $0)...]) }
    }
}
