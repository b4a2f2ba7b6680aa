import HalftoneMethods
import HalftoneTensor

/// One body that is trained further on several tasks, with frozen heads, and merged.
struct TIESMergingReproduction: Reproduction {
    struct Settings: Codable {
        var seeds: [UInt64]
        var tasks = 8
        var width = 256
        var points = 2000
        var checks: Int
        var startSteps = 300
        var taskSteps = 300
        var sharedInputs = 16
        var ownInputs = 8
        var spread: Float = 0.6
        var keep = 0.2
        /// Factors that every method is tuned over, on points that are used for nothing else.
        var scales: [Float] = [
            0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.4, 1.6, 1.8, 2, 2.5,
        ]
    }

    let record = TIESMerging.record
    let quick = Settings(seeds: [1, 2, 3, 4, 5], checks: 1000)
    let full = Settings(seeds: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], checks: 2000)
    let control = "plain averaging"
    let leftOut = """
        Perceptrons on classification tasks that share 16 inputs stand in for language \
        and vision transformers; every method's factor is tuned over 0.05 to 2.5, more than the \
        paper's range, and adapters and oracle signs were left out.
        """

    func run(_ settings: Settings, _ context: ReproductionContext) throws -> Findings {
        context.expect(settings.seeds.count * (settings.tasks + 2), "models")
        var found = MergingFigures()
        for seed in settings.seeds {
            let trial = try MergingTrial(settings, seed: seed, context)
            trial.measure(&found)
            context.advance()
        }
        return findings(found)
    }

    private func findings(_ found: MergingFigures) -> Findings {
        let start = Figure("the start", found.start, unit: "accuracy")
        let single = Figure("one model per task", found.single, unit: "accuracy")
        let mean = Figure("mean", found.mean, unit: "accuracy")
        let arithmetic = Figure("task arithmetic", found.arithmetic, unit: "accuracy")
        let ties = Figure("TIES", found.ties, unit: "accuracy")
        let all = Figure("all changes kept", found.untrimmed, unit: "accuracy")
        let random = Figure("random signs, same factor", found.random, unit: "accuracy")
        let tuned = Figure("random signs, own factor", found.randomTuned, unit: "accuracy")
        let signs = Figure("trimmed signs", found.signs, unit: "accuracy")
        let gains = Guard(
            "training further gains at least 0.05 on its task",
            measured: Figure(
                "gain", zip(found.single, found.start).map { $0 - $1 }, unit: "accuracy"),
            isMet: single.mean - start.mean >= 0.05)
        let gain = ties.mean - start.mean
        let claims = [
            ClaimResult(
                "beats-mean", measured: ties, baseline: mean, further: [start, single],
                criterion: "TIES is surely above the mean", holds: ties.lead(over: mean) > 0,
                guards: [gains]),
            ClaimResult(
                "beats-task-arithmetic", measured: ties, baseline: arithmetic,
                further: [Figure("factor of TIES", found.scale, unit: "λ", digits: 2)],
                criterion: "TIES is not below by more than 0.01, surely",
                holds: ties.lead(over: arithmetic) >= -0.01, guards: [gains],
                unconfirmed: "in perceptrons this small, trained with Adam, all changes are of "
                    + "one size and the sum of them merges as well"),
            ClaimResult(
                "signs-matter", measured: ties, baseline: random, further: [tuned],
                criterion: "random signs lose at least half of the gain over the start",
                holds: random.mean - start.mean <= gain / 2 && ties.lead(over: random) > 0,
                guards: [gains],
                unconfirmed: "where few models change the same parameter, half of the changes "
                    + "survive random signs"),
            ClaimResult(
                "trimming-helps", measured: ties, baseline: all,
                criterion: "trimming is not below by more than 0.005, surely",
                holds: ties.lead(over: all) >= -0.005, guards: [gains],
                unconfirmed: "a net this small has few changes that do not matter, so that "
                    + "trimming loses some of the gain"),
            ClaimResult(
                "signs-suffice", measured: signs, baseline: ties,
                further: [
                    Figure("bytes per model", found.signBytes, unit: "B", digits: 0),
                    Figure("in float32", found.floatBytes, unit: "B", digits: 0),
                ],
                criterion: "signs keep at least 80 % of the gain over the start",
                holds: signs.mean - start.mean >= 0.8 * gain && gain > 0, guards: [gains]),
        ]
        return Findings(guards: [gains], claims: claims)
    }
}

/// Accuracies over all tasks, a value per seed.
struct MergingFigures {
    var start: [Double] = []
    var single: [Double] = []
    var mean: [Double] = []
    var arithmetic: [Double] = []
    var ties: [Double] = []
    var scale: [Double] = []
    var untrimmed: [Double] = []
    var random: [Double] = []
    var randomTuned: [Double] = []
    var signs: [Double] = []
    var signBytes: [Double] = []
    var floatBytes: [Double] = []
}
