import HalftoneData
import HalftoneMethods
import HalftoneNN
import HalftoneTensor

/// Perceptrons on Gaussian classes: with strong decay, which makes channels alike, and without.
struct IterativeFeatureMergingReproduction: Reproduction {
    struct Settings: Codable {
        var seeds: [UInt64]
        var widths: [Int]
        var points = 4000
        var steps = 6000
        var batch = 128
        /// The share of themselves that parameters shrink by per step.
        var decay = 5e-4
        var betas = [0.05, 0.1, 0.2, 0.35, 0.5]
    }

    let record = IterativeFeatureMerging.record
    let quick = Settings(seeds: [1, 2, 3], widths: [64])
    let full = Settings(seeds: [1, 2, 3, 4, 5], widths: [64, 128])
    let control = "merging of random pairs"
    let leftOut = """
        Perceptrons of two hidden layers on 5 Gaussian classes in 20 dimensions stand in for VGG16 \
        on CIFAR-10; convolutions, residual networks and the course of complexity over depth were \
        left out.
        """

    func run(_ settings: Settings, _ context: ReproductionContext) throws -> Findings {
        context.expect(settings.seeds.count * settings.widths.count * 2, "networks")
        var found = Measurements()
        for seed in settings.seeds {
            for width in settings.widths {
                let trial = Trial(settings, seed: seed, width: width, context)
                let decayed = trial.train(decay: settings.decay)
                try trial.measureRedundant(decayed, &found)
                if width == settings.widths[0] { try trial.measureBetas(decayed, &found) }
                context.advance()
                let plain = trial.train(decay: 0)
                try trial.measureExactness(plain, &found)
                try trial.measurePlain(plain, &found)
                context.advance()
            }
        }
        return found.findings(settings)
    }
}

/// Values over seeds and widths.
private struct Measurements {
    var accuracy: [Double] = []
    var copiesLeft: [Double] = []
    var change: [Double] = []
    var removed: [Double] = []
    var drop: [Double] = []
    var merged: [Double] = []
    var random: [Double] = []
    var dead: [Double] = []
    var smallRemoved: [Double] = []
    var smallDrop: [Double] = []
    var plainRemoved: [Double] = []
    var plainDrop: [Double] = []
    /// By β, then by seed.
    var byBeta: [[Double]] = []

    func findings(_ settings: IterativeFeatureMergingReproduction.Settings) -> Findings {
        let fits = Guard(
            "every network fits, with an accuracy of at least 0.95",
            measured: Figure("accuracy before", accuracy, unit: "accuracy"),
            isMet: accuracy.allSatisfy { $0 >= 0.95 })
        let merged = Figure("merged", merged, unit: "accuracy")
        let random = Figure("random pairs", random, unit: "accuracy")
        let removed = Figure("removed", removed, unit: "of the channels")
        let drop = Figure("drop", drop, unit: "accuracy", digits: 4)
        let plain = Figure("removed at β = 0.2", plainRemoved, unit: "of the channels")
        let curve = settings.betas.indices.map { index in
            Figure("β = \(settings.betas[index])", byBeta.map { $0[index] }, unit: "accuracy")
        }
        let falls = zip(curve, curve.dropFirst()).allSatisfy { $0.mean >= $1.mean - 0.005 }
        let claims = [
            ClaimResult(
                "copies-merge-exactly",
                measured: Figure("copies left of 10", copiesLeft, unit: "channels", digits: 0),
                further: [Figure("largest change of a logit", change, unit: "", digits: 6)],
                criterion: "exactly the 10 copies go and no logit changes by 1e-4",
                holds: copiesLeft.allSatisfy { $0 == 0 } && change.allSatisfy { $0 < 1e-4 },
                guards: [fits]),
            ClaimResult(
                "half-goes", measured: removed,
                further: [
                    drop, Figure("of them all but zero", dead, unit: "of the channels"),
                    Figure("removed at β = 0.05", smallRemoved, unit: "of the channels"),
                    Figure("drop at β = 0.05", smallDrop, unit: "accuracy", digits: 4),
                ],
                criterion: "at least half goes and the mean accuracy drops by at most 0.025",
                holds: removed.mean >= 0.5 && drop.mean <= 0.025, guards: [fits],
                unconfirmed: "β = 0.1 is too much for some of these small networks; the figures "
                    + "at 0.05 show how far they go unharmed"),
            ClaimResult(
                "beats-random", measured: merged, baseline: random,
                criterion: "merging by distance is surely more accurate by at least 0.2",
                holds: merged.lead(over: random) >= 0.2, guards: [fits]),
            ClaimResult(
                "finds-no-redundancy", measured: plain,
                further: [Figure("drop at β = 0.2", plainDrop, unit: "accuracy", digits: 4)],
                criterion: "at most 5 % of the channels go", holds: plain.mean <= 0.05,
                guards: [fits]),
            ClaimResult(
                "beta-orders", measured: curve[0], further: Array(curve.dropFirst()),
                criterion: "no step of β gains more than 0.005, and all together lose 0.2",
                holds: falls && curve[0].mean - curve[curve.count - 1].mean >= 0.2,
                guards: [fits]),
        ]
        return Findings(guards: [fits], claims: claims)
    }
}

