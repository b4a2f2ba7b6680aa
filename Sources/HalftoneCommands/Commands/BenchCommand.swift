import ArgumentParser
import Foundation
import HalftoneKernels
import HalftoneModels
import HalftoneRuns
import HalftoneRuntime

/// `halftone bench`: how fast a model reads and writes.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure prefill and decode speed.",
        discussion: """
            Prefill reads a prompt of random tokens in one batch; decode generates one token \
            after another behind it. Each figure is the median of the rounds, with the spread \
            from the slowest to the fastest. With --against, rounds of the model alternate with \
            rounds of llama.cpp's llama-bench, and the ratios of the medians are shown.

            --start measures something else: fresh processes that open the model, make one token \
            and end, with files that are in the system's memory, and what memory they take.
            """)

    @Argument(help: ModelArgument.help)
    var model: String

    @Option(help: "Lengths of the prompt, separated by commas.")
    var prompt = "128,512"

    @Option(help: "Tokens to generate.")
    var tokens = 64

    @Option(help: "Tokens that are read before those that are generated.")
    var behind = 1

    @Option(help: "Sequences that generate together, beside one alone.")
    var sequences = 1

    @Flag(help: "Measure starts of the program to the first token instead.")
    var start = false

    @Flag(help: .hidden)
    var firstToken = false

    @Option(help: "Rounds of each measurement.")
    var rounds = 5

    @Option(
        help: ArgumentHelp(
            "A peer to measure in the same run: llama.cpp, or the path of its llama-bench.",
            valueName: "peer"))
    var against: String?

    @Option(help: "The GGUF file that the peer runs (default: the model, if it is one).")
    var againstModel: String?

    @OptionGroup var generation: GenerationArguments
    @OptionGroup var cache: CacheArguments
    @OptionGroup var shared: SharedOptions

    mutating func validate() throws {
        guard against != nil || againstModel == nil else {
            throw ValidationError("--against-model goes with --against")
        }
        guard (1...1 << 20).contains(behind) else {
            throw ValidationError("--behind must be from 1 to 1048576")
        }
        guard behind == 1 || against == nil else {
            throw ValidationError("--behind does not go with --against")
        }
        guard tokens >= 1, rounds >= 1, (1...256).contains(sequences) else {
            throw ValidationError(
                "--tokens and --rounds must be at least 1, --sequences from 1 to 256")
        }
        guard try !promptLengths.isEmpty else {
            throw ValidationError("--prompt wants lengths such as 128,512")
        }
    }

    private var decodeName: String {
        behind == 1 ? "decode \(tokens)" : "decode \(tokens) behind \(behind)"
    }

    private var promptLengths: [Int] {
        get throws {
            try prompt.split(separator: ",").map { part in
                guard let length = Int(part), (1...65_536).contains(length) else {
                    throw ValidationError("--prompt: \"\(part)\" is no length from 1 to 65536")
                }
                return length
            }
        }
    }

    func run() throws {
        if firstToken {
            return try StartTest.firstToken(model: model, shared, generation)
        }
        if start { return try measureStarts() }
        var loaded = try LanguageModel(
            path: ModelStore.path(of: model), readsTokenizer: try cache.readsText)
        generation.layOut(&loaded, on: shared.pool)
        var decoder = Decoder(
            loaded.weights, pool: shared.pool, activations: generation.activations,
            cache: try cache.policy)
        try cache.order(&decoder, loaded)
        let lengths = try promptLengths
        let peer = try peer()
        let names = lengths.map { "prefill \($0)" } + [decodeName]
        let counts = lengths + [tokens]
        let progress = shared.progress("Measuring", total: rounds, unit: "rounds")
        var ours = [[Double]](repeating: [], count: names.count)
        var theirs = ours
        var together: [Double] = []
        // One round that does not count brings weights into memory and takes working memory, as
        // the peer does.
        _ = try SpeedTest.decode(decoder, tokens: 1)
        let state = decoder.makeState(capacity: lengths.max() ?? 1)
        for length in lengths { _ = try SpeedTest.prefill(decoder, state, length: length) }
        for _ in 0..<rounds {
            for (index, count) in counts.enumerated() {
                let seconds =
                    index < lengths.count
                    ? try SpeedTest.prefill(decoder, state, length: count)
                    : try SpeedTest.decode(decoder, tokens: count, behind: behind)
                ours[index].append(Double(count) / max(seconds, 1e-9))
            }
            if sequences > 1 {
                let seconds = try SpeedTest.decode(
                    decoder, tokens: tokens, behind: behind, sequences: sequences)
                together.append(Double(tokens * sequences) / max(seconds, 1e-9))
            }
            if let peer {
                let speeds = try peer.round(prompts: lengths, tokens: tokens)
                for (index, speed) in speeds.enumerated() { theirs[index].append(speed) }
            }
            progress.advance()
        }
        progress.finish()
        var rows = names.indices.map { index in
            SpeedRow(
                names[index], ours[index], peer: peer == nil ? nil : theirs[index])
        }
        if sequences > 1 {
            rows.append(SpeedRow("\(decodeName) × \(sequences)", together, peer: nil))
        }
        try report(rows, loaded, decoder)
    }

    /// Starts in turns with the peer, after one of each that does not count.
    private func measureStarts() throws {
        let threads = shared.pool.threadCount
        let test = try StartTest(
            model: model, threads: threads, activations: generation.activations)
        let peer = try peer()
        let progress = shared.progress("Starting", total: rounds, unit: "rounds")
        var ours: [(seconds: Double, outcome: StartTest.Outcome)] = []
        var theirs: [Double] = []
        for round in 0...rounds {
            let own = try test.round()
            let other = try peer?.start()
            guard round > 0 else { continue }
            ours.append(own)
            if let other { theirs.append(other) }
            progress.advance()
        }
        progress.finish()
        let times = SpeedRow("", ours.map(\.seconds), peer: peer == nil ? nil : theirs)
        func median(_ values: [Int?]) -> Int? {
            let known = values.compactMap(\.self).sorted()
            return known.isEmpty ? nil : known[known.count / 2]
        }
        let report = StartReport(
            model: model, threads: threads, activations: generation.activations,
            fileBytes: try StartTest.weightFileBytes(ModelStore.path(of: model)),
            seconds: times.median, residentBytes: median(ours.map(\.outcome.residentBytes)),
            peakMemoryBytes: median(ours.map(\.outcome.peakBytes)),
            cacheBytes: ours.map(\.outcome.cacheBytes).max() ?? 0, fastest: times.slowest,
            slowest: times.fastest, peerSeconds: times.peer, ratio: times.ratio)
        if shared.json { return try Console.json(report) }
        Console.result(report.text)
    }

    private func peer() throws -> LlamaBench? {
        guard let against else { return nil }
        let file = againstModel ?? model
        guard file.hasSuffix(".gguf") else {
            throw ValidationError(
                "\(file) is no GGUF file; give one for the peer with --against-model")
        }
        return try LlamaBench(peer: against, model: file, threads: shared.pool.threadCount)
    }

    private func report(_ rows: [SpeedRow], _ loaded: LanguageModel, _ decoder: Decoder) throws {
        let threads = shared.pool.threadCount
        if shared.json {
            return try Console.json(
                BenchReport(
                    model: model, threads: threads, activations: generation.activations,
                    weightBytes: loaded.weights.byteCount, cache: "\(decoder.cache)",
                    cacheTokens: tokens + behind, cacheBytes: cacheBytes(decoder),
                    peakMemoryBytes: ProcessMemory.peakBytes, rows: rows))
        }
        let peers = against == nil ? [] : ["#peer", "#ratio"]
        var table = TextTable(["measurement", "#tokens/s", "#slowest", "#fastest"] + peers)
        for row in rows {
            var cells = [
                row.name, Formatting.decimal(row.median, 1), Formatting.decimal(row.slowest, 1),
                Formatting.decimal(row.fastest, 1),
            ]
            if let peer = row.peer, let ratio = row.ratio {
                cells += [Formatting.decimal(peer, 1), Formatting.decimal(ratio, 2) + " ×"]
            } else {
                cells += peers.map { _ in "" }
            }
            table.add(cells)
        }
        Console.result(table.text)
        let peak = ProcessMemory.peakBytes.map { ", peak memory \(Formatting.bytes($0))" } ?? ""
        Console.result(
            "\nweights \(Formatting.bytes(loaded.weights.byteCount)), \(threads) threads, "
                + "\(generation.activations.rawValue) activations\(peak)")
        Console.result(
            "keys and values \(decoder.cache): \(Formatting.bytes(cacheBytes(decoder))) for "
                + "\(Formatting.grouped(tokens + behind)) tokens")
    }

    /// Bytes of the keys and values of a sequence that is generated.
    private func cacheBytes(_ decoder: Decoder) -> Int {
        decoder.makeState(capacity: tokens + behind).cacheByteCount
    }
}

