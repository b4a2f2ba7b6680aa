import Foundation
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import HalftoneTensor

/// Int8 weights and activations of a small language model, as it is and with outlier channels, and
/// of a product of normal numbers.
struct LLMInt8Reproduction: Reproduction {
    struct Settings: Codable {
        var seeds: [UInt64]
        var size: LanguageBench.Size
        /// Where outliers are planted; nil for the same model.
        var larger: LanguageBench.Size?
        /// Channels of each normalization that become outliers, and how many times larger.
        var planted = 3
        var factor: Float = 60
        /// Of the product of normal numbers.
        var tokens = 256
        var width = 576
    }

    let record = LLMInt8.record
    let quick = Settings(
        seeds: [1, 2, 3], size: .init(calibrationWindows: 4, evaluationWindows: 8))
    let full = Settings(
        seeds: [1, 2, 3], size: .init(calibrationWindows: 16, evaluationWindows: 64),
        larger: .init(.smolLM, calibrationWindows: 2, evaluationWindows: 4))
    let control = "int8 with a scale per token and row"
    let leftOut = """
        A language model of 1.4 million parameters on stories, and SmolLM2-135M on essays for \
        outliers, which are planted; activations are rounded and restored in float, which equals \
        the integer product. Zero-shot tasks and speed were left out.
        """

    func run(_ settings: Settings, _ context: ReproductionContext) throws -> Findings {
        context.expect(3 * settings.seeds.count, "parts")
        var found = Int8Figures()
        for seed in settings.seeds {
            let bench = try LanguageBench(settings.size, seed: seed, context)
            try measureNatural(bench, context, &found)
            context.advance()
            let larger = try settings.larger.map { try LanguageBench($0, seed: seed, context) }
            try measurePlanted(larger ?? bench, settings, seed: seed, context, &found)
            context.advance()
            try measureProduct(settings, seed: seed, context, &found)
            context.advance()
        }
        return findings(found, isLarge: settings.larger != nil)
    }

    /// The method, or in a control run what takes its place.
    private func method(
        keeping kept: LLMInt8.KeptColumns, _ context: ReproductionContext
    ) -> LLMInt8 {
        context.isControl ? .vectorWise : LLMInt8(kept: kept)
    }

    private func measureNatural(
        _ bench: LanguageBench, _ context: ReproductionContext, _ found: inout Int8Figures
    ) throws {
        let trial = Int8Trial(bench: bench, weights: bench.model.weights)
        found.float.append(exp(bench.float.loss))
        let own = try trial.measure(method(keeping: .none, context))
        found.own.append(exp(own.measured.loss))
        found.ownDivergence.append(own.measured.divergence)
        found.share.append(own.share)
        found.bits.append(own.bitsPerWeight)
        let vector = try trial.measure(.vectorWise)
        found.vector.append(exp(vector.measured.loss))
        found.vectorDivergence.append(vector.measured.divergence)
        found.rowDivergence.append(try trial.measure(.rowWise).measured.divergence)
        let tensor = try trial.measure(.perTensor)
        found.tensor.append(exp(tensor.measured.loss))
        found.tensorDivergence.append(tensor.measured.divergence)
    }

    private func measurePlanted(
        _ bench: LanguageBench, _ settings: Settings, seed: UInt64,
        _ context: ReproductionContext, _ found: inout Int8Figures
    ) throws {
        let outliers = PlantedOutliers(channels: settings.planted, factor: settings.factor)
        let weights = try outliers.planted(in: bench.model.weights, seed: seed)
        found.unchanged.append(try bench.measure(weights).divergence)
        found.plantedFloat.append(exp(bench.float.loss))
        let natural = Int8Trial(bench: bench, weights: bench.model.weights)
        found.unplanted.append(
            exp(try natural.measure(method(keeping: .calibrated, context)).measured.loss))
        let trial = Int8Trial(bench: bench, weights: weights)
        let own = try trial.measure(method(keeping: .calibrated, context))
        found.plantedOwn.append(exp(own.measured.loss))
        found.plantedShare.append(own.share)
        found.plantedBits.append(own.bitsPerWeight)
        let decoded = try trial.measure(method(keeping: .none, context))
        found.plantedDecoded.append(exp(decoded.measured.loss))
        found.plantedVector.append(exp(try trial.measure(.vectorWise).measured.loss))
    }