/// One seed and width.
private struct Trial {
    private let settings: IterativeFeatureMergingReproduction.Settings
    private let seed: UInt64
    private let width: Int
    private let isControl: Bool
    private let training: LabelledPoints
    private let test: LabelledPoints

    init(
        _ settings: IterativeFeatureMergingReproduction.Settings, seed: UInt64, width: Int,
        _ context: ReproductionContext
    ) {
        self.settings = settings
        self.seed = seed
        self.width = width
        isControl = context.isControl
        let clusters = GaussianClusters(classes: 5, dimensions: 20, seed: seed)
        training = LabelledPoints(clusters, count: settings.points, stream: 1)
        test = LabelledPoints(clusters, count: settings.points, stream: 2)
    }

    func train(decay: Double) -> [String: Tensor] {
        var generator = SeededGenerator(seed: seed &* 1000 &+ UInt64(width))
        let network = LinearStack([20, width, width, 5], using: &generator)
        let rate = 1e-3
        let optimizer = Optimizer(
            network, Adam.decoupled(rate: rate, weightDecay: Float(decay / rate)))
        for _ in 0..<settings.steps {
            let batch = training.batch(settings.batch, using: &generator)
            let pass = ForwardContext(network, isTraining: true)
            let loss = network(batch.values, pass).crossEntropy(batch.labels).mean()
            optimizer.step(pass.gradients(of: loss))
        }
        return network.snapshot
    }

    private func accuracy(_ parameters: [String: Tensor]) -> Double {
        test.accuracy(LinearStack.logits(test.values, parameters))
    }

    private func groups(_ parameters: [String: Tensor]) -> [ChannelGroup] {
        (0..<2).map { index in
            ChannelGroup(
                "layers.\(index)", count: parameters["layers.\(index).weight"]?.shape[0] ?? 0,
                incoming: [.init("layers.\(index).weight"), .init("layers.\(index).bias")],
                outgoing: [.init("layers.\(index + 1).weight", axis: 1)])
        }
    }

    /// The method, or as many random pairs in a control run.
    private func merge(_ parameters: [String: Tensor], beta: Double) throws -> MergedChannels {
        let merged = try IterativeFeatureMerging(beta: beta).merge(parameters, groups(parameters))
        return isControl ? try mergeAtRandom(parameters, like: merged) : merged
    }

    private func mergeAtRandom(
        _ parameters: [String: Tensor], like merged: MergedChannels
    ) throws -> MergedChannels {
        var generator = SeededGenerator(seed: seed &+ 77)
        let counts = (0..<2).map { group in merged.merges.count { $0.group == group } }
        return try IterativeFeatureMerging().merge(
            parameters, groups(parameters), counts: counts
        ) { left in
            let pair = left.shuffled(using: &generator)
            return (pair[0], pair[1])
        }
    }

    func measureRedundant(
        _ parameters: [String: Tensor], _ found: inout Measurements
    ) throws {
        let merged = try merge(parameters, beta: 0.1)
        let random = try mergeAtRandom(parameters, like: merged)
        let channels = Double(2 * width)
        found.accuracy.append(accuracy(parameters))
        found.removed.append(Double(merged.merges.count) / channels)
        found.dead.append(Double(merged.merges.count(where: \.isOfDead)) / channels)
        found.merged.append(accuracy(merged.parameters))
        found.drop.append(accuracy(parameters) - accuracy(merged.parameters))
        found.random.append(accuracy(random.parameters))
        let fewer = try merge(parameters, beta: 0.05)
        found.smallRemoved.append(Double(fewer.merges.count) / channels)
        found.smallDrop.append(accuracy(parameters) - accuracy(fewer.parameters))
    }

    func measureBetas(_ parameters: [String: Tensor], _ found: inout Measurements) throws {
        found.byBeta.append(
            try settings.betas.map { accuracy(try merge(parameters, beta: $0).parameters) })
    }

    func measurePlain(_ parameters: [String: Tensor], _ found: inout Measurements) throws {
        let merged = try merge(parameters, beta: 0.2)
        found.accuracy.append(accuracy(parameters))
        found.plainRemoved.append(Double(merged.merges.count) / Double(2 * width))
        found.plainDrop.append(accuracy(parameters) - accuracy(merged.parameters))
    }

    /// Copies ten units of the first layer, the outgoing weights halved, and merges them back.
    func measureExactness(_ parameters: [String: Tensor], _ found: inout Measurements) throws {
        var generator = SeededGenerator(seed: seed &+ 5)
        let copied = Array((0..<width).shuffled(using: &generator).prefix(10))
        let chosen = IndexTensor(copied)
        var grown = parameters
        for name in ["layers.0.weight", "layers.0.bias"] {
            grown[name] = parameters[name].map { .concatenate([$0, $0.selecting(chosen)]) }
        }
        var halves = Tensor.filled([width], with: 1)
        for unit in copied { halves[unit] = 0.5 }
        grown["layers.1.weight"] = parameters["layers.1.weight"].map { weight in
            let halved = weight * halves
            return .concatenate([halved, halved.selecting(chosen, axis: 1)], axis: 1)
        }
        let merged = try merge(grown, beta: 1e-9)
        let before = LinearStack.logits(test.values, grown)
        let after = LinearStack.logits(test.values, merged.parameters)
        found.copiesLeft.append(10 - Double(merged.merges.count))
        found.change.append(Double((after - before).abs().max().item))
    }
}
