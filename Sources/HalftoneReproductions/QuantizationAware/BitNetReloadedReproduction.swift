import HalftoneData
import HalftoneKernels
import HalftoneMethods
import HalftoneNN
import HalftoneTensor

/// Ternary training against float training of perceptrons, on characters and on text.
struct BitNetReloadedReproduction: Reproduction {
    struct Settings: Sendable, Encodable {
        var seeds: [UInt64] = [1, 2, 3]
        /// Learning rates of Adam; each arm is measured at its best.
        var rates: [Double] = [1e-3, 3e-3]
        var pictures = 6000
        var heldOut = 2000
        var pictureSteps = 600
        var pictureWidth = 256
        var textSteps = 1000
        var textWidth = 96
        var batchSize = 128
    }

    let record = BitNetReloaded.record
    let quick = Settings(
        seeds: [1, 2], rates: [2e-3], pictures: 3000, heldOut: 1000, pictureSteps: 250,
        textSteps: 300)
    let full = Settings()
    let control = "float training whose weights are rounded to ternary ones at the end"
    let leftOut = """
        Perceptrons of 0.05 to 0.2 million parameters on drawn characters and on the bytes of \
        stories, two learning rates for each arm, in place of vision and language transformers of \
        up to 48 million parameters.
        """

    /// What stands in for a linear layer.
    private enum Arm: Equatable {
        case float
        case ternary(BitNetReloaded.Measure)
    }

    func run(_ settings: Settings, _ context: ReproductionContext) throws -> Findings {
        let trainings = 6 * settings.seeds.count * settings.rates.count
        context.expect(trainings, "trainings")
        let vision = vision(settings, context)
        let language = language(settings, context)

        let float = Figure("float", vision.float, unit: "accuracy")
        let median = Figure("ternary, median", vision.median, unit: "accuracy")
        let mean = Figure("ternary, mean", vision.mean, unit: "accuracy")
        let learned = Guard(
            "float reaches an accuracy of 0.8", measured: float, isMet: float.mean >= 0.8)
        let floatLoss = Figure("float", language.float, unit: "nats per byte")
        let equalLoss = Figure("ternary, equal size", language.ternary, unit: "nats per byte")
        let doubledLoss = Figure("ternary, twice as wide", language.doubled, unit: "nats per byte")
        let read = Guard(
            "float reaches 2.2 nats per byte", measured: floatLoss, isMet: floatLoss.mean <= 2.2)
        let shares = zeroShares()
        let packed = Figure(
            "largest difference of logits", vision.difference, unit: "logits", digits: 6)
        return Findings(
            guards: [learned, read],
            claims: [
                ClaimResult(
                    "vision-equal-size", measured: median, baseline: float,
                    criterion: "the mean is at most 0.01 below float",
                    holds: median.mean >= float.mean - 0.01, guards: [learned]),
                ClaimResult(
                    "median-as-good", measured: median, baseline: mean,
                    criterion: "the means are at most 0.01 apart, or the median's is higher",
                    holds: median.mean >= mean.mean - 0.01, guards: [learned]),
                ClaimResult(
                    "median-robust",
                    measured: Figure("zeros, median", [shares.median], unit: "share"),
                    baseline: Figure("zeros, mean", [shares.mean], unit: "share"),
                    criterion: "with 5 % of normal weights 20 times as large: at most 0.29, and at "
                        + "least 0.5 by the mean",
                    holds: shares.median <= 0.29 && shares.mean >= 0.5),
                ClaimResult(
                    "language-gap", measured: equalLoss, baseline: floatLoss,
                    criterion: "the mean is at least 0.02 nats above float",
                    holds: equalLoss.mean >= floatLoss.mean + 0.02, guards: [read],
                    unconfirmed: "a model of this size and training is not short of capacity"),
                ClaimResult(
                    "language-doubled", measured: doubledLoss, baseline: floatLoss,
                    further: [equalLoss],
                    criterion: "the mean is at most 0.02 nats above float of the single width",
                    holds: doubledLoss.mean <= floatLoss.mean + 0.02, guards: [read],
                    unconfirmed: "twice the width makes up for most of the loss, not for all of it"),
                ClaimResult(
                    "packed-exact", measured: packed,
                    criterion: "no logit of any held-out picture differs",
                    holds: vision.difference.allSatisfy { $0 == 0 }),
            ])
    }
}

