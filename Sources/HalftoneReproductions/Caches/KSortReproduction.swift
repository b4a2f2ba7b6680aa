import HalftoneMethods

/// Keys in block floating point, in one order of channels and another: simulated keys, a trained
/// model, and the same model with channels of different size.
struct KSortReproduction: Reproduction {
    struct Settings: Codable {
        var size: LanguageBench.Size
        var seeds: [UInt64] = [1, 2, 3]
        /// The standard deviation of the logarithm of channels' sizes, where they are planted.
        var spread: Float = 1
        var simulatedTokens = 64
        var simulatedHeads = 64
    }

    let record = KSort.record
    let quick = Settings(size: .init(calibrationWindows: 1, evaluationWindows: 6))
    let full = Settings(
        size: .init(.smolLM, calibrationWindows: 1, evaluationWindows: 3))
    let control = "a random order of channels"
    let leftOut = """
        SmolLM2-135M with heads of 64 channels (in quick runs a model of 1.4 million parameters, \
        heads of 32) in blocks of 16, windows of 256 tokens; speed was left out. Sorting is also \
        measured with log-normal sizes of channels planted in the projections, which changes no \
        score.
        """

    func run(_ settings: Settings, _ context: ReproductionContext) throws -> Findings {
        context.expect(settings.seeds.count * 14, "measurements")
        var found = KSortFigures()
        for (index, seed) in settings.seeds.enumerated() {
            try KSortTrial(settings, seed: seed, index: index, context).measure(&found, context)
        }
        return findings(found)
    }

    private func nats(_ label: String, _ values: [Double]) -> Figure {
        Figure(label, values, unit: "nats KL", digits: 4)
    }

    private func findings(_ found: KSortFigures) -> Findings {
        let unchanged = Guard(
            "planted sizes change the float model by less than 1e-6 nats",
            measured: Figure("KL", found.plantedChange, unit: "nats", digits: 9),
            isMet: found.plantedChange.allSatisfy { $0 < 1e-6 })
        let hurts = Guard(
            "keys of three bits cost at least 0.005 nats in the model's order",
            measured: nats("three bits", found.natural),
            isMet: found.natural.allSatisfy { $0 >= 0.005 })
        return Findings(
            guards: [unchanged, hurts],
            claims: mathematics(found, unchanged) + models(found, unchanged, hurts))
    }

    private func mathematics(_ found: KSortFigures, _ unchanged: Guard) -> [ClaimResult] {
        func error(_ label: String, _ values: [Double]) -> Figure {
            Figure(label, values, unit: "relative squared error")
        }
        return [
            ClaimResult(
                "order-is-free",
                measured: Figure(
                    "largest change of a logit", found.scoreChange, unit: "of the largest logit",
                    digits: 7),
                criterion: "at most 1e-5, for a prompt and for tokens one by one",
                holds: found.scoreChange.allSatisfy { $0 <= 1e-5 }, guards: [unchanged]),
            ClaimResult(
                "whole-head-gains-nothing", measured: error("sorted", found.smallWholeSorted),
                baseline: error("in one block", found.smallWhole),
                further: [
                    nats("model, four bits, sorted", found.wholeSorted),
                    nats("model, four bits", found.whole),
                ],
                criterion:
                    "keys of normal channels of log-normal size have the same errors, within "
                    + "rounding of their sum; in a model sums in another order round some keys to "
                    + "other codes",
                holds: zip(found.smallWhole, found.smallWholeSorted)
                    .allSatisfy { abs($0 - $1) <= 1e-12 }),
            ClaimResult(
                "small-channels-survive",
                measured: error("sorted, blocks of 16", found.smallSorted),
                baseline: error("blocks of 16", found.small),
                further: [
                    error("sorted, blocks of 32", found.smallWideSorted),
                    error("blocks of 32", found.smallWide),
                ],
                criterion: "sorted, at most 0.2 of the mean error of a channel in blocks of 16 and "
                    + "0.5 in blocks of 32, surely (64 channels of log-normal size, four bits)",
                holds: remains(found.smallSorted, of: found.small, atMost: 0.2)
                    && remains(found.smallWideSorted, of: found.smallWide, atMost: 0.5)),
        ]
    }

    private func models(
        _ found: KSortFigures, _ unchanged: Guard, _ hurts: Guard
    ) -> [ClaimResult] {
        let correlation = Figure(
            "rank correlation with magnitudes", found.correlation, unit: "Spearman")
        return [
            ClaimResult(
                "sorting-helps-outliers", measured: nats("sorted", found.plantedSorted),
                baseline: nats("the model's order", found.planted),
                further: [
                    nats("four bits, sorted", found.plantedFourSorted),
                    nats("four bits", found.plantedFour),
                ],
                criterion:
                    "at three bits sorting surely takes away at least 20 % of the divergence "
                    + "and at four it is surely below, with planted sizes",
                holds: remains(found.plantedSorted, of: found.planted, atMost: 0.8)
                    && remains(found.plantedFourSorted, of: found.plantedFour, atMost: 1),
                guards: [unchanged, hurts]),
            ClaimResult(
                "sorting-helps-models", measured: nats("sorted", found.naturalSorted),
                baseline: nats("the model's order", found.natural),
                further: [
                    nats("by magnitudes", found.naturalMeasured),
                    nats("a random order", found.naturalRandom),
                    nats("four bits, sorted", found.naturalFourSorted),
                    nats("four bits", found.naturalFour),
                    Figure(
                        "rank correlation of queries and keys", found.alignment, unit: "Spearman"),
                ],
                criterion:
                    "at three bits sorting surely takes away at least 20 % of the divergence "
                    + "and at four it is surely not above",
                holds: remains(found.naturalSorted, of: found.natural, atMost: 0.8)
                    && remains(found.naturalFourSorted, of: found.naturalFour, atMost: 1),
                guards: [hurts],
                unconfirmed:
                    "sorted, large channels share a coarse step, and queries are rather large than "
                    + "small there, by the rank correlation; no order that was tried is better "
                    + "than the model's"),
            ClaimResult(
                "weights-tell-sizes", measured: correlation,
                criterion:
                    "the rank correlation of norms and mean magnitudes is surely at least 0.5",
                holds: correlation.lowerBound >= 0.5,
                unconfirmed:
                    "norms of rows weigh all hidden channels alike, whatever goes through them; "
                    + "sorting by measured magnitudes is given with the claim above"),
            ClaimResult(
                "halves-memory",
                measured: Figure("bytes of eight bits", found.share, unit: "share"),
                further: [
                    Figure("perplexity above that of eight bits", found.excess, unit: "share")
                ],
                criterion: "at most 0.55 of the bytes, and a perplexity at most 1 % above",
                holds: found.share.allSatisfy { $0 <= 0.55 }
                    && found.excess.reduce(0, +) / Double(found.excess.count) <= 0.01,
                guards: [hurts],
                unconfirmed:
                    "four bits are too few for keys of this model in either order, a small one with "
                    + "heads of 64 channels where the paper has Llama-2-7B"),
        ]
    }

    /// Whether what is left of a figure is surely at most a share of it, seed by seed.
    private func remains(_ rest: [Double], of whole: [Double], atMost share: Double) -> Bool {
        Figure("", zip(rest, whole).map { share * $1 - $0 }, unit: "").lowerBound >= 0
    }
}
