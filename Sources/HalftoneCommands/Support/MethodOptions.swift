import ArgumentParser
import Foundation
import HalftoneCompression
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns

/// How codes are found, and the text that methods calibrate with.
struct MethodOptions: ParsableArguments {
    @Option(
        name: .customLong("method"),
        help: """
            How codes are found: rtn (round to nearest), weighted-rtn (errors count what their \
            inputs do) or gptq (later columns make up for errors). All but rtn need --calibration \
            (default: rtn).
            """)
    var name = Name.rtn

    @Option(help: "A text for the model to read; not the one it will be measured on.")
    var calibration: String?

    @Option(help: "Windows of the text that are read (default: 32).")
    var calibrationWindows = 32

    @Option(help: "Tokens of a window (default: 512).")
    var calibrationLength = 512

    @Option(
        help: """
            The order in which gptq rounds columns: activation (largest inputs first) or natural.
            """)
    var columnOrder = ErrorCompensation.Order.activation

    @Option(help: "What errors count when gptq searches scales: uniform or compensated.")
    var weighting = GPTQ.Weighting.compensated

    @Flag(help: "Begin anew where a job with --calibration was interrupted, rather than go on.")
    var restart = false

    /// The methods that can be chosen.
    enum Name: String, ExpressibleByArgument, CaseIterable {
        case rtn
        case weightedRTN = "weighted-rtn"
        case gptq
    }

    mutating func validate() throws {
        guard (1...1 << 20).contains(calibrationWindows) else {
            throw ValidationError("--calibration-windows must be from 1 to 1048576")
        }
        guard (2...1 << 20).contains(calibrationLength) else {
            throw ValidationError("--calibration-length must be from 2 to 1048576")
        }
        if name != .rtn, calibration == nil {
            throw ValidationError("--method \(name.rawValue) needs a text: --calibration FILE")
        }
        if name == .rtn, calibration != nil {
            throw ValidationError(
                "--calibration is of no use to rtn; choose --method gptq or weighted-rtn")
        }
    }

    /// The method that the options name.
    private var method: any WeightMethod {
        switch name {
        case .rtn: RoundToNearest()
        case .weightedRTN: RoundToNearest(weighsInputs: true)
        case .gptq: GPTQ(order: columnOrder, weighting: weighting)
        }
    }

    /// The method with all its settings.
    private var description: String {
        switch name {
        case .rtn, .weightedRTN: name.rawValue
        case .gptq:
            "gptq order \(columnOrder.rawValue) weighting \(weighting.rawValue) damping \(GPTQ().damping)"
        }
    }

    /// Quantizes a model, with a journal beside the output while a text is read.
    ///
    /// - Parameters:
    ///   - model: The float model.
    ///   - path: What the user called it.
    ///   - recipe: Formats.
    ///   - output: The final name of what is written.
    ///   - shared: Threads and messages.
    /// - Returns: The model, and the journal, to be removed when the output is written.
    func compress(
        _ model: LanguageModel, named path: String, recipe: CompressionRecipe, output: String,
        _ shared: SharedOptions
    ) throws -> (model: CompressedModel, journal: CompressionJournal?) {
        let pool = shared.pool
        let calibration = try calibration(for: model, named: path)
        let size = CompressedSize(of: model.spec, recipe: recipe)
        var journal: CompressionJournal?
        if let calibration {
            let plan = CalibrationPlan(
                of: model.spec, recipe: recipe, detail: method.inputDetail,
                calibration: calibration)
            shared.note(
                "\(calibration.sequences.count) windows of \(calibrationLength) tokens are read: "
                    + "about \(Formatting.duration(plan.seconds(on: pool))), and "
                    + "\(Formatting.bytes(plan.memoryBytes)) of memory beside the model")
            journal = try makeJournal(
                at: output + ".run", model, recipe, calibration, threads: pool.threadCount)
            if let done = try journal?.finishedBlocks, done > 0 {
                shared.note("\(done) blocks were done before; going on behind them")
            }
        }
        let progress = shared.progress(
            "Quantizing", total: size.packedWeightCount, unit: "weights")
        let compressed = try CompressedModel(
            model, recipe: recipe, method: method, calibration: calibration, journal: journal,
            pool: pool, progress: progress)
        progress.finish()
        return (compressed, journal)
    }

    private func makeJournal(
        at path: String, _ model: LanguageModel, _ recipe: CompressionRecipe,
        _ calibration: CalibrationText, threads: Int
    ) throws -> CompressionJournal {
        func open() throws -> CompressionJournal {
            try CompressionJournal(
                at: path, model: model, recipe: recipe, method: description,
                calibration: calibration, threads: threads)
        }
        guard restart else {
            do {
                return try open()
            } catch RunError.recipeDiffers(let path, let differences) {
                throw CommandError(
                    """
                    \(path) holds what another job has done so far:
                    \(differences.map { "  " + $0 }.joined(separator: "\n"))
                    --restart removes it and begins anew
                    """, .badInput)
            }
        }
        if FileManager.default.fileExists(atPath: path) {
            _ = try Run.existing(at: path, kind: "compress")
            try FileManager.default.removeItem(atPath: path)
        }
        return try open()
    }

    /// The text in tokens of a model, or nil when the method needs none.
    private func calibration(
        for model: LanguageModel, named path: String
    ) throws -> CalibrationText? {
        guard name != .rtn, let calibration else { return nil }
        return try CalibrationText(
            try EvaluationText.load(calibration),
            tokenizer: try ModelArgument.tokenizer(model, path), length: calibrationLength,
            count: calibrationWindows)
    }
}

extension ErrorCompensation.Order: ExpressibleByArgument {}

extension GPTQ.Weighting: ExpressibleByArgument {}
