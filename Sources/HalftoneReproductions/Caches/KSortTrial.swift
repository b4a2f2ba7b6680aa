import Foundation
import HalftoneCompression
import HalftoneEvaluation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import HalftoneTensor

/// One seed: a model as it is and with channels of keys of different size, and what rounding its
/// keys costs in one order of channels and another.
struct KSortTrial {
    private let settings: KSortReproduction.Settings
    private let isControl: Bool
    private let seed: UInt64
    private let bench: LanguageBench
    private let planted: DecoderWeights

    init(
        _ settings: KSortReproduction.Settings, seed: UInt64, index: Int,
        _ context: ReproductionContext
    ) throws {
        self.settings = settings
        self.seed = seed
        isControl = context.isControl
        bench = try LanguageBench(settings.size, seed: seed, index: index, context)
        planted = Self.planted(bench.model.weights, spread: settings.spread, seed: seed)
    }

    /// Channels in an order of their own.
    enum Order {
        /// The model's.
        case model
        /// The method's; drawn at random in a control run.
        case sorted
        /// The method's with measured magnitudes; drawn at random in a control run.
        case measured
        /// Drawn at random for each head.
        case random
    }

    func measure(_ found: inout KSortFigures, _ context: ReproductionContext) throws {
        let (few, usual) = (KSort(bits: 3, blockSize: 16), KSort(bits: 4, blockSize: 16))
        let weights = bench.model.weights
        func divergence(_ method: KSort, _ order: Order, _ weights: DecoderWeights) throws -> Double
        {
            let result = try bench.measure(decoder(method, order, weights)).divergence
            context.advance()
            return result
        }
        found.natural.append(try divergence(few, .model, weights))
        found.naturalSorted.append(try divergence(few, .sorted, weights))
        found.naturalMeasured.append(try divergence(few, .measured, weights))
        found.naturalRandom.append(try divergence(few, .random, weights))
        found.planted.append(try divergence(few, .model, planted))
        found.plantedSorted.append(try divergence(few, .sorted, planted))
        found.plantedFour.append(try divergence(usual, .model, planted))
        found.plantedFourSorted.append(try divergence(usual, .sorted, planted))
        found.plantedChange.append(try bench.measure(planted).divergence)

        let four = try bench.measure(decoder(usual, .sorted, weights))
        found.naturalFour.append(try divergence(usual, .model, weights))
        found.naturalFourSorted.append(four.divergence)
        let eight = KSort(bits: 8, blockSize: 16)
        let wide = try bench.measure(decoder(eight, .sorted, weights))
        found.excess.append(exp(four.loss - wide.loss) - 1)
        let width = bench.model.spec.blocks[0].attention.headDim
        found.share.append(
            usual.keys.bitsPerNumber(headDim: width) / eight.keys.bitsPerNumber(headDim: width))
        context.advance(by: 3)

        let whole = KSort(bits: 4, blockSize: width)
        found.whole.append(try divergence(whole, .model, weights))
        found.wholeSorted.append(try divergence(whole, .sorted, weights))
        found.scoreChange.append(try scoreChange())
        found.correlation.append(try correlation())
        found.alignment.append(try alignment())
        simulate(&found)
    }

    private func decoder(_ method: KSort, _ order: Order, _ weights: DecoderWeights) throws
        -> Decoder
    {
        var method = method
        if order == .measured { method.importance = .magnitudes }
        let isSorted = !isControl && (order == .sorted || order == .measured)
        var decoder = Decoder(
            weights, pool: bench.pool, cache: method.policy(isSorted: isSorted))
        switch order {
        case .model: break
        case .measured where !isControl:
            try decoder.orderKeys(by: bench.calibration.sequences[0])
        case .sorted where !isControl: break
        default: decoder.orderKeys(as: randomOrders)
        }
        return decoder
    }

    /// A permutation drawn for each head of each block.
    private var randomOrders: [[Int]] {
        var generator = SeededGenerator(seed: seed &+ 77)
        return bench.model.spec.blocks.map { block in
            (0..<block.attention.keyHeads).flatMap { _ in
                (0..<block.attention.headDim).shuffled(using: &generator)
            }
        }
    }

    /// The same model with channels of keys of log-normal size: rows of the key projection times a
    /// factor, rows of the query projection over it, alike for what rotary positions turn into each
    /// other.
    private static func planted(
        _ weights: DecoderWeights, spread: Float, seed: UInt64
    ) -> DecoderWeights {
        var weights = weights
        for (index, block) in weights.spec.blocks.enumerated() {
            let attention = block.attention
            let (heads, width) = (attention.keyHeads, attention.headDim)
            let half = width / 2
            let sizes = Tensor.normal(
                [heads, half], standardDeviation: spread, seed: seed &* 1000 &+ UInt64(index))
            func factor(_ head: Int, _ channel: Int) -> Float {
                exp(sizes.elements[head * half + channel % half])
            }
            let queries = attention.heads / heads
            for (part, count) in [(Role.Part.key, heads), (.query, attention.heads)] {
                let role = Role(part, block: index)
                let matrix = weights.matrix(role)
                let factors = (0..<count * width).map { row in
                    part == .key
                        ? factor(row / width, row % width)
                        : 1 / factor(row / width / queries, row % width)
                }
                let scaled =
                    Tensor(
                        shape: [matrix.rows, matrix.columns], elements: matrix.decodedFloats())
                    * Tensor(shape: [matrix.rows, 1], elements: factors)
                weights.replace(role, with: scaled.weightMatrix())
            }
        }
        return weights
    }

