import ArgumentParser
import Foundation
import HalftoneCheckpoints
import HalftoneCompression
import HalftoneFormats
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneReport
import HalftoneRuns
import HalftoneRuntime

/// `halftone compress`: quantize a model and write it.
struct CompressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compress",
        abstract: "Quantize a model and write it as a folder or a GGUF file.",
        discussion: """
            --size 60MB or --bits 2.75, with a decimal point, is a budget: every matrix gets the \
            bits that it is worth, within the budget to the byte, and the result is compared with \
            all layers alike at the same bytes on text that was held out (the end of \
            --calibration). --kl 0.05 and --perplexity 5% are, too: the smallest file that is as \
            near to the float model on that text, found by trying some sizes. So are --memory \
            200MB --context 4096 and --speed 150, tokens a second on this machine. Several hold at \
            once. --effort says how long that may take.

            --bits N, a whole number, chooses a good integer format of N bits; --format names one \
            exactly: int4 (symmetric) or uint4 (affine), 1 to 8 bits. Widths that a group does not \
            divide end in a shorter group. The embedding, and a head of its own, take at least 4 \
            bits unless --embedding says otherwise.

            --format takes any other form, too. A form names a number format, weights to a scale \
            (64 if left out) and how scales are stored (f16): e3m2/32/f16, ternary/channel/f32, \
            nf4/64/e4m3:256 (scales that are codes themselves, 256 to a second scale). Or blocks: \
            mxfp4, mxfp6e3m2, nvfp4, bfp4e8g16, Q4_K and the other GGUF types, dual-binary/64, \
            vectors/2/256 (pairs of a fitted codebook of 256), complex (±1 and ±i). Structures go \
            in front: columns=1%+int3/64 keeps the columns that matter most in 16 bits, \
            sparse=0.5%+int3/64 adds the elements that matter most, rank=8+int3/64 a product of \
            thin matrices for what is left over. binary/64+binary/64 is a stack, each for what the \
            one before leaves over; int4/64@25%,int2/64 classes of columns. Parentheses group.

            --layout compressed-tensors, gptq or gptq-v2 writes a folder that those programs read; \
            embedding and head stay float then. compressed-tensors has 1 to 8 bits, GPTQ 2, 3, 4 \
            and 8, both for widths that groups divide.

            --order says how a folder of the halftone layout holds codes: in panels, which are \
            multiplied where they are mapped, so that a model starts at once; in rows; \
            automatic, panels wherever they take at most a 64th more bytes; or coded, in as many \
            bits as they have to say, which are decoded when the model is loaded. A budget of \
            --size or --bits alone is spent on coded codes, which come nearest to the float model: \
            every row has its own step, and codes take the memory of 8 bits. With --order automatic \
            it is spent on widths and groups, which take as much memory as they are stored in. GGUF \
            files and other layouts have orders of their own.

            An output that ends in .gguf is written in that format, for formats that exist there: \
            int4, int5 and int8 with --group 32 --scale f16. A budget for such a file is spent on \
            the blocks of that format, which llama.cpp runs: Q2_K to Q6_K, IQ4_XS and Q8_0 where \
            256 divides a matrix's width, else IQ4_NL and Q4_1 to Q8_0.
            """)

    @Argument(help: ModelArgument.help)
    var model: String

    @Option(
        name: .customLong("bits"),
        help: ArgumentHelp(
            """
            Bits of a code, 1 to 8; or, with a decimal point (2.75, 3.0), a budget: the bits that \
            a weight may take, everything counted, spent where they are worth most.
            """, valueName: "bits"))
    var widthOrBudget: WidthOrBudget?

    @OptionGroup var limits: BudgetOptions

    @Option(help: "What a budget is spent on: folder or gguf (default: by the ending of --output).")
    var target: BudgetTarget?

    @Option(help: "How much time a budget is worth: fast, default or best.")
    var effort = BudgetSettings.Effort.standard

    @Option(
        help: ArgumentHelp(
            """
            With a budget: what tuning makes small, on the way to predictions like the float \
            model's: kl; topkld-K, reverse beyond the K likeliest tokens (40); dad-G, where \
            ambiguous tokens count more (0.5) (default: kl).
            """, valueName: "loss"))
    var loss: PredictionLoss?

    @Option(
        help: ArgumentHelp(
            """
            With a budget: tune integer codes, too, by as many codes in a step as RATE says. It pays \
            for small models that much text is read for: 0.02 (default: 0, which leaves codes).
            """, valueName: "rate"))
    var tuneCodes: Double?

    @Option(
        name: .customLong("report"),
        help: ArgumentHelp(
            "With a budget: a page of what was chosen and what it cost, FILE.html.",
            valueName: "file"))
    var pagePath: String?

    @Option(help: "An integer format, int4, uint3, …, or another form as above.")
    var format: String?

    @Option(
        help: """
            Weights that share a scale: a number, channel or tensor (default: 64); for the methods \
            hqq and baq a number (default: 64 and 128).
            """)
    var group: String?

    @Option(help: "How scales are stored: f32, f16, bf16, f8 or ue3m5 (default: f16).")
    var scale: String?

    @Option(
        help: """
            How scales are chosen: least-error, absmax, percentile-SHARE, grid-STEPS-LEAST or \
            iterative-TURNS (default: least-error).
            """)
    var search: String?

    @Option(
        help: """
            The format or form of embedding and head, or float (default: as the body, at least 4 \
            bits per weight; with a budget, what they are worth).
            """)
    var embedding: String?

    @Option(
        help: """
            How a folder lays out packed matrices: halftone, compressed-tensors, gptq or gptq-v2 \
            (default: halftone).
            """)
    var layout: String?

    @Option(
        help: """
            The order of codes in a folder: automatic, panels, rows or coded (default: automatic; \
            coded with --size or --bits 2.75 alone).
            """)
    var order: StorageOrder?

    @Option(name: [.short, .long], help: "The folder or .gguf file to write.")
    var output: String

    @Flag(help: "Replace the output if it exists.")
    var force = false

    @OptionGroup var sensitivity: SensitivityOptions

    @OptionGroup var method: MethodOptions

    @OptionGroup var shared: SharedOptions

    /// Bits of every code, if they are given.
    var bits: Int? {
        if case .width(let bits) = widthOrBudget { bits } else { nil }
    }

    /// Bits of a weight at most, if that is given.
    private var mostBits: Double? {
        if case .budget(let bits) = widthOrBudget { bits } else { nil }
    }

    /// Whether limits are given that formats are chosen for.
    private var hasBudget: Bool { !limits.budget(bits: mostBits).isEmpty }

    /// Refuses options that a budget has no use for.
    private func validateBudget() throws {
        if let bits {
            throw ValidationError(
                "--bits \(bits) gives all codes one width and goes with no budget; --bits \(bits).0 "
                    + "is a budget, and goes with others")
        }
        let others =
            [
                ("--format", format), ("--group", group), ("--scale", scale), ("--search", search),
                ("--layout", layout), ("--imatrix", method.imatrix),
            ].filter { $0.1 != nil }.map(\.0)
        guard others.isEmpty, method.isUsual, [nil, .automatic, .coded].contains(order) else {
            throw ValidationError(
                "a budget chooses formats and methods itself; it takes none of --method, "
                    + "--column-order, --weighting, --format, --group, --scale, --search, "
                    + "--layout and --imatrix, and no --order but automatic and coded")
        }
        guard order != .coded || isForCodedCodes else {
            throw ValidationError(
                "--order coded makes a folder small, and has the memory and the speed of codes of 8 "
                    + "bits: it goes with --size and --bits alone")
        }
        guard order != .coded || (tuneCodes ?? 0) == 0 else {
            throw ValidationError(
                "codes that are tuned take other bytes when they are coded: --tune-codes goes with "
                    + "--order automatic")
        }
        guard target == nil || (target == .gguf) == output.hasSuffix(".gguf") else {
            throw ValidationError(
                "--target gguf writes a file: give an --output that ends in .gguf, for a folder one "
                    + "that does not")
        }
        _ = try budgetSettings()
    }

    /// Whether the budget is one that coded codes can be spent on.
    private var isForCodedCodes: Bool {
        limits.memory == nil && limits.tokensPerSecond == nil && limits.kl == nil
            && limits.perplexity == nil && !output.hasSuffix(".gguf")
    }

    /// What a budget tries, with as much text as a model's layers want.
    private func budgetSettings(for spec: DecoderSpec? = nil) throws -> BudgetSettings {
        var settings = BudgetSettings(effort: effort)
        settings.length = method.calibrationLength
        if let spec { settings = settings.reading(for: spec) }
        settings.target = output.hasSuffix(".gguf") ? .gguf : .folder
        settings.sensitivity = sensitivity.sensitivity
        settings.order = order
        if let windows = method.calibrationWindows {
            (settings.calibrationWindows, settings.codedWindows) = (windows, windows)
        }
        if let loss {
            guard settings.tuning != nil else {
                throw ValidationError("--effort fast does not tune and takes no --loss")
            }
            settings.tuning?.loss = loss
        }
        if let tuneCodes {
            guard settings.tuning != nil, settings.target == .folder else {
                throw ValidationError(
                    "--tune-codes needs codes and an effort that tunes: leave it out with --effort "
                        + "fast and for GGUF files")
            }
            guard (0...1).contains(tuneCodes) else {
                throw ValidationError("--tune-codes is from 0 to 1; 0.02 suits small models")
            }
            settings.tuning?.codeRate = tuneCodes
        }
        guard let embedding else { return settings }
        settings.tableWidths =
            embedding == "float" ? [] : [try integerFormat(embedding, "--embedding").bits]
        return settings
    }

    /// Spends a budget.
    private func spendBudget(
        on loaded: LanguageModel, since start: ContinuousClock.Instant
    ) throws {
        let budget = limits.budget(
            bits: mostBits, contextLength: loaded.spec.contextLength,
            programBytes: try limits.memory.map { _ in try MemoryTest.programBytes(for: loaded) }
                ?? 0)
        let job = BudgetJob(
            budget: budget, settings: try budgetSettings(for: loaded.spec),
            calibration: method.calibration,
            sensitivity: sensitivity, restart: method.restart, output: output, shared: shared)
        let compression = try job.compression(of: loaded, named: model)
        let forecast = compression.forecast()
        shared.note(
            "about \(Formatting.duration(forecast.seconds)) and "
                + "\(Formatting.bytes(forecast.memoryBytes)) of memory, less what was done before")
        if order == nil, compression.settings.order == .coded {
            shared.note(
                "codes are coded, which comes nearest in as many bytes and takes the memory of 8 bits; "
                    + "--order automatic takes no more memory than bytes")
        }
        let outcome = try job.outcome(of: compression)
        let written = try write(outcome.model, order: outcome.order)
        if !output.hasSuffix(".gguf") { try outcome.note.write(toFolder: output) }
        let result = BudgetReport(
            model: model, output: output, outcome: outcome, fileBytes: written.fileBytes,
            measured: try MeasuredLimits(budget, of: output, shared),
            seconds: (ContinuousClock.now - start).seconds, forecast: forecast)
        if let pagePath {
            shared.note("making the page: other sizes, speed, and what both models write")
            let page = BudgetPage(
                result, job: compression, outcome: outcome, calibration: method.calibration)
            try AtomicFile.write(try page.page().html(), to: pagePath)
            shared.note("the page: \(pagePath)")
        }
        // What is kept goes last: a page that cannot be written costs no second job.
        try job.removeFolder()
        if shared.json { return try Console.json(result) }
        Console.result(result.text)
    }

    mutating func validate() throws {
        if hasBudget { return try validateBudget() }
        guard pagePath == nil, target == nil, loss == nil, tuneCodes == nil, !sensitivity.areGiven
        else {
            throw ValidationError(
                "--report, --target, --loss, --tune-codes, --sensitivity and --worth are for a budget: "
                    + "--size 60MB, --bits 2.75 (3.0 is a budget, 3 the width of all codes), --memory, --speed, "
                    + "--kl or --perplexity")
        }
        try method.check()
        if let published = try method.pipeline.published { return try validate(published) }
        if try formPlan() == nil { _ = try recipe() }
    }

    func scaleSearch() throws -> ScaleSearch? {
        guard let search else { return nil }
        guard let found = ScaleSearch(named: search) else {
            throw ValidationError(
                "--search \"\(search)\" is none of least-error, absmax, percentile-0.999, "
                    + "grid-100-0.2 and iterative-20")
        }
        return found
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
                let names = ScaleFormat.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("--scale \"\(scale)\" is none of \(names)")
            }
            recipe.body.scaleFormat = format
            recipe.embedding?.scaleFormat = format
        }
        if let search = try scaleSearch() {
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
        if hasBudget { return try spendBudget(on: loaded, since: start) }
        let finder: any WeightMethod
        switch try method.pipeline.engine {
        case .forms(let published): return try run(loaded, published, since: start)
        case .codes(let method): finder = method
        }
        if let plan = try formPlan() { return try run(loaded, plan, since: start) }
        let recipe = try recipe()
        let isOwn = try exportLayout() == nil
        let size = CompressedSize(
            of: try method.pipeline.spec(of: loaded.spec), recipe: recipe,
            order: output.hasSuffix(".gguf") ? .rows : order ?? .automatic)
        shared.note(
            !isOwn
                ? "\(Formatting.grouped(size.packedWeightCount)) weights are packed"
                : "\(Formatting.grouped(size.packedWeightCount)) weights become "
                    + "\(Formatting.bytes(size.packedByteCount)), "
                    + "\(Formatting.decimal(size.bitsPerWeight, 3)) bits each")
        let (compressed, journal) = try method.compress(
            loaded, named: model, recipe: recipe, by: finder, output: output, shared)
        let written = try write(compressed, order: order ?? .automatic)
        try journal?.remove()
        try report(
            body: recipe.body.description, embedding: recipe.embedding?.description,
            packed: written.packedBytes, weights: size.packedWeightCount,
            fileBytes: written.fileBytes, since: start)
    }

    func report(
        body: String, embedding: String?, packed: Int, weights: Int, fileBytes: Int,
        since start: ContinuousClock.Instant
    ) throws {
        let report = CompressReport(
            model: model, output: output, body: body, embedding: embedding ?? "float",
            bitsPerWeight: Double(8 * packed) / Double(max(weights, 1)), packedBytes: packed,
            fileBytes: fileBytes, seconds: (ContinuousClock.now - start).seconds,
            peakMemoryBytes: ProcessMemory.peakBytes)
        if shared.json { return try Console.json(report) }
        Console.result(report.text)
    }

    /// Writes a folder and returns the bytes of its weight file, which are those predicted.
    func write(_ writer: ModelFolderWriter, packedBytes: Int) throws -> Int {
        let progress = shared.progress("Writing", total: packedBytes, unit: "bytes")
        let predicted = try writer.weightFileByteCount()
        try writer.write(to: output, replaces: force, progress: progress)
        progress.finish()
        return try checkedSize(of: output + "/model.safetensors", predicted)
    }

    private func checkedSize(of path: String, _ predicted: Int) throws -> Int {
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        guard size == predicted else {
            throw CommandError(
                "\(path) has \(size) bytes where \(predicted) were predicted", .failed)
        }
        return size
    }

    /// Writes the output and returns the bytes of the weight file and of the packed matrices.
    func write(
        _ compressed: CompressedModel, order: StorageOrder
    ) throws -> (fileBytes: Int, packedBytes: Int) {
        if output.hasSuffix(".gguf") {
            let packed = compressed.size.packedByteCount
            let progress = shared.progress("Writing", total: packed, unit: "bytes")
            let export = try GGUFExport(compressed)
            try export.write(to: output, replaces: force, progress: progress)
            progress.finish()
            return (try checkedSize(of: output, export.fileByteCount()), packed)
        }
        let writer = ModelFolderWriter(compressed, layout: try exportLayout(), order: order)
        let packed = try writer.packedByteCount()
        return (try write(writer, packedBytes: packed), packed)
    }
}

extension StorageOrder: ExpressibleByArgument {}
