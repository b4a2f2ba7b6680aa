import ArgumentParser
import Foundation
import HalftoneCompression
import HalftoneFiles
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
            inputs do) or gptq (later columns make up for errors); or the part for weights, \
            without training, of a published method with a form of its own: \(FormMethod.names). \
            Before it, joined by +, rewritings that keep the model's function: awq (channels are \
            scaled by their size) and rotation (of the residual stream and of what heads read), as \
            in rotation+gptq. Those that read text need --calibration.
            """)
    var steps = "rtn"

    @Option(help: "A text for the model to read; not the one it will be measured on.")
    var calibration: String?

    @Option(
        help: """
            An importance matrix, of `halftone imatrix` or llama.cpp, in place of --calibration, \
            for weighted-rtn; or second moments, of `halftone imatrix --moments`, for gptq too.
            """)
    var imatrix: String?

    @Option(
        help: "Windows of the text that are read (default: 32; with a budget, as --effort says).")
    var calibrationWindows: Int?

    @Option(help: "Tokens of a window; at most the model's context.")
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

    /// What the options amount to; checked by ``check()``.
    var pipeline: CompressionPipeline {
        get throws {
            var pipeline: CompressionPipeline
            do throws(CompressionError) {
                pipeline = try CompressionPipeline(parsing: steps)
            } catch {
                throw ValidationError("--method \(steps): \(error)")
            }
            pipeline.columnOrder = columnOrder
            pipeline.weighting = weighting
            return pipeline
        }
    }

    /// Whether neither a method nor a setting of one was given.
    var isUsual: Bool {
        steps == "rtn" && columnOrder == .activation && weighting == .compensated
    }

    mutating func validate() throws {
        guard (1...1 << 20).contains(calibrationWindows ?? 1) else {
            throw ValidationError("--calibration-windows must be from 1 to 1048576")
        }
        guard (2...1 << 20).contains(calibrationLength) else {
            throw ValidationError("--calibration-length must be from 2 to 1048576")
        }
    }

    /// Refuses options that do not go together, where no budget chooses the method.
    func check() throws {
        let pipeline = try self.pipeline
        if pipeline.published != nil {
            guard imatrix == nil, columnOrder == .activation, weighting == .compensated else {
                throw ValidationError(
                    "--imatrix, --column-order and --weighting are of no use to " + steps)
            }
        }
        if imatrix != nil {
            guard pipeline.consists(of: .weightedRTN) || pipeline.consists(of: .gptq),
                calibration == nil
            else {
                throw ValidationError(
                    "--imatrix is for --method weighted-rtn or gptq, without --calibration")
            }
        } else if pipeline.readsText, calibration == nil {
            throw ValidationError("--method \(pipeline) needs a text: --calibration FILE")
        }
        if !pipeline.readsText, calibration != nil {
            throw ValidationError(
                "--method \(pipeline) reads no text; leave --calibration out, or choose one that "
                    + "does, such as gptq, awq or weighted-rtn")
        }
    }

    /// Stores a model by steps that end with a published method, with a journal beside the output
    /// while a text is read.
    func store(
        _ model: LanguageModel, named path: String, by published: FormMethod, bits: Int,
        groupSize: Int?, embedding: FormRecipe?, output: String, _ shared: SharedOptions
    ) throws -> (model: StoredModel, journal: CompressionJournal?) {
        let pool = shared.pool
        let pipeline = try pipeline
        let text = try calibration(for: model, named: path)
        let model = try pipeline.transformed(
            model, recipe: CompressionRecipe(bits: bits), calibration: text, pool: pool
        ) { shared.progress($0, total: $1, unit: "blocks") }
        let weights = model.spec.slots.filter { slot in
            slot.role.block == nil
                ? embedding != nil && slot.role.isPackable : slot.role.isLinear
        }.reduce(0) { $0 + $1.shape.reduce(1, *) }
        let method = published.method(bits: bits, groupSize: groupSize)
        var journal: CompressionJournal?
        if method.inputDetail != .none, let text {
            let settings =
                "\(pipeline) \(bits) bits" + (groupSize.map { " group \($0)" } ?? "")
            journal = try makeJournal(at: output + ".run", shared) { path in
                try CompressionJournal(
                    at: path, model: model, embedding: embedding, method: settings,
                    calibration: text, threads: pool.threadCount)
            }
        }
        let progress = shared.progress("Quantizing", total: weights, unit: "weights")
        defer { progress.finish() }
        let stored = try StoredModel(
            model, method: method, embedding: embedding, calibration: text, journal: journal,
            pool: pool, progress: progress)
        return (stored, journal)
    }

    /// Quantizes a model, with a journal beside the output while a text is read.
    ///
    /// - Parameters:
    ///   - model: The float model.
    ///   - path: What the user called it.
    ///   - recipe: Formats.
    ///   - method: What does the pipeline's last step.
    ///   - output: The final name of what is written.
    ///   - shared: Threads and messages.
    /// - Returns: The model, and the journal, to be removed when the output is written.
    func compress(
        _ model: LanguageModel, named path: String, recipe: CompressionRecipe,
        by method: any WeightMethod, output: String, _ shared: SharedOptions
    ) throws -> (model: CompressedModel, journal: CompressionJournal?) {
        let pool = shared.pool
        let pipeline = try pipeline
        if let imatrix {
            let inputs = try knownInputs(in: imatrix, of: model, for: method)
            let progress = shared.progress(
                "Quantizing",
                total: CompressedSize(of: model.spec, recipe: recipe).packedWeightCount,
                unit: "weights")
            defer { progress.finish() }
            let compressed = try CompressedModel(
                model, recipe: recipe, method: method, pool: pool, progress: progress,
                inputs: inputs)
            return (compressed, nil)
        }
        let calibration = try calibration(for: model, named: path)
        let model = try pipeline.transformed(
            model, recipe: recipe, calibration: calibration, pool: pool
        ) { shared.progress($0, total: $1, unit: "blocks") }
        let size = CompressedSize(of: model.spec, recipe: recipe)
        let read = method.inputDetail == .none ? nil : calibration
        var journal: CompressionJournal?
        if let read {
            let plan = CalibrationPlan(
                of: model.spec, recipe: recipe, detail: method.inputDetail, calibration: read)
            // The buffers of products are there once the time is known.
            let seconds = plan.seconds(on: pool)
            // A model as it was read is mapped and comes into memory on the way; one that was
            // rewritten is there.
            let mapped = try self.pipeline.transforms.isEmpty ? model.weights.byteCount : 0
            let inAll =
                ProcessMemory.residentBytes.map {
                    ", \(Formatting.bytes($0 + mapped + plan.memoryBytes)) in all"
                } ?? ""
            shared.note(
                "\(read.sequences.count) windows of \(read.sequences[0].count) tokens are read: "
                    + "about \(Formatting.duration(seconds)), and "
                    + "\(Formatting.bytes(plan.memoryBytes)) of memory beside the model"
                    + inAll)
            journal = try makeJournal(at: output + ".run", shared) { path in
                try CompressionJournal(
                    at: path, model: model, recipe: recipe, method: pipeline.settings,
                    calibration: read, threads: pool.threadCount)
            }
        }
        let progress = shared.progress(
            "Quantizing", total: size.packedWeightCount, unit: "weights")
        let compressed = try CompressedModel(
            model, recipe: recipe, method: method, calibration: read, journal: journal,
            pool: pool, progress: progress)
        progress.finish()
        return (compressed, journal)
    }

    /// What a file or a folder says about the inputs of a model's matrices.
    private func knownInputs(
        in path: String, of model: LanguageModel, for method: any WeightMethod
    ) throws -> (Role) throws -> InputStatistics? {
        if CalibrationStatistics.exist(at: path) {
            let statistics = try CalibrationStatistics(contentsOf: path, of: model)
            let spec = model.spec
            return { try statistics.inputs(of: $0, in: spec) }
        }
        guard method.inputDetail < .gram else {
            throw CommandError(
                """
                \(path) has no second moments, which \(steps) needs; `halftone imatrix \
                --moments` collects them
                """, .badInput)
        }
        let inputs = try ImportanceMatrix(contentsOf: path).statistics(for: model)
        return { inputs[$0] }
    }

    /// Goes on with the journal of an interrupted job, if there is one and that is wanted.
    private func makeJournal(
        at path: String, _ shared: SharedOptions, open: (String) throws -> CompressionJournal
    ) throws -> CompressionJournal {
        guard restart else {
            do {
                let journal = try open(path)
                let done = try journal.finishedBlocks
                if done > 0 {
                    shared.note("\(done) blocks were done before; going on behind them")
                }
                return journal
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
        return try open(path)
    }

    /// The text in tokens of a model, or nil when there is none.
    private func calibration(
        for model: LanguageModel, named path: String
    ) throws -> CalibrationText? {
        guard let calibration else { return nil }
        return try CalibrationText(
            try EvaluationText.load(calibration),
            tokenizer: try ModelArgument.tokenizer(model, path),
            length: min(calibrationLength, model.spec.contextLength),
            count: calibrationWindows ?? 32)
    }
}

extension ErrorCompensation.Order: ExpressibleByArgument {}

extension GPTQ.Weighting: ExpressibleByArgument {}
