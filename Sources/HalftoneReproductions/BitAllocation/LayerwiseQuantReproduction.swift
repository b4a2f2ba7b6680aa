import HalftoneCompression
import HalftoneEvaluation
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneTensor

/// Some blocks of a model in fewer bits, in several orders.
struct LayerwiseQuantReproduction: Reproduction {
    struct Settings: Codable {
        var seeds: [UInt64]
        var size: LanguageBench.Size
        /// The widths of blocks that stay and of those that are lowered.
        var high: Int
        var low: Int
        var groupSize = 64
        /// Shares of the blocks that are lowered.
        var shares = [0.25, 0.5]
        /// Orders that are drawn for each seed.
        var orders: Int
    }

    let record = LayerwiseQuant.record
    let quick = Settings(
        seeds: [1, 2, 3],
        size: LanguageBench.Size(calibrationWindows: 4, evaluationWindows: 8),
        high: 8, low: 2, orders: 9)
    let full = Settings(
        seeds: [1, 2, 3],
        size: LanguageBench.Size(.smolLM, calibrationWindows: 4, evaluationWindows: 4),
        high: 4, low: 2, orders: 5)
    let control = "an order that is drawn"
    let leftOut = """
        SmolLM2-135M, from a file of 4-bit codes that are taken as its float weights, stands in \
        for models of 7 to 70 billion parameters, rounding to nearest for Quanto and GPTQ, and \
        divergence from the float model for accuracy on tasks.
        """

    func run(_ settings: Settings, _ context: ReproductionContext) throws -> Findings {
        context.expect(settings.seeds.count, "seeds")
        var found = Figures()
        var trial: BlockTrial?
        for seed in settings.seeds {
            let bench = try LanguageBench(settings.size, seed: seed, context)
            var current = try trial?.reading(bench) ?? BlockTrial(bench, settings)
            try measure(&current, settings, seed: seed, context, &found)
            trial = current
            context.advance()
        }
        return findings(settings, found)
    }

    private func measure(
        _ trial: inout BlockTrial, _ settings: Settings, seed: UInt64,
        _ context: ReproductionContext, _ found: inout Figures
    ) throws {
        let bench = trial.bench
        let blocks = bench.model.spec.blocks.indices
        var generator = SeededGenerator(seed: seed &+ 77)
        let drawn = (0..<settings.orders).map { _ in blocks.shuffled(using: &generator) }
        func importance(_ score: LayerwiseQuant.Score) throws -> [Double] {
            try LayerwiseQuant(score: score).importance(
                of: bench.model.weights, reading: bench.calibration.sequences, pool: bench.pool)
        }
        let lim =
            context.isControl
            ? blocks.map { _ in Double.random(in: -1...1, using: &generator) }
            : try importance(.inputModification)
        let zd = try importance(.zScoreDistribution)
        let alone = try blocks.map { try trial.divergence(lowering: [$0]) }
        func sets(_ order: [Int]) -> [Set<Int>] {
            settings.shares.map { share in
                let (high, low) = (Double(settings.high), Double(settings.low))
                let count = LayerwiseQuant.loweredCount(
                    of: blocks.count, averageBits: high - share * (high - low), high: high,
                    low: low)
                return Set(order.prefix(count))
            }
        }
        func costs(_ order: [Int]) throws -> [Double] {
            try sets(order).map { try trial.divergence(lowering: $0) }
        }
        let order = LayerwiseQuant.order(by: lim)
        found.lim.append(try costs(order))
        found.reversed.append(try costs(order.reversed()))
        found.zd.append(try costs(LayerwiseQuant.order(by: zd)))
        found.oracle.append(try costs(LayerwiseQuant.order(by: alone)))
        let chances = try drawn.map(costs)
        found.chance.append(
            settings.shares.indices.map { share in
                chances.map { $0[share] }.sorted()[chances.count / 2]
            })
        found.removed.append(try sets(order).map { try trial.divergence(removing: $0) })
        found.high.append(try trial.divergence(lowering: []))
        found.limRank.append(RankCorrelation.spearman(lim, alone))
        found.zdRank.append(RankCorrelation.spearman(zd, alone))
    }

    private func findings(_ settings: Settings, _ found: Figures) -> Findings {
        let shares = settings.shares.indices
        func figure(_ label: String, _ values: [[Double]], _ share: Int) -> Figure {
            Figure(
                "\(label), \(Int(100 * settings.shares[share])) % lowered",
                values.map { $0[share] }, unit: "KL in nats", digits: 4)
        }
        func isSurely(_ values: [[Double]], above others: [[Double]]) -> Bool {
            shares.allSatisfy { figure("", values, $0).lead(over: figure("", others, $0)) > 0 }
        }
        let last = shares.count - 1
        func rank(_ label: String, _ values: [Double]) -> Figure {
            Figure("\(label) with the order found block by block", values, unit: "Spearman's ρ")
        }
        let high = Figure("no block lowered", found.high, unit: "KL in nats", digits: 4)
        let matters = Guard(
            "a quarter of the blocks in drawn orders costs at least twice what the higher width "
                + "costs alone",
            measured: high, isMet: figure("", found.chance, 0).mean >= 2 * high.mean)
        let chances = shares.map { figure("drawn orders, median", found.chance, $0) }
        let lims = shares.map { figure("LIM", found.lim, $0) }
        let claims = [
            ClaimResult(
                "order-beats-chance", measured: lims[last], baseline: chances[last],
                further: [
                    lims[0], chances[0], figure("block by block", found.oracle, last),
                    rank("LIM", found.limRank),
                ],
                criterion: "LIM is surely below the median of drawn orders at both shares",
                holds: isSurely(found.chance, above: found.lim), guards: [matters]),
            ClaimResult(
                "reverse-is-worse", measured: figure("reversed", found.reversed, last),
                baseline: chances[last], further: [figure("reversed", found.reversed, 0)],
                criterion: "reversed, it is surely above LIM and the median at both shares",
                holds: isSurely(found.reversed, above: found.lim)
                    && isSurely(found.reversed, above: found.chance), guards: [matters]),
            ClaimResult(
                "zd-beats-chance", measured: figure("ZD", found.zd, last),
                baseline: chances[last],
                further: [figure("ZD", found.zd, 0), rank("ZD", found.zdRank)],
                criterion: "ZD is surely below the median of drawn orders at both shares",
                holds: isSurely(found.chance, above: found.zd), guards: [matters],
                unconfirmed: "the shares hardly differ between blocks, and are in another order "
                    + "than what blocks cost alone"),
            ClaimResult(
                "beats-removal", measured: lims[last],
                baseline: figure("the same blocks removed", found.removed, last),
                further: [lims[0], figure("the same blocks removed", found.removed, 0)],
                criterion: "lowering is surely below removal at both shares",
                holds: isSurely(found.removed, above: found.lim), guards: [matters],
                unconfirmed: settings.low == 2
                    ? "blocks are lowered to 2 bits, which the claim leaves out" : nil),
        ]
        return Findings(guards: [matters], claims: claims)
    }

    /// Divergences from the float model: a list per seed, a number per share.
    private struct Figures {
        var lim: [[Double]] = []
        var reversed: [[Double]] = []
        var zd: [[Double]] = []
        var oracle: [[Double]] = []
        var chance: [[Double]] = []
        var removed: [[Double]] = []
        var high: [Double] = []
        var limRank: [Double] = []
        var zdRank: [Double] = []
    }
}