    /// `[tokens, width]` times `[width, width]`, with some columns of the first made larger.
    private func measureProduct(
        _ settings: Settings, seed: UInt64, _ context: ReproductionContext,
        _ found: inout Int8Figures
    ) throws {
        let (tokens, width) = (settings.tokens, settings.width)
        var factors = [Float](repeating: 1, count: width)
        for column in 0..<settings.planted { factors[column * width / 5 + 7] = settings.factor }
        let inputs =
            Tensor.normal([tokens, width], seed: 10 * seed)
            * Tensor(shape: [1, width], elements: factors)
        let weight = Tensor.normal([width, width], seed: 10 * seed + 1)
        let exact = inputs.matmul(weight, transposingSecond: true)
        var disagreement = 0.0
        func error(_ method: LLMInt8, keeping columns: Bool = false) throws -> Double {
            var statistics = InputStatistics(width: width, detail: .features)
            if columns { statistics.add(inputs) }
            let stored = try method.stored(
                weight.weightMatrix(), inputs: columns ? statistics : nil, pool: .current)
            let values = Array(inputs.elements)
            let result = try Int8Product(stored, method)(values, pool: .current)
            let product = Tensor(shape: exact.shape, elements: result)
            var changed = values
            let kept = try LLMInt8.keptColumns(of: stored)
            method.decomposed(values, width: width, keeping: kept).roundTrip(&changed)
            let restored = Tensor(shape: inputs.shape, elements: changed).matmul(
                Tensor(shape: weight.shape, elements: try stored.decoded()),
                transposingSecond: true)
            disagreement = max(disagreement, Self.relative(product - restored, exact))
            return Self.relative(product - exact, exact)
        }
        found.productOwn.append(try error(method(keeping: .none, context)))
        found.productKept.append(
            try error(method(keeping: .calibrated, context), keeping: true))
        found.productVector.append(try error(.vectorWise))
        found.productTensor.append(try error(.perTensor))
        found.disagreement.append(disagreement)
    }

    private static func relative(_ difference: Tensor, _ exact: Tensor) -> Double {
        (difference * difference).sum().elements.reduce(0) { $0 + Double($1) }
            / (exact * exact).sum().elements.reduce(0) { $0 + Double($1) }
    }

    private func findings(_ found: Int8Figures, isLarge: Bool) -> Findings {
        func perplexity(_ label: String, _ values: [Double]) -> Figure {
            Figure(label, values, unit: "perplexity")
        }
        func error(_ label: String, _ values: [Double]) -> Figure {
            Figure(label, values.map { $0 * 1e6 }, unit: "10⁻⁶ of squares", digits: 1)
        }
        func divergence(_ label: String, _ values: [Double]) -> Figure {
            Figure(label, values.map { $0 * 1e3 }, unit: "10⁻³ nats", digits: 3)
        }
        func ratios(_ one: [Double], _ other: [Double]) -> [Double] {
            zip(one, other).map { $0 / $1 }
        }
        let float = perplexity("float", found.float)
        let unchanged = Guard(
            "planting outliers changes the float model by less than 10⁻⁶ nats",
            measured: Figure(
                "divergence", found.unchanged.map { $0 * 1e6 }, unit: "10⁻⁶ nats", digits: 3),
            isMet: found.unchanged.allSatisfy { $0.magnitude < 1e-6 })
        // Float32 sums of 576 products: the squared rounding error is below 10⁻¹⁰ of the squares.
        let agreed = Guard(
            "the integer product equals that of restored activations up to 10⁻¹⁰ of the squares",
            measured: Figure(
                "difference", found.disagreement.map { $0 * 1e10 }, unit: "10⁻¹⁰ of squares"),
            isMet: found.disagreement.allSatisfy { $0 < 1e-10 })
        let memory = Figure(
            "times less than 16 bits", found.bits.map { 16 / $0 }, unit: "times")
        let claims = [
            ClaimResult(
                "lossless", measured: perplexity("LLM.int8()", found.own), baseline: float,
                further: [
                    perplexity("a scale per token and row", found.vector),
                    perplexity("a scale per tensor", found.tensor),
                ],
                criterion: "the perplexity is at most 1 % above that in float, for every seed",
                holds: ratios(found.own, found.float).allSatisfy { $0 <= 1.01 },
                guards: [agreed]),
            ClaimResult(
                "finer-scales-help", measured: divergence("LLM.int8()", found.ownDivergence),
                baseline: divergence("a scale per tensor", found.tensorDivergence),
                further: [
                    divergence("a scale per token", found.rowDivergence),
                    divergence("a scale per token and row", found.vectorDivergence),
                ],
                criterion: "with a scale per tensor the divergence is at least twice as large, "
                    + "for every seed",
                holds: ratios(found.tensorDivergence, found.ownDivergence).allSatisfy { $0 >= 2 },
                guards: [agreed]),
            ClaimResult(
                "survives-outliers",
                measured: perplexity("LLM.int8(), outlier columns in 16 bits", found.plantedOwn),
                baseline: perplexity("a scale per token and row", found.plantedVector),
                further: [
                    perplexity("float", found.plantedFloat),
                    perplexity("LLM.int8(), nothing planted", found.unplanted),
                    perplexity("outlier columns from int8", found.plantedDecoded),
                ],
                criterion: "at most 1 % above float, and without decomposition at least 10 %, for "
                    + "every seed",
                holds: ratios(found.plantedOwn, found.plantedFloat).allSatisfy { $0 <= 1.01 }
                    && ratios(found.plantedVector, found.plantedFloat).allSatisfy { $0 >= 1.1 },
                guards: [unchanged, agreed],
                unconfirmed: isLarge
                    ? "int8 alone loses much more, but with outliers apart a model of 135 million "
                        + "parameters still loses what it loses with nothing planted, more than "
                        + "one percent"
                    : "the smallest model loses about one percent to int8 whatever outliers it "
                        + "has"),
            ClaimResult(
                "outlier-gap", measured: error("LLM.int8()", found.productOwn),
                baseline: error("a scale per token and row", found.productVector),
                further: [
                    error("outlier columns in 16 bits", found.productKept),
                    error("a scale per tensor", found.productTensor),
                ],
                criterion: "the squared error of the product is at least 20 times smaller, for "
                    + "every seed",
                holds: ratios(found.productVector, found.productOwn).allSatisfy { $0 >= 20 },
                guards: [agreed]),
            ClaimResult(
                "few-columns",
                measured: Figure(
                    "values outside the integer product", found.share.map { $0 * 100 },
                    unit: "%"),
                further: [
                    Figure(
                        "with planted outliers", found.plantedShare.map { $0 * 100 }, unit: "%")
                ],
                criterion: "at most 1 % of the values are not multiplied in 8 bits",
                holds: found.share.allSatisfy { $0 <= 0.01 },
                unconfirmed: "in layers that read 128 features a single column is 0.8 % of the "
                    + "values, and a few reach the threshold in every text"),
            ClaimResult(
                "halves-memory", measured: memory,
                further: [
                    Figure("LLM.int8()", found.bits, unit: "bits per weight"),
                    Figure(
                        "with outlier columns in 16 bits", found.plantedBits,
                        unit: "bits per weight"),
                ],
                criterion: "at least 1.9 times less than 16 bits, scales counted",
                holds: memory.values.allSatisfy { $0 >= 1.9 }),
        ]
        return Findings(guards: [unchanged, agreed], claims: claims)
    }
}

