import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

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

    private var handle: FileHandle?
    private var buffer: [UInt8] = []
    private static let bufferCapacity = 1 << 20

    /// Creates the sibling.
    ///
    /// - Parameters:
    ///   - path: The final name; its folder must exist. An existing regular file or link is
    ///     replaced at the commit, never what a link leads to. Whether that file is also an input is the caller's to check.
    ///   - expectedByteCount: When given, the disk must have that much room.
    /// - Throws: ``WriteError``.
    public init(path: String, expectedByteCount: Int? = nil) throws(WriteError) {
        let (folder, name) = Self.split(path)
        self.path = path
        temporaryPath = folder + "." + name + "." + UUID().uuidString.prefix(8) + ".partial"
        guard !name.isEmpty, name != ".", name != ".." else {
            throw .cannotCreate(path: path, reason: "that is the name of a folder")
        }
        let type = try? FileManager.default.attributesOfItem(atPath: path)[.type]
        if let type = type as? FileAttributeType, type != .typeRegular, type != .typeSymbolicLink {
            throw .notARegularFile(path: path)
        }
        if let expectedByteCount {
            try FreeSpace.require(expectedByteCount, at: path)
        }
        Interruption.addTemporary(temporaryPath)
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC
        let descriptor = unsafe open(temporaryPath, flags, 0o666)
        guard descriptor >= 0 else {
            let reason = systemReason(errno)
            Interruption.removeTemporary(temporaryPath)
            throw .cannotCreate(path: path, reason: reason)
        }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    deinit { abandon() }

    /// Adds bytes at the end.
    ///
    /// - Throws: ``WriteError/cannotWrite(path:reason:)``, for instance on a full disk; the
    ///   sibling is removed then.
    public func write(_ bytes: [UInt8]) throws(WriteError) {
        guard handle != nil else { throw .alreadyClosed(path: path) }
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
        try? handle?.close()
        handle = nil
        buffer = []
        try? FileManager.default.removeItem(atPath: temporaryPath)
        Interruption.removeTemporary(temporaryPath)
    }

    /// Whether the sibling exists and has not been renamed.
    private var isPending = true

    /// Writes a whole small file.
    ///
    /// - Throws: ``WriteError``.
    public static func write(_ bytes: [UInt8], to path: String) throws(WriteError) {
        let file = try AtomicFile(path: path, expectedByteCount: bytes.count)
        try file.write(bytes)
        try file.commit()
    }

    /// Writes a whole small text file as UTF-8.
    ///
    /// - Throws: ``WriteError``.
    public static func write(_ text: String, to path: String) throws(WriteError) {
        try write(Array(text.utf8), to: path)
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
            try handle?.write(contentsOf: bytes)
        } catch {
            abandon()
            throw .cannotWrite(path: path, reason: Self.reason(of: error))
        }
    }

    /// Puts all bytes on the disk and closes the sibling.
    private func finishSibling() throws(WriteError) {
        guard handle != nil else { throw .alreadyClosed(path: path) }
        try flush()
        do {
            try handle?.synchronize()
            try handle?.close()
            handle = nil
        } catch {
            abandon()
            throw .cannotWrite(path: path, reason: Self.reason(of: error))
        }
    }

    private func publish() throws(WriteError) {
        guard unsafe rename(temporaryPath, path) == 0 else {
            let reason = systemReason(errno)
            abandon()
            throw .cannotRename(path: path, reason: reason)
        }
        isPending = false
        Interruption.removeTemporary(temporaryPath)
        // The rename itself must survive a power cut. Some file systems cannot flush a folder;
        // the file is complete then all the same.
        let folder = Self.split(path).folder
        try? FileHandle(forReadingAtPath: folder.isEmpty ? "." : folder)?.synchronize()
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return ("", path) }
        return (String(path[...slash]), String(path[path.utf8.index(after: slash)...]))
    }

    private static func reason(of error: any Error) -> String {
        var error = error as NSError
        while let inner = error.userInfo[NSUnderlyingErrorKey] as? NSError { error = inner }
        return error.domain == NSPOSIXErrorDomain
            ? systemReason(Int32(truncatingIfNeeded: error.code)) : error.localizedDescription
    }
}
