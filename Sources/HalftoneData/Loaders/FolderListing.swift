import Foundation

/// Files of a folder and its folders, in the order of their paths.
enum FolderListing {
    /// Paths of files with one of some extensions.
    ///
    /// Hidden files are left out; links to folders are not followed.
    static func files(in folder: String, extensions: Set<String>) throws(DataError) -> [String] {
        let url = URL(filePath: folder, directoryHint: .isDirectory)
        guard
            let walk = FileManager.default.enumerator(
                at: url, includingPropertiesForKeys: nil, options: [.skipsHiddenFiles])
        else { throw .cannotRead(path: folder, reason: "not a folder that can be read") }
        var paths: [String] = []
        for case let file as URL in walk
        where extensions.contains(file.pathExtension.lowercased()) {
            paths.append(file.path)
        }
        guard !paths.isEmpty else {
            let names = extensions.sorted().map { "." + $0 }.joined(separator: ", ")
            throw .empty(path: folder, wanted: "files that end in " + names)
        }
        // By bytes, so that the order does not depend on the language of the system.
        return paths.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
    }

    /// The bytes of a file.
    static func read(_ path: String, limit: Int) throws(DataError) -> [UInt8] {
        do {
            let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
            if size > limit {
                throw DataError.tooLarge(path: path, byteCount: size, limit: limit)
            }
            return [UInt8](try Data(contentsOf: URL(filePath: path)))
        } catch let error as DataError {
            throw error
        } catch {
            throw .cannotRead(path: path, reason: error.localizedDescription)
        }
    }
}
