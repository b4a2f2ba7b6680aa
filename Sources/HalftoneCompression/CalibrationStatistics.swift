import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns

/// What the layers of a float model read on a text, second moments included, in a folder: collected
/// once, for any number of compressions.
///
/// Every layer's statistics are those of the float model, where a compression that reads the text
/// itself shows each layer what the quantized layers before it give. A block at a time is in
/// memory, and blocks that are done are not computed again when collecting was interrupted.
///
/// The folder is a run directory with a safetensors file for each block. For each stage it has
/// `STAGE.features` F64 `[5, width]`, the sums of `x`, `|x|` and `x²`, the least and the largest, and
/// `STAGE.moments` F32 `[width · (width + 1) / 2]`, the rows of the upper triangle of `Σ x·xᵀ`.
public struct CalibrationStatistics: Sendable {
    private let run: Run
    private let recipe: Recipe

    private static let kind = "statistics"
    private static let file = "statistics.safetensors"

    /// What was read.
    private struct Recipe: Codable {
        var weights: String
        var calibration: String
        var tokens: Int
    }

    /// Collects the statistics of a model, or goes on with that.
    ///
    /// - Parameters:
    ///   - path: The folder.
    ///   - model: The float model.
    ///   - text: What is read.
    ///   - pool: The threads to use.
    ///   - progress: Advanced by a block at a time.
    /// - Throws: ``CompressionError/badCalibration(_:)`` for text that the model cannot read;
    ///   `RunError` when the folder holds other statistics, and what the disk says.
    /// - Complexity: 2 · width² bytes of disk for each stage of a block, twice that of memory.
    public init(
        collecting path: String, of model: LanguageModel, text: CalibrationText, pool: WorkerPool,
        progress: RunProgress? = nil
    ) throws {
        recipe = Recipe(
            weights: CompressionJournal.sample(of: model.weights),
            calibration: CompressionJournal.digest(of: text.sequences),
            tokens: text.sequences.reduce(0) { $0 + $1.count })
        let blocks = model.spec.blocks.indices
        run = try Run.open(
            at: path, kind: Self.kind, recipe: RunRecipe(encoding: recipe),
            units: blocks.map(Self.unit))
        let done = Set(try run.status().done)
        guard let last = blocks.last(where: { !done.contains(Self.unit($0)) }) else { return }
        let pass = try CalibrationPass(model.weights, text, detail: .gram, pool: pool)
        for block in 0...last {
            if done.contains(Self.unit(block)) {
                pass.nextBlock(with: [:])
            } else {
                var sources: [TensorSource] = []
                pass.nextBlock { stage, _, inputs in
                    sources += Self.sources(inputs, named: "\(stage)")
                    return [:]
                }
                try note(sources, of: block)
            }
            progress?.advance(by: 1, note: "block \(block)")
        }
    }

    /// Opens statistics that were collected.
    ///
    /// - Parameters:
    ///   - path: The folder.
    ///   - model: The model that they are to be of.
    /// - Throws: ``CompressionError/badCalibration(_:)`` when they are of another model or not
    ///   complete; `RunError` when the folder is no such thing.
    public init(contentsOf path: String, of model: LanguageModel) throws {
        run = try Run.existing(at: path, kind: Self.kind)
        recipe = try run.recipe.decode()
        guard recipe.weights == CompressionJournal.sample(of: model.weights) else {
            throw CompressionError.badCalibration("\(path) has the statistics of another model")
        }
        let missing = try run.units.count - run.status().done.count
        guard missing == 0 else {
            throw CompressionError.badCalibration(
                "\(path): \(missing) blocks are missing; collect the statistics again to go on")
        }
    }

    /// Whether there are statistics at a place.
    public static func exist(at path: String) -> Bool {
        (try? Run.existing(at: path, kind: kind)) != nil
    }

    /// What a matrix reads; nil for embedding and head.
    ///
    /// - Throws: ``CompressionError/badCalibration(_:)`` for a damaged file, and what the disk says.
    public func inputs(of role: Role, in spec: DecoderSpec) throws -> InputStatistics? {
        guard let index = role.block else { return nil }
        let block = spec.blocks[index]
        let stage = BlockStage.allCases.first { $0.parts(of: block).contains(role.part) }
        guard let stage else { return nil }
        let path = try run.folder(of: Self.unit(index)).path + "/" + Self.file
        let file = try SafetensorsFile(contentsOf: path)
        let width = stage.width(of: block, in: spec)
        guard let features = file.tensor(named: "\(stage).features"),
            features.shape == [5, width], features.encoding == .elements(.float64),
            let moments = file.tensor(named: "\(stage).moments"),
            moments.shape == [width * (width + 1) / 2], moments.encoding == .elements(.float32)
        else { throw CompressionError.badCalibration("\(path) is damaged: \(stage)") }
        return InputStatistics(
            tokenCount: recipe.tokens, features: Self.doubles(features.bytes),
            gram: try Self.gram(moments.bytes, width: width))
    }

    private static func unit(_ block: Int) -> String { "block \(block)" }

    private func note(_ sources: [TensorSource], of block: Int) throws {
        guard let claim = try run.claim(Self.unit(block)) else {
            throw RunError.claimLost(unit: Self.unit(block))
        }
        var writer = SafetensorsWriter()
        for source in sources { try writer.add(source) }
        try writer.write(to: claim.folder.path + "/" + Self.file)
        try claim.finish()
    }

    private static func sources(_ inputs: InputStatistics, named name: String) -> [TensorSource] {
        let width = inputs.width
        let features = inputs.features
        let moments = inputs.gram
        return [
            TensorSource(
                name: name + ".features", shape: [5, width], encoding: .elements(.float64)
            ) { sink in
                try sink.write(
                    features.flatMap { value in
                        (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
                    })
            },
            TensorSource(
                name: name + ".moments", shape: [width * (width + 1) / 2],
                encoding: .elements(.float32)
            ) { sink in
                for row in 0..<width {
                    let values = moments?.upper(row: row) ?? []
                    try sink.write(BlockCodec.encode(.f32, values, columns: values.count))
                }
            },
        ]
    }

    private static func doubles(_ bytes: Bytes) -> [Double] {
        let bytes = bytes.array
        return stride(from: 0, to: bytes.count, by: 8).map { first in
            Double(
                bitPattern: (0..<8).reduce(0) { $0 | UInt64(bytes[first + $1]) << (8 * $1) })
        }
    }

    private static func gram(_ bytes: Bytes, width: Int) throws -> GramSum {
        var upper: [Float] = []
        try BlockCodec.decode(.f32, bytes, into: &upper)
        return GramSum(width: width, upper: upper)
    }
}
