import Dispatch
import Foundation
import Synchronization

/// A folder that a long job lives in: its recipe, its units of work with their state and results,
/// its checkpoints and its log.
///
/// The job can stop at any moment, killed or without power, and goes on from there: finished
/// units are not repeated, and nothing half-written is ever found under a final name. Several
/// processes, also on several machines that share the folder, can work on the units together.
///
/// Everything rests on renames within one file system. A unit of work is a folder that moves from
/// `units/pending` to `units/claimed`, where its name ends with its owner's, and on to
/// `units/done` or `units/failed`; a rename that two workers ask for succeeds for one of them.
///
/// A value may be used from several threads.
public final class Run: Sendable {
    /// The folder, without a slash at its end.
    public let path: String
    /// What made it, such as `train`; it is not opened as anything else.
    public let kind: String
    /// What it was asked to do.
    public let recipe: RunRecipe
    /// The names of all units of work, in the order in which they are handed out.
    public let units: [String]
    /// How it meets the disk and other workers.
    public let options: RunOptions

    /// Unit names by their file names.
    let nameOfFile: [String: String]
    /// File names in the order of ``units``.
    let files: [String]
    let state = Mutex(State())

    struct State {
        var isRegistered = false
        var heartbeat: (any DispatchSourceTimer)?
        /// File names of units that were pending when last looked, the next one last.
        var candidates: [String] = []
        var log: JSONLinesWriter?
    }

    /// Starts a run, or goes on with it.
    ///
    /// - Parameters:
    ///   - path: The folder. Folders above it are created.
    ///   - kind: What makes it, such as `train`.
    ///   - recipe: What is asked for; a run that is there must have been started with the same.
    ///   - units: The names of all units of work, each once; for a run that is there, the same.
    ///   - opening: Whether the run may or must be there already.
    ///   - options: How it meets the disk and other workers.
    /// - Throws: ``RunError``; ``FileSystemError`` or ``WriteError`` when the disk refuses.
    public static func open(
        at path: String, kind: String, recipe: RunRecipe, units: [String] = [],
        opening: RunOpening = .startOrResume, options: RunOptions = RunOptions()
    ) throws -> Run {
        let path = trimmed(path)
        let fileSystem = options.fileSystem
        let exists = try fileSystem.status(path + "/" + RunLayout.manifest) != nil
        switch opening {
        case .start where exists: throw RunError.alreadyExists(path: path)
        case .resume where !exists: throw RunError.doesNotExist(path: path)
        default: break
        }
        if !exists {
            try create(path: path, kind: kind, recipe: recipe, units: units, options: options)
        }
        let run = try existing(at: path, kind: kind, options: options)
        let differences = recipe.differences(from: run.recipe)
        guard differences.isEmpty else {
            throw RunError.recipeDiffers(path: path, differences: differences)
        }
        guard units == run.units else {
            let (here, there) = (Set(units), Set(run.units))
            throw RunError.unitsDiffer(
                path: path, onlyInRun: run.units.filter { !here.contains($0) },
                onlyNow: units.filter { !there.contains($0) })
        }
        return run
    }

    /// Opens a run that is there, whatever its recipe, to look at it or to help with its units.
    ///
    /// - Throws: ``RunError``, ``FileSystemError``.
    public static func existing(
        at path: String, kind: String? = nil, options: RunOptions = RunOptions()
    ) throws -> Run {
        let path = trimmed(path)
        let fileSystem = options.fileSystem
        guard try fileSystem.status(path + "/" + RunLayout.manifest) != nil else {
            throw RunError.doesNotExist(path: path)
        }
        let manifest = try RunManifest.read(path, fileSystem)
        if let kind, kind != manifest.kind {
            throw RunError.otherKind(path: path, found: manifest.kind, wanted: kind)
        }
        let recipePath = path + "/" + manifest.recipeFile
        let bytes = try fileSystem.read(recipePath)
        let recipe =
            manifest.recipeFile.hasSuffix(".json")
            ? try? RunRecipe(json: bytes) : RunRecipe(text: String(decoding: bytes, as: UTF8.self))
        guard let recipe, recipe.digest == manifest.recipeDigest else {
            throw RunError.damaged(
                path: recipePath, reason: "its digest is not the one that run.json states")
        }
        return try Run(path: path, manifest: manifest, recipe: recipe, options: options)
    }

    private init(
        path: String, manifest: RunManifest, recipe: RunRecipe, options: RunOptions
    ) throws {
        self.path = path
        kind = manifest.kind
        self.recipe = recipe
        units = manifest.units
        self.options = options
        files = try units.map(RunLayout.encode)
        nameOfFile = Dictionary(zip(files, units)) { first, _ in first }
    }

    deinit {
        state.withLock { $0.heartbeat?.cancel() }
        if state.withLock({ $0.isRegistered }) {
            try? fileSystem.remove(workerPath(options.owner.description))
        }
    }

    var fileSystem: any RunFileSystem { options.fileSystem }

    func place(_ relative: String) -> String { path + "/" + relative }

    private static func trimmed(_ path: String) -> String {
        var path = path[...]
        while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
        return String(path)
    }
}
