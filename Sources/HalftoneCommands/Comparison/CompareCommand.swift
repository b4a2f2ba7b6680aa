import ArgumentParser
import Foundation
import HalftoneCompression
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
            Ways are steps as `halftone compress --method` takes them. Every method gets the same \
            groups, the same calibration text and the same text to be measured on; bits per weight \
            count all scales and side data of the blocks' linear layers, and embedding and head \
            stay float. Published methods with a form of their own have groups of their own; one \
            that has one width is measured once, at that width, whatever --bits says. Without \
            --calibration the model writes the text itself. The folder keeps what is done: the \
            same command goes on after Ctrl-C or a kill. At the end it holds report.html, \
            comparison.svg and comparison.json.
            """)

    @Argument(help: ModelArgument.help)
    var model: String

    @Option(help: "Bits of a code, joined by commas.")
    var bits = "8,4,3,2"

    @Option(help: "Ways to quantize, joined by commas.")
    var methods = Self.defaultMethods

    @Option(help: "Weights that share a scale, or channel for whole rows.")
    var group = "128"

    @Option(help: "A text to calibrate on; not the one to measure on.")
    var calibration: String?

    @Option(help: "Windows of calibration text.")
    var calibrationWindows = 32

    @Option(help: "Tokens of a window, of both texts; at most the model's context.")
    var window = 512

    @Option(help: "Calibration texts, each drawn anew: what differs between them is noise.")
    var seeds = 1

    @Option(
        help: """
            A text to measure on (default: what comes with the program, stories for the model \
            stories and essays for others).
            """)
    var text: String?

    @Option(help: "Windows to measure on.")
    var windows = 20

    @Option(help: "Questions to answer, JSON lines with ctx, choices and label; can be repeated.")
    var questions: [String] = []

    @Option(help: "Questions of each file, at most.")
    var questionLimit = 200

    @Option(name: [.short, .long], help: "The folder of the comparison (default: MODEL.compare).")
    var output: String?

    @OptionGroup var shared: SharedOptions

    static let defaultMethods =
        "rtn,weighted-rtn,gptq,awq,awq+weighted-rtn,awq+gptq,rotation,rotation+gptq,baq,hqq"

    mutating func validate() throws {
        _ = try cells
        _ = try granularity
        guard (1...4096).contains(calibrationWindows), (8...1 << 16).contains(window),
            windows >= 1, questionLimit >= 1
        else {
            throw ValidationError(
                "windows and questions are counts from 1, and a window has 8 to 65536 tokens")
        }
        guard Set(questions.map(Self.name)).count == questions.count else {
            throw ValidationError("--questions: two files of one name could not be told apart")
        }
    }

    private static func name(_ path: String) -> String {
        URL(filePath: path).deletingPathExtension().lastPathComponent
    }

    private var granularity: Granularity {
        get throws {
            switch Granularity(named: group) {
            case .channel: return .channel
            case .group(let size): return .group(size)
            default: throw ValidationError("--group \"\(group)\" is neither a number nor channel")
            }
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
            let asked = widths.compactMap(\.self)
            var all = asked
            for published in pipelines.compactMap(\.published) {
                if !published.hasOneWidth {
                    try asked.forEach { try Self.check($0, published) }
                } else if !all.contains(published.bits[0]) {
                    all.append(published.bits[0])
                }
            }
            var cells: [ComparisonStudy.Cell] = []
            for width in all {
                for pipeline in pipelines {
                    let published = pipeline.published
                    guard
                        published?.hasOneWidth == true
                            ? published?.bits == [width] : asked.contains(width)
                    else { continue }
                    // What reads no text is the same for all of them.
                    for seed in 0..<(pipeline.readsText ? seeds : 1) {
                        cells.append(.init(pipeline, bits: width, seed: seed))
                    }
                }
            }
            return cells
        }
    }

    /// Refuses a width that a published method does not have.
    private static func check(_ bits: Int, _ published: FormMethod) throws {
        do throws(CompressionError) {
            _ = try published.width(bits)
        } catch {
            throw ValidationError("--methods: \(error)")
        }
    }

    func run() throws {
        let cells = try cells
        var asked: [String: [ChoiceQuestion]] = [:]
        for path in questions {
            asked[Self.name(path)] = try ChoiceQuestion.load(path, limit: questionLimit)
        }
        let loaded = try ModelArgument.load(model, shared)
        let tokenizer = try ModelArgument.tokenizer(loaded, model)
        let length = min(window, loaded.spec.contextLength)
        let tokens = try EvaluationText.tokens(text, for: model, tokenizer)
        let given = try calibration.map { path in
            try givenTexts(try EvaluationText.load(path), tokenizer, length: length)
        }
        let settings = ComparisonSettings(
            model: loaded.source.path, weights: CompressionJournal.sample(of: loaded.weights),
            bits: bits, methods: methods, group: "\(try granularity)",
            calibration: calibration ?? "what the model writes",
            calibrationDigest: given.map { texts in
                CompressionJournal.digest(of: texts.flatMap(\.sequences))
            },
            windows: given?[0].sequences.count ?? calibrationWindows, length: length, seeds: seeds,
            text: text ?? EvaluationText.name(for: model),
            textDigest: CompressionJournal.digest(of: [tokens]),
            measuredWindows: min(windows, tokens.count / max(length, 1)), questions: questions,
            questionDigest: SHA256.hexadecimal(
                of: Array("\(asked.sorted { $0.key < $1.key })".utf8)))
        let folder = output ?? URL(filePath: model).lastPathComponent + ".compare"
        let run = try open(folder, settings, cells)
        shared.note("\(run.units.count) measurements, kept in \(folder)")
        let pending = Set(run.units).subtracting(try run.status().done)
        if !pending.isEmpty {
            let readsText = cells.contains { pending.contains($0.name) && $0.pipeline.readsText }
            let texts = try given ?? (readsText ? ownTexts(loaded, tokenizer, length: length) : [])
            let study = try makeStudy(loaded, tokenizer, tokens, length, texts, asked)
            try measure(cells, study, run)
        }
        let report = try ComparisonReport(run, settings: settings, cells: cells.map(\.name))
        try report.write(to: folder)
        if shared.json {
            try Console.json(report.results)
        } else {
            Console.result(report.text)
            shared.note("pictures and the whole table: \(folder)/report.html")
        }
        guard report.failures.isEmpty else {
            throw CommandError(
                """
                \(report.failures.count) measurements failed:
                \(report.failures.map { "  \($0.name): \($0.reason)" }.joined(separator: "\n"))
                the same command tries them again
                """, .failed)
        }
    }

    /// Starts the comparison, or goes on with it.
    private func open(
        _ folder: String, _ settings: ComparisonSettings, _ cells: [ComparisonStudy.Cell]
    ) throws -> Run {
        do {
            let run = try Run.open(
                at: folder, kind: "compare", recipe: RunRecipe(encoding: settings),
                units: [ComparisonReport.floatUnit] + cells.map(\.name))
            try run.retryFailed()
            return run
        } catch RunError.recipeDiffers(let path, let differences) {
            throw CommandError(
                """
                \(path) holds another comparison:
                \(differences.map { "  " + $0 }.joined(separator: "\n"))
                name another folder with --output, or remove that one
                """, .badInput)
        }
    }

    private func measure(
        _ cells: [ComparisonStudy.Cell], _ study: ComparisonStudy, _ run: Run
    ) throws {
        let byName = Dictionary(
            cells.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let progress = try run.progress(
            "Comparing", unit: "measurements", output: shared.quiet ? .silent : .standardError)
        defer { progress.finish() }
        try run.work(progress: progress) { claim in
            let knowsPeak = ProcessMemory.resetPeak()
            var result =
                try byName[claim.name].map { cell in
                    try study.measure(cell) { progress.advance(by: 0, note: $0) }
                } ?? study.measureFloat()
            if knowsPeak { result.peakMemoryBytes = ProcessMemory.peakBytes }
            return result
        }
    }

    /// Reads the text to measure on with the float model.
    private func makeStudy(
        _ loaded: LanguageModel, _ tokenizer: Tokenizer, _ tokens: [Int32], _ length: Int,
        _ texts: [CalibrationText], _ asked: [String: [ChoiceQuestion]]
    ) throws -> ComparisonStudy {
        let pool = shared.pool
        var conventions = EvaluationWindows()
        conventions.length = length
        conventions.limit = windows
        conventions.firstToken = tokenizer.openingToken
        let evaluator = Evaluator(windows: conventions, pool: pool)
        let progress = shared.progress("Reading with the float model", total: nil, unit: "windows")
        defer { progress.finish() }
        let reference = try evaluator.reference(
            Decoder(loaded.weights, pool: pool), tokens: tokens
        ) { done, total in progress.update(completed: done, note: "of \(total)") }
        return ComparisonStudy(
            loaded, group: try granularity, calibration: texts, reference: reference,
            evaluator: evaluator, questions: asked, pool: pool)
    }

    /// Windows of a text for each seed, as many for all: seeds take them in turns, so that each sees
    /// all parts of the text.
    private func givenTexts(
        _ text: String, _ tokenizer: Tokenizer, length: Int
    ) throws -> [CalibrationText] {
        let all = try CalibrationText(
            text, tokenizer: tokenizer, length: length, count: calibrationWindows * seeds)
        let each = all.sequences.count / seeds
        guard each > 0 else {
            throw CommandError(
                "the calibration text has \(all.sequences.count) windows of \(length) tokens, fewer "
                    + "than --seeds \(seeds); give a longer text, or less of either", .badInput)
        }
        return (0..<seeds).map { seed in
            CalibrationText(sequences: (0..<each).map { all.sequences[$0 * seeds + seed] })
        }
    }

    /// What the model writes for each seed.
    private func ownTexts(
        _ loaded: LanguageModel, _ tokenizer: Tokenizer, length: Int
    ) throws -> [CalibrationText] {
        try (0..<seeds).map { seed in
            CalibrationText(
                sequences: try WrittenText.windows(
                    by: loaded, opening: tokenizer.openingToken, count: calibrationWindows,
                    length: length, seed: UInt64(seed + 1), shared))
        }
    }
}

/// What was asked for: a comparison that is there goes on only with the same.
struct ComparisonSettings: Encodable {
    var model: String
    var weights: String
    var bits: String
    var methods: String
    var group: String
    var calibration: String
    var calibrationDigest: String?
    var windows: Int
    var length: Int
    var seeds: Int
    var text: String
    var textDigest: String
    var measuredWindows: Int
    var questions: [String]
    var questionDigest: String
}
