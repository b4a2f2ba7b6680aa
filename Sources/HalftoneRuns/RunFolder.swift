/// A folder inside of a run that its holder fills.
///
/// Files written by other means must be complete and on the disk before the folder is handed in;
/// ``AtomicFile`` sees to that.
public struct RunFolder: Sendable {
    /// Where it is; it moves when the folder is handed in.
    public let path: String
    let fileSystem: any RunFileSystem

    init(path: String, fileSystem: any RunFileSystem) {
        self.path = path
        self.fileSystem = fileSystem
    }

    /// Names of the files in it, sorted.
    ///
    /// - Throws: ``FileSystemError``.
    public var names: [String] {
        get throws { try fileSystem.list(path).filter { !$0.hasPrefix(".") } }
    }

    /// Writes a file.
    ///
    /// - Throws: ``WriteError``.
    public func write(_ bytes: [UInt8], to name: String) throws {
        try AtomicFile.write(bytes, to: path + "/" + name, fileSystem: fileSystem)
    }

    /// Reads a file.
    ///
    /// - Throws: ``FileSystemError``.
    public func read(_ name: String) throws -> [UInt8] {
        try fileSystem.read(path + "/" + name)
    }
}
