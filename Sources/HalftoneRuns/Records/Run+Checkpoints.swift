import Foundation

extension Run {
    /// The newest checkpoint whose files are as they were written, or nil when there is none.
    ///
    /// - Parameter name: What it is a checkpoint of.
    /// - Throws: ``FileSystemError``.
    /// - Complexity: Reads all files of the checkpoint, to compare their SHA-256.
    public func latestCheckpoint(_ name: String) throws -> Checkpoint? {
        var damaged: [Int] = []
        for file in try checkpointFiles(RunLayout.encode(name)).reversed() {
            let folder = RunFolder(path: checkpointPath(file.text), fileSystem: fileSystem)
            if CheckpointManifest.isValid(folder) {
                return Checkpoint(
                    name: name, version: file.version, folder: folder, damaged: damaged)
            }
            damaged.append(file.version)
        }
        return nil
    }

    /// Removes what a writer left that did not come to the end; only for who has the lock.
    func removeCheckpointLeftovers() throws {
        let home = place(RunLayout.checkpoints)
        for entry in try fileSystem.list(home) where entry.hasPrefix(".") {
            try fileSystem.remove(home + "/" + entry)
        }
    }

    /// The checkpoints of one name, the oldest first.
    fileprivate func checkpointFiles(_ encoded: String) throws -> [CheckpointFile] {
        try fileSystem.list(place(RunLayout.checkpoints)).compactMap { CheckpointFile($0) }
            .filter { $0.name == encoded }.sorted()
    }

    fileprivate func checkpointPath(_ text: String) -> String {
        place(RunLayout.checkpoints) + "/" + text
    }
}

extension RunLock {
    /// Writes a checkpoint, in one step, and removes what it makes superfluous.
    ///
    /// Metrics are put on the disk first, so that they reach at least as far as the checkpoint.
    /// Checkpoints of a higher version go: the job has been set back and will make them again.
    ///
    /// - Parameters:
    ///   - name: What it is a checkpoint of, such as `training`.
    ///   - version: Its number, such as the training step; not negative.
    ///   - count: How many versions to keep, this one included; the next to last guards against
    ///     a disk that damages the last.
    ///   - fill: Writes the files.
    /// - Throws: ``RunError/lockLost(path:)``, ``WriteError``, ``FileSystemError``, and what `fill`
    ///   throws; the checkpoints before are then still there.
    /// - Complexity: Reads back all files for their SHA-256.
    public func saveCheckpoint(
        _ name: String, version: Int, keeping count: Int = 2, _ fill: (RunFolder) throws -> Void
    ) throws {
        precondition(version >= 0 && count >= 1, "a version from 0 on, and at least one kept")
        try requireHeld()
        try synchronizeMetrics()
        let fileSystem = run.fileSystem
        let encoded = try RunLayout.encode(name)
        let home = run.place(RunLayout.checkpoints)
        try run.removeCheckpointLeftovers()
        let before = try run.checkpointFiles(encoded)
        let generation =
            (before.filter { $0.version == version }.map(\.generation).max() ?? 0) + 1
        let file = CheckpointFile(name: encoded, version: version, generation: generation)
        let partial = run.checkpointPath(".\(file.text).partial")
        try fileSystem.createFolder(partial)
        do {
            let folder = RunFolder(path: partial, fileSystem: fileSystem)
            try fill(folder)
            let manifest = try CheckpointManifest.describing(folder)
            try folder.write(RunJSON.encode(manifest), to: CheckpointManifest.file)
            try fileSystem.synchronizeFolder(partial)
            try requireHeld()
            try fileSystem.rename(partial, to: run.checkpointPath(file.text))
        } catch {
            try? fileSystem.remove(partial)
            throw error
        }
        try fileSystem.synchronizeFolder(home)
        let newer = before.filter { $0.version > version }.reversed()
        let older = before.filter { $0.version <= version }.dropLast(count - 1)
        for superfluous in Array(newer) + Array(older) {
            // Out of sight in one step, then removed piece by piece.
            let hidden = run.checkpointPath(".\(superfluous.text).old")
            try fileSystem.rename(run.checkpointPath(superfluous.text), to: hidden)
            try fileSystem.remove(hidden)
        }
    }

    /// Writes a checkpoint that is one file, named `state`.
    ///
    /// - Throws: As the one that takes a closure.
    public func saveCheckpoint(
        _ name: String, version: Int, keeping count: Int = 2, state: [UInt8]
    ) throws {
        try saveCheckpoint(name, version: version, keeping: count) { folder in
            try folder.write(state, to: "state")
        }
    }
}
