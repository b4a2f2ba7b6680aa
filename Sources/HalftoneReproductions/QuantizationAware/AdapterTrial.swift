import HalftoneData
import HalftoneMethods
import HalftoneModels
import HalftoneNN
import HalftoneTensor

/// One seed: a model of a grammar, and adapters for domains where tokens are exchanged.
final class AdapterTrial {
    private let settings: OneBitAdaptersReproduction.Settings
    private let context: ReproductionContext
    private let seed: UInt64
    private let grammar: MarkovTokens
    private let network: LlamaNetwork

    private static let states = 64
    private static let successors = 4
    private static let exchangedShare = 4
    private static let firstCheck = 1_000_000
    private static let firstTest = 2_000_000
    private static let measured = 64
    private static let noiseDraws = 4

    init(
        _ settings: OneBitAdaptersReproduction.Settings, seed: UInt64,
        _ context: ReproductionContext
    ) {
        self.settings = settings
        self.context = context
        self.seed = seed
        grammar = MarkovTokens(
            states: Self.states, successors: Self.successors, isEven: false, seed: seed)
        var generator = SeededGenerator(seed: seed)
        network = LlamaNetwork(
            LlamaNetwork.Shape(
                vocabularySize: Self.states, width: settings.width, layers: 2, heads: 4,
                hiddenWidth: 2 * settings.width, contextLength: settings.length),
            using: &generator)
    }

    /// Sequences of a domain, its tokens renamed: inputs and targets `[count, length]`.
    private func batch(
        _ first: Int, _ count: Int, _ names: [Int32]
    ) -> (inputs: IndexTensor, targets: IndexTensor) {
        var (inputs, targets): ([Int32], [Int32]) = ([], [])
        for index in first..<first + count {
            let tokens = grammar.sequence(length: settings.length + 1, index: index)
                .map { names[Int($0)] }
            inputs += tokens.dropLast()
            targets += tokens.dropFirst()
        }
        let shape = [count, settings.length]
        return (
            IndexTensor(shape: shape, elements: inputs),
            IndexTensor(shape: shape, elements: targets)
        )
    }

    /// The mean loss per token in nats.
    private func loss(_ first: Int, _ names: [Int32]) -> Double {
        let (inputs, targets) = batch(first, Self.measured, names)
        let logits = network(inputs, ForwardContext(network))
        return Double(logits.crossEntropy(targets).mean().item)
    }

    private func train(_ steps: Int, _ names: [Int32], decay: Float, rate: Double) {
        let optimizer = Optimizer(
            network, Adam.decoupled(rate: rate, weightDecay: decay),
            schedule: .cosine(warmup: 10, count: steps))
        for step in 0..<steps {
            let (inputs, targets) = batch(step * settings.sequences, settings.sequences, names)
            let pass = ForwardContext(network, isTraining: true)
            let loss = network(inputs, pass).crossEntropy(targets).mean()
            var gradients = pass.gradients(of: loss)
            gradients.clip(toNorm: 1)
            optimizer.step(gradients)
        }
    }

    /// The tokens with a quarter of them exchanged among each other.
    private func names(_ domain: Int) -> [Int32] {
        var generator = SeededGenerator(seed: seed &* 100 &+ UInt64(domain) &+ 50)
        var names = (0..<Self.states).map { Int32($0) }
        let moved = Array(
            (0..<Self.states).shuffled(using: &generator)
                .prefix(Self.states / Self.exchangedShare))
        for (index, token) in moved.enumerated() {
            names[token] = Int32(moved[(index + 1) % moved.count])
        }
        return names
    }

    /// All matrices of the model without adapters.
    private func matrices() -> [Parameter] {
        network.namedParameters
            .filter { $0.parameter.shape.count > 1 && !$0.path.contains("lora_") }
            .map(\.parameter)
    }

    private var layers: [Linear] {
        network.blocks.flatMap {
            [$0.attention.queryProjection, $0.attention.valueProjection]
        }
    }

