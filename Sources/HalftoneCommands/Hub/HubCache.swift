import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The folder of one repository in the cache: `blobs`, `refs` and `snapshots`.
struct HubCache: Sendable {
    let root: URL
    let locks: URL

    init(_ environment: HubEnvironment, _ reference: HubReference) {
        root = environment.cache.appending(path: reference.cacheFolder)
        locks = environment.cache.appending(path: ".locks/" + reference.cacheFolder)
    }

    func blob(_ tag: String) -> URL { root.appending(path: "blobs/" + tag) }

    func incomplete(_ tag: String) -> URL { root.appending(path: "blobs/\(tag).incomplete") }

    func snapshot(_ commit: String) -> URL { root.appending(path: "snapshots/" + commit) }

    /// The commit that a revision was when it was last seen, or the revision if it is one.
    func commit(of revision: String) -> String? {
        let file = root.appending(path: "refs/" + revision)
        if let text = try? String(contentsOf: file, encoding: .utf8) {
            let commit = text.trimmingCharacters(in: .whitespacesAndNewlines)
            if HubNames.isCommit(commit) { return commit }
        }
        let isKnown = FileManager.default.fileExists(atPath: snapshot(revision).path)
        return HubNames.isCommit(revision) && isKnown ? revision : nil
    }

    /// Notes which commit a revision is.
    func record(_ revision: String, is commit: String) throws(HubError) {
        guard revision != commit, self.commit(of: revision) != commit else { return }
        let file = root.appending(path: "refs/" + revision)
        try attempt("note the revision") {
            try createFolder(file.deletingLastPathComponent())
            try Data(commit.utf8).write(to: file, options: .atomic)
        }
    }

    /// Whether a blob is there with the right number of bytes.
    func hasBlob(_ tag: String, size: Int?) -> Bool {
        guard let found = Self.size(of: blob(tag)) else { return false }
        return size == nil || size == found
    }

    /// The bytes of a regular file, or nil when there is none.
    static func size(of url: URL) -> Int? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: url.path)
        guard attributes?[.type] as? FileAttributeType == .typeRegular else { return nil }
        return (attributes?[.size] as? NSNumber)?.intValue
    }

    /// The names of the files of a snapshot whose blobs are there.
    func files(of commit: String) -> [String] {
        let folder = snapshot(commit)
        guard let walker = FileManager.default.enumerator(atPath: folder.path) else { return [] }
        var names: [String] = []
        for case let name as String in walker {
            let target = folder.appending(path: name).resolvingSymlinksInPath()
            if Self.size(of: target) != nil { names.append(name) }
        }
        return names.sorted()
    }

    /// Makes a file of a snapshot point to its blob, by a relative link.
    func link(_ name: String, in commit: String, to tag: String) throws(HubError) {
        let file = snapshot(commit).appending(path: name)
        let depth = name.split(separator: "/").count + 1
        let target = String(repeating: "../", count: depth) + "blobs/" + tag
        if (try? FileManager.default.destinationOfSymbolicLink(atPath: file.path)) == target {
            return
        }
        try attempt("link \(name)") {
            try createFolder(file.deletingLastPathComponent())
            // Renamed into place so that a reader never finds the name missing.
            let temporary = file.deletingLastPathComponent()
                .appending(path: ".link-\(UUID().uuidString)")
            try FileManager.default.createSymbolicLink(
                atPath: temporary.path, withDestinationPath: target)
            if (try? FileManager.default.attributesOfItem(atPath: file.path)) != nil {
                try FileManager.default.removeItem(at: file)
            }
            try FileManager.default.moveItem(at: temporary, to: file)
        }
    }

    /// Runs work while no other process works on the same blob.
    func locked<Value: Sendable>(
        _ tag: String, _ work: () async throws(HubError) -> Value
    ) async throws(HubError) -> Value {
        let file = locks.appending(path: tag + ".lock")
        let handle: FileHandle = try attempt("lock \(tag)") {
            try createFolder(locks)
            if !FileManager.default.fileExists(atPath: file.path) {
                _ = FileManager.default.createFile(atPath: file.path, contents: nil)
            }
            return try FileHandle(forUpdating: file)
        }
        defer { try? handle.close() }
        while flock(handle.fileDescriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else {
                throw .cache("cannot lock \(file.path)")
            }
            do {
                try await Task.sleep(for: .milliseconds(200))
            } catch {
                throw .cancelled
            }
        }
        return try await work()
    }

    func createFolder(_ folder: URL) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// Runs work on files and names what failed.
    func attempt<Value>(_ what: String, _ work: () throws -> Value) throws(HubError) -> Value {
        do {
            return try work()
        } catch {
            throw .cache("cannot \(what) in \(root.path): \(error.localizedDescription)")
        }
    }
}
