import Foundation
import HalftoneRuns

/// A folder of results: one file per method and mode, `ties-merging.full.json`.
public struct ResultStore: Sendable {
    /// The folder; it need not exist yet.
    public let folder: URL

    /// Names a folder.
    public init(folder: URL) { self.folder = folder }

    /// The results that come with this version: a folder beside the program, or nil where there is
    /// none.
    public static var shipped: ResultStore? {
        let program = Bundle.main.executableURL?.resolvingSymlinksInPath()
        let bundle = program?.deletingLastPathComponent()
            .appending(path: "Halftone_HalftoneReproductions.resources/Results")
        guard let bundle, FileManager.default.fileExists(atPath: bundle.path) else { return nil }
        return ResultStore(folder: bundle)
    }

    /// The results of this user: the folder that `HALFTONE_RESULTS` names, else
    /// `~/.cache/halftone/results`.
    public static func user(
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> ResultStore {
        if let folder = environment["HALFTONE_RESULTS"], !folder.isEmpty {
            return ResultStore(folder: URL(filePath: (folder as NSString).expandingTildeInPath))
        }
        let home = FileManager.default.homeDirectoryForCurrentUser
        return ResultStore(folder: home.appending(path: ".cache/halftone/results"))
    }

    /// Where the result of a method and mode is.
    public func file(_ id: String, _ mode: ReproductionMode) -> URL {
        folder.appending(path: "\(id).\(mode.rawValue).json")
    }

    /// Stores a result in one step; an earlier one of the same method and mode is replaced.
    ///
    /// - Throws: `WriteError` when the folder cannot be made or written.
    public func store(_ result: ReproductionResult) throws {
        precondition(!result.isControl, "control runs are not stored")
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        } catch {
            throw WriteError.cannotCreate(path: folder.path, reason: error.localizedDescription)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .iso8601
        let text = String(decoding: try encoder.encode(result), as: UTF8.self)
        try AtomicFile.write(text + "\n", to: file(result.id, result.mode).path)
    }

    /// The stored result of a method and mode, or nil when there is none.
    ///
    /// - Throws: ``ResultError`` when the file is damaged or belongs to something else.
    public func result(_ id: String, _ mode: ReproductionMode) throws(ResultError)
        -> ReproductionResult?
    {
        let file = file(id, mode)
        guard let data = try? Data(contentsOf: file) else { return nil }
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        let result: ReproductionResult
        do {
            result = try decoder.decode(ReproductionResult.self, from: data)
        } catch {
            throw ResultError(path: file.path, reason: "\(error)")
        }
        guard result.id == id, result.mode == mode else {
            throw ResultError(
                path: file.path, reason: "it is a result of \(result.id), \(result.mode.rawValue)")
        }
        guard result.claims.allSatisfy({ $0.figures.allSatisfy { !$0.values.isEmpty } }) else {
            throw ResultError(path: file.path, reason: "a figure has no values")
        }
        return result
    }
}

/// A stored result that cannot be read.
public struct ResultError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The file.
    public let path: String
    /// What is wrong with it.
    public let reason: String

    /// What to do about it.
    public var description: String {
        "\(path) is no result that can be read; remove it or reproduce again: \(reason)"
    }
}

extension [ResultStore] {
    /// The latest result of a method: a full one before a quick one, then the later date.
    ///
    /// - Throws: ``ResultError``.
    public func latest(
        _ id: String, modes: [ReproductionMode] = [.full, .quick]
    ) throws(ResultError) -> ReproductionResult? {
        for mode in modes {
            var found: ReproductionResult?
            for store in self {
                guard let result = try store.result(id, mode) else { continue }
                if found.map({ $0.date < result.date }) ?? true { found = result }
            }
            if let found { return found }
        }
        return nil
    }
}
