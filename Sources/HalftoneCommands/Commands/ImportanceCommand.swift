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
            reads it too. With --moments the second moments of all pairs of inputs are kept, in \
            a folder of about 2 bytes per weight: `halftone compress --method gptq --imatrix` \
            takes them in place of a text, any number of times. Every layer then is quantized for \
            what it reads in the float model, not behind layers that are quantized already.
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

    @Flag(help: "Keep second moments, in a folder; goes on where it was interrupted.")
    var moments = false

    @Flag(help: "Replace the output if it exists.")
    var force = false

    @OptionGroup var shared: SharedOptions

    mutating func validate() throws {
        guard (1...1 << 20).contains(windows), (2...1 << 16).contains(window) else {
            throw ValidationError("--windows is at least 1, and --window is from 2 to 65536")
        }
    }

    func run() throws {
        let goesOn = moments && !force && CalibrationStatistics.exist(at: output)
        guard force || goesOn || !FileManager.default.fileExists(atPath: output) else {
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
        if moments {
            if force, CalibrationStatistics.exist(at: output) {
                try FileManager.default.removeItem(atPath: output)
            }
            _ = try CalibrationStatistics(
                collecting: output, of: loaded, text: read, pool: shared.pool, progress: progress)
            progress.finish()
            return try report(
                matrices: loaded.spec.slots.count { $0.role.isLinear && $0.role.block != nil },
                read)
        }
        let matrix = try ImportanceMatrix(
            loaded, text: read, dataset: URL(filePath: text).lastPathComponent,
            pool: shared.pool, progress: progress)
        progress.finish()
        try matrix.write(to: output)
        try report(matrices: matrix.entries.count, read)
    }

    private func report(matrices: Int, _ read: CalibrationText) throws {
        guard shared.json else { return Console.result(output) }
        try Console.json(
            ImportanceReport(
                output: output, matrices: matrices, windows: read.sequences.count,
                tokens: read.sequences.reduce(0) { $0 + $1.count }))
    }
}

/// What `imatrix` says as JSON.
private struct ImportanceReport: Encodable {
    let output: String
    let matrices: Int
    let windows: Int
    let tokens: Int
}
