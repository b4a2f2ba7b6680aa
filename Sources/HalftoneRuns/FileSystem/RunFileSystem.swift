/// What runs ask of a disk.
///
/// ``LocalFileSystem`` is the real one. Everything that ``Run`` and ``AtomicFile`` change goes
/// through this protocol, so that a test can put a fault at each step in turn and see that what is
/// left can be opened again.
public protocol RunFileSystem: Sendable {
    /// Creates a file that must not exist yet and opens it for writing.
    func createFile(_ path: String) throws(FileSystemError) -> any RunFile

    /// Opens a file for writing at its end, whatever others append meanwhile; creates it if absent.
    func openForAppending(_ path: String) throws(FileSystemError) -> any RunFile

    /// Creates a folder whose parent exists.
    func createFolder(_ path: String) throws(FileSystemError)

    /// Gives a file or folder another name in one step; replaces a file or an empty folder there.
    func rename(_ path: String, to newPath: String) throws(FileSystemError)

    /// Removes a file, or a folder with everything in it.
    func remove(_ path: String) throws(FileSystemError)

    /// Waits until the names in a folder are on the disk; does nothing where that cannot be asked.
    func synchronizeFolder(_ path: String) throws(FileSystemError)

    /// Sets a file's time of change to now, by the clock of the disk that holds it.
    func touch(_ path: String) throws(FileSystemError)

    /// The names in a folder, sorted by their bytes.
    func list(_ path: String) throws(FileSystemError) -> [String]

    /// All bytes of a file.
    func read(_ path: String) throws(FileSystemError) -> [UInt8]

    /// Up to `count` bytes of a file from an offset on; none at its end.
    func read(_ path: String, from offset: Int, count: Int) throws(FileSystemError) -> [UInt8]

    /// What is under a path, or nil when nothing is; links are not followed.
    func status(_ path: String) throws(FileSystemError) -> FileStatus?
}

/// A file that takes bytes at its end.
public protocol RunFile: AnyObject {
    /// Adds bytes.
    func write(_ bytes: [UInt8]) throws(FileSystemError)

    /// Waits until all bytes are on the disk.
    func synchronize() throws(FileSystemError)

    /// Ends the use of the file.
    func close() throws(FileSystemError)
}

/// What is under a path.
public struct FileStatus: Sendable, Equatable {
    /// The kinds that runs tell apart.
    public enum Kind: Sendable, Equatable {
        /// A regular file.
        case file
        /// A folder.
        case folder
        /// A symbolic link.
        case link
        /// A device, a pipe or a socket.
        case other
    }

    /// What it is.
    public var kind: Kind
    /// Its size.
    public var byteCount: Int
    /// When it was changed last, in seconds since 1970 by the clock of its disk.
    public var modified: Double

    /// States what is there.
    public init(kind: Kind, byteCount: Int, modified: Double) {
        self.kind = kind
        self.byteCount = byteCount
        self.modified = modified
    }
}

/// A request that the disk refused.
public struct FileSystemError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was asked.
    public enum Operation: String, Sendable {
        case create, open, write, synchronize, rename, remove, list, read, inspect, touch
    }

    /// What was asked.
    public var operation: Operation
    /// Of which path.
    public var path: String
    /// The system's error number (`errno`).
    public var code: Int32

    /// States a refusal.
    public init(_ operation: Operation, _ path: String, code: Int32) {
        self.operation = operation
        self.path = path
        self.code = code
    }

    /// The system's words for the error number.
    public var reason: String { systemReason(code) }

    /// The path, what was asked and the system's reason.
    public var description: String { "\(path): cannot \(operation.rawValue): \(reason)" }
}
