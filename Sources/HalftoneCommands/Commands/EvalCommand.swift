import ArgumentParser
import Foundation
import HalftoneEvaluation
import HalftoneKernels
import HalftoneModels
import HalftoneRuns
import HalftoneRuntime
import HalftoneText

/// `halftone eval`: perplexity, and the distance to another model.
struct EvalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval",
        abstract: "Measure perplexity on a text, and the divergence from a reference model.",
        discussion: """
            The text is tokenized as a whole and cut into windows that do not overlap. By default \
            the second half of each window of 512 tokens is scored, as llama.cpp's perplexity \
            does. With --against, both models read the same windows and the mean of \
            KL(reference ‖ model) is reported with its 95 % interval. With --against-logits the \
            reference is a safetensors file of another program's input_ids and logits, and every \
            position of those tokens is scored. With --kv, keys and values are kept as a policy \
            says: each position sees what it would see if tokens were read one by one. The model \
            of --against keeps floats.
            """)

    @Argument(help: ModelArgument.help)
    var model: String

    @Option(help: "A file with the text (default: the text that comes with the program).")
    var text: String?

    @Option(help: "The model to compare with, usually the float original.")
    var against: String?

    @Option(help: "Logits of another program to compare with (safetensors).")
    var againstLogits: String?

    @Option(
        help: """
            float32, or int8 to measure what rounding activations to bytes costs.
            """)
    var activations = Activations.float32

    @Option(help: "Tokens of a window (default: 512, or the model's context where that is less).")
    var window: Int?

    @Option(help: "Windows to score (default: all).")
    var windows: Int?

    @Flag(help: "Score all positions of a window, not only the second half.")
    var allPositions = false

    @OptionGroup var cache: CacheArguments
    @OptionGroup var shared: SharedOptions

    mutating func validate() throws {
        guard (4...1 << 20).contains(window ?? 512) else {
            throw ValidationError("--window must be from 4 to 1048576")
        }
        if againstLogits != nil {
            let others = [
                ("--against", against != nil), ("--text", text != nil),
                ("--window", window != nil), ("--windows", windows != nil),
                ("--all-positions", allPositions),
            ].filter(\.1).map(\.0)
            guard others.isEmpty else {
                throw ValidationError(
                    "--against-logits scores every position of the tokens in its file; it does not "
                        + "go with \(others.joined(separator: ", "))")
            }
        }
        if let windows, windows < 1 { throw ValidationError("--windows must be at least 1") }
    }

    func run() throws {
        let start = ContinuousClock.now
        let loaded = try ModelArgument.load(model, shared)
        let windowLength = window ?? min(512, loaded.spec.contextLength)
        let pool = shared.pool
        var decoder = Decoder(
            loaded.weights, pool: pool, activations: activations, cache: try cache.policy)
        try cache.order(&decoder, loaded)
        let progress = shared.progress("Evaluating", total: nil, unit: "windows")
        var report = EvalReport(
            model: model, windowLength: windowLength, scoring: allPositions ? .all : .secondHalf,
            bytes: loaded.weights.byteCount, bitsPerWeight: loaded.packedBitsPerWeight)
        if let againstLogits {
            let stored = try StoredLogits(contentsOf: againstLogits)
            report.windowLength = stored.tokens.count
            report.scoring = .all
            report.fill(
                try Evaluator(windows: EvaluationWindows(), pool: pool)
                    .compare(decoder, with: stored))
        } else {
            let tokenizer = try ModelArgument.tokenizer(loaded, model)
            // What came of a model is measured on what the model is measured on.
            let tokens = try EvaluationText.tokens(text, for: against ?? model, tokenizer)
            let evaluator = Evaluator(windows: windowOptions(tokenizer, windowLength), pool: pool)
            if let against {
                let reference = try ModelArgument.load(against, shared)
                report.fill(
                    try evaluator.compare(
                        decoder, with: Decoder(reference.weights, pool: pool), tokens: tokens
                    ) { done, total, divergence in
                        progress.update(
                            completed: done,
                            note: "of \(total), KL \(Formatting.decimal(divergence, 5))")
                    })
            } else {
                report.fill(
                    try evaluator.perplexity(of: decoder, tokens: tokens) {
                        done, total, perplexity in
                        progress.update(
                            completed: done,
                            note: "of \(total), perplexity \(Formatting.decimal(perplexity, 3))")
                    })
            }
        }
        progress.finish()
        report.seconds = (ContinuousClock.now - start).seconds
        report.peakMemoryBytes = ProcessMemory.peakBytes
        if shared.json { return try Console.json(report) }
        Console.result(report.text)
    }

    private func windowOptions(_ tokenizer: Tokenizer, _ length: Int) -> EvaluationWindows {
        var options = EvaluationWindows()
        options.length = length
        options.limit = windows
        options.scoring = allPositions ? .all : .secondHalf
        options.firstToken = tokenizer.openingToken
        return options
    }
}

