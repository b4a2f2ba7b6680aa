import ArgumentParser
import Foundation
import HalftoneCompression
import HalftoneEvaluation
import HalftoneKernels
import HalftoneModels
import HalftoneRuns
import HalftoneRuntime
import HalftoneText

/// `halftone demo`: the main job on a real model.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Compress a real language model at 8, 4, 3 and 2 bits and show what was lost.",
        discussion: """
            Fetches SmolLM2-135M (about 100 MB, once) and measures each width against it on \
            essays that come with the program. Without a network, a tiny random model shows the \
            steps; its figures mean nothing.
            """)

    @Flag(help: "Score few windows and write short answers.")
    var quick = false

    @Option(help: "Another model instead of SmolLM2-135M.")
    var model: String?

    @OptionGroup var shared: SharedOptions

    func run() async throws {
        let source = try await DemoModel.find(model, shared)
        let pool = shared.pool
        let original = source.model
        let tokenizer = try ModelArgument.tokenizer(original, source.name)
        var windows = EvaluationWindows()
        windows.length = min(512, original.spec.contextLength)
        windows.limit = quick ? 2 : nil
        windows.firstToken = tokenizer.openingToken
        let evaluator = Evaluator(windows: windows, pool: pool)
        let tokens = tokenizer.encode(DemoText.essays)
        var rows: [DemoRow] = []
        let reference = Decoder(original.weights, pool: pool)
        let measured = try evaluate("original", evaluator) { progress in
            try evaluator.perplexity(of: reference, tokens: tokens, progress: progress)
        }
        rows.append(
            DemoRow(
                name: "original",
                bitsPerWeight: Double(8 * original.weights.byteCount)
                    / Double(original.weights.parameterCount),
                bytes: original.weights.byteCount, perplexity: measured.perplexity,
                perplexityError: measured.standardError, divergence: nil,
                divergenceInterval: nil, sameTopToken: nil,
                tokensPerSecond: try speed(reference)))
        var answerer: Decoder?
        for bits in [8, 4, 3, 2] {
            let recipe = CompressionRecipe(bits: bits)
            let progress = shared.progress(
                "Quantizing to \(bits) bits",
                total: CompressedSize(of: original.spec, recipe: recipe).packedWeightCount,
                unit: "weights")
            let compressed = try CompressedModel(
                original, recipe: recipe, pool: pool, progress: progress)
            progress.finish()
            let decoder = Decoder(compressed.weights, pool: pool)
            let generator = Decoder(compressed.weights, pool: pool, activations: .int8)
            let result = try evaluate("\(bits) bits", evaluator) { progress in
                try evaluator.compare(
                    decoder, with: reference, tokens: tokens, progress: progress)
            }
            rows.append(
                DemoRow(
                    name: "\(bits) bits", bitsPerWeight: compressed.size.bitsPerWeight,
                    bytes: compressed.weights.byteCount,
                    perplexity: result.candidate.perplexity,
                    perplexityError: result.candidate.standardError,
                    divergence: result.divergence.mean,
                    divergenceInterval: result.divergence.interval95,
                    sameTopToken: result.sameTopToken,
                    tokensPerSecond: try speed(generator)))
            if bits == 4 { answerer = generator }
        }
        let answer = try answerer.map { try ask($0, original, source.name) }
        try show(DemoReport(model: source.name, note: source.note, rows: rows, answer: answer))
    }

    private func evaluate<Result>(
        _ what: String, _ evaluator: Evaluator,
        _ body: ((Int, Int, Double) -> Void) throws -> Result
    ) throws -> Result {
        let progress = shared.progress("Measuring \(what)", total: nil, unit: "windows")
        defer { progress.finish() }
        return try body { done, total, _ in
            progress.update(completed: done, note: "of \(total)")
        }
    }

    private func speed(_ decoder: Decoder) throws -> Double {
        let count = quick ? 8 : 32
        let row = try SpeedRow.measure("decode", tokens: count, rounds: quick ? 1 : 3) {
            try SpeedTest.decode(decoder, tokens: count)
        }
        return row.median
    }

    private func ask(
        _ decoder: Decoder, _ model: LanguageModel, _ name: String
    ) throws -> DemoAnswer {
        let question = "What is the capital of France, and what is it known for?"
        let tokenizer = try ModelArgument.tokenizer(model, name)
        let prompt =
            model.chatTemplate == nil
            ? tokenizer.encode(question)
            : try Conversation(model, name: name).tokens([.user(question)])
        var state = decoder.makeState()
        var sampler = Sampler(SamplingOptions())
        var stream = StreamingDecoder(tokenizer)
        var text = ""
        _ = try decoder.generate(
            prompt, state: &state, sampler: &sampler, limit: quick ? 16 : 80,
            stopTokens: model.stopTokens
        ) { token in
            text += stream.push(token)
            return true
        }
        return DemoAnswer(question: question, answer: text + stream.finish())
    }

    private func show(_ report: DemoReport) throws {
        if shared.json { return try Console.json(report) }
        if let note = report.note { Console.result(note + "\n") }
        Console.result(report.table)
        if let answer = report.answer {
            Console.result("\nThe 4-bit model, asked: \(answer.question)\n\(answer.answer)")
        }
    }
}

/// What `demo` shows.
private struct DemoReport: Encodable {
    let model: String
    let note: String?
    let rows: [DemoRow]
    let answer: DemoAnswer?

    var table: String {
        var table = TextTable([
            model, "#bits/weight", "#bytes", "#perplexity", "#KL to the original", "#same top",
            "#tokens/s",
        ])
        for row in rows {
            let divergence = row.divergence.map { mean in
                "\(Formatting.decimal(mean, 4)) ± "
                    + Formatting.decimal(row.divergenceInterval ?? .nan, 4)
            }
            table.add([
                row.name, Formatting.decimal(row.bitsPerWeight, 2), Formatting.bytes(row.bytes),
                Formatting.decimal(row.perplexity, 2) + " ± "
                    + Formatting.decimal(row.perplexityError, 2),
                divergence ?? "",
                row.sameTopToken.map { Formatting.decimal(100 * $0, 1) + " %" } ?? "",
                Formatting.decimal(row.tokensPerSecond, 1),
            ])
        }
        return table.text
    }
}

private struct DemoRow: Encodable {
    let name: String
    let bitsPerWeight: Double
    let bytes: Int
    let perplexity: Double
    let perplexityError: Double
    let divergence: Double?
    let divergenceInterval: Double?
    let sameTopToken: Double?
    let tokensPerSecond: Double
}

private struct DemoAnswer: Encodable {
    let question: String
    let answer: String
}