    private func attach(_ kind: AdapterKind, scale: Float) -> [LowRankAdapter] {
        var generator = SeededGenerator(seed: seed &* 10 &+ 3)
        return layers.map { layer in
            // A control trains in 32 bits and rounds afterwards.
            let adapter = LowRankAdapter(
                outFeatures: layer.outFeatures, inFeatures: layer.inFeatures, rank: kind.rank,
                scale: scale,
                code: kind.isCoded && !context.isControl ? OneBitAdapters() : nil,
                using: &generator)
            layer.weightTransform = adapter
            return adapter
        }
    }

    /// Trains adapters with every factor and leaves those that are best on the checks.
    private func adapt(_ kind: AdapterKind, _ names: [Int32]) throws -> [LowRankAdapter] {
        var best: (loss: Double, adapters: [LowRankAdapter])?
        for scale in settings.scales {
            let adapters = attach(kind, scale: scale)
            train(settings.adapterSteps, names, decay: 1e-4, rate: settings.rate)
            if kind.isCoded { for adapter in adapters { adapter.code = OneBitAdapters() } }
            let found = loss(Self.firstCheck, names)
            if found < best?.loss ?? .infinity { best = (found, adapters) }
            context.advance()
        }
        let adapters = best?.adapters ?? []
        for (layer, adapter) in zip(layers, adapters) { layer.weightTransform = adapter }
        return adapters
    }

    func measure(_ found: inout AdapterFigures) throws {
        let plain = (0..<Self.states).map { Int32($0) }
        train(settings.startSteps, plain, decay: 0.01, rate: 3e-3)
        context.advance()
        found.excess.append(loss(Self.firstTest, plain) - grammar.entropyRate)
        network.freeze()
        var gains: [AdapterKind: Double] = [:]
        var (postHoc, projections) = (0.0, 0.0)
        var noise = settings.noise.map { _ in (adapter: 0.0, weights: 0.0) }
        let share = 1 / Double(settings.domains)
        for domain in 0..<settings.domains {
            let names = names(domain)
            for layer in layers { layer.weightTransform = nil }
            let before = loss(Self.firstTest, names)
            for kind in AdapterKind.allCases {
                let adapters = try adapt(kind, names)
                let gain = before - loss(Self.firstTest, names)
                gains[kind, default: 0] += gain * share
                found.bytes[kind] = adapters.reduce(0) { $0 + $1.byteCount }
                guard kind == .floatRank8 else { continue }
                for (index, level) in settings.noise.enumerated() {
                    let own = adapters.flatMap { [$0.up, $0.down] }
                    let adapter = lost(level, own, names, before, gain)
                    let weights = lost(level, matrices(), names, before, gain)
                    noise[index].adapter += adapter * share
                    noise[index].weights += weights * share
                }
                let last = settings.noise[settings.noise.count - 1]
                projections += share * lost(last, layers.map(\.weight), names, before, gain)
                for adapter in adapters { adapter.code = OneBitAdapters() }
                postHoc += (before - loss(Self.firstTest, names)) * share
            }
        }
        for (kind, gain) in gains { found.gains[kind, default: []].append(gain) }
        found.postHoc.append(postHoc)
        found.projectionNoise.append(projections)
        for (index, level) in noise.enumerated() {
            found.adapterNoise[index].append(level.adapter)
            found.weightNoise[index].append(level.weights)
        }
    }

    /// The share of a gain that is lost with noise on matrices, relative to their deviations.
    private func lost(
        _ level: Float, _ matrices: [Parameter], _ names: [Int32], _ before: Double,
        _ gain: Double
    ) -> Double {
        var generator = SeededGenerator(seed: seed &+ 40)
        let values = matrices.map(\.value)
        var sum = 0.0
        for _ in 0..<Self.noiseDraws {
            for (matrix, value) in zip(matrices, values) {
                let deviation = value.variance().squareRoot().item
                let drawn = Tensor.normal(
                    value.shape, standardDeviation: level * deviation, using: &generator)
                matrix.set(value + drawn)
            }
            sum += 1 - (before - loss(Self.firstTest, names)) / gain
        }
        for (matrix, value) in zip(matrices, values) { matrix.set(value) }
        return sum / Double(Self.noiseDraws)
    }
}
