import ArgumentParser
import Foundation
import HalftoneModels
import HalftoneRuntime
import HalftoneText

/// `halftone run`: continue a text.
struct RunCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Continue a text.",
        discussion: "The continuation streams to standard output; speed goes to standard error.")

    @Argument(help: ModelArgument.help)
    var model: String

    @Argument(help: "The text to continue; - reads it from standard input.")
    var prompt: String

    @Flag(help: "Put the prompt into the model's chat template as a question.")
    var chat = false

    @OptionGroup var generation: GenerationArguments
    @OptionGroup var cache: CacheArguments
    @OptionGroup var guesses: GuessArguments
    @OptionGroup var sampling: SamplingArguments
    @OptionGroup var shared: SharedOptions

    func run() throws {
        var loaded = try ModelArgument.load(model, shared)
        let tokenizer = try ModelArgument.tokenizer(loaded, model)
        let recommended = chat ? loaded.recommendedSampling : SamplingOptions()
        var sampler = Sampler(try sampling.options(recommended: recommended))
        generation.layOut(&loaded, on: shared.pool)
        var decoder = Decoder(
            loaded.weights, pool: shared.pool, activations: generation.activations,
            cache: try cache.policy)
        try cache.order(&decoder, loaded)
        let tokens = try promptTokens(loaded, tokenizer)
        let state = decoder.makeState(capacity: tokens.count + sampling.maxTokens)
        var stream = StreamingDecoder(tokenizer)
        var text = ""
        let report = try decoder.generate(
            tokens, state: state, sampler: &sampler, limit: sampling.maxTokens,
            stopTokens: loaded.stopTokens, guesses: guesses.lookup
        ) { token in
            let piece = stream.push(token)
            text += piece
            if !shared.json { Console.stream(piece) }
            return true
        }
        let rest = stream.finish()
        if shared.json {
            return try Console.json(RunReport(prompt: prompt, text: text + rest, speed: report))
        }
        Console.result(rest)
        shared.note(report.summary)
    }

    private func promptTokens(_ model: LanguageModel, _ tokenizer: Tokenizer) throws -> [Int32] {
        let input =
            prompt == "-"
            ? String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
            : prompt
        guard chat else { return tokenizer.encode(input) }
        let conversation = try Conversation(model, name: self.model)
        return try conversation.tokens([.user(input)])
    }
}

/// What `run --json` prints.
private struct RunReport: Encodable {
    let prompt: String
    let text: String
    let speed: GenerationReport
}

extension GenerationReport {
    /// A line on what was read and written and how fast.
    var summary: String {
        let prefill = promptSeconds > 0 ? Double(promptTokens) / promptSeconds : 0
        return "\(promptTokens) tokens read at \(Formatting.decimal(prefill, 0)) per second, "
            + "\(newTokens) written at \(Formatting.decimal(tokensPerSecond, 1)) per second"
    }
}
