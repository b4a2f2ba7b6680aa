import Foundation

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The file system of this machine.
public struct LocalFileSystem: RunFileSystem {
    /// There is only one.
    public init() {}

    /// Creates a file that must not exist yet (`O_EXCL`).
    public func createFile(_ path: String) throws(FileSystemError) -> any RunFile {
        try LocalFile(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, .create)
    }

    /// Opens a file whose writes all go to its end (`O_APPEND`).
    public func openForAppending(_ path: String) throws(FileSystemError) -> any RunFile {
        try LocalFile(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, .open)
    }

    /// Creates a folder (`mkdir`).
    public func createFolder(_ path: String) throws(FileSystemError) {
        guard unsafe mkdir(path, 0o777) == 0 else {
            throw FileSystemError(.create, path, code: errno)
        }
    }

    /// Renames in one step (`rename`).
    public func rename(_ path: String, to newPath: String) throws(FileSystemError) {
        #if canImport(Glibc)
            let result = unsafe Glibc.rename(path, newPath)
        #elseif canImport(Musl)
            let result = unsafe Musl.rename(path, newPath)
        #else
            let result = unsafe Foundation.rename(path, newPath)
        #endif
        guard result == 0 else { throw FileSystemError(.rename, path, code: errno) }
    }

    /// Removes a file, a link or a folder with its contents.
    public func remove(_ path: String) throws(FileSystemError) {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw FileSystemError(.remove, path, code: Self.code(of: error))
        }
    }

    /// Flushes the names in a folder (`fsync`).
    public func synchronizeFolder(_ path: String) throws(FileSystemError) {
        // Some file systems cannot flush a folder; the names in it are right then all the same.
        let descriptor = unsafe open(path.isEmpty ? "." : path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// Sets the time of change by the disk's own clock (`utimensat` without a time).
    public func touch(_ path: String) throws(FileSystemError) {
        guard unsafe utimensat(AT_FDCWD, path, nil, 0) == 0 else {
            throw FileSystemError(.touch, path, code: errno)
        }
    }

    /// The names in a folder, sorted by their bytes.
    public func list(_ path: String) throws(FileSystemError) -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).sorted {
                $0.utf8.lexicographicallyPrecedes($1.utf8)
            }
        } catch {
            throw FileSystemError(.list, path, code: Self.code(of: error))
        }
    }

    /// All bytes of a file.
    public func read(_ path: String) throws(FileSystemError) -> [UInt8] {
        do {
            return Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        } catch {
            throw FileSystemError(.read, path, code: Self.code(of: error))
        }
    }

    /// A piece of a file.
    public func read(
        _ path: String, from offset: Int, count: Int
    ) throws(FileSystemError) -> [UInt8] {
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            try handle.seek(toOffset: UInt64(offset))
            return Array(try handle.read(upToCount: count) ?? Data())
        } catch {
            throw FileSystemError(.read, path, code: Self.code(of: error))
        }
    }

    /// What is under a path (`lstat`).
    public func status(_ path: String) throws(FileSystemError) -> FileStatus? {
        var information = stat()
        guard unsafe lstat(path, &information) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw FileSystemError(.inspect, path, code: errno)
        }
        let kind: FileStatus.Kind =
            switch information.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .folder
            case S_IFLNK: .link
            default: .other
            }
        #if canImport(Darwin)
            let time = information.st_mtimespec
        #else
            let time = information.st_mtim
        #endif
        return FileStatus(
            kind: kind, byteCount: Int(information.st_size),
            modified: Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9)
    }

    /// The error number inside of one of Foundation's errors.
    static func code(of error: any Error) -> Int32 {
        var error = error as NSError
        while let inner = error.userInfo[NSUnderlyingErrorKey] as? NSError { error = inner }
        if error.domain == NSPOSIXErrorDomain { return Int32(truncatingIfNeeded: error.code) }
        return error.code == CocoaError.fileReadNoSuchFile.rawValue
            || error.code == CocoaError.fileNoSuchFile.rawValue ? ENOENT : EIO
    }
}

/// An open file of this machine.
private final class LocalFile: RunFile {
    private let path: String
    private let handle: FileHandle

    init(
        _ path: String, _ flags: Int32, _ operation: FileSystemError.Operation
    ) throws(FileSystemError) {
        self.path = path
        let descriptor = unsafe open(path, flags, 0o666)
        guard descriptor >= 0 else { throw FileSystemError(operation, path, code: errno) }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    func write(_ bytes: [UInt8]) throws(FileSystemError) {
        do {
            try handle.write(contentsOf: bytes)
        } catch {
            throw FileSystemError(.write, path, code: LocalFileSystem.code(of: error))
        }
    }

    func synchronize() throws(FileSystemError) {
        do {
            try handle.synchronize()
        } catch {
            throw FileSystemError(.synchronize, path, code: LocalFileSystem.code(of: error))
        }
    }

    func close() throws(FileSystemError) {
        do {
            try handle.close()
        } catch {
            throw FileSystemError(.write, path, code: LocalFileSystem.code(of: error))
        }
    }
}
