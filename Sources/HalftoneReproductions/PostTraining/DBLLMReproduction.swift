import HalftoneEvaluation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneNN
import HalftoneQuantization
import HalftoneRuntime
import HalftoneTensor

/// Two planes of bits with two scales against 2-bit rounding, and what training the scales adds.
struct DBLLMReproduction: Reproduction {
    struct Settings: Codable {
        var seeds: [UInt64]
        var size: LanguageBench.Size
        /// Texts that the float model writes, and their tokens.
        var texts: Int
        var textLength = 256
        var distillation: ScaleDistillation
        /// Normal numbers in one group.
        var normals = 1 << 17
    }

    let record = DBLLM.record
    let quick = Settings(
        seeds: [1], size: .init(calibrationWindows: 8, evaluationWindows: 4, length: 256),
        texts: 32, distillation: distillation(steps: 100))
    let full = Settings(
        seeds: [1, 2, 3, 4],
        size: .init(calibrationWindows: 16, evaluationWindows: 16, length: 256),
        texts: 64, distillation: distillation(steps: 200))
    let control = "the levels −s, 0, s, 2s without training"
    let leftOut = """
        The shipped model with 1.4 million parameters stands in for LLaMA; scales are trained for \
        some hundred steps on text that the float model writes, and weights below them stay.
        """

    private static func distillation(steps: Int) -> ScaleDistillation {
        var settings = ScaleDistillation()
        settings.steps = steps
        return settings
    }

    func run(_ settings: Settings, _ context: ReproductionContext) throws -> Findings {
        context.expect(settings.seeds.count * (1 + 2 * settings.distillation.steps), "steps")
        var found = DualBinaryFigures()
        for seed in settings.seeds {
            try measureNormals(settings, seed: seed, context, &found)
            try measureModel(settings, seed: seed, context, &found)
        }
        return findings(found)
    }

    /// The method, or what takes its place in a control run.
    private func method(_ groupSize: Int, _ context: ReproductionContext) -> DBLLM {
        DBLLM(groupSize: groupSize, fit: context.isControl ? .tied : .outputs)
    }

    private func measureNormals(
        _ settings: Settings, seed: UInt64, _ context: ReproductionContext,
        _ found: inout DualBinaryFigures
    ) throws {
        let normals = Tensor.normal([1, settings.normals], seed: seed)
        let values = Array(normals.elements)
        let power = values.reduce(0) { $0 + Double($1) * Double($1) }
        func planes(_ method: DBLLM) throws -> (DualBinaryPlanes, error: Double) {
            let stored = try method.stored(
                normals.weightMatrix(), inputs: nil, pool: WorkerPool.current)
            let planes = try DualBinaryPlanes(stored)
            let error = zip(values, planes.values).reduce(0) {
                $0 + Double($1.0 - $1.1) * Double($1.0 - $1.1)
            }
            return (planes, error / power)
        }
        let tied = try planes(DBLLM(groupSize: settings.normals, fit: .tied))
        let free = try planes(method(settings.normals, context))
        found.tiedError.append(tied.error)
        found.freeError.append(free.error)
        found.firstZeros.append(tied.0.zeroShares.first)
        found.secondZeros.append(tied.0.zeroShares.second)
        context.advance()
    }

