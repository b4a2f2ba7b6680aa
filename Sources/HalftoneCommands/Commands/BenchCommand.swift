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
            from the slowest to the fastest.
            """)

    @Argument(help: ModelArgument.help)
    var model: String

    @Option(help: "Lengths of the prompt, separated by commas.")
    var prompt = "128,512"

    @Option(help: "Tokens to generate.")
    var tokens = 64

    @Option(help: "Rounds of each measurement.")
    var rounds = 5

    @OptionGroup var generation: GenerationArguments
    @OptionGroup var shared: SharedOptions

    mutating func validate() throws {
        guard tokens >= 1, rounds >= 1 else {
            throw ValidationError("--tokens and --rounds must be at least 1")
        }
        guard try !promptLengths.isEmpty else {
            throw ValidationError("--prompt wants lengths such as 128,512")
        }
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
        let loaded = try ModelArgument.load(model, shared)
        let decoder = Decoder(
            loaded.weights, pool: shared.pool, activations: generation.activations)
        let lengths = try promptLengths
        let progress = shared.progress(
            "Measuring", total: rounds * (lengths.count + 1), unit: "rounds")
        var rows: [SpeedRow] = []
        for length in lengths {
            rows.append(
                try SpeedRow.measure("prefill \(length)", tokens: length, rounds: rounds) {
                    progress.advance()
                    return try SpeedTest.prefill(decoder, length: length)
                })
        }
        rows.append(
            try SpeedRow.measure("decode \(tokens)", tokens: tokens, rounds: rounds) {
                progress.advance()
                return try SpeedTest.decode(decoder, tokens: tokens)
            })
        progress.finish()
        try report(rows, loaded, decoder)
    }

    private func report(_ rows: [SpeedRow], _ loaded: LanguageModel, _ decoder: Decoder) throws {
        let threads = shared.pool.threadCount
        if shared.json {
            return try Console.json(
                BenchReport(
                    model: model, threads: threads, activations: generation.activations,
                    weightBytes: loaded.weights.byteCount,
                    peakMemoryBytes: ProcessMemory.peakBytes, rows: rows))
        }
        var table = TextTable(["measurement", "#tokens/s", "#slowest", "#fastest"])
        for row in rows {
            table.add([
                row.name, Formatting.decimal(row.median, 1), Formatting.decimal(row.slowest, 1),
                Formatting.decimal(row.fastest, 1),
            ])
        }
        Console.result(table.text)
        let peak = ProcessMemory.peakBytes.map { ", peak memory \(Formatting.bytes($0))" } ?? ""
        Console.result(
            "\nweights \(Formatting.bytes(loaded.weights.byteCount)), \(threads) threads, "
                + "\(generation.activations.rawValue) activations\(peak)")
    }
}

/// What `bench --json` prints.
private struct BenchReport: Encodable {
    let model: String
    let threads: Int
    let activations: Activations
    let weightBytes: Int
    let peakMemoryBytes: Int?
    let rows: [SpeedRow]
}

/// Tokens per second of several rounds.
struct SpeedRow: Encodable {
    let name: String
    let median: Double
    let slowest: Double
    let fastest: Double

    /// Runs a measurement that returns seconds, after one round that does not count.
    static func measure(
        _ name: String, tokens: Int, rounds: Int, _ body: () throws -> Double
    ) throws -> SpeedRow {
        var speeds: [Double] = []
        for _ in 0..<rounds { speeds.append(Double(tokens) / max(try body(), 1e-9)) }
        speeds.sort()
        let middle = speeds.count / 2
        let median =
            speeds.count % 2 == 1 ? speeds[middle] : (speeds[middle - 1] + speeds[middle]) / 2
        return SpeedRow(
            name: name, median: median, slowest: speeds[0], fastest: speeds[speeds.count - 1])
    }
}

/// Timed runs of a decoder on made-up tokens.
enum SpeedTest {
    /// Seconds to read a prompt.
    static func prefill(_ decoder: Decoder, length: Int) throws -> Double {
        let state = decoder.makeState(capacity: length)
        let start = ContinuousClock.now
        _ = try decoder.logits(after: tokens(length, decoder), state: state)
        return (ContinuousClock.now - start).seconds
    }

    /// Seconds to generate tokens behind a prompt of one.
    static func decode(_ decoder: Decoder, tokens count: Int) throws -> Double {
        let state = decoder.makeState(capacity: count + 1)
        var logits = try decoder.logits(after: tokens(1, decoder), state: state)
        let start = ContinuousClock.now
        var next: [Int32] = [0]
        for token in tokens(count, decoder) {
            next[0] = token
            try decoder.logits(after: next, state: state, into: &logits)
        }
        return (ContinuousClock.now - start).seconds
    }

    /// Tokens spread over the vocabulary, the same each time.
    private static func tokens(_ count: Int, _ decoder: Decoder) -> [Int32] {
        (0..<count).map { Int32(($0 * 7919 + 13) % decoder.spec.vocabularySize) }
    }
}
