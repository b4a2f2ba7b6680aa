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
        abstract: "Compress language models at 8, 4, 3 and 2 bits and show what was lost.",
        discussion: """
            First the small model that comes with the program, on text that it has not seen; \
            then SmolLM2-135M (about 100 MB, fetched once) on essays. Without a network the first \
            is all. The 4-bit form of each answers a question.
            """)

    @Flag(help: "Score few windows and write short answers.")
    var quick = false

    @Flag(help: "Show the model that comes with the program and fetch nothing.")
    var offline = false

    @Option(help: "Another model instead of those.")
    var model: String?

    @OptionGroup var shared: SharedOptions

    mutating func validate() throws {
        guard !offline || model == nil else {
            throw ValidationError("--offline is about the models of the demo; give no --model")
        }
    }

    func run() async throws {
        var reports: [DemoReport] = []
        for source in DemoSource.sources(model: model, offline: offline) {
            guard let found = try await source.load(shared) else { continue }
            let report = try report(on: found)
            if !shared.json {
                Console.result((reports.isEmpty ? "" : "\n") + report.text)
            }
            reports.append(report)
        }
        if shared.json { try Console.json(reports) }
    }

    /// Compresses and measures one model.
    private func report(on source: DemoModel) throws -> DemoReport {
        let pool = shared.pool
        let original = source.model
        let tokenizer = try ModelArgument.tokenizer(original, source.name)
        var windows = EvaluationWindows()
        windows.length = min(512, original.spec.contextLength)
        windows.limit = quick ? 2 : nil
        windows.firstToken = tokenizer.openingToken
        let evaluator = Evaluator(windows: windows, pool: pool)
        let tokens = tokenizer.encode(source.text, addSpecialTokens: true, parseSpecial: true)
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
            let recipe = CompressionRecipe(bits: bits, group: source.group)
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
        let answer = try answerer.map { try ask($0, source) }
        return DemoReport(model: source.name, note: source.note, rows: rows, answer: answer)
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
        let speeds = try (0..<(quick ? 1 : 3)).map { _ in
            Double(count) / max(try SpeedTest.decode(decoder, tokens: count), 1e-9)
        }
        return speeds.median
    }

    private func ask(_ decoder: Decoder, _ source: DemoModel) throws -> DemoAnswer {
        let model = source.model
        let tokenizer = try ModelArgument.tokenizer(model, source.name)
        let prompt =
            model.chatTemplate == nil
            ? tokenizer.encode(source.question)
            : try Conversation(model, name: source.name).tokens([.user(source.question)])
        let state = decoder.makeState()
        var sampler = Sampler(SamplingOptions())
        var stream = StreamingDecoder(tokenizer)
        var text = ""
        _ = try decoder.generate(
            prompt, state: state, sampler: &sampler, limit: quick ? 16 : 80,
            stopTokens: model.stopTokens
        ) { token in
            text += stream.push(token)
            return true
        }
        return DemoAnswer(question: source.question, answer: text + stream.finish())
    }
}

/// What `demo` shows.
private struct DemoReport: Encodable {
    let model: String
    let note: String?
    let rows: [DemoRow]
    let answer: DemoAnswer?

    var text: String {
        var parts = [note, table]
        parts += [
            answer.map { "The 4-bit model, asked: \($0.question)\n\($0.answer)" }
        ]
        return parts.compactMap { $0 }.joined(separator: "\n\n")
    }

    private var table: String {
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
