import ArgumentParser
import Foundation
import HalftoneAllocation
import HalftoneCompression
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneRuns

/// `halftone frontier`: quality against bytes.
struct FrontierCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "frontier",
        abstract: "Measure what a model loses over a range of budgets.",
        discussion: """
            For each budget candidates are quantized by error compensation and compared with the \
            float model on held-out text: bits where they are worth most, the best that layers \
            stored alike can do, and, where compress spends --bits on them, codes that an entropy \
            coder makes small. Beside them stand mixtures of GGUF types, Q2_K to Q6_K, \
            encoded with the importance of inputs on the same text. Without --calibration the \
            model writes the text itself. The folder keeps what is done: the same command goes on \
            after Ctrl-C or a kill. At the end it holds report.html, frontier.svg, frontier.png \
            and frontier.json.
            """)

    @Argument(help: ModelArgument.help)
    var model: String

    @Option(help: "The least budget, in bits for each packed weight, everything counted.")
    var from = 2.0

    @Option(help: "The largest budget.")
    var to = 5.0

    @Option(help: "Budgets, at equal distances.")
    var points = 7

    @Option(help: "How much time each budget is worth: fast, default or best.")
    var effort = BudgetSettings.Effort.standard

    @Flag(help: "Tune what is coded, too, or else what is allocated.")
    var tune = false

    @Option(
        help: ArgumentHelp(
            """
            Mixtures of GGUF types to compare with, separated by commas, or none.
            """, valueName: "names"))
    var presets = "Q2_K,Q3_K_M,IQ4_XS,Q4_K_M,Q5_K_M,Q6_K"

    @Flag(
        help: """
            Compare with three allocations that do not know what is worth what, too: random, \
            shuffled and reversed.
            """)
    var controls = false

    @Option(help: "A text to find codes with; some windows at its end are held out to measure on.")
    var calibration: String?

    @Option(
        name: [.short, .long], help: "The folder of the measurement (default: MODEL.frontier).")
    var output: String?

    @OptionGroup var sensitivity: SensitivityOptions

    @OptionGroup var shared: SharedOptions

    mutating func validate() throws {
        guard from > 0, from <= to, to <= 16, points <= 100,
            from < to ? points >= 2 : points == 1
        else {
            throw ValidationError(
                "--from and --to are bits per weight, the least first; --points is a count from "
                    + "2 to 100, or 1 where both are the same")
        }
        _ = try comparedPresets()
    }

    /// What stands beside the budgets.
    private func comparedPresets() throws -> [GGUFPreset] {
        guard presets != "none" else { return [] }
        return try presets.split(separator: ",").reduce(into: []) { found, name in
            guard let preset = GGUFPreset(named: String(name)) else {
                throw ValidationError(
                    "--presets: \(name) is none of "
                        + GGUFPreset.allCases.map(\.rawValue).joined(separator: ", "))
            }
            if !found.contains(preset) { found.append(preset) }
        }
    }

    /// The budgets, to a thousandth of a bit.
    private var budgets: [Double] {
        let step = points > 1 ? (to - from) / Double(points - 1) : 0
        return (0..<points).map { ((from + Double($0) * step) * 1000).rounded() / 1000 }
    }

    func run() throws {
        let loaded = try ModelArgument.load(model, shared)
        let tokenizer = try ModelArgument.tokenizer(loaded, model)
        var settings = BudgetSettings(effort: effort).reading(for: loaded.spec)
        settings.sensitivity = sensitivity.sensitivity
        settings.tuning = tune ? settings.tuning ?? .init() : nil
        let frontier = try QualityFrontier(
            loaded, bitsPerWeight: budgets, presets: try comparedPresets(),
            controls: controls ? ControlAllocator.Kind.allCases : [], settings: settings,
            tokens: try WrittenText.tokens(
                of: calibration, or: loaded, tokenizer, settings, shared),
            opening: tokenizer.openingToken,
            costs: try sensitivity.costs(for: loaded, settings, shared), pool: shared.pool)
        let folder = output ?? URL(filePath: model).lastPathComponent + ".frontier"
        let report = FrontierReport(
            model: model, settings: settings, calibration: calibration,
            outcome: try outcome(of: frontier, in: folder))
        if let reason = try report.write(to: folder) {
            shared.note("no frontier.png: \(reason)")
        }
        if shared.json { return try Console.json(report.outcome) }
        Console.result(report.text)
        shared.note("pictures and the whole table: \(folder)/report.html")
    }

    private func outcome(
        of frontier: QualityFrontier, in folder: String
    ) throws -> QualityFrontier.Outcome {
        do {
            return try frontier.run(keepingAt: folder) {
                shared.progress($0, total: $1, unit: $2)
            }
        } catch let error as AllocationError {
            throw CommandError("--from is too small: \(error)", .badInput)
        } catch RunError.recipeDiffers(let path, let differences) {
            throw CommandError(
                """
                \(path) holds another measurement:
                \(differences.map { "  " + $0 }.joined(separator: "\n"))
                name another folder with --output, or remove that one
                """, .badInput)
        }
    }
}
