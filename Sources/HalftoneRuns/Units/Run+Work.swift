import Foundation

extension Run {
    /// Progress over the units of this run, that knows which were done before.
    ///
    /// - Throws: ``FileSystemError``.
    public func progress(
        _ title: String, unit: String = "units", output: RunProgress.Output = .standardError
    ) throws -> RunProgress {
        let status = try status()
        return RunProgress(
            title, total: units.count, unit: unit,
            alreadyCompleted: status.done.count + status.failed.count, output: output)
    }

    /// Does units of work until none is left.
    ///
    /// A unit whose work throws is recorded as failed and the others go on; trouble with the disk
    /// and a `CancellationError` end the work, and the unit at hand goes back to the others.
    ///
    /// - Parameters:
    ///   - progress: Is told about finished units, those of other workers too.
    ///   - waitsForOthers: Whether to stay while others work on the last units, to succeed them
    ///     if they die. Otherwise returns when there is nothing to take.
    ///   - body: Does one unit and returns its result.
    /// - Returns: How far the run is then.
    /// - Throws: ``FileSystemError``, ``WriteError``, ``RunError``, `CancellationError`.
    @discardableResult
    public func work<Value: Encodable>(
        progress: RunProgress? = nil, waitsForOthers: Bool = true,
        _ body: (UnitClaim) throws -> Value
    ) throws -> RunStatus {
        while true {
            while let claim = try claim() {
                progress?.advance(by: 0, note: claim.name)
                do {
                    try perform(claim, body)
                } catch RunError.claimLost(let unit) {
                    note("lost", unit: unit)
                }
                try update(progress)
            }
            let status = try status()
            if status.isFinished || !waitsForOthers { return status }
            if status.claimed.isEmpty { try requireFolders(of: status.pending) }
            try update(progress)
            Thread.sleep(forTimeInterval: min(1, max(0.01, options.staleSeconds / 10)))
        }
    }

    private func perform<Value: Encodable>(
        _ claim: UnitClaim, _ body: (UnitClaim) throws -> Value
    ) throws {
        let value: Value
        do {
            value = try body(claim)
        } catch {
            guard !(error is CancellationError || error is FileSystemError || error is WriteError)
            else {
                claim.release()
                throw error
            }
            return try claim.fail("\(error)")
        }
        try claim.finish(encoding: value)
    }

    private func update(_ progress: RunProgress?) throws {
        guard let progress else { return }
        let done = try fileSystem.list(place(RunLayout.done)).count
        progress.update(completed: done + (try fileSystem.list(place(RunLayout.failed)).count))
    }

    /// Somebody may have removed a unit's folder: nobody would ever be able to take it.
    private func requireFolders(of pending: [String]) throws {
        for unit in pending {
            let file = try RunLayout.encode(unit)
            let isThere = try [RunLayout.pending, RunLayout.done, RunLayout.failed].contains {
                try fileSystem.status(place("\($0)/\(file)")) != nil
            }
            let isClaimed = try fileSystem.list(place(RunLayout.claimed)).contains {
                $0.hasPrefix(file + "@")
            }
            guard isThere || isClaimed else { throw RunError.unitMissing(path: path, unit: unit) }
        }
    }
}
