import ArgumentParser
import Foundation
import HalftoneCompression
import HalftoneData
import HalftoneEvaluation
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneRuns
import HalftoneRuntime
import HalftoneText

/// `halftone compare`: ways to quantize a model, under one protocol.
struct CompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Quantize a model in several ways and compare what each one lost.",
        discussion: """
            Every method gets the same groups, the same calibration text and the same text to be \
            measured on; bits per weight count all scales and side data of the blocks' linear \
            layers, and embedding and head stay float. Without --calibration the model writes the \
            text itself. The folder keeps what is done: the same command goes on after Ctrl-C or \
            a kill. At the end it holds report.html, comparison.svg and comparison.json.
            """)

    @Argument(help: ModelArgument.help)
    var model: String

    @Option(help: "Bits of a code, joined by commas (default: 8,4,3,2).")
    var bits = "8,4,3,2"

    @Option(help: "Ways to quantize, joined by commas (default: all that are compared).")
    var methods = Self.defaultMethods

    @Option(help: "Weights that share a scale, or channel (default: 128).")
    var group = "128"

    @Option(help: "A text to calibrate on; not the one to measure on.")
    var calibration: String?

    @Option(help: "Windows of calibration text (default: 32).")
    var calibrationWindows = 32

    @Option(help: "Tokens of a window, of both texts (default: 512).")
    var window = 512

    @Option(help: "Calibration texts, each drawn anew: what differs between them is noise.")
    var seeds = 1

    @Option(help: "A text to measure on (default: the text that comes with the program).")
    var text: String?

    @Option(help: "Windows to measure on (default: 20).")
    var windows = 20

    @Option(help: "Questions to answer, JSON lines with ctx, choices and label; can be repeated.")
    var questions: [String] = []

    @Option(help: "Questions of each file (default: 200).")
    var questionLimit = 200

    @Option(name: [.short, .long], help: "The folder of the comparison (default: MODEL.compare).")
    var output: String?

    @OptionGroup var shared: SharedOptions

    static let defaultMethods =
        "rtn,weighted-rtn,gptq,awq,awq+weighted-rtn,awq+gptq,rotation,rotation+gptq"

    mutating func validate() throws {
        _ = try cells
        guard (1...4096).contains(calibrationWindows), (8...1 << 16).contains(window),
            windows >= 1, questionLimit >= 1
        else {
            throw ValidationError(
                "windows and questions are counts from 1, and a window has 8 to 65536 tokens")
        }
    }

    /// All measurements in the order in which they are made.
    private var cells: [ComparisonStudy.Cell] {
        get throws {
            guard (1...100).contains(seeds) else {
                throw ValidationError("--seeds must be from 1 to 100")
            }
            let widths = bits.split(separator: ",").map { Int($0) }
            guard !widths.isEmpty, widths.allSatisfy({ (1...8).contains($0 ?? 0) }),
                Set(widths).count == widths.count
            else { throw ValidationError("--bits \"\(bits)\" is no list of numbers from 1 to 8") }
            let pipelines = try methods.split(separator: ",").map { name in
                do {
                    return try CompressionPipeline(parsing: String(name))
                } catch let error as CompressionError {
                    throw ValidationError("--methods \(name): \(error)")
                }
            }
            guard !pipelines.isEmpty, Set(pipelines).count == pipelines.count else {
                throw ValidationError("--methods names each way once")
            }
            var cells: [ComparisonStudy.Cell] = []
            for width in widths.compactMap(\.self) {
                for pipeline in pipelines {
                    // What reads no text is the same for all of them.
                    for seed in 0..<(pipeline.readsText ? seeds : 1) {
                        cells.append(.init(pipeline, bits: width, seed: seed))
                    }
                }
            }
            return cells
        }
    }

    func run() throws {
        let cells = try cells
        guard let granularity = Granularity(named: group) else {
            throw ValidationError("--group \"\(group)\" is no number, channel or tensor")
        }
        let loaded = try ModelArgument.load(model, shared)
        let settings = ComparisonSettings(
            model: loaded.source.path, bits: bits, methods: methods, group: "\(granularity)",
            calibration: calibration ?? "the model's own", windows: calibrationWindows,
            length: window, seeds: seeds, text: text ?? "the text that comes with the program",
            measuredWindows: windows,
            questions: questions, questionLimit: questionLimit)
        let folder = output ?? URL(filePath: model).lastPathComponent + ".compare"
        let run = try Run.open(
            at: folder, kind: "compare", recipe: RunRecipe(encoding: settings),
            units: [ComparisonReport.floatUnit] + cells.map(\.name))
        shared.note("\(run.units.count) measurements, kept in \(folder)")
        let pending = Set(run.units).subtracting(try run.status().done)
        if !pending.isEmpty {
            let study = try makeStudy(loaded, granularity)
            let byName = Dictionary(
                cells.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
            let progress = try run.progress(
                "Comparing", unit: "measurements",
                output: shared.quiet ? .silent : .standardError)
            try run.work(progress: progress) { claim in
                guard let cell = byName[claim.name] else { return try study.measureFloat() }
                return try study.measure(cell) { progress.advance(by: 0, note: $0) }
            }
            progress.finish()
        }
        let report = try ComparisonReport(run, settings: settings, cells: cells.map(\.name))
        try report.write(to: folder)
        if shared.json { return try Console.json(report.results) }
        Console.result(report.text)
        shared.note("pictures and the whole table: \(folder)/report.html")
    }

    /// Reads texts and questions, and the text to measure on with the float model.
    private func makeStudy(
        _ loaded: LanguageModel, _ granularity: Granularity
    ) throws -> ComparisonStudy {
        let pool = shared.pool
        let tokenizer = try ModelArgument.tokenizer(loaded, model)
        var conventions = EvaluationWindows()
        conventions.length = min(window, loaded.spec.contextLength)
        conventions.limit = windows
        conventions.firstToken = tokenizer.openingToken
        let evaluator = Evaluator(windows: conventions, pool: pool)
        let tokens = try EvaluationText.tokens(text, for: model, tokenizer)
        let progress = shared.progress("Reading with the float model", total: nil, unit: "windows")
        let reference = try evaluator.reference(
            Decoder(loaded.weights, pool: pool), tokens: tokens
        ) { done, total in progress.update(completed: done, note: "of \(total)") }
        progress.finish()
        var asked: [String: [ChoiceQuestion]] = [:]
        for path in questions {
            let name = URL(filePath: path).deletingPathExtension().lastPathComponent
            asked[name] = try ChoiceQuestion.load(path, limit: questionLimit)
        }
        return ComparisonStudy(
            loaded, group: granularity,
            calibration: try calibrationTexts(loaded, tokenizer, length: conventions.length),
            reference: reference, evaluator: evaluator, questions: asked, pool: pool)
    }

    /// The calibration text of each seed.
    private func calibrationTexts(
        _ loaded: LanguageModel, _ tokenizer: Tokenizer, length: Int
    ) throws -> [CalibrationText] {
        if let calibration {
            let text = try EvaluationText.load(calibration)
            let all = try CalibrationText(
                text, tokenizer: tokenizer, length: length, count: calibrationWindows * seeds)
            // Seeds take windows in turns, so that each sees all parts of the text.
            return (0..<seeds).map { seed in
                CalibrationText(
                    sequences: all.sequences.indices.filter { $0 % seeds == seed }.map {
                        all.sequences[$0]
                    })
            }
        }
        let progress = shared.progress(
            "Writing text to calibrate on", total: seeds * length, unit: "tokens")
        defer { progress.finish() }
        let writer = Decoder(loaded.weights, pool: shared.pool, activations: .int8)
        return try (0..<seeds).map { seed in
            CalibrationText(
                sequences: try writer.sampledTexts(
                    opening: tokenizer.openingToken ?? 0, count: calibrationWindows,
                    length: length, seed: UInt64(seed + 1)
                ) { progress.update(completed: seed * length + $0) })
        }
    }
}

/// What was asked for: a comparison that is there goes on only with the same.
struct ComparisonSettings: Encodable {
    var model: String
    var bits: String
    var methods: String
    var group: String
    var calibration: String
    var windows: Int
    var length: Int
    var seeds: Int
    var text: String
    var measuredWindows: Int
    var questions: [String]
    var questionLimit: Int
}
