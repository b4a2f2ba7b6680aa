import Foundation
import HalftoneKernels

/// A mapped regular file and what identified it when it was opened.
package struct MappedFile: Sendable {
    /// The path as given.
    package let path: String
    /// The contents.
    package let bytes: Bytes
    private let resolvedPath: String
    private let modified: Date?

    /// Maps a file, following links.
    ///
    /// - Throws: ``FileError`` when it is missing, not a regular file, or cannot be opened.
    package init(_ path: String) throws(FileError) {
        self.path = path
        resolvedPath = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        // Asked before it is opened: opening a pipe or a device may wait or have effects.
        guard let attributes = try? FileManager.default.attributesOfItem(atPath: resolvedPath)
        else {
            throw FileError(path: path, .missing)
        }
        guard attributes[.type] as? FileAttributeType == .typeRegular else {
            throw FileError(path: path, .notARegularFile)
        }
        modified = attributes[.modificationDate] as? Date
        do {
            bytes = try Bytes(mapping: resolvedPath)
        } catch BytesError.notARegularFile {
            throw FileError(path: path, .notARegularFile)
        } catch {
            throw FileError(path: path, .cannotOpen(reason: "\(error)"))
        }
    }

    /// Checks that the file still has the size and the time of change that it was opened with.
    ///
    /// - Throws: ``FileError/Problem/changedWhileOpen``: what was read may be mixed, and a file
    ///   that was cut short would stop the process at the next access.
    package func checkUnchanged() throws(FileError) {
        let attributes = try? FileManager.default.attributesOfItem(atPath: resolvedPath)
        guard (attributes?[.size] as? NSNumber)?.intValue == bytes.count,
            attributes?[.modificationDate] as? Date == modified
        else { throw FileError(path: path, .changedWhileOpen) }
    }
}
