import Foundation
import HalftoneCompression
import HalftoneEvaluation
import HalftoneFormats
import HalftoneMethods
import HalftoneModels
import HalftoneRuntime
import HalftoneTensor

/// One seed: a model whose keys or values are stored one way and another, on stories and on tokens
/// that repeat each other.
struct VidKVTrial {
    private let settings: VidKVReproduction.Settings
    private let isControl: Bool
    private let seed: UInt64
    private let bench: LanguageBench
    private let statistics: [KeyStatistics]
    private let headDim: Int

    init(
        _ settings: VidKVReproduction.Settings, seed: UInt64, index: Int,
        _ context: ReproductionContext
    ) throws {
        self.settings = settings
        self.seed = seed
        isControl = context.isControl
        bench = try LanguageBench(settings.size, seed: seed, index: index, context)
        statistics = try Decoder(bench.model.weights, pool: bench.pool)
            .keyStatistics(of: bench.calibration.sequences[0])
        headDim = bench.model.spec.blocks[0].attention.headDim
    }

    /// Which channels of keys get two bits.
    private enum Choice {
        case widest, narrowest
        /// One of several draws.
        case random(Int)
    }

    func measure(_ found: inout VidKVFigures, _ context: ReproductionContext) throws {
        let method = VidKV()
        func divergence(_ policy: KeyValuePolicy, _ orders: [[Int]]? = nil) throws -> Double {
            let result = try bench.measure(decoder(policy, orders)).divergence
            context.advance()
            return result
        }
        var keys = method.policy(headDim: headDim)
        keys.values = .float16
        found.keys.append(try divergence(keys, orders(.widest)))
        found.narrowest.append(try divergence(keys, orders(.narrowest)))
        let draws = try (1...settings.draws).map { try divergence(keys, orders(.random($0))) }
        found.random.append(draws.reduce(0, +) / Double(draws.count))
        var plain = VidKV(isFourier: false).policy(headDim: headDim)
        plain.values = .float16
        found.plain.append(try divergence(plain, orders(.widest)))

        // Tokens of a channel wait until 32 are there, 16 on average, so that other tokens may too.
        let wait = method.groupSize / 2
        let byChannel = KeyValuePolicy(keys: method.wideKeys, values: .float16)
        var tokens = method.wideKeys
        tokens.axis = .token
        let byToken = KeyValuePolicy(keys: tokens, values: .float16, window: wait)
        found.twoBits.append(try divergence(byChannel))
        found.twoBitsByToken.append(try divergence(byToken))

        let repeated = try bench.reference(reading: repeatedTokens())
        func values(_ axis: CacheFormat.Axis) -> KeyValuePolicy {
            var values = method.values
            values.axis = axis
            return KeyValuePolicy(
                keys: .float16, values: values, window: axis == .token ? wait : 0)
        }
        found.values.append(try divergence(values(.channel)))
        found.valuesByToken.append(try divergence(values(.token)))
        for axis in [CacheFormat.Axis.channel, .token] {
            let lost = try bench.measure(decoder(values(axis), nil), against: repeated).divergence
            if axis == .channel { found.repeatedValues.append(lost) }
            if axis == .token { found.repeatedValuesByToken.append(lost) }
        }

        let policy = method.policy(headDim: headDim)
        let whole = decoder(policy, orders(.widest))
        let exact = try bench.measure(
            Decoder(bench.model.weights, pool: bench.pool), against: repeated)
        found.loss.append(exp(try bench.measure(whole).loss - bench.float.loss) - 1)
        found.repeatedLoss.append(
            exp(try bench.measure(whole, against: repeated).loss - exact.loss) - 1)
        found.repetition.append(bench.float.loss - exact.loss)
        let heads = bench.model.spec.blocks[0].attention.keyHeads
        found.bits.append(
            8 * policy.bytesPerToken(heads: heads, headDim: headDim)
                / Double(2 * heads * headDim))
        context.advance(by: 6)
    }

    private func decoder(_ policy: KeyValuePolicy, _ orders: [[Int]]?) -> Decoder {
        var decoder = Decoder(bench.model.weights, pool: bench.pool, cache: policy)
        if let orders { decoder.orderKeys(as: orders) }
        return decoder
    }

    private func orders(_ choice: Choice) -> [[Int]] {
        let widest = VidKV().orders(statistics)
        switch choice {
        case .widest where isControl: return shuffled(widest, draw: 0)
        case .widest: return widest
        case .random(let draw): return shuffled(widest, draw: draw)
        case .narrowest:
            return widest.map { order in
                stride(from: 0, to: order.count, by: headDim).flatMap {
                    order[$0..<$0 + headDim].reversed()
                }
            }
        }
    }

    /// An order drawn for each block, which its heads share.
    private func shuffled(_ orders: [[Int]], draw: Int) -> [[Int]] {
        var generator = SeededGenerator(seed: seed &* 100 &+ UInt64(draw))
        return orders.map { order in
            let drawn = (0..<headDim).shuffled(using: &generator)
            return (0..<order.count / headDim).flatMap { _ in drawn }
        }
    }

    /// Of each window a passage that is repeated to its end, some tokens changed each time: what a
    /// video is like from picture to picture.
    private func repeatedTokens() -> [Int32] {
        var generator = SeededGenerator(seed: seed &+ 4242)
        return bench.reference.windows.flatMap { window in
            (0..<window.count).map { index in
                let isEdit = Double.random(in: 0..<1, using: &generator) < settings.edits
                let place = Int.random(in: 0..<window.count, using: &generator)
                return window[isEdit ? place : index % settings.passage]
            }
        }
    }
}

/// Figures of all seeds; divergences in nats per token.
struct VidKVFigures {
    var keys: [Double] = []
    var narrowest: [Double] = []
    var random: [Double] = []
    var plain: [Double] = []
    var twoBits: [Double] = []
    var twoBitsByToken: [Double] = []
    var values: [Double] = []
    var valuesByToken: [Double] = []
    var repeatedValues: [Double] = []
    var repeatedValuesByToken: [Double] = []
    var loss: [Double] = []
    var repeatedLoss: [Double] = []
    var repetition: [Double] = []
    var bits: [Double] = []
}
