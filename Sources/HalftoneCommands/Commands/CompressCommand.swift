import ArgumentParser
import Foundation
import HalftoneCheckpoints
import HalftoneCompression
import HalftoneFormats
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import HalftoneRuntime

/// `halftone compress`: quantize a model and write it.
struct CompressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compress",
        abstract: "Quantize a model and write it as a folder or a GGUF file.",
        discussion: """
            --bits N chooses a good integer format of N bits; --format names one exactly: int4 \
            (symmetric) or uint4 (affine), 1 to 8 bits. Widths that a group does not divide end \
            in a shorter group. The embedding, and a head of its own, take at least 4 bits unless \
            --embedding says otherwise.

            --layout compressed-tensors, gptq or gptq-v2 writes a folder that those programs read; \
            embedding and head stay float then. compressed-tensors has 1 to 8 bits, GPTQ 2, 3, 4 \
            and 8, both for widths that groups divide.

            --order says how a folder of the halftone layout holds codes: in panels, which are \
            multiplied where they are mapped, so that a model starts at once; in rows; or \
            automatic, panels wherever they take at most a 64th more bytes. GGUF files and other \
            layouts have orders of their own.

            An output that ends in .gguf is written in that format, for formats that exist there: \
            int4, int5 and int8 with --group 32 --scale f16.
            """)

    @Argument(help: ModelArgument.help)
    var model: String

    @Option(help: "Bits of a code, 1 to 8.")
    var bits: Int?

    @Option(help: "An integer format: int4, uint3, …")
    var format: String?

    @Option(help: "Weights that share a scale: a number, channel or tensor (default: 64).")
    var group: String?

    @Option(help: "How scales are stored: f32, f16, bf16 or f8 (default: f16).")
    var scale: String?

    @Option(
        help: """
            How scales are chosen: least-error, absmax, percentile-SHARE, grid-STEPS-LEAST or \
            iterative-TURNS (default: least-error).
            """)
    var search: String?

    @Option(
        help: "The format of embedding and head, or float (default: as the body, 4 bits at least).")
    var embedding: String?

    @Option(
        help: """
            How a folder lays out packed matrices: halftone, compressed-tensors, gptq or gptq-v2 \
            (default: halftone).
            """)
    var layout: String?

    @Option(help: "The order of codes in a folder: automatic, panels or rows.")
    var order = StorageOrder.automatic

    @Option(name: [.short, .long], help: "The folder or .gguf file to write.")
    var output: String

    @Flag(help: "Replace the output if it exists.")
    var force = false

    @OptionGroup var shared: SharedOptions

    mutating func validate() throws {
        _ = try recipe()
    }

    /// The layout of another program, or nil for this one's.
    private func exportLayout() throws -> ExportLayout? {
        guard let layout, layout != "halftone" else { return nil }
        guard let export = ExportLayout(rawValue: layout) else {
            throw ValidationError(
                "--layout \"\(layout)\" is none of halftone, "
                    + ExportLayout.allCases.map(\.rawValue).joined(separator: ", "))
        }
        guard !output.hasSuffix(".gguf") else {
            throw ValidationError("--layout is for folders, not for GGUF files")
        }
        guard embedding == nil || embedding == "float" else {
            throw ValidationError("--layout \(layout) leaves the embedding float")
        }
        return export
    }

    /// The recipe that the options amount to.
    func recipe() throws -> CompressionRecipe {
        guard (bits == nil) != (format == nil) else {
            throw ValidationError("give either --bits or --format")
        }
        if let bits, !(1...8).contains(bits) {
            throw ValidationError("--bits must be from 1 to 8")
        }
        let granularity = try group.map { name in
            guard let granularity = Granularity(named: name) else {
                throw ValidationError("--group \"\(name)\" is no number, channel or tensor")
            }
            return granularity
        }
        var recipe = CompressionRecipe(bits: bits ?? 4, group: granularity ?? .group(64))
        if let format { recipe.body.format = try integerFormat(format, "--format") }
        if let format {
            var wanted = try integerFormat(format, "--format")
            if wanted.bits < 4 { wanted = IntegerFormat(bits: 4, symmetric: wanted.isSymmetric) }
            recipe.embedding?.format = wanted
        }
        if let embedding {
            if embedding == "float" {
                recipe.embedding = nil
            } else {
                recipe.embedding?.format = try integerFormat(embedding, "--embedding")
            }
        }
        if let scale {
            guard let format = ScaleFormat(rawValue: scale) else {
                throw ValidationError("--scale \"\(scale)\" is none of f32, f16, bf16, f8")
            }
            recipe.body.scaleFormat = format
            recipe.embedding?.scaleFormat = format
        }
        if let search {
            guard let search = ScaleSearch(named: search) else {
                throw ValidationError(
                    "--search \"\(search)\" is none of least-error, absmax, percentile-0.999, "
                        + "grid-100-0.2 and iterative-20")
            }
            recipe.body.search = search
            recipe.embedding?.search = search
        }
        if try exportLayout() != nil { recipe.embedding = nil }
        return recipe
    }

    private func integerFormat(_ name: String, _ option: String) throws -> IntegerFormat {
        guard let format = IntegerFormat(named: name) else {
            throw ValidationError("\(option) \"\(name)\" is no format such as int4 or uint3")
        }
        return format
    }

    func run() throws {
        let start = ContinuousClock.now
        let loaded = try ModelArgument.load(model, shared)
        let recipe = try recipe()
        let pool = shared.pool
        let isOwn = try exportLayout() == nil
        let size = CompressedSize(
            of: loaded.spec, recipe: recipe, order: output.hasSuffix(".gguf") ? .rows : order)
        shared.note(
            !isOwn
                ? "\(Formatting.grouped(size.packedWeightCount)) weights are packed"
                : "\(Formatting.grouped(size.packedWeightCount)) weights become "
                    + "\(Formatting.bytes(size.packedByteCount)), "
                    + "\(Formatting.decimal(size.bitsPerWeight, 3)) bits each")
        let progress = shared.progress(
            "Quantizing", total: size.packedWeightCount, unit: "weights")
        let compressed = try CompressedModel(
            loaded, recipe: recipe, pool: pool, progress: progress)
        progress.finish()
        let written = try write(compressed)
        let packed = written.packedBytes
        let report = CompressReport(
            model: model, output: output, body: recipe.body.description,
            embedding: recipe.embedding?.description ?? "float",
            bitsPerWeight: Double(8 * packed) / Double(max(size.packedWeightCount, 1)),
            packedBytes: packed, fileBytes: written.fileBytes,
            seconds: (ContinuousClock.now - start).seconds,
            peakMemoryBytes: ProcessMemory.peakBytes)
        if shared.json { return try Console.json(report) }
        Console.result(report.text)
    }

    /// Writes the output and returns the bytes of the weight file and of the packed matrices.
    private func write(
        _ compressed: CompressedModel
    ) throws -> (fileBytes: Int, packedBytes: Int) {
        let path: String
        let predicted: Int
        var packed = compressed.size.packedByteCount
        let progress = shared.progress(
            "Writing", total: compressed.size.packedByteCount, unit: "bytes")
        if output.hasSuffix(".gguf") {
            let export = try GGUFExport(compressed)
            predicted = try export.fileByteCount()
            try export.write(to: output, replaces: force, progress: progress)
            path = output
        } else {
            let writer = ModelFolderWriter(
                compressed, layout: try exportLayout(), order: order)
            packed = try writer.packedByteCount()
            predicted = try writer.weightFileByteCount()
            try writer.write(to: output, replaces: force, progress: progress)
            path = output + "/model.safetensors"
        }
        progress.finish()
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        guard size == predicted else {
            throw CommandError(
                "\(path) has \(size) bytes where \(predicted) were predicted", .failed)
        }
        return (size, packed)
    }
}

extension StorageOrder: ExpressibleByArgument {}

/// What `compress` shows.
private struct CompressReport: Encodable {
    let model: String
    let output: String
    let body: String
    let embedding: String
    let bitsPerWeight: Double
    let packedBytes: Int
    let fileBytes: Int
    let seconds: Double
    let peakMemoryBytes: Int?

    var text: String {
        let memory = peakMemoryBytes.map { ", peak memory \(Formatting.bytes($0))" } ?? ""
        return """
            layers             \(body)
            embedding          \(embedding)
            bits per weight    \(Formatting.decimal(bitsPerWeight, 3)), everything counted
            weight file        \(Formatting.grouped(fileBytes)) bytes, as predicted
            written to         \(output)
            took               \(Formatting.duration(seconds))\(memory)
            """
    }
}
