import ArgumentParser
import Foundation
import HalftoneCompression
import HalftoneFiles
import HalftoneModels
import HalftoneRuns

/// `halftone imatrix`: what a text makes of each input feature, as a file.
struct ImportanceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "imatrix",
        abstract: "Read a text and write how large the inputs of each layer are.",
        discussion: """
            The file is an importance matrix as llama.cpp has them. `halftone compress --imatrix` \
            and `halftone convert --imatrix` count errors with it, and llama.cpp's own quantizer \
            reads it too.
            """)

    @Argument(help: ModelArgument.help)
    var model: String

    @Option(help: "The text; what the model is meant for, but not what it will be measured on.")
    var text: String

    @Option(help: "Windows of the text that are read.")
    var windows = 64

    @Option(help: "Tokens of a window; at most the model's context.")
    var window = 512

    @Option(name: [.short, .long], help: "The file to write, usually ending in .gguf.")
    var output: String

    @Flag(help: "Replace the output if it exists.")
    var force = false

    @OptionGroup var shared: SharedOptions

    mutating func validate() throws {
        guard (1...1 << 20).contains(windows), (2...1 << 16).contains(window) else {
            throw ValidationError("--windows is at least 1, and --window is from 2 to 65536")
        }
    }

    func run() throws {
        guard force || !FileManager.default.fileExists(atPath: output) else {
            throw CommandError("\(CompressionError.outputExists(output))", .cannotWrite)
        }
        let folder = URL(filePath: output).deletingLastPathComponent().path(percentEncoded: false)
        guard FileManager.default.isWritableFile(atPath: folder) else {
            throw CommandError("\(folder) is no folder that can be written to", .cannotWrite)
        }
        let loaded = try ModelArgument.load(model, shared)
        let read = try CalibrationText(
            try EvaluationText.load(text),
            tokenizer: try ModelArgument.tokenizer(loaded, model),
            length: min(window, loaded.spec.contextLength), count: windows)
        let progress = shared.progress(
            "Reading", total: loaded.spec.blocks.count, unit: "blocks")
        let matrix = try ImportanceMatrix(
            loaded, text: read, dataset: URL(filePath: text).lastPathComponent,
            pool: shared.pool, progress: progress)
        progress.finish()
        try matrix.write(to: output)
        if shared.json {
            return try Console.json(
                ImportanceReport(
                    output: output, matrices: matrix.entries.count, windows: matrix.chunkCount,
                    tokens: read.sequences.reduce(0) { $0 + $1.count }))
        }
        Console.result(output)
    }
}

/// What `imatrix` says as JSON.
private struct ImportanceReport: Encodable {
    let output: String
    let matrices: Int
    let windows: Int
    let tokens: Int
}
