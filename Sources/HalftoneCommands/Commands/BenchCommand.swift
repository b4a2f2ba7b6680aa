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
            rounds of llama.cpp's llama-bench, and the ratios of the medians are shown. What a speed \
            amounts to in bytes of weights read, or in multiplications and additions, is compared \
            with what the same threads do at most, measured in the same run.

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

    @Flag(help: "Measure with one thread, with two, and so on up to --threads.")
    var scaling = false

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
        guard !start || (behind == 1 && sequences == 1 && !scaling && cache.kv == nil) else {
            throw ValidationError(
                "--start measures one token; it does not go with --behind, --sequences, --scaling "
                    + "and --kv")
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
            return try StartTest.firstToken(model: model, behind: behind, shared, generation)
        }
        if start { return try measureStarts() }
        var loaded = try LanguageModel(
            path: ModelStore.path(of: model), readsTokenizer: try cache.readsText)
        generation.layOut(&loaded, on: shared.pool)
        let most = shared.pool.threadCount
        let progress = shared.progress(
            "Measuring", total: rounds * (scaling ? most : 1), unit: "rounds")
        var rows: [SpeedRow] = []
        var limits: [MachineSpeeds] = []
        var cacheText = ""
        var cacheBytes = 0
        var peakMemory: Int?
        for threads in scaling ? Array(1...most) : [most] {
            let pool = threads == most ? shared.pool : WorkerPool(threads: threads)
            var decoder = Decoder(
                loaded.weights, pool: pool, activations: generation.activations,
                cache: try cache.policy)
            try cache.order(&decoder, loaded)
            rows += try measure(decoder, loaded.weights, threads: threads, progress)
            cacheText = "\(decoder.cache)"
            peakMemory = ProcessMemory.peakBytes
            // Last, since it takes memory.
            limits.append(MachineSpeeds(pool, generation.activations))
            cacheBytes = decoder.makeState(capacity: tokens + behind).cacheByteCount
        }
        progress.finish()
        try report(
            BenchReport(
                model: model, threads: most, activations: generation.activations,
                weightBytes: loaded.weights.byteCount, cache: cacheText,
                cacheTokens: tokens + behind, cacheBytes: cacheBytes,
                peakMemoryBytes: peakMemory, limits: limits, rows: rows))
    }

    /// The rounds with a number of threads, in turns with the peer.
    private func measure(
        _ decoder: Decoder, _ weights: DecoderWeights, threads: Int, _ progress: RunProgress
    ) throws -> [SpeedRow] {
        let lengths = try promptLengths
        let peer = try peer(threads: threads)
        let counts = lengths + [tokens]
        var ours = [[Double]](repeating: [], count: counts.count)
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
        var rows = counts.indices.map { index in
            let isPrompt = index < lengths.count
            return SpeedRow(
                isPrompt ? "prefill \(lengths[index])" : decodeName, ours[index],
                peer: peer == nil ? nil : theirs[index], threads: threads,
                bytes: isPrompt ? nil : weights.bytesPerToken,
                operations: isPrompt ? weights.operationsPerToken : nil)
        }
        if sequences > 1 {
            rows.append(
                SpeedRow("\(decodeName) × \(sequences)", together, peer: nil, threads: threads))
        }
        return rows
    }

    /// Starts in turns with the peer, after one of each that does not count.
    private func measureStarts() throws {
        let threads = shared.pool.threadCount
        let test = try StartTest(
            model: model, threads: threads, activations: generation.activations)
        let peer = try peer(threads: threads)
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
        let seconds = ours.map(\.seconds)
        let report = StartReport(
            model: model, threads: threads, activations: generation.activations,
            fileBytes: try StartTest.weightFileBytes(ModelStore.path(of: model)),
            seconds: seconds.median, fastest: seconds.min() ?? 0, slowest: seconds.max() ?? 0,
            residentBytes: Self.median(ours.map(\.outcome.residentBytes)),
            peakMemoryBytes: Self.median(ours.map(\.outcome.peakBytes)),
            cacheBytes: ours.map(\.outcome.cacheBytes).max() ?? 0,
            peerSeconds: peer == nil ? nil : theirs.median)
        if shared.json { return try Console.json(report) }
        Console.result(report.text)
    }

    private static func median(_ bytes: [Int?]) -> Int? {
        let known = bytes.compactMap { $0.map(Double.init) }
        return known.isEmpty ? nil : Int(known.median)
    }

    private func peer(threads: Int) throws -> LlamaBench? {
        guard let against else { return nil }
        let file = againstModel ?? model
        guard file.hasSuffix(".gguf") else {
            throw ValidationError(
                "\(file) is no GGUF file; give one for the peer with --against-model")
        }
        return try LlamaBench(peer: against, model: file, threads: threads)
    }

    private func report(_ report: BenchReport) throws {
        if shared.json { return try Console.json(report) }
        let isScaling = report.limits.count > 1
        let peers = against == nil ? [] : ["#peer", "#ratio"]
        var table = TextTable(
            ["measurement"] + (isScaling ? ["#threads"] : [])
                + ["#tokens/s", "#slowest", "#fastest"] + peers + ["#reaches"])
        for row in report.rows {
            var cells = [row.name] + (isScaling ? ["\(row.threads)"] : [])
            cells += [row.median, row.slowest, row.fastest].map { Formatting.decimal($0, 1) }
            if let peer = row.peer, let ratio = row.ratio {
                cells += [Formatting.decimal(peer, 1), Formatting.decimal(ratio, 2) + " ×"]
            } else {
                cells += peers.map { _ in "" }
            }
            table.add(cells + [row.reach(report.limits.first { $0.threads == row.threads })])
        }
        Console.result(table.text + "\n")
        for limit in report.limits {
            let products = limit.operationsPerSecond.map {
                ", multiply and add bytes at \(Formatting.decimal($0 / 1e9, 0)) GOP/s"
            }
            Console.result(
                "\(limit.threads) threads read memory at "
                    + "\(Formatting.decimal(limit.bytesPerSecond / 1e9, 1)) GB/s"
                    + (products ?? "") + " at most")
        }
        let peak = report.peakMemoryBytes.map { ", peak memory \(Formatting.bytes($0))" } ?? ""
        Console.result(
            "weights \(Formatting.bytes(report.weightBytes)), \(report.threads) threads, "
                + "\(report.activations.rawValue) activations\(peak)")
        Console.result(
            "keys and values \(report.cache): \(Formatting.bytes(report.cacheBytes)) for "
                + "\(Formatting.grouped(report.cacheTokens)) tokens")
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
    let limits: [MachineSpeeds]
    let rows: [SpeedRow]
}