extension BitNetReloadedReproduction {
    private func vision(
        _ settings: Settings, _ context: ReproductionContext
    ) -> (float: [Double], median: [Double], mean: [Double], difference: [Double]) {
        let task = FigureTask(
            FigureImages(characters: "0123456789", size: 16, channels: 1, seed: 7),
            training: settings.pictures, heldOut: settings.heldOut)
        var differences: [Double] = []
        func accuracies(_ arm: Arm) -> [Double] {
            best(settings, isLowest: false) { seed, rate in
                var generator = SeededGenerator(seed: seed)
                let body = perceptron(
                    inputs: 256, width: settings.pictureWidth, outputs: 10, arm, context,
                    using: &generator)
                let model = Sequential([
                    FunctionLayer { x, _ in x.reshaped([x.shape[0], -1]) }, body,
                ])
                let optimizer = Optimizer(
                    model, Adam(rate: rate),
                    schedule: .cosine(warmup: 20, count: settings.pictureSteps))
                task.train(
                    model, optimizer, steps: settings.pictureSteps, batchSize: settings.batchSize,
                    seed: seed)
                round(body)
                context.advance()
                if arm == .ternary(.median) {
                    let distance = task.logits(model) - task.logits(packed(model))
                    differences.append(Double(distance.abs().max().item))
                }
                return task.accuracy(model)
            }
        }
        return (
            accuracies(.float), accuracies(.ternary(.median)), accuracies(.ternary(.mean)),
            differences
        )
    }

    private func language(
        _ settings: Settings, _ context: ReproductionContext
    ) -> (float: [Double], ternary: [Double], doubled: [Double]) {
        let task = ByteTask(seed: 5, training: 400_000, heldOut: 10_000)
        func losses(_ arm: Arm, width: Int) -> [Double] {
            best(settings, isLowest: true) { seed, rate in
                var generator = SeededGenerator(seed: seed)
                let body = perceptron(
                    inputs: ByteModel.window * 16, width: width, outputs: 128, arm, context,
                    using: &generator)
                let model = ByteModel(width: 16, body: body, using: &generator)
                let optimizer = Optimizer(
                    model, Adam(rate: rate),
                    schedule: .cosine(warmup: 20, count: settings.textSteps))
                task.train(
                    model, optimizer, steps: settings.textSteps, batchSize: settings.batchSize,
                    seed: seed)
                round(body)
                context.advance()
                return task.loss(model)
            }
        }
        let width = settings.textWidth
        return (
            losses(.float, width: width), losses(.ternary(.median), width: width),
            losses(.ternary(.median), width: 2 * width)
        )
    }

    /// One value per seed at the rate whose mean is best.
    private func best(
        _ settings: Settings, isLowest: Bool, _ measure: (UInt64, Double) -> Double
    ) -> [Double] {
        let all = settings.rates.map { rate in settings.seeds.map { measure($0, rate) } }
        let sums = all.map { $0.reduce(0, +) }
        let place = sums.indices.min { isLowest ? sums[$0] < sums[$1] : sums[$0] > sums[$1] }
        return all[place ?? 0]
    }

    /// Three hidden layers, normalized alike in every arm, and a float classifier.
    private func perceptron(
        inputs: Int, width: Int, outputs: Int, _ arm: Arm, _ context: ReproductionContext,
        using generator: inout SeededGenerator
    ) -> Sequential {
        var layers: [any Layer] = []
        for place in 0..<3 {
            let ins = place == 0 ? inputs : width
            let linear = Linear(ins, width, using: &generator)
            switch arm {
            case .float:
                layers += [
                    LayerNorm(width: ins, hasWeight: false, hasBias: false), linear,
                ]
            case .ternary(let measure):
                // In a control run nothing is rounded before the training is over.
                let method = BitNetReloaded(measure: measure, share: context.isControl ? 0 : 1)
                layers.append(BitLinear(linear, method: method))
            }
            layers.append(ActivationLayer(.relu))
        }
        layers.append(Linear(width, outputs, using: &generator))
        return Sequential(layers)
    }

    /// Rounds all that is to be rounded.
    private func round(_ body: Sequential) {
        for layer in body.layers { (layer as? BitLinear)?.method.share = 1 }
    }

    /// The same network on packed weights.
    private func packed(_ model: Sequential) -> Sequential {
        Sequential(
            model.layers.map { layer -> any Layer in
                if let inner = layer as? Sequential { return packed(inner) }
                guard let ternary = layer as? BitLinear else { return layer }
                let packed = ternary.packed
                return FunctionLayer { x, _ in packed(x) }
            })
    }

    /// Zeros among 100 000 normal weights of which every twentieth is 20 times as large.
    private func zeroShares() -> (median: Double, mean: Double) {
        let normal = Tensor.normal([100_000], seed: 8)
        var elements = normal.elements
        for index in stride(from: 0, to: elements.count, by: 20) { elements[index] *= 20 }
        let weight = Tensor(shape: normal.shape, elements: elements)
        func share(_ measure: BitNetReloaded.Measure) -> Double {
            let codes = BitNetReloaded(measure: measure).ternary(weight).elements
            return Double(codes.count { $0 == 0 }) / Double(codes.count)
        }
        return (share(.median), share(.mean))
    }
}
