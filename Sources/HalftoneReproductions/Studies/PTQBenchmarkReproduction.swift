import Foundation
import HalftoneCompression
import HalftoneEvaluation
import HalftoneFormats
import HalftoneMethods

/// One model, the representatives of all classes and two combinations, at several widths.
struct PTQBenchmarkReproduction: Reproduction {
    struct Settings: Codable {
        var seeds: [UInt64] = [1, 2, 3]
        var size: LanguageBench.Size
        /// Whole rows share a scale, as for most methods of the paper.
        var group = "channel"
    }

    let record = PTQBenchmark.record
    let quick = Settings(
        size: .init(calibrationWindows: 12, evaluationWindows: 8, length: 192))
    let full = Settings(
        seeds: [1, 2, 3, 4, 5],
        size: .init(calibrationWindows: 32, evaluationWindows: 24, length: 256))
    let control = "rounding to nearest for every class"
    let leftOut = """
        One small model stands for families of large ones; mixtures of experts, state-space and \
        vision-language models, tasks and the comparison of sizes were left out. `halftone compare` \
        runs the same protocol on any model.
        """

    func run(_ settings: Settings, _ context: ReproductionContext) throws -> Findings {
        let names = PTQBenchmark.Class.allCases.map(\.representative) + PTQBenchmark.combinations
        let widths = [4, 2]
        context.expect(settings.seeds.count * widths.count * (names.count + 1), "measurements")
        var losses: [Key: [Double]] = [:]
        var divergences: [Key: [Double]] = [:]
        for seed in settings.seeds {
            let bench = try LanguageBench(settings.size, seed: seed, context)
            let study = ComparisonStudy(
                bench.model, group: Granularity(named: settings.group) ?? .channel,
                calibration: [bench.calibration], reference: bench.reference,
                evaluator: bench.evaluator, pool: bench.pool)
            for bits in widths {
                for name in ["rtn"] + names {
                    let pipeline = try CompressionPipeline(
                        parsing: context.isControl ? "rtn" : name)
                    let result = try study.measure(.init(pipeline, bits: bits, seed: 0))
                    let key = Key(name: name, bits: bits)
                    losses[key, default: []].append(log(result.perplexity))
                    divergences[key, default: []].append(result.divergence)
                    context.advance()
                }
            }
        }
        return findings(losses, divergences)
    }

    private struct Key: Hashable {
        var name: String
        var bits: Int
    }

    private func findings(
        _ losses: [Key: [Double]], _ divergences: [Key: [Double]]
    ) -> Findings {
        func loss(_ name: String) -> Figure {
            Figure("\(name), 4 bits", losses[Key(name: name, bits: 4)] ?? [.nan], unit: "nats")
        }
        func lost(_ name: String, _ bits: Int = 2) -> Figure {
            Figure(
                "KL \(name), \(bits) bits",
                divergences[Key(name: name, bits: bits)] ?? [.nan], unit: "nats", digits: 4)
        }
        let classes = PTQBenchmark.Class.allCases.map(\.representative)
        let atFour = classes.map(loss)
        let highest = atFour.map(\.mean).max() ?? .nan
        let lowest = atFour.map(\.mean).min() ?? .nan
        let plainFour = lost("rtn", 4)
        let areBetter = classes.allSatisfy { plainFour.lead(over: lost($0, 4)) > 0 }
        let compensation = lost("gptq")
        let others = ["awq", "weighted-rtn"].map { lost($0) }
        let combined = PTQBenchmark.combinations.map { lost($0) }
        let best = combined.min { $0.mean < $1.mean } ?? compensation
        let partner = lost(best.label.contains("awq") ? "awq" : "rotation")
        let rounding = lost("rtn")
        let damage = Guard(
            "rounding to nearest loses at least 0.05 nats at 2 bits", measured: rounding,
            isMet: rounding.mean >= 0.05)
        return Findings(
            guards: [damage],
            claims: [
                ClaimResult(
                    "close-at-4-bits", measured: lost("gptq", 4), baseline: plainFour,
                    further: classes.dropFirst().map { lost($0, 4) } + atFour,
                    criterion: "perplexities within 10 %, and each loses surely less than rounding",
                    holds: highest - lowest < log(1.1) && areBetter, guards: [damage],
                    unconfirmed: "with few texts some class is not surely better than rounding"),
                ClaimResult(
                    "compensation-holds", measured: compensation, baseline: others[0],
                    further: [others[1], lost("rotation"), rounding],
                    criterion: "compensation loses surely less than salience and optimization",
                    holds: others.allSatisfy { $0.lead(over: compensation) > 0 },
                    guards: [damage],
                    unconfirmed: compensation.values.count < full.seeds.count
                        && others.allSatisfy { $0.mean > compensation.mean }
                        ? "with few texts compensation is better, but not surely" : nil),
                ClaimResult(
                    "combinations-win", measured: best, baseline: compensation,
                    further: [partner] + combined,
                    criterion: "the better combination loses surely less than both of its parts",
                    holds: compensation.lead(over: best) > 0 && partner.lead(over: best) > 0,
                    guards: [damage],
                    unconfirmed: "at this size compensation alone makes up for nearly all that the "
                        + "other steps would"),
                ClaimResult(
                    "orders-hold-over-seeds", measured: orderAgreement(classes, divergences),
                    criterion: "the rank correlation with the mean order is at least 0.8 for each",
                    holds: orderAgreement(classes, divergences).values.allSatisfy { $0 >= 0.8 },
                    guards: [damage],
                    unconfirmed: "classes that are as good as each other change places"),
            ])
    }

    /// For each seed the rank correlation of the classes' losses with their mean losses, at 2 bits.
    private func orderAgreement(_ classes: [String], _ divergences: [Key: [Double]]) -> Figure {
        let values = classes.map { divergences[Key(name: $0, bits: 2)] ?? [.nan] }
        let means = values.map { $0.reduce(0, +) / Double($0.count) }
        let seeds = values[0].indices.map { seed in
            RankCorrelation.spearman(values.map { $0[seed] }, means)
        }
        return Figure("rank correlation with the mean order", seeds, unit: "ρ", digits: 2)
    }
}
