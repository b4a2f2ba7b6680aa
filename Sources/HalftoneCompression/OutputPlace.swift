import Foundation
import HalftoneRuns

/// A folder that appears under its name only when everything in it is written.
struct OutputFolder {
    /// Where the files go until then.
    let temporaryPath: String
    private let path: String
    private let replaces: Bool

    /// Prepares to write a folder.
    ///
    /// - Parameters:
    ///   - path: The final name.
    ///   - replaces: Whether a folder of that name may be replaced.
    ///   - inputs: Paths that must not be written over.
    init(path: String, replaces: Bool, inputs: [String]) throws {
        let url = URL(filePath: path).standardizedFileURL
        try OutputPlace.check(url, replaces: replaces, inputs: inputs)
        self.path = url.path(percentEncoded: false)
        self.replaces = replaces
        temporaryPath =
            url.deletingLastPathComponent().path(percentEncoded: false)
            + "/.\(url.lastPathComponent).\(UUID().uuidString.prefix(8)).partial"
        Interruption.addTemporary(temporaryPath)
        try FileManager.default.createDirectory(
            atPath: temporaryPath, withIntermediateDirectories: true)
    }

    /// Gives the folder its name.
    func commit() throws {
        let manager = FileManager.default
        if replaces, manager.fileExists(atPath: path) { try manager.removeItem(atPath: path) }
        try manager.moveItem(atPath: temporaryPath, toPath: path)
        Interruption.removeTemporary(temporaryPath)
    }

    /// Removes what was written.
    func abandon() {
        try? FileManager.default.removeItem(atPath: temporaryPath)
        Interruption.removeTemporary(temporaryPath)
    }
}

/// Checks before anything is written.
enum OutputPlace {
    /// Refuses to write over an input, or over anything without being told to.
    static func check(_ url: URL, replaces: Bool, inputs: [String]) throws {
        let target = url.resolvingSymlinksInPath().standardizedFileURL.path(percentEncoded: false)
        for input in inputs {
            let source = URL(filePath: input).resolvingSymlinksInPath().standardizedFileURL
                .path(percentEncoded: false)
            guard trimmed(source) != trimmed(target) else {
                throw CompressionError.notRepresentable(
                    "\(input) would be written over itself; choose another name for the output")
            }
        }
        if !replaces, FileManager.default.fileExists(atPath: trimmed(target)) {
            throw CompressionError.outputExists(trimmed(target))
        }
    }

    private static func trimmed(_ path: String) -> String {
        path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    }
}
