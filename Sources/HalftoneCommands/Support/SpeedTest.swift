import Foundation
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime

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

    /// Threads that took part.
    let threads: Int

    /// Bytes of weights that were read a second; for tokens one after another.
    let bytesPerSecond: Double?

    /// Multiplications and additions with weights a second; for prompts.
    let operationsPerSecond: Double?

    /// Summarizes rounds.
    ///
    /// - Parameters:
    ///   - name: What was measured.
    ///   - speeds: Of at least one round.
    ///   - peer: Those of the peer.
    ///   - threads: Threads that took part.
    ///   - bytes: What a token reads.
    ///   - operations: What a token multiplies and adds.
    init(
        _ name: String, _ speeds: [Double], peer: [Double]?, threads: Int,
        bytes: Int? = nil, operations: Double? = nil
    ) {
        self.name = name
        self.threads = threads
        median = speeds.median
        slowest = speeds.min() ?? 0
        fastest = speeds.max() ?? 0
        self.peer = peer?.median
        ratio = self.peer.map { [median] in $0 > 0 ? median / $0 : 0 }
        bytesPerSecond = bytes.map { [median] in Double($0) * median }
        operationsPerSecond = operations.map { [median] in $0 * median }
    }

    /// What a speed amounts to and how much that is of what the machine does at most.
    func reach(_ limits: MachineSpeeds?) -> String {
        func text(_ value: Double, _ unit: String, of limit: Double?) -> String {
            let share = limit.map { " (\(Formatting.decimal(100 * value / $0, 0)) %)" } ?? ""
            return "\(Formatting.decimal(value / 1e9, 1)) \(unit)" + share
        }
        if let bytesPerSecond {
            return text(bytesPerSecond, "GB/s", of: limits?.bytesPerSecond)
        }
        if let operationsPerSecond {
            return text(operationsPerSecond, "GOP/s", of: limits?.operationsPerSecond)
        }
        return ""
    }
}

extension [Double] {
    /// The middle one in ascending order, or the mean of the middle two; NaN of none.
    var median: Double {
        let sorted = sorted()
        let middle = count / 2
        guard count > 0 else { return .nan }
        return count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

/// What the machine does at most with some threads.
struct MachineSpeeds: Encodable {
    let threads: Int

    /// Bytes read from memory.
    let bytesPerSecond: Double

    /// Multiplications and additions of bytes; nil where that is not known, or not what is done.
    let operationsPerSecond: Double?

    /// Measures them.
    init(_ pool: WorkerPool, _ activations: Activations) {
        threads = pool.threadCount
        bytesPerSecond = MachineLimits.readBandwidth(on: pool)
        operationsPerSecond =
            activations == .int8 ? MachineLimits.byteOperations(on: pool) : nil
    }
}

extension DecoderWeights {
    /// Bytes of weights that a token reads: those of all blocks and the head.
    var bytesPerToken: Int {
        linearRoles.reduce(matrix(Role(.head)).byteCount) { $0 + matrix($1).byteCount }
    }

    /// Multiplications and additions of a token of a prompt, which needs no head.
    var operationsPerToken: Double {
        linearRoles.reduce(0) { $0 + 2 * Double(matrix($1).rows * matrix($1).columns) }
    }

    private var linearRoles: [Role] {
        spec.slots.map(\.role).filter { $0.isLinear && $0.part != .head }
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

    /// A decoder as a program has it that runs a model: with panels, where matrices have them.
    static func decoder(_ weights: DecoderWeights, _ pool: WorkerPool) -> Decoder {
        var weights = weights
        weights.layOutPanels(on: pool)
        return Decoder(weights, pool: pool, activations: .int8)
    }

    /// Tokens a second, one after another: the median of some rounds of 32.
    static func generation(_ decoder: Decoder, rounds: Int = 5) throws -> Double {
        try (0..<rounds).map { _ in 32 / (try decode(decoder, tokens: 32)) }.median
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