    private func measureModel(
        _ settings: Settings, seed: UInt64, _ context: ReproductionContext,
        _ found: inout DualBinaryFigures
    ) throws {
        let bench = try LanguageBench(settings.size, seed: seed, context)
        let affine = MatrixForm.scaled(
            NumberFormat(.integer(IntegerFormat(bits: 2, symmetric: false))), .group(32),
            .plain(.float16))
        func rounded(_ search: ScaleSearch) throws -> Double {
            let weights = try bench.weights { _, matrix in
                try StoredMatrix(
                    matrix.decoded(), rows: matrix.rows, columns: matrix.columns, form: affine,
                    search: search
                ).matrix()
            }
            return try bench.measure(weights).divergence
        }
        found.rounding.append(try rounded(.absmax))
        found.searched.append(try rounded(.leastError))
        found.roundingBits = try affine.bitsPerWeight(rows: 128, columns: 128)
        for (fit, place) in [
            (DBLLM.Fit.tied, \DualBinaryFigures.tied), (.weights, \.weights),
        ] {
            let stored = try bench.stored(DBLLM(fit: fit))
            found[keyPath: place].append(try bench.measure(stored.weights).divergence)
        }
        let start = try bench.stored(method(64, context))
        found.bits.append(start.bitsPerWeight)
        found.method.append(try bench.measure(start.weights).divergence)
        let texts = try Decoder(bench.model.weights, pool: bench.pool).sampledTexts(
            opening: 0, count: settings.texts, length: settings.textLength, seed: seed)
        let tokens = try TokenDivergences(bench)
        found.quarterEntropy.append(tokens.threshold)
        var weighing = settings.distillation
        weighing.seed = seed
        var plain = weighing
        plain.teacherShare = nil
        for (distillation, isWeighed) in [(weighing, true), (plain, false)] {
            var matrices = start.matrices
            if !context.isControl {
                matrices = try DBLLM.distilled(
                    matrices, of: bench.model.weights, texts: texts, settings: distillation
                ) { _, _ in context.advance() }
            }
            let weights = try bench.weights { role, _ in try matrices[role]?.matrix() }
            let measured = try bench.measure(weights)
            let (high, low) = try tokens.divergences(weights)
            if isWeighed {
                found.distilled.append(measured.divergence)
                found.distilledLoss.append(measured.loss)
                (found.highWeighed, found.lowWeighed) =
                    (found.highWeighed + [high], found.lowWeighed + [low])
            } else {
                found.unweighed.append(measured.divergence)
                (found.highPlain, found.lowPlain) =
                    (found.highPlain + [high], found.lowPlain + [low])
            }
        }
        found.floatLoss.append(bench.float.loss)
    }

    private func findings(_ found: DualBinaryFigures) -> Findings {
        func nats(_ label: String, _ values: [Double]) -> Figure {
            Figure(label, values, unit: "nats of KL", digits: 4)
        }
        func share(_ label: String, _ values: [Double]) -> Figure {
            Figure(label, values, unit: "of the variance", digits: 4)
        }
        let rounding = nats("2-bit rounding, covering scales", found.rounding)
        let searched = nats("2-bit rounding, searched scales", found.searched)
        let tied = nats("tied scales", found.tied)
        let weights = nats("scales by weight error", found.weights)
        let method = nats("scales by output error", found.method)
        let distilled = nats("distilled, weighed by entropy", found.distilled)
        let unweighed = nats("distilled, all alike", found.unweighed)
        let loses = Guard(
            "2-bit rounding is at least 0.02 nats away from the float model", measured: rounding,
            isMet: rounding.values.allSatisfy { $0 >= 0.02 })
        let (tiedError, freeError) = (
            share("tied", found.tiedError), share("free", found.freeError)
        )
        let zeros = Figure("zeros of the first plane", found.firstZeros, unit: "", digits: 3)
        let zeros2 = Figure("zeros of the second plane", found.secondZeros, unit: "", digits: 3)
        let high = nats(
            "gain where entropy is in the top quarter",
            zip(found.highPlain, found.highWeighed).map { $0 - $1 })
        let low = nats(
            "gain elsewhere", zip(found.lowPlain, found.lowWeighed).map { $0 - $1 })
        let claims = [
            ClaimResult(
                "two-scales-fit-better", measured: freeError, baseline: tiedError,
                criterion: "0.139 and 0.149, each within 0.003",
                holds: (freeError.mean - 0.139).magnitude <= 0.003
                    && (tiedError.mean - 0.149).magnitude <= 0.003),
            ClaimResult(
                "planes-are-sparse", measured: zeros, further: [zeros2],
                criterion: "0.70 and 0.46 on normal numbers with tied scales, each within 0.01",
                holds: (zeros.mean - 0.70).magnitude <= 0.01
                    && (zeros2.mean - 0.46).magnitude <= 0.01),
            ClaimResult(
                "beats-rounding", measured: method, baseline: searched,
                further: [
                    rounding, tied, weights,
                    Figure("bits", found.bits, unit: "bits per weight", digits: 2),
                    Figure(
                        "bits of rounding", [found.roundingBits], unit: "bits per weight",
                        digits: 2),
                ],
                criterion: "below rounding with searched scales, and at most half of rounding "
                    + "with covering ones",
                holds: method.mean < searched.mean && method.mean <= rounding.mean / 2,
                guards: [loses],
                unconfirmed: method.mean < searched.mean ? Self.noFactor : nil),
            ClaimResult(
                "distillation-helps", measured: distilled, baseline: method,
                further: [
                    unweighed, Figure("loss", found.distilledLoss, unit: "nats"),
                    Figure("loss of the float model", found.floatLoss, unit: "nats"),
                ],
                criterion: "at most 0.7 of the divergence before",
                holds: distilled.mean <= 0.7 * method.mean, guards: [loses],
                unconfirmed: distilled.mean < method.mean ? Self.onlyUnweighed : nil),
            ClaimResult(
                "deviation-aware", measured: distilled, baseline: unweighed,
                criterion: "the divergence is surely lower with the weight",
                holds: unweighed.lead(over: distilled) > 0, guards: [loses],
                unconfirmed: Self.losesMore),
            ClaimResult(
                "ambiguous-tokens", measured: high, baseline: low,
                further: [
                    nats("top quarter, weighed", found.highWeighed),
                    nats("top quarter, all alike", found.highPlain),
                    nats("elsewhere, weighed", found.lowWeighed),
                    nats("elsewhere, all alike", found.lowPlain),
                    Figure("entropy of the quarter", found.quarterEntropy, unit: "nats"),
                ],
                criterion: "the gain is surely above 0 in the top quarter and above that elsewhere",
                holds: high.lowerBound > 0 && high.lead(over: low) > 0, guards: [loses],
                unconfirmed: Self.isNoise),
        ]
        return Findings(guards: [loses], claims: claims)
    }

