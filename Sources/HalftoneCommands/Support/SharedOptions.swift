import ArgumentParser
import Foundation
import HalftoneData
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneRuns
import HalftoneRuntime
import HalftoneText

/// Options that every command has.
struct SharedOptions: ParsableArguments {
    @Flag(help: "Print results as JSON.")
    var json = false

    @Flag(help: "Print nothing but results and errors.")
    var quiet = false

    @Option(help: "Threads to use (default: one per processor).")
    var threads: Int?

    mutating func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("--threads must be from 1 to 1024")
        }
    }

    /// A pool with the threads that were asked for.
    var pool: WorkerPool { WorkerPool(threads: threads) }

    /// Progress of a long step, on standard error.
    func progress(_ title: String, total: Int?, unit: String) -> RunProgress {
        RunProgress(
            title, total: total, unit: unit, output: quiet ? .silent : .standardError)
    }

    /// Says something that is no result, unless `--quiet` was given.
    func note(_ text: String) {
        if !quiet { Console.note(text) }
    }
}

/// How generated tokens are computed, for `run`, `chat` and `bench`.
struct GenerationArguments: ParsableArguments {
    @Option(help: "int8 rounds activations to bytes where weights are packed; float32 does not.")
    var activations = Activations.int8

    /// Lays out a model's weights for these activations, so that they are held in one order only.
    func layOut(_ model: inout LanguageModel, on pool: WorkerPool) {
        if activations == .int8 { model.weights.layOutPanels(on: pool) }
    }
}

/// How keys and values are kept, for `run`, `chat`, `eval` and `bench`.
struct CacheArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            How keys and values are kept: a format for both (float32, float16, int8), or \
            K:FORMAT,V:FORMAT. A format may have a group, as in uint4/channel32, nf4/token64 or \
            bfp4/token16. More parts: window=64 keeps the latest tokens as floats, protect=4 the \
            first ones, and order=weights (or magnitudes, ranges) puts large channels of keys side \
            by side.
            """, valueName: "policy"))
    var kv: String?

    mutating func validate() throws { _ = try policy }

    /// Shows a decoder the text that its policy wants, a made-up story.
    func order(_ decoder: inout Decoder, _ model: LanguageModel) throws {
        guard try readsText else { return }
        guard let tokenizer = model.tokenizer else {
            throw CommandError(
                "--kv \(try policy): the order of keys is found on a text, and the model has no "
                    + "tokenizer to read it with; order=weights needs none", .badInput)
        }
        let text = StoryText(seed: 0).text(byteCount: 4096, of: .training)
        try decoder.orderKeys(by: Array(tokenizer.encode(text).prefix(512)))
    }

    /// Whether a text is read to find out about keys, for which a model needs its tokenizer.
    var readsText: Bool {
        get throws { [.magnitudes, .ranges].contains(try policy.keyOrder) }
    }

    /// The policy, float32 unless one was given.
    var policy: KeyValuePolicy {
        get throws {
            guard let kv else { return .float32 }
            do {
                return try KeyValuePolicy(parsing: kv)
            } catch {
                throw ValidationError("--kv: \(error)")
            }
        }
    }
}

/// How tokens are guessed ahead, for `run` and `chat`.
struct GuessArguments: ParsableArguments {
    @Option(
        help: """
            Guess up to this many tokens (1 to 7) by what followed the same words before, and \
            check them together: the same text, sooner where text repeats itself. 0 does not.
            """)
    var guess = 0

    mutating func validate() throws {
        guard (0...7).contains(guess) else {
            throw ValidationError("--guess must be from 0 to 7")
        }
    }

    /// The guesses, or nil.
    var lookup: PromptLookup? { guess == 0 ? nil : PromptLookup(count: guess) }
}

extension Activations: ExpressibleByArgument {}

/// How text is sampled, for `run` and `chat`.
struct SamplingArguments: ParsableArguments {
    @Option(help: "0 takes the most likely token; higher values vary more.")
    var temperature: Float?

    @Option(help: "Choose among this many most likely tokens; 0 means all.")
    var topK: Int?

    @Option(help: "Choose among the most likely tokens that together have this probability.")
    var topP: Float?

    @Option(help: "Drop tokens less likely than this share of the most likely one.")
    var minP: Float = 0

    @Option(help: "Make tokens that were used lately less likely; 1 changes nothing.")
    var repetitionPenalty: Float?

    @Option(help: "Same seed, same text.")
    var seed: UInt64 = 0

    @Option(name: [.customShort("n"), .long], help: "The most tokens to generate.")
    var maxTokens = 256

    mutating func validate() throws {
        guard maxTokens >= 1 else { throw ValidationError("--max-tokens must be at least 1") }
    }

    /// The settings, filled up with the model's own recommendations.
    ///
    /// - Parameter recommended: What the model's files recommend.
    func options(recommended: SamplingOptions) throws(SamplingError) -> SamplingOptions {
        var options = recommended
        if let temperature { options.temperature = temperature }
        if let topK { options.topK = topK }
        if let topP { options.topP = topP }
        if let repetitionPenalty { options.repetitionPenalty = repetitionPenalty }
        options.minP = minP
        options.seed = seed
        try options.validate()
        return options
    }
}
