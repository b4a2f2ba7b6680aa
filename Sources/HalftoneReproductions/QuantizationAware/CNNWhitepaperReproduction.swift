import HalftoneKernels
import HalftoneMethods
import HalftoneNN
import HalftoneTensor

/// Rounding a depthwise-separable and a plain network after training, and training with rounding.
struct CNNWhitepaperReproduction: Reproduction {
    struct Settings: Sendable, Encodable {
        var seeds: [UInt64] = [1, 2, 3]
        var pictures = 6000
        var heldOut = 2000
        var steps = 500
        var tuningSteps = 200
        var batchSize = 64
        var rate = 4e-3
        var tuningRate = 1e-3
        /// How far channel ranges are spread.
        var spread: Float = 50
    }

    let record = CNNWhitepaper.record
    let quick = Settings(
        seeds: [1, 2, 3], pictures: 3000, heldOut: 2000, steps: 500)
    let full = Settings()
    let control = "one scale per layer, and training that does not see the rounding"
    let leftOut = """
        Networks of 0.4 million multiplications on drawn characters of 16 × 16 in place of MobileNet \
        and ResNet on ImageNet; weights of 4 bits in place of the whole range of widths.
        """

    /// Held-out accuracies of one seed.
    private struct Accuracies {
        var float = 0.0
        var perChannel = 0.0
        var plainFloat = 0.0
        var plainPerChannel = 0.0
        var spreadPerLayer = 0.0
        var spreadPerChannel = 0.0
        var rounded4 = 0.0
        var tuned4 = 0.0
        var trained4 = 0.0
        var agreement = 0.0
    }

    func run(_ settings: Settings, _ context: ReproductionContext) throws -> Findings {
        context.expect(4 * settings.seeds.count, "trainings")
        let task = CharacterTask.make(training: settings.pictures, heldOut: settings.heldOut)
        let all = try settings.seeds.map { try measure(task, settings, seed: $0, context) }
        func figure(_ label: String, _ value: (Accuracies) -> Double) -> Figure {
            Figure(label, all.map(value), unit: "accuracy")
        }
        let float = figure("float") { $0.float }
        let perChannel = figure("8 bits, scale per channel") { $0.perChannel }
        let plain = figure("plain network, float") { $0.plainFloat }
        let plainRounded = figure("plain network, 8 bits") { $0.plainPerChannel }
        let perLayer = figure("spread channels, scale per layer") { $0.spreadPerLayer }
        let spread = figure("spread channels, scale per channel") { $0.spreadPerChannel }
        let rounded = figure("4-bit weights, rounded after training") { $0.rounded4 }
        let tuned = figure("4-bit weights, trained on in float, then rounded") { $0.tuned4 }
        let trained = figure("4-bit weights, trained with rounding") { $0.trained4 }
        let agreement = Figure("equal classes", all.map(\.agreement), unit: "share", digits: 4)
        let learned = Guard(
            "float reaches an accuracy of 0.8", measured: float, isMet: float.mean >= 0.8)
        let damaged = Guard(
            "4-bit weights lose at least 0.01", measured: rounded,
            isMet: float.mean - rounded.mean >= 0.01)
        let recovered =
            (trained.mean - rounded.mean) / max(float.mean - rounded.mean, .leastNormalMagnitude)
        return Findings(
            guards: [learned, damaged],
            claims: [
                ClaimResult(
                    "per-channel-close", measured: perChannel, baseline: float,
                    further: [plainRounded, plain],
                    criterion: "at most 0.01 below float for both networks",
                    holds: perChannel.mean >= float.mean - 0.01
                        && plainRounded.mean >= plain.mean - 0.01, guards: [learned]),
                ClaimResult(
                    "per-layer-breaks", measured: perLayer, baseline: float,
                    criterion: "at least 0.1 below float",
                    holds: perLayer.mean <= float.mean - 0.1, guards: [learned]),
                ClaimResult(
                    "per-channel-holds", measured: spread, baseline: float, further: [perLayer],
                    criterion: "at most 0.01 below float; more than 0.05 is a failure",
                    holds: spread.mean >= float.mean - 0.01, guards: [learned],
                    unconfirmed: spread.mean < float.mean - 0.05
                        ? nil
                        : "activations have one scale, so that channels 50 times smaller are "
                            + "left with five levels"),
                ClaimResult(
                    "training-recovers", measured: trained, baseline: float,
                    further: [
                        rounded, Figure("recovered", [recovered], unit: "share of the loss"),
                    ],
                    criterion: "at least 0.6 of what rounding lost is won back",
                    holds: recovered >= 0.6, guards: [learned, damaged]),
                ClaimResult(
                    "training-beats-tuning", measured: trained, baseline: tuned,
                    criterion: "the mean is higher", holds: trained.mean > tuned.mean,
                    guards: [learned, damaged]),
                ClaimResult(
                    "integers-agree", measured: agreement,
                    criterion: "at least 0.995 of the held-out pictures",
                    holds: agreement.values.allSatisfy { $0 >= 0.995 }, guards: [learned]),
            ])
    }

