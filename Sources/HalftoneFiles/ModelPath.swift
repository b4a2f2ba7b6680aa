import Foundation

/// Finds files by names that come from inside a model, without leaving the model's folder.
struct ModelPath: Sendable {
    /// The folder as given.
    let folder: String
    private let resolvedFolder: String
    /// Where the Hugging Face cache keeps the contents of a snapshot, when this is one.
    private let blobs: String?

    init(folder: String) {
        self.folder = folder
        let url = URL(fileURLWithPath: folder).resolvingSymlinksInPath()
        resolvedFolder = url.path
        let snapshots = url.deletingLastPathComponent()
        blobs =
            snapshots.lastPathComponent == "snapshots"
            ? snapshots.deletingLastPathComponent().appendingPathComponent("blobs").path : nil
    }

    /// Whether a path leads to a folder, links followed.
    ///
    /// - Throws: ``FileError/Problem/missing`` when it leads nowhere.
    static func isFolder(_ path: String) throws(FileError) -> Bool {
        let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: resolved) else {
            throw FileError(path: path, .missing)
        }
        return attributes[.type] as? FileAttributeType == .typeDirectory
    }

    /// Whether a name is a plain file name: no separator, no `.` or `..`, no NUL, not empty.
    static func isPlainName(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255
            && !name.utf8.contains {
                $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\\") || $0 < 32
            }
    }

    /// The real path of a file of this folder, or nil when there is none.
    ///
    /// - Parameters:
    ///   - name: A plain name, possibly from an untrusted file.
    ///   - subfolder: A folder inside, named by the program itself.
    /// - Throws: ``FileError`` when the name is not plain, or when it is a link to something
    ///   outside the folder and outside the cache's `blobs` beside it.
    func resolve(_ name: String, in subfolder: String? = nil) throws(FileError) -> String? {
        guard Self.isPlainName(name) else { throw FileError(path: folder, .unsafeName(name)) }
        let path =
            (folder.hasSuffix("/") ? folder : folder + "/")
            + (subfolder.map { $0 + "/" } ?? "") + name
        guard (try? FileManager.default.attributesOfItem(atPath: path)) != nil else { return nil }
        let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath()
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: resolved.path)
        else { throw FileError(path: path, .missing) }
        // A link that could not be followed to its end is still a link.
        guard attributes[.type] as? FileAttributeType != .typeSymbolicLink,
            resolved.path.hasPrefix(resolvedFolder == "/" ? "/" : resolvedFolder + "/")
                || resolved.deletingLastPathComponent().path == blobs
        else { throw FileError(path: folder, .linkLeavesFolder(name: name)) }
        guard attributes[.type] as? FileAttributeType == .typeRegular else {
            throw FileError(path: path, .notARegularFile)
        }
        return resolved.path
    }
}
