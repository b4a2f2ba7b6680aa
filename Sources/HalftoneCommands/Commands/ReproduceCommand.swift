import ArgumentParser
import Foundation
import HalftoneKernels
import HalftoneMethods
import HalftoneReproductions
import HalftoneRuns

/// `halftone reproduce`: the claims of papers, measured again.
struct ReproduceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reproduce",
        abstract: "Measure the claims of published methods again.",
        discussion: """
            The full measurement takes up to ten minutes per method on two cores, --quick under \
            one. Results are stored, and `halftone methods` lists them. The exit code is 1 when a \
            claim fails, or when a guard is not met, so that the run proves nothing. --control \
            puts something plain in the method's place: a reproduction that is worth anything \
            fails then.
            """)

    @Argument(help: "Ids of methods; `halftone methods` lists them.")
    var ids: [String] = []

    @Flag(help: "Reproduce every method that can be.")
    var all = false

    @Flag(help: "Measure less, in under a minute per method.")
    var quick = false

    @Flag(help: "Put plain rounding or averaging in the method's place; nothing is stored.")
    var control = false

    @Option(help: "The folder to store results in, instead of this user's.")
    var results: String?

    @OptionGroup var shared: SharedOptions

    mutating func validate() throws {
        guard all != !ids.isEmpty else { throw ValidationError("give ids of methods, or --all") }
        for id in ids {
            guard MethodCatalogue.record(id) != nil else { throw UnknownMethod.error(id) }
            guard ReproductionCatalogue.reproduction(id) != nil else {
                throw ValidationError("\(id) has no reproduction yet")
            }
        }
    }

    func run() throws {
        let mode: ReproductionMode = quick ? .quick : .full
        let store = results.map { ResultStore(folder: URL(filePath: $0)) } ?? .user()
        let chosen = ReproductionCatalogue.all.filter { all || ids.contains($0.record.id) }
        var found: [ReproductionResult] = []
        for (index, reproduction) in chosen.enumerated() {
            announce(reproduction, mode, store)
            let result = try WorkerPool.$current.withValue(shared.pool) {
                try reproduction.reproduce(
                    mode, isControl: control, version: HalftoneCommand.version,
                    output: shared.quiet ? .silent : .standardError,
                    models: ModelStore.path(of:))
            }
            if !control { try store.store(result) }
            found.append(result)
            if !shared.json {
                if index > 0 { Console.result("") }
                Console.result(report(result, reproduction))
            }
        }
        if shared.json { try Console.json(found) }
        if found.contains(where: \.verdict.isError) { throw ExitCode(1) }
    }

    /// Says what begins, and how long it took the last time.
    private func announce(
        _ reproduction: any Reproduction, _ mode: ReproductionMode, _ store: ResultStore
    ) {
        let stores = [store] + (ResultStore.shipped.map { [$0] } ?? [])
        let last = (try? stores.latest(reproduction.record.id, modes: [mode])) ?? nil
        let time = last.map { ", last time \(Formatting.duration($0.seconds))" } ?? ""
        let what = control ? "control: \(reproduction.control)" : mode.rawValue
        shared.note("\(reproduction.record.id) (\(what)\(time))…")
    }

    private func report(_ result: ReproductionResult, _ reproduction: any Reproduction) -> String {
        let record = reproduction.record
        var lines = ["\(record.title), arXiv:\(record.paper.arXiv), \(result.mode.rawValue)"]
        if control { lines.append("control: \(reproduction.control) in the method's place") }
        lines += ["", ClaimTable.text(result, record), "", reproduction.leftOut]
        lines.append(
            "verdict: \(result.verdict.rawValue), in \(Formatting.duration(result.seconds))")
        return lines.joined(separator: "\n")
    }
}

/// Claims, published and measured figures and verdicts, for terminals.
enum ClaimTable {
    /// One row per figure; the claim and its verdict stand in the first.
    static func text(_ result: ReproductionResult, _ record: MethodRecord) -> String {
        var table = TextTable(["claim", "figure", "#measured", "unit", "verdict"])
        for claim in result.claims {
            for (index, figure) in claim.figures.enumerated() {
                let isFirst = index == 0
                table.add([
                    isFirst ? claim.claim : "",
                    index == 1 && claim.baseline != nil
                        ? "against " + figure.label : figure.label,
                    figure.text, figure.unit, isFirst ? claim.verdict.rawValue : "",
                ])
            }
        }
        var lines = [table.text, ""]
        for claim in result.claims {
            let statement = record.claim(claim.claim)
            lines.append("\(claim.claim): \(statement?.statement ?? "")")
            if let published = statement?.published {
                lines.append("  published: \(published.text) (\(published.source))")
            }
            lines.append("  passes when \(claim.criterion)")
            if let reason = claim.reason { lines.append("  not confirmed: \(reason)") }
        }
        for condition in result.guards {
            lines.append(
                "guard: \(condition.condition): \(condition.measured.text)"
                    + (condition.isMet ? "" : ", NOT MET: the run proves nothing"))
        }
        return lines.joined(separator: "\n")
    }
}