/// What `eval` shows.
struct EvalReport: Encodable {
    let model: String
    var windowLength: Int
    var scoring: EvaluationWindows.Scoring
    let bytes: Int
    let bitsPerWeight: Double?
    var windows = 0
    var tokensScored = 0
    var perplexity = Double.nan
    var perplexityError = Double.nan
    var reference: PerplexityResult?
    var divergence: MeanEstimate?
    var divergenceQuantiles: [Double]?
    var sameTopToken: Double?
    var largestLogitDifference: Float?
    var seconds = 0.0
    var peakMemoryBytes: Int?

    init(
        model: String, windowLength: Int, scoring: EvaluationWindows.Scoring, bytes: Int,
        bitsPerWeight: Double?
    ) {
        self.model = model
        self.windowLength = windowLength
        self.scoring = scoring
        self.bytes = bytes
        self.bitsPerWeight = bitsPerWeight
    }

    mutating func fill(_ result: PerplexityResult) {
        windows = result.windows
        tokensScored = result.loss.count
        perplexity = result.perplexity
        perplexityError = result.standardError
    }

    mutating func fill(_ result: ModelComparison) {
        fill(result.candidate)
        reference = result.reference
        divergence = result.divergence
        divergenceQuantiles = result.divergenceQuantiles
        sameTopToken = result.sameTopToken
        largestLogitDifference = result.largestLogitDifference
    }

    var text: String {
        var lines = [
            "perplexity         \(Formatting.decimal(perplexity, 4)) ± "
                + "\(Formatting.decimal(perplexityError, 4)) (standard error)"
        ]
        if let reference, let divergence, let sameTopToken, let divergenceQuantiles {
            lines += [
                "reference          \(Formatting.decimal(reference.perplexity, 4)) ± "
                    + Formatting.decimal(reference.standardError, 4),
                "mean KL            \(Formatting.divergence(divergence.mean)) ± "
                    + "\(Formatting.divergence(divergence.interval95)) (95 % interval)",
                "KL median, 99 %    \(Formatting.divergence(divergenceQuantiles[0])), "
                    + Formatting.divergence(divergenceQuantiles[1]),
                "same top token     \(Formatting.decimal(100 * sameTopToken, 2)) %",
                "logits apart       \(Formatting.divergence(Double(largestLogitDifference ?? 0)))"
                    + " at most",
            ]
        }
        lines.append(
            "scored             \(Formatting.grouped(tokensScored)) tokens in \(windows) windows "
                + "of \(windowLength)")
        let bits = bitsPerWeight.map { ", \(Formatting.decimal($0, 3)) bits per packed weight" }
        lines.append("weights            \(Formatting.bytes(bytes))" + (bits ?? ""))
        let memory = peakMemoryBytes.map { ", peak memory \(Formatting.bytes($0))" } ?? ""
        lines.append("took               \(Formatting.duration(seconds))\(memory)")
        return lines.joined(separator: "\n")
    }
}
