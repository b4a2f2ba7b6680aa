import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

extension Run {
    /// Takes the next unit that nobody works on, or one whose worker is gone.
    ///
    /// - Returns: The unit, or nil when all are done, failed or in the hands of others.
    /// - Throws: ``FileSystemError``, ``WriteError``.
    /// - Complexity: Two system calls, and a listing of the folder when others were faster.
    public func claim() throws -> UnitClaim? {
        try register()
        while let file = try nextCandidate() {
            if let claim = try takePending(file) { return claim }
        }
        return try takeOver { _ in true }
    }

    /// Takes one unit if nobody works on it or its worker is gone: for steps that follow each other.
    ///
    /// - Parameter unit: One of ``units``.
    /// - Returns: The unit, or nil when it is done, failed or in the hands of another.
    /// - Throws: ``FileSystemError``, ``WriteError``.
    public func claim(_ unit: String) throws -> UnitClaim? {
        guard let index = units.firstIndex(of: unit) else {
            preconditionFailure("the run has no unit \(unit)")
        }
        try register()
        return try takePending(files[index]) ?? takeOver { $0 == self.files[index] }
    }

    private func takePending(_ file: String) throws -> UnitClaim? {
        let path = place("\(RunLayout.claimed)/\(file)@\(options.owner)")
        guard try move("\(RunLayout.pending)/\(file)", to: path) else { return nil }
        return try UnitClaim(name: nameOfFile[file] ?? file, file: file, path: path, run: self)
    }

    /// Takes a unit that a worker holds who is gone.
    private func takeOver(where isWanted: (_ file: String) -> Bool) throws -> UnitClaim? {
        for entry in try fileSystem.list(place(RunLayout.claimed)) {
            guard let other = Self.owner(ofClaim: entry) else { continue }
            let file = String(entry.dropLast(other.count + 1))
            guard isWanted(file),
                try isStale(other, holding: place("\(RunLayout.claimed)/\(entry)"))
            else { continue }
            let path = place("\(RunLayout.claimed)/\(file)@\(options.owner)")
            if try move("\(RunLayout.claimed)/\(entry)", to: path) {
                let name = nameOfFile[file] ?? file
                note("taken over", unit: name, message: "from \(describe(other))")
                return try UnitClaim(name: name, file: file, path: path, run: self)
            }
        }
        return nil
    }

    /// How far the run is.
    ///
    /// - Throws: ``FileSystemError``.
    public func status() throws -> RunStatus {
        // In the order in which units move, so that none is missed.
        let claims = Dictionary(
            try fileSystem.list(place(RunLayout.claimed)).compactMap { entry in
                Self.owner(ofClaim: entry).map { (String(entry.dropLast($0.count + 1)), $0) }
            }, uniquingKeysWith: { first, _ in first })
        let failures = Set(try fileSystem.list(place(RunLayout.failed)))
        let done = Set(try fileSystem.list(place(RunLayout.done)))
        var status = RunStatus(pending: [], claimed: [], done: [], failed: [])
        for (file, unit) in zip(files, units) {
            if done.contains(file) {
                status.done.append(unit)
            } else if failures.contains(file) {
                let path = place("\(RunLayout.failed)/\(file)")
                let record = try UnitClaim.failure(in: path, fileSystem)
                status.failed.append(
                    .init(
                        unit: unit, attempts: record?.attempts ?? 1,
                        message: record?.message ?? "no reason was recorded"))
            } else if let owner = claims[file] {
                status.claimed.append(.init(unit: unit, owner: describe(owner)))
            } else {
                status.pending.append(unit)
            }
        }
        return status
    }

    /// Gives all failed units another try.
    ///
    /// - Throws: ``FileSystemError``.
    public func retryFailed() throws {
        for file in try fileSystem.list(place(RunLayout.failed)) {
            _ = try move("\(RunLayout.failed)/\(file)", to: place("\(RunLayout.pending)/\(file)"))
        }
    }

    /// The result of a unit that handed in bytes.
    ///
    /// - Throws: ``RunError/noResult(unit:)``, ``FileSystemError``.
    public func resultBytes(of unit: String) throws -> [UInt8] {
        try file(UnitRecord.bytesFile, of: unit)
    }

    /// The result of a unit that handed in a value.
    ///
    /// - Throws: ``RunError/noResult(unit:)``, ``FileSystemError``, `DecodingError`.
    public func result<Value: Decodable>(
        of unit: String, as type: Value.Type = Value.self
    ) throws -> Value {
        try RunJSON.decode(type, from: file(UnitRecord.valueFile, of: unit))
    }

    /// The results of all units that are done and handed in a value, in the run's order.
    ///
    /// - Throws: ``RunError/noResult(unit:)``, ``FileSystemError``, `DecodingError`.
    public func results<Value: Decodable>(
        as type: Value.Type = Value.self
    ) throws -> [(unit: String, value: Value)] {
        try status().done.map { (unit: $0, value: try result(of: $0, as: type)) }
    }

    /// The folder of a unit that is done, with the files that its worker left there.
    ///
    /// - Throws: ``RunError/noResult(unit:)``, ``FileSystemError``.
    public func folder(of unit: String) throws -> RunFolder {
        let path = place("\(RunLayout.done)/\(try RunLayout.encode(unit))")
        guard try fileSystem.status(path) != nil else { throw RunError.noResult(unit: unit) }
        return RunFolder(path: path, fileSystem: fileSystem)
    }

    private func file(_ name: String, of unit: String) throws -> [UInt8] {
        let folder = try folder(of: unit)
        guard try fileSystem.status(folder.path + "/" + name) != nil else {
            throw RunError.noResult(unit: unit)
        }
        return try folder.read(name)
    }

    /// The next unit that was pending when last looked; looks again when none is left.
    private func nextCandidate() throws -> String? {
        if let file = state.withLock({ $0.candidates.popLast() }) { return file }
        let pending = Set(try fileSystem.list(place(RunLayout.pending)))
        let fresh = Array(files.filter(pending.contains).reversed())
        return state.withLock { state in
            state.candidates = fresh
            return state.candidates.popLast()
        }
    }

    /// Renames unless another worker was faster.
    private func move(_ relative: String, to path: String) throws -> Bool {
        do {
            try fileSystem.rename(place(relative), to: path)
            return true
        } catch {
            guard error.code == ENOENT else { throw error }
            return false
        }
    }
}
