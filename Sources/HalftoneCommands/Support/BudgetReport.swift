import HalftoneCompression
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns

/// What `compress` shows of a budget that was spent.
struct BudgetReport: Encodable {
    /// Matrices that are stored alike.
    struct Share: Encodable {
        var scheme: String
        var matrices: Int
        var weights: Int
    }

    var model: String
    var output: String
    var bitsPerWeight: Double
    var packedBytes: Int
    var fileBytes: Int
    var gap: Double
    var shares: [Share]
    var candidates: [BudgetedCompression.Candidate]
    var floatPerplexity: Double
    var trials: [BudgetedCompression.Trial]
    var expectedTokensPerSecond: Double?
    var expectedMemoryBytes: Int?
    var measured: MeasuredLimits
    var seconds: Double
    var peakMemoryBytes: Int?
    var forecast: JobForecast

    init(
        model: String, output: String, outcome: BudgetedCompression.Outcome, fileBytes: Int,
        measured: MeasuredLimits, seconds: Double, forecast: JobForecast
    ) {
        self.forecast = forecast
        self.measured = measured
        expectedTokensPerSecond = outcome.expectedTokensPerSecond
        expectedMemoryBytes = outcome.expectedMemoryBytes
        self.model = model
        self.output = output
        self.fileBytes = fileBytes
        self.seconds = seconds
        packedBytes = outcome.plan.byteCount
        bitsPerWeight =
            Double(8 * packedBytes) / Double(max(outcome.costs.weightCount, 1))
        gap = outcome.plan.gap
        candidates = outcome.candidates
        floatPerplexity = outcome.floatPerplexity
        trials = outcome.trials
        peakMemoryBytes = ProcessMemory.peakBytes
        var found: [String: Share] = [:]
        for slot in outcome.model.original.spec.slots {
            guard let packing = outcome.plan.packings[slot.role] else { continue }
            let name = outcome.name(of: packing)
            var share = found[name] ?? Share(scheme: name, matrices: 0, weights: 0)
            share.matrices += 1
            share.weights += slot.shape.reduce(1, *)
            found[name] = share
        }
        shares = found.values.sorted { ($1.weights, $0.scheme) < ($0.weights, $1.scheme) }
    }

    /// The path of the file that the budget counts.
    var weightFile: String {
        output.hasSuffix(".gguf") ? output : output + "/model.safetensors"
    }

    static let names: [BudgetedCompression.Candidate.Kind: String] = [
        .uniform: "all layers alike", .allocated: "bits where they are worth most",
        .filled: "alike, and the rest where it is worth most",
        .coded: "coded, steps by what rows are worth",
        .evolved: "bits by trial of all matrices",
        .tuned: "tuned",
    ]

    /// How near the plan is to the best one; nothing where there was none to choose.
    private var choice: String {
        candidates.contains { $0.kind == .coded }
            ? ""
            : "choice             within \(Formatting.decimal(100 * gap, 3)) % of the least expected "
                + "cost\n"
    }

    /// Lines on limits that depend on the machine.
    private var limits: String {
        var lines = ""
        if let expectedTokensPerSecond, let found = measured.tokensPerSecond {
            lines +=
                "\nspeed              \(Formatting.decimal(found, 1)) tokens per second, foretold "
                + Formatting.decimal(expectedTokensPerSecond, 1)
        }
        if let expectedMemoryBytes, let found = measured.residentBytes {
            lines +=
                "\nresident memory    \(Formatting.bytes(found)), foretold "
                + Formatting.bytes(expectedMemoryBytes)
        }
        if !measured.areKept {
            lines +=
                "\n                   less than was asked for: other work beside it slows a "
                + "measurement; try bench, or ask for more"
        }
        return lines
    }

    var text: String {
        var candidateTable = TextTable(["held-out text", "#bytes", "#KL", "#perplexity", ""])
        for (place, candidate) in candidates.enumerated() {
            candidateTable.add([
                Self.names[candidate.kind] ?? candidate.kind.rawValue,
                Formatting.grouped(candidate.packedBytes),
                Formatting.decimal(candidate.divergence, 4) + " ± "
                    + Formatting.decimal(candidate.divergenceError, 4),
                Formatting.decimal(candidate.perplexity, 2),
                place == candidates.count - 1 ? "written" : "",
            ])
        }
        candidateTable.add(["float model", "", "", Formatting.decimal(floatPerplexity, 2), ""])
        var trialTable = TextTable(["sizes tried", "#bytes", "#KL", "#perplexity"])
        for (place, trial) in trials.enumerated() {
            trialTable.add([
                "\(place + 1)", Formatting.grouped(trial.packedBytes),
                Formatting.decimal(trial.divergence, 4), Formatting.decimal(trial.perplexity, 2),
            ])
        }
        let tried = trials.isEmpty ? "" : trialTable.text + "\n\n"
        var shareTable = TextTable(["stored as", "#matrices", "#weights"])
        for share in shares {
            shareTable.add([share.scheme, "\(share.matrices)", Formatting.grouped(share.weights)])
        }
        let memory = peakMemoryBytes.map { ", at most \(Formatting.bytes($0)) of memory" } ?? ""
        return """
            \(shareTable.text)

            \(tried)\(candidateTable.text)

            bits per weight    \(Formatting.decimal(bitsPerWeight, 3)), everything counted
            weight file        \(Formatting.grouped(fileBytes)) bytes, as predicted\(limits)
            \(choice)written to         \(output)
            took               \(Formatting.duration(seconds))\(memory); foretold \
            \(Formatting.duration(forecast.seconds)), \(Formatting.bytes(forecast.memoryBytes))
            """
    }
}

extension BudgetedCompression.Outcome {
    /// What a way to store a matrix is called here.
    func name(of packing: WeightPacking) -> String {
        (order == .coded ? "coded " : "") + packing.description
    }
}
