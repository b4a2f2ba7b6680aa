import Foundation

/// A state of the job that was written whole and reads back as it was written.
public struct Checkpoint: Sendable {
    /// What it is a checkpoint of, such as `training`.
    public let name: String
    /// Its number, such as the training step after which it was taken.
    public let version: Int
    /// Its files.
    public let folder: RunFolder
    /// Versions that are newer but damaged, newest first.
    public let damaged: [Int]
}

/// What the manifest of a checkpoint states.
struct CheckpointManifest: Codable {
    static let file = "checkpoint.json"
    static let knownFormat = 1

    struct Entry: Codable, Equatable {
        var byteCount: Int
        var sha256: String
    }

    var format: Int
    var files: [String: Entry]

    /// Reads all files of a checkpoint and states what they are.
    static func describing(_ folder: RunFolder) throws -> CheckpointManifest {
        var files: [String: Entry] = [:]
        for name in try folder.names where name != file {
            files[name] = try describe(folder.path + "/" + name, folder.fileSystem)
        }
        return CheckpointManifest(format: knownFormat, files: files)
    }

    /// Whether a folder holds what its manifest states.
    static func isValid(_ folder: RunFolder) -> Bool {
        guard let bytes = try? folder.read(file),
            let stated = try? RunJSON.decode(CheckpointManifest.self, from: bytes),
            stated.format <= knownFormat,
            let found = try? describing(folder)
        else { return false }
        return stated.files == found.files
    }

    private static func describe(
        _ path: String, _ fileSystem: any RunFileSystem
    ) throws -> Entry {
        let pieceByteCount = 1 << 22
        var sum = SHA256()
        var byteCount = 0
        while true {
            let piece = try fileSystem.read(path, from: byteCount, count: pieceByteCount)
            if piece.isEmpty { break }
            sum.update(piece)
            byteCount += piece.count
        }
        return Entry(byteCount: byteCount, sha256: sum.hexadecimal())
    }
}

/// `NAME@VERSION-GENERATION`: the generation tells apart two of one version.
struct CheckpointFile: Comparable {
    var name: String
    var version: Int
    var generation: Int

    init(name: String, version: Int, generation: Int) {
        self.name = name
        self.version = version
        self.generation = generation
    }

    init?(_ text: String) {
        guard !text.hasPrefix("."), let at = text.lastIndex(of: "@") else { return nil }
        let numbers = text[text.index(after: at)...].split(separator: "-")
        guard numbers.count == 2, let version = Int(numbers[0]), let generation = Int(numbers[1])
        else { return nil }
        self.init(name: String(text[..<at]), version: version, generation: generation)
    }

    var text: String {
        let digits = "\(version)"
        let zeros = String(repeating: "0", count: max(0, 9 - digits.count))
        return "\(name)@\(zeros)\(digits)-\(generation)"
    }

    static func < (left: CheckpointFile, right: CheckpointFile) -> Bool {
        (left.version, left.generation) < (right.version, right.generation)
    }
}
