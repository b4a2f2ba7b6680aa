import Foundation

/// A file that appears under its name only when it is complete.
///
/// Bytes go to a hidden sibling; ``commit(verifying:)`` flushes them to the disk, renames the
/// sibling over the name in one step and flushes the folder. Until then, whatever was under the
/// name before stays untouched, and a reader that has it mapped keeps its contents. A file that is
/// dropped without a commit, or whose process is interrupted (see ``Interruption``), leaves
/// nothing behind.
public final class AtomicFile {
    /// The name under which the file will appear.
    public let path: String
    /// The sibling that takes the bytes until then.
    public let temporaryPath: String
    /// Bytes given to ``write(_:)`` so far.
    public private(set) var byteCount = 0

    private let fileSystem: any RunFileSystem
    private var file: (any RunFile)?
    private var buffer: [UInt8] = []
    private static let bufferCapacity = 1 << 20

    /// Creates the sibling.
    ///
    /// - Parameters:
    ///   - path: The final name; its folder must exist. An existing regular file or link is
    ///     replaced at the commit, never what a link leads to. Whether that file is also an input
    ///     is the caller's to check.
    ///   - expectedByteCount: When given, the disk must have that much room.
    ///   - fileSystem: What to write through.
    /// - Throws: ``WriteError``.
    public init(
        path: String, expectedByteCount: Int? = nil,
        fileSystem: any RunFileSystem = LocalFileSystem()
    ) throws(WriteError) {
        let (folder, name) = Self.split(path)
        self.path = path
        self.fileSystem = fileSystem
        temporaryPath = folder + "." + name + "." + UUID().uuidString.prefix(8) + ".partial"
        guard !name.isEmpty, name != ".", name != ".." else {
            throw .cannotCreate(path: path, reason: "that is the name of a folder")
        }
        if let kind = (try? fileSystem.status(path))??.kind, kind != .file, kind != .link {
            throw .notARegularFile(path: path)
        }
        if let expectedByteCount {
            try FreeSpace.require(expectedByteCount, at: path)
        }
        Interruption.addTemporary(temporaryPath)
        do {
            file = try fileSystem.createFile(temporaryPath)
        } catch {
            Interruption.removeTemporary(temporaryPath)
            throw .cannotCreate(path: path, reason: error.reason)
        }
    }

    deinit { abandon() }

    /// Adds bytes at the end.
    ///
    /// - Throws: ``WriteError/cannotWrite(path:reason:)``, for instance on a full disk; the
    ///   sibling is removed then.
    public func write(_ bytes: [UInt8]) throws(WriteError) {
        guard file != nil else { throw .alreadyClosed(path: path) }
        byteCount += bytes.count
        if bytes.count >= Self.bufferCapacity {
            try flush()
            try writeOut(bytes)
        } else {
            buffer.append(contentsOf: bytes)
            if buffer.count >= Self.bufferCapacity { try flush() }
        }
    }

    /// Makes the file appear under its name.
    ///
    /// - Parameter verify: Looks at the finished sibling before it is renamed, given its path; an
    ///   error from here removes it and leaves the old file in place.
    /// - Throws: ``WriteError``, or what `verify` throws.
    public func commit(verifying verify: (String) throws -> Void) throws {
        try finishSibling()
        do {
            try verify(temporaryPath)
        } catch {
            abandon()
            throw error
        }
        try publish()
    }

    /// Makes the file appear under its name.
    ///
    /// - Throws: ``WriteError``.
    public func commit() throws(WriteError) {
        try finishSibling()
        try publish()
    }

    /// Removes the sibling and leaves what is under the name as it was; after a commit, nothing.
    public func abandon() {
        guard isPending else { return }
        isPending = false
        try? file?.close()
        file = nil
        buffer = []
        try? fileSystem.remove(temporaryPath)
        Interruption.removeTemporary(temporaryPath)
    }

    /// Whether the sibling exists and has not been renamed.
    private var isPending = true

    /// Writes a whole small file.
    ///
    /// - Throws: ``WriteError``.
    public static func write(
        _ bytes: [UInt8], to path: String, fileSystem: any RunFileSystem = LocalFileSystem()
    ) throws(WriteError) {
        let file = try AtomicFile(
            path: path, expectedByteCount: bytes.count, fileSystem: fileSystem)
        try file.write(bytes)
        try file.commit()
    }

    /// Writes a whole small text file as UTF-8.
    ///
    /// - Throws: ``WriteError``.
    public static func write(
        _ text: String, to path: String, fileSystem: any RunFileSystem = LocalFileSystem()
    ) throws(WriteError) {
        try write(Array(text.utf8), to: path, fileSystem: fileSystem)
    }
}

extension AtomicFile {
    private func flush() throws(WriteError) {
        guard !buffer.isEmpty else { return }
        let bytes = buffer
        buffer.removeAll(keepingCapacity: true)
        try writeOut(bytes)
    }

    private func writeOut(_ bytes: [UInt8]) throws(WriteError) {
        do {
            try file?.write(bytes)
        } catch {
            abandon()
            throw .cannotWrite(path: path, reason: error.reason)
        }
    }

    /// Puts all bytes on the disk and closes the sibling.
    private func finishSibling() throws(WriteError) {
        guard file != nil else { throw .alreadyClosed(path: path) }
        try flush()
        do {
            try file?.synchronize()
            try file?.close()
            file = nil
        } catch {
            abandon()
            throw .cannotWrite(path: path, reason: error.reason)
        }
    }

    private func publish() throws(WriteError) {
        do {
            try fileSystem.rename(temporaryPath, to: path)
        } catch {
            abandon()
            throw .cannotRename(path: path, reason: error.reason)
        }
        isPending = false
        Interruption.removeTemporary(temporaryPath)
        // The rename itself must survive a power cut.
        do {
            try fileSystem.synchronizeFolder(Self.split(path).folder)
        } catch {
            throw .cannotWrite(path: path, reason: error.reason)
        }
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("", path) }
        return (String(path[...slash]), String(path[path.utf8.index(after: slash)...]))
    }
}
