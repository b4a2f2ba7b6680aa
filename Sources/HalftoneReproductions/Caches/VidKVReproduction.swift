import HalftoneMethods

/// Keys of 1.5 bits and values of 1.58 bits in a small language model, on text and on tokens that
/// repeat each other as those of a video do.
struct VidKVReproduction: Reproduction {
    struct Settings: Codable {
        var size: LanguageBench.Size
        var seeds: [UInt64] = [1, 2, 3]
        /// Tokens of a passage that is repeated, and the share of tokens that are changed.
        var passage = 32
        var edits = 0.05
        /// Choices of channels at random, whose mean is compared with.
        var draws: Int
    }

    let record = VidKV.record
    let quick = Settings(
        size: .init(calibrationWindows: 1, evaluationWindows: 6), seeds: [1, 2, 3, 4, 5], draws: 4)
    let full = Settings(
        size: .init(.smolLM, calibrationWindows: 1, evaluationWindows: 2, length: 512), draws: 2)
    let control = "wide channels drawn at random"
    let leftOut = """
        SmolLM2-135M with heads of 64 channels on windows of 512 tokens (in quick runs a model of \
        1.4 million parameters, heads of 32, windows of 256); a passage of 32 tokens repeated with \
        one in twenty changed stands in for video. \
        Tokens that match a query get no more bits than others, since a cache has one format for \
        all tokens that it packs; channels are not chosen by variance or outliers.
        """

    func run(_ settings: Settings, _ context: ReproductionContext) throws -> Findings {
        context.expect(settings.seeds.count * (13 + settings.draws), "measurements")
        var found = VidKVFigures()
        for (index, seed) in settings.seeds.enumerated() {
            try VidKVTrial(settings, seed: seed, index: index, context).measure(&found, context)
        }
        return findings(found)
    }

    private func nats(_ label: String, _ values: [Double]) -> Figure {
        Figure(label, values, unit: "nats KL", digits: 4)
    }

    private func findings(_ found: VidKVFigures) -> Findings {
        let keys = nats("widest channels", found.keys)
        let narrowest = nats("narrowest channels", found.narrowest)
        let random = nats("random channels", found.random)
        let plain = nats("no transform", found.plain)
        let twoBits = nats("groups of tokens", found.twoBits)
        let twoBitsByToken = nats("groups of channels", found.twoBitsByToken)
        let repeated = nats("groups of tokens, repeated tokens", found.repeatedValues)
        let repeatedByToken = nats(
            "groups of channels, repeated tokens", found.repeatedValuesByToken)
        // Turned round, so that the lower bound is the upper one of the shares.
        let shares = Figure("", zip(found.keys, found.random).map { -$0 / $1 }, unit: "")
        let hurts = Guard(
            "keys of 1.5 bits cost at least 0.01 nats where channels are chosen at random",
            measured: random, isMet: found.random.allSatisfy { $0 >= 0.01 })
        let loss = Figure("repeated tokens", found.repeatedLoss, unit: "perplexity above float")
        let claims = [
            ClaimResult(
                "ranges-find-channels", measured: keys, baseline: random, further: [narrowest],
                criterion:
                    "the widest surely lose at most 0.7 of what random channels do, and less "
                    + "than the narrowest",
                holds: shares.lowerBound >= -0.7
                    && narrowest.lead(over: keys) > 0,
                guards: [hurts]),
            ClaimResult(
                "fourier-helps", measured: keys, baseline: plain,
                criterion: "coefficients are surely below channels, at equal stored bits",
                holds: plain.lead(over: keys) > 0, guards: [hurts],
                unconfirmed:
                    "heads of the smallest model have 32 channels, sixteen of them narrow; "
                    + "why these gain nothing was not looked into"),
            ClaimResult(
                "keys-by-channel", measured: twoBits, baseline: twoBitsByToken,
                criterion: "groups of tokens are surely below, at equal stored bits and with as "
                    + "many tokens as floats",
                holds: twoBitsByToken.lead(over: twoBits) > 0),
            ClaimResult(
                "values-by-channel", measured: repeated, baseline: repeatedByToken,
                further: [
                    nats("groups of tokens, text", found.values),
                    nats("groups of channels, text", found.valuesByToken),
                ],
                criterion: "groups of tokens are surely below on repeated tokens, at equal stored "
                    + "bits and with as many tokens as floats",
                holds: repeatedByToken.lead(over: repeated) > 0,
                unconfirmed:
                    "the smallest model predicts repeated tokens worse than others, and its "
                    + "values lose less in groups of channels on any text"),
            ClaimResult(
                "nearly-lossless", measured: loss,
                further: [
                    Figure("text", found.loss, unit: "perplexity above float"),
                    Figure("repetition, float", found.repetition, unit: "nats gained"),
                    Figure("stored with scales", found.bits, unit: "bits a number"),
                ],
                criterion:
                    "on repeated tokens perplexity differs by at most 5 % from that of floats",
                holds: found.repeatedLoss.allSatisfy { abs($0) <= 0.05 },

                unconfirmed: "text that repeats itself is less redundant than video, and a model "
                    + "this small has less to spare than one of seven billion parameters"),
        ]
        return Findings(guards: [hurts], claims: claims)
    }
}