    /// How much logits change, relative to the largest, when exact keys are stored in the order:
    /// for a prompt, and for tokens one by one.
    private func scoreChange() throws -> Double {
        let tokens = bench.calibration.sequences[0]
        let rest = 8
        func logits(_ isSorted: Bool) throws -> [Float] {
            var policy = KSort().policy(isSorted: isSorted && !isControl)
            // Floats all: with two runs of channels they are stored like what is packed.
            policy.keys = .float32
            policy.values = .float32
            policy.leadingKeys = .init(channels: 16, format: .float32)
            var decoder = Decoder(planted, pool: bench.pool, cache: policy)
            if isSorted, isControl { decoder.orderKeys(as: randomOrders) }
            let state = decoder.makeState()
            var result = try decoder.logits(after: Array(tokens.dropLast(rest)), state: state)
            for token in tokens.suffix(rest) {
                result += try decoder.logits(after: [token], state: state)
            }
            return result
        }
        let (plain, sorted) = (try logits(false), try logits(true))
        let largest = plain.map(\.magnitude).max() ?? 0
        let change = zip(plain, sorted).map { abs($0 - $1) }.max() ?? .infinity
        return Double(change / largest)
    }

    /// The rank correlation between channels' sizes by the weights and their magnitudes, a mean
    /// over heads.
    private func correlation() throws -> Double {
        let weights = bench.model.weights
        let statistics = try Decoder(weights, pool: bench.pool)
            .keyStatistics(of: bench.calibration.sequences[0])
        let heads = statistics.enumerated().flatMap { index, statistics in
            let norms = weights.keyNorms(ofBlock: index)
            return stride(from: 0, to: norms.count, by: statistics.headDim).map { first in
                let channels = first..<first + statistics.headDim
                return RankCorrelation.spearman(
                    norms[channels], statistics.magnitudes[channels])
            }
        }
        return heads.reduce(0, +) / Double(heads.count)
    }

    /// The rank correlation between the mean magnitudes of queries and of keys, before rotary
    /// positions, over the channels of a head, a mean over heads.
    private func alignment() throws -> Double {
        let weights = bench.model.weights
        let run = try StagedRun(
            weights, sequences: [bench.calibration.sequences[0]], pool: bench.pool)
        var correlations: [Double] = []
        for (index, block) in weights.spec.blocks.enumerated() {
            run.run(
                observing: { stage, inputs in
                    guard stage == .attentionInput else { return }
                    let states = Tensor(
                        shape: [inputs.count, inputs.width], elements: inputs.values)
                    let sizes = [Role.Part.query, .key].map { part in
                        let matrix = weights.matrix(Role(part, block: index))
                        let projection = Tensor(
                            shape: [matrix.rows, matrix.columns], elements: matrix.decodedFloats())
                        return states.matmul(projection.transposed()).abs().mean(axes: [0])
                            .elements.map(Double.init)
                    }
                    let attention = block.attention
                    for head in 0..<attention.heads {
                        let key = head / (attention.heads / attention.keyHeads)
                        let width = attention.headDim
                        correlations.append(
                            RankCorrelation.spearman(
                                sizes[0][head * width..<(head + 1) * width],
                                sizes[1][key * width..<(key + 1) * width]))
                    }
                }, replacing: { _ in [:] })
        }
        return correlations.reduce(0, +) / Double(correlations.count)
    }

    /// Normal keys of 64 channels with log-normal sizes, in blocks of 16, of 32 and of all.
    private func simulate(_ found: inout KSortFigures) {
        let width = 64
        var generator = SeededGenerator(seed: seed)
        var errors = [[Double]](repeating: [0, 0], count: 3)
        for _ in 0..<settings.simulatedHeads {
            let sizes = Tensor.normal([1, width], using: &generator).exp()
            let keys = Tensor.normal([settings.simulatedTokens, width], using: &generator) * sizes
            let order =
                isControl
                ? Array(0..<width).shuffled(using: &generator)
                : ChannelOrder.descending(sizes.elements.map(Double.init), headDim: width)
            let rows = (0..<settings.simulatedTokens).map {
                Array(keys.elements[$0 * width..<($0 + 1) * width])
            }
            for (index, blockSize) in [16, 32, width].enumerated() {
                let method = KSort(bits: 4, blockSize: blockSize)
                for (place, order) in [nil, order].enumerated() {
                    let lost = method.relativeErrors(of: rows, order: order)
                    errors[index][place] +=
                        lost.reduce(0, +) / Double(width * settings.simulatedHeads)
                }
            }
        }
        found.small.append(errors[0][0])
        found.smallSorted.append(errors[0][1])
        found.smallWide.append(errors[1][0])
        found.smallWideSorted.append(errors[1][1])
        found.smallWhole.append(errors[2][0])
        found.smallWholeSorted.append(errors[2][1])
    }
}

/// Figures of all seeds; divergences in nats per token.
struct KSortFigures {
    var natural: [Double] = []
    var naturalSorted: [Double] = []
    var naturalMeasured: [Double] = []
    var naturalRandom: [Double] = []
    var naturalFour: [Double] = []
    var naturalFourSorted: [Double] = []
    var planted: [Double] = []
    var plantedSorted: [Double] = []
    var plantedFour: [Double] = []
    var plantedFourSorted: [Double] = []
    var plantedChange: [Double] = []
    var whole: [Double] = []
    var wholeSorted: [Double] = []
    var excess: [Double] = []
    var share: [Double] = []
    var scoreChange: [Double] = []
    var correlation: [Double] = []
    var alignment: [Double] = []
    var small: [Double] = []
    var smallSorted: [Double] = []
    var smallWide: [Double] = []
    var smallWideSorted: [Double] = []
    var smallWhole: [Double] = []
    var smallWholeSorted: [Double] = []
}