/// What `bench --json` prints.
private struct BenchReport: Encodable {
    let model: String
    let threads: Int
    let activations: Activations
    let weightBytes: Int
    let cache: String
    let cacheTokens: Int
    let cacheBytes: Int
    let peakMemoryBytes: Int?
    let rows: [SpeedRow]
}

/// Tokens per second of several rounds.
struct SpeedRow: Encodable {
    let name: String
    let median: Double
    let slowest: Double
    let fastest: Double

    /// The median of the peer's rounds.
    let peer: Double?

    /// The median over the peer's.
    let ratio: Double?

    /// Summarizes rounds; at least one.
    init(_ name: String, _ speeds: [Double], peer: [Double]?) {
        self.name = name
        median = Self.median(speeds)
        slowest = speeds.min() ?? 0
        fastest = speeds.max() ?? 0
        self.peer = peer.map(Self.median)
        ratio = self.peer.map { [median] in $0 > 0 ? median / $0 : 0 }
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1
            ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

/// Timed runs of a decoder on made-up tokens.
enum SpeedTest {
    /// Seconds to read a prompt into a state, which forgets what it had.
    static func prefill(
        _ decoder: Decoder, _ state: DecoderState, length: Int
    ) throws -> Double {
        state.truncate(to: 0)
        let start = ContinuousClock.now
        _ = try decoder.logits(after: tokens(length, decoder), state: state)
        return (ContinuousClock.now - start).seconds
    }

    /// Seconds to generate tokens behind a prompt.
    static func decode(_ decoder: Decoder, tokens count: Int, behind: Int = 1) throws -> Double {
        let state = decoder.makeState(capacity: count + behind)
        var logits = try decoder.logits(after: tokens(behind, decoder), state: state)
        let start = ContinuousClock.now
        var next: [Int32] = [0]
        for token in tokens(count, decoder) {
            next[0] = token
            try decoder.logits(after: next, state: state, into: &logits)
        }
        return (ContinuousClock.now - start).seconds
    }

    /// Seconds to generate tokens of several sequences together, each behind a prompt.
    static func decode(
        _ decoder: Decoder, tokens count: Int, behind: Int = 1, sequences: Int
    ) throws -> Double {
        let batch = decoder.makeBatch(
            (0..<sequences).map { _ in decoder.makeState(capacity: count + behind) })
        if behind > 1 {
            for state in batch.states {
                _ = try decoder.logits(after: tokens(behind - 1, decoder), state: state)
            }
        }
        var next = tokens(sequences, decoder)
        var logits = [Float](repeating: 0, count: sequences * decoder.spec.vocabularySize)
        try decoder.logits(after: next, batch: batch, into: &logits)
        let start = ContinuousClock.now
        for token in tokens(count, decoder) {
            for index in next.indices { next[index] = token }
            try decoder.logits(after: next, batch: batch, into: &logits)
        }
        return (ContinuousClock.now - start).seconds
    }

    /// Tokens spread over the vocabulary, the same each time.
    private static func tokens(_ count: Int, _ decoder: Decoder) -> [Int32] {
        (0..<count).map { Int32(($0 * 7919 + 13) % decoder.spec.vocabularySize) }
    }
}