/// A bench, and float weights that int8 is measured on.
private struct Int8Trial {
    let bench: LanguageBench
    let weights: DecoderWeights

    struct Outcome {
        let measured: LanguageBench.Measurement
        /// Of the values that linear layers read, those outside the integer product.
        let share: Double
        let bitsPerWeight: Double
    }

    func measure(_ method: LLMInt8) throws -> Outcome {
        let stored = try bench.stored(method, of: weights)
        var kept: [Role: [Int]] = [:]
        for (role, matrix) in stored.matrices {
            kept[role] = try LLMInt8.keptColumns(of: matrix)
        }
        let blocks = weights.spec.blocks
        func columns(_ block: Int, _ stage: BlockStage) -> [Int] {
            // The matrices of a stage read the same inputs and so keep the same columns.
            kept[Role(stage.parts(of: blocks[block])[0], block: block)] ?? []
        }
        var (outside, all) = (0, 0)
        let measured = try bench.measure(stored.weights) { block, stage, values, width in
            let parts = method.decomposed(values, width: width, keeping: columns(block, stage))
            outside += parts.outliers.count * parts.tokens
            all += values.count
            parts.roundTrip(&values)
        }
        return Outcome(
            measured: measured, share: Double(outside) / Double(max(all, 1)),
            bitsPerWeight: stored.bitsPerWeight)
    }
}

/// What was measured, a value per seed.
private struct Int8Figures {
    var float: [Double] = []
    var own: [Double] = []
    var ownDivergence: [Double] = []
    var share: [Double] = []
    var bits: [Double] = []
    var vector: [Double] = []
    var vectorDivergence: [Double] = []
    var rowDivergence: [Double] = []
    var tensor: [Double] = []
    var tensorDivergence: [Double] = []
    var unchanged: [Double] = []
    var plantedOwn: [Double] = []
    var plantedShare: [Double] = []
    var plantedBits: [Double] = []
    var plantedDecoded: [Double] = []
    var plantedVector: [Double] = []
    var plantedFloat: [Double] = []
    var unplanted: [Double] = []
    /// The largest of all products.
    var disagreement: [Double] = []
    var productOwn: [Double] = []
    var productKept: [Double] = []
    var productVector: [Double] = []
    var productTensor: [Double] = []
}