    private func measure(
        _ task: FigureTask, _ settings: Settings, seed: UInt64, _ context: ReproductionContext
    ) throws -> Accuracies {
        var result = Accuracies()
        let perChannel = !context.isControl

        let plain = trained(task, settings, isSeparable: false, seed: seed)
        context.advance()
        plain.calibrate(task.training.pictures.rows(0..<1000), batches: 20)
        result.plainFloat = task.accuracy(plain)
        plain.round(weightBits: 8, isPerChannel: perChannel, inputBits: 8)
        result.plainPerChannel = task.accuracy(plain)

        let net = trained(task, settings, isSeparable: true, seed: seed)
        context.advance()
        net.calibrate(task.training.pictures.rows(0..<1000), batches: 20)
        result.float = task.accuracy(net)
        let start = net.snapshot
        net.round(weightBits: 4, isPerChannel: perChannel, inputBits: 8)
        result.rounded4 = task.accuracy(net)
        net.round(weightBits: 8, isPerChannel: perChannel, inputBits: 8)
        let simulated = task.predictions(net)
        result.perChannel = task.accuracy(simulated)
        let integers = net.integerPredictions(task.heldOut.pictures)
        let equal = zip(integers, simulated).count { $0 == $1 }
        result.agreement = Double(equal) / Double(simulated.count)

        for tunesRounded in [false, true] {
            try net.restore(start)
            let seesRounding = tunesRounded && !context.isControl
            net.round(weightBits: seesRounding ? 4 : nil, inputBits: seesRounding ? 8 : nil)
            train(
                net, task, steps: settings.tuningSteps, rate: settings.tuningRate, settings,
                seed: seed + 100)
            context.advance()
            if !seesRounding {
                net.round(weightBits: nil, inputBits: nil)
                net.calibrate(task.training.pictures.rows(0..<1000), batches: 20)
            }
            net.round(weightBits: 4, isPerChannel: perChannel, inputBits: 8)
            let accuracy = task.accuracy(net)
            if tunesRounded { result.trained4 = accuracy } else { result.tuned4 = accuracy }
        }

        try net.restore(start)
        net.round(weightBits: nil, inputBits: nil)
        net.spread(by: 1 / settings.spread)
        net.calibrate(task.training.pictures.rows(0..<1000), batches: 20)
        net.round(weightBits: 8, isPerChannel: false, inputBits: 8)
        result.spreadPerLayer = task.accuracy(net)
        net.round(weightBits: 8, isPerChannel: perChannel, inputBits: 8)
        result.spreadPerChannel = task.accuracy(net)
        return result
    }

    private func trained(
        _ task: FigureTask, _ settings: Settings, isSeparable: Bool, seed: UInt64
    ) -> FoldedNet {
        var generator = SeededGenerator(seed: seed)
        let net = FoldedNet(
            isSeparable: isSeparable, classes: CharacterTask.classes, using: &generator)
        train(net, task, steps: settings.steps, rate: settings.rate, settings, seed: seed)
        return net
    }

    /// Trains with Adam and half a cosine; statistics stand still in the last third.
    private func train(
        _ net: FoldedNet, _ task: FigureTask, steps: Int, rate: Double, _ settings: Settings,
        seed: UInt64
    ) {
        net.freeze(false)
        let optimizer = Optimizer(
            net, Adam(rate: rate), schedule: .cosine(warmup: 10, count: steps))
        task.train(net, optimizer, steps: steps, batchSize: settings.batchSize, seed: seed) {
            _, share in
            if share >= 2.0 / 3 { net.freeze(true) }
        }
        net.freeze(false)
    }
}
