import ArgumentParser
import Foundation
import HalftoneCompression
import HalftoneFiles
import HalftoneFormats
import HalftoneModels
import HalftoneRuns

/// `halftone convert`: the same model in another kind of file.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Write a model as a GGUF file or as a Hugging Face folder.",
        discussion: """
            --type is the type of matrices: for GGUF F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1 \
            and others that `halftone` encodes; for a folder F32, F16 or BF16. Vectors are F32, \
            or as the folder has them that they come from. Q2_K_S, Q3_K_S, Q3_K_M, Q3_K_L, Q4_K_S, \
            Q4_K_M, Q5_K_S and Q5_K_M are the mixtures of types of llama.cpp.
            """)

    @Argument(help: ModelArgument.help)
    var model: String

    @Option(help: "gguf or folder (default: by the ending of the output).")
    var to: String?

    @Option(help: "The type of matrices (default: F16 for GGUF; for a folder theirs, or F32).")
    var type: String?

    @Option(
        help: """
            An importance matrix of llama.cpp, a GGUF file: what Q4, Q5, K-quants, IQ4 and NVFP4 \
            count the errors of input features with.
            """)
    var imatrix: String?

    @Option(name: [.short, .long], help: "The file or folder to write.")
    var output: String

    @Flag(help: "Replace the output if it exists.")
    var force = false

    @OptionGroup var shared: SharedOptions

    private var writesGGUF: Bool { to.map { $0 == "gguf" } ?? output.hasSuffix(".gguf") }

    mutating func validate() throws {
        if let to, to != "gguf", to != "folder" {
            throw ValidationError("--to must be gguf or folder")
        }
        if imatrix != nil, !writesGGUF {
            throw ValidationError("--imatrix is for GGUF files")
        }
        _ = try blockType()
    }

    /// The type that is asked for; nil for none and for a mixture.
    private func blockType() throws -> BlockType? {
        guard let type, preset == nil else { return nil }
        let allowed = writesGGUF ? BlockTypes.encodable : [.f32, .f16, .bf16]
        guard let block = BlockType(named: type), allowed.contains(block) else {
            let mixtures = writesGGUF ? GGUFPreset.allCases.map(\.rawValue) : []
            throw ValidationError(
                "--type \(type) cannot be written; "
                    + Set(allowed.map(\.name) + mixtures).sorted().joined(separator: ", ") + " can")
        }
        return block
    }

    /// The mixture that is asked for; a name that is a type's, too, means the type.
    private var preset: GGUFPreset? {
        guard writesGGUF, let type, BlockType(named: type) == nil else { return nil }
        return GGUFPreset(named: type)
    }

    func run() throws {
        let loaded = try ModelArgument.load(model, shared)
        let type = try blockType()
        let progress = shared.progress("Writing", total: nil, unit: "bytes")
        if writesGGUF {
            let importance = try imatrix.map { try ImportanceMatrix(contentsOf: $0) }
            let export =
                if let preset {
                    try GGUFExport(loaded, preset: preset, importance: importance)
                } else {
                    try GGUFExport(loaded, type: type ?? .f16, importance: importance)
                }
            try export.write(to: output, replaces: force, progress: progress)
        } else {
            let elements: [BlockType: ElementType] = [
                .f32: .float32, .f16: .float16, .bf16: .bfloat16,
            ]
            let element = type.flatMap { elements[$0] }
            try ModelFolderWriter(loaded, matrixType: element).write(
                to: output, replaces: force, progress: progress)
        }
        progress.finish()
        if shared.json { return try Console.json(["model": model, "output": output]) }
        Console.result(output)
    }
}
