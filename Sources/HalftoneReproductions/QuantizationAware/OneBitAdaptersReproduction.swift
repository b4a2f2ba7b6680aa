import HalftoneMethods

/// A small language model of one grammar, adapted to others by LoRA on queries and values.
struct OneBitAdaptersReproduction: Reproduction {
    struct Settings: Codable {
        var seeds: [UInt64] = [1, 2, 3]
        var width: Int
        var length: Int
        var sequences = 16
        var startSteps: Int
        var adapterSteps: Int
        var domains: Int
        /// Factors of the adapters that every kind is tuned over.
        var scales: [Float]
        var rate = 3e-3
        var noise: [Float] = [0.3, 0.6]
    }

    let record = OneBitAdapters.record
    let quick = Settings(
        width: 64, length: 32, startSteps: 400, adapterSteps: 100, domains: 1,
        scales: [1, 4, 16])
    let full = Settings(
        width: 128, length: 64, startSteps: 500, adapterSteps: 150, domains: 2,
        scales: [1, 4, 16])
    let control = "plain rounding to one bit after training"
    let leftOut = """
        A Llama of two blocks on a random grammar of 64 tokens stands in for ViT-B/16 on VTAB-1K; \
        its domains are the same grammar with a quarter of the tokens exchanged. AdaptFormer and \
        heads of one bit were left out: the domains need no head of their own.
        """

    func run(_ settings: Settings, _ context: ReproductionContext) throws -> Findings {
        let kinds = AdapterKind.allCases.count * settings.scales.count
        context.expect(
            settings.seeds.count * (1 + settings.domains * kinds), "models")
        var found = AdapterFigures(levels: settings.noise.count)
        for seed in settings.seeds {
            try AdapterTrial(settings, seed: seed, context).measure(&found)
        }
        return findings(found, settings)
    }

    private func findings(_ found: AdapterFigures, _ settings: Settings) -> Findings {
        func figure(_ label: String, _ kind: AdapterKind) -> Figure {
            Figure(label, found.gains[kind] ?? [], unit: "nats gained")
        }
        func bytes(_ label: String, _ kind: AdapterKind) -> Figure {
            Figure(label, [Double(found.bytes[kind] ?? 0)], unit: "B", digits: 0)
        }
        let wide = figure("1 bit, rank 32", .oneBitRank32)
        let narrow = figure("32 bits, rank 1", .floatRank1)
        let coded = figure("1 bit, rank 8", .oneBitRank8)
        let float = figure("32 bits, rank 8", .floatRank8)
        let later = Figure("coded after training", found.postHoc, unit: "nats gained")
        let fits = Guard(
            "the model is within 0.15 nats of the entropy of its grammar",
            measured: Figure("excess loss", found.excess, unit: "nats"),
            isMet: found.excess.allSatisfy { $0 <= 0.15 })
        let gains = Guard(
            "32 bits of rank 8 gain at least 0.2 nats", measured: float,
            isMet: float.values.allSatisfy { $0 >= 0.2 })
        let guards = [fits, gains]
        let last = settings.noise.count - 1
        let adapterLoss = settings.noise.indices.map { index in
            Figure(
                "adapter, noise \(settings.noise[index])", found.adapterNoise[index],
                unit: "of the gain lost")
        }
        let weightLoss = settings.noise.indices.map { index in
            Figure(
                "the model, noise \(settings.noise[index])", found.weightNoise[index],
                unit: "of the gain lost")
        }
        let below = Figure(
            "its q and v alone, noise \(settings.noise[last])", found.projectionNoise,
            unit: "of the gain lost")
        let claims = [
            ClaimResult(
                "bits-or-rank", measured: wide, baseline: narrow,
                further: [
                    bytes("1 bit, rank 32", .oneBitRank32), bytes("32 bits, rank 1", .floatRank1),
                ],
                criterion: "one bit surely gains more",
                holds: wide.lead(over: narrow) > 0, guards: guards),
            ClaimResult(
                "one-bit-suffices", measured: coded, baseline: float,
                further: [
                    bytes("1 bit, rank 8", .oneBitRank8), bytes("32 bits, rank 8", .floatRank8),
                ],
                criterion: "one bit keeps at least 85 % of the gain",
                holds: coded.mean >= 0.85 * float.mean, guards: guards,
                unconfirmed: "the domains ask for more precision than one bit of rank 8 has"),
            ClaimResult(
                "training-matters", measured: coded, baseline: later,
                criterion: "training through the code surely gains more",
                holds: coded.lead(over: later) > 0, guards: guards),
            ClaimResult(
                "adapters-are-flat", measured: adapterLoss[last], baseline: weightLoss[last],
                further: Array(adapterLoss.dropLast() + weightLoss.dropLast()) + [below],
                criterion: "the adapter surely loses less at the larger noise",
                holds: weightLoss[last].lead(over: adapterLoss[last]) > 0, guards: guards,
                unconfirmed: "in a model this small the adapter is as sharp as what it adapts"),
        ]
        return Findings(guards: guards, claims: claims)
    }
}

/// The adapters that are compared.
enum AdapterKind: CaseIterable {
    case floatRank1, oneBitRank32, floatRank8, oneBitRank8

    var rank: Int {
        switch self {
        case .floatRank1: 1
        case .oneBitRank32: 32
        case .floatRank8, .oneBitRank8: 8
        }
    }

    var isCoded: Bool { self == .oneBitRank32 || self == .oneBitRank8 }
}

/// Means over domains, a value per seed.
struct AdapterFigures {
    /// Nats per token by which the loss falls.
    var gains: [AdapterKind: [Double]] = [:]
    /// Bytes of all adapters of a model.
    var bytes: [AdapterKind: Int] = [:]
    var postHoc: [Double] = []
    var excess: [Double] = []
    /// By level of noise, then by seed.
    var adapterNoise: [[Double]]
    var weightNoise: [[Double]]
    /// At the largest level.
    var projectionNoise: [Double] = []

    init(levels: Int) {
        adapterNoise = [[Double]](repeating: [], count: levels)
        weightNoise = adapterNoise
    }
}
