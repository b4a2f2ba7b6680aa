import Foundation

/// Room on the disk that holds a path.
public enum FreeSpace {
    /// Bytes that this user can still write to the disk, or nil when the system does not say.
    ///
    /// - Parameter path: A file that may not exist yet, in a folder that does.
    public static func available(at path: String) -> Int? {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder)
        return (attributes?[.systemFreeSize] as? NSNumber)?.intValue
    }

    /// Checks that a file of a known size fits before any of it is written.
    ///
    /// - Throws: ``WriteError/notEnoughSpace(path:needed:available:)``.
    public static func require(_ byteCount: Int, at path: String) throws(WriteError) {
        guard let available = available(at: path), available < byteCount else { return }
        throw .notEnoughSpace(path: path, needed: byteCount, available: available)
    }
}