    private static let noFactor =
        "planes are better than both roundings here, but not twice as good: "
        + "rounding with as many bits has groups of 32, and the shipped model loses little at 2 bits"
    private static let onlyUnweighed =
        "the weighed loss closes a quarter of the gap and stays above the "
        + "bound; the same loss without weights goes below it"
    private static let losesMore =
        "what the weight gains on the quarter of tokens with the most entropy "
        + "it loses on the others, which hold most of the divergence here"
    private static let isNoise =
        "the gain is within the noise of seeds, of which a quick run has one"
}

/// Divergences of tokens apart by how certain the float model is.
private struct TokenDivergences {
    private let windows: [[Int32]]
    private let teacher: LlamaNetwork
    private let isHigh: [Bool]
    /// The entropy from which on a token is in the top quarter.
    let threshold: Double

    init(_ bench: LanguageBench) throws {
        windows = bench.reference.windows
        teacher = try LlamaNetwork(bench.model.weights)
        var entropies: [Float] = []
        for window in windows {
            let log = Self.logits(teacher, window).logSoftmax()
            entropies += (log.exp() * log * -1).sum(axes: [-1]).elements
        }
        let threshold = entropies.sorted()[entropies.count * 3 / 4]
        isHigh = entropies.map { $0 >= threshold }
        self.threshold = Double(threshold)
    }

    /// The mean divergences of the top quarter and of the rest.
    func divergences(_ weights: DecoderWeights) throws -> (high: Double, low: Double) {
        let model = try LlamaNetwork(weights)
        var divergences: [Float] = []
        for window in windows {
            divergences +=
                Loss.klDivergence(
                    Self.logits(model, window), reference: Self.logits(teacher, window),
                    reduction: .none
                ).elements
        }
        var (high, low) = (0.0, 0.0)
        for (divergence, isHigh) in zip(divergences, isHigh) {
            if isHigh { high += Double(divergence) } else { low += Double(divergence) }
        }
        let count = isHigh.count { $0 }
        return (high / Double(count), low / Double(isHigh.count - count))
    }

    private static func logits(_ model: LlamaNetwork, _ window: [Int32]) -> Tensor {
        model(IndexTensor(shape: [1, window.count], elements: window), ForwardContext())
    }
}

/// What was measured, a value per seed.
private struct DualBinaryFigures {
    var tiedError: [Double] = []
    var freeError: [Double] = []
    var firstZeros: [Double] = []
    var secondZeros: [Double] = []
    var rounding: [Double] = []
    var searched: [Double] = []
    var roundingBits = 0.0
    var tied: [Double] = []
    var weights: [Double] = []
    var method: [Double] = []
    var bits: [Double] = []
    var distilled: [Double] = []
    var distilledLoss: [Double] = []
    var floatLoss: [Double] = []
    var unweighed: [Double] = []
    var quarterEntropy: [Double] = []
    var highWeighed: [Double] = []
    var lowWeighed: [Double] = []
    var highPlain: [Double] = []
    var lowPlain: [Double] = []
}
