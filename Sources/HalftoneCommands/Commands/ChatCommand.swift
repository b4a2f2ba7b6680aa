import ArgumentParser
import Foundation
import HalftoneModels
import HalftoneRuns
import HalftoneRuntime
import HalftoneText
import Synchronization

/// `halftone chat`: talk to a model.
struct ChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Talk to a model.",
        discussion: """
            Each line is a message; the answer streams back. Ctrl-C stops an answer, an empty \
            line or Ctrl-D ends the chat. With standard input from a file or pipe, every line is \
            asked in turn.
            """)

    @Argument(help: ModelArgument.help)
    var model: String

    @Option(help: "Instructions that precede the conversation.")
    var system: String?

    @OptionGroup var generation: GenerationArguments
    @OptionGroup var keyValues: CacheArguments
    @OptionGroup var guesses: GuessArguments
    @OptionGroup var sampling: SamplingArguments
    @OptionGroup var shared: SharedOptions

    func run() throws {
        var loaded = try ModelArgument.load(model, shared)
        let conversation = try Conversation(loaded, name: model)
        let tokenizer = try ModelArgument.tokenizer(loaded, model)
        var sampler = Sampler(try sampling.options(recommended: loaded.recommendedSampling))
        generation.layOut(&loaded, on: shared.pool)
        var decoder = Decoder(
            loaded.weights, pool: shared.pool, activations: generation.activations,
            cache: try keyValues.policy)
        try keyValues.order(&decoder, loaded)
        var cache = PromptCache(decoder)
        var messages: [ChatMessage] = system.map { [.system($0)] } ?? []
        let answering = Answering()
        answering.watchInterruptions()
        let asks = isatty(FileHandle.standardInput.fileDescriptor) == 1
        while let line = nextLine(asks) {
            messages.append(.user(line))
            let prompt = try conversation.tokens(messages)
            var stream = StreamingDecoder(tokenizer)
            var answer = ""
            answering.begin()
            let report = try cache.generate(
                prompt, sampler: &sampler, limit: sampling.maxTokens,
                stopTokens: loaded.stopTokens, guesses: guesses.lookup
            ) { token in
                let piece = stream.push(token)
                answer += piece
                if !shared.json { Console.stream(piece) }
                return !answering.isStopped
            }
            answering.end()
            let rest = stream.finish()
            answer += rest
            messages.append(.assistant(answer))
            if shared.json {
                try Console.json(ChatReport(message: line, answer: answer, speed: report))
            } else {
                Console.result(rest)
                shared.note(report.summary)
            }
        }
    }

    private func nextLine(_ asks: Bool) -> String? {
        if asks { Console.prompt("> ") }
        while let line = readLine() {
            if !line.isEmpty { return line }
            if asks { return nil }
        }
        return nil
    }
}

/// What `chat --json` prints for each message.
private struct ChatReport: Encodable {
    let message: String
    let answer: String
    let speed: GenerationReport
}

/// Whether an answer is being given, and whether Ctrl-C asked to stop it.
private final class Answering: Sendable {
    private let state = Mutex((active: false, stopped: false))

    var isStopped: Bool { state.withLock { $0.stopped } }

    func begin() { state.withLock { $0 = (true, false) } }

    func end() { state.withLock { $0.active = false } }

    /// Ctrl-C stops an answer; between answers it ends the program.
    func watchInterruptions() {
        Interruption.install { [self] _ in
            state.withLock { state in
                guard state.active, !state.stopped else { return true }
                state.stopped = true
                return false
            }
        }
    }
}

/// The state of a conversation, read again only from where it differs.
struct PromptCache {
    private let decoder: Decoder
    private var state: DecoderState
    private var tokens: [Int32] = []

    /// Starts with nothing read.
    init(_ decoder: Decoder) {
        self.decoder = decoder
        state = decoder.makeState()
    }

    /// Generates behind a prompt, sharing what it has in common with the last one.
    mutating func generate(
        _ prompt: [Int32], sampler: inout Sampler, limit: Int, stopTokens: Set<Int32>,
        guesses: PromptLookup?, receive: (Int32) -> Bool
    ) throws -> GenerationReport {
        let known = zip(prompt, tokens).prefix { $0 == $1 }.count
        let shared = min(known, prompt.count - 1)
        state.truncate(to: shared)
        var written: [Int32] = []
        let report = try decoder.generate(
            Array(prompt[shared...]), state: state, sampler: &sampler, limit: limit,
            stopTokens: stopTokens, guesses: guesses
        ) { token in
            written.append(token)
            return receive(token)
        }
        tokens = Array((prompt + written).prefix(state.position))
        return report
    }
}
