import ArgumentParser
import Foundation
import HalftoneMethods
import HalftoneReproductions
import HalftoneRuns

/// `halftone methods`: the catalogue with the last verdicts.
struct MethodsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "methods",
        abstract: "List the published methods, and what was measured of them.",
        discussion: """
            The verdict is that of the last full reproduction, or of the last quick one: pass, \
            not confirmed (does not hold in our small setting), void (a guard was not met), fail, \
            or none where nothing was measured yet. Give an id to see its claims.
            """)

    @Argument(help: "Ids of methods to show with their claims.")
    var ids: [String] = []

    @Option(help: "Only this family: \(MethodsCommand.names(MethodFamily.self)).")
    var family: MethodFamily?

    @Option(help: "Only this stage: \(MethodsCommand.names(MethodStage.self)).")
    var stage: MethodStage?

    @Option(help: "Only this verdict: pass, not-confirmed, void, fail or none.")
    var verdict: String?

    @Option(help: "A folder of results, instead of those of this user and this version.")
    var results: String?

    @Option(help: "Write the documentation's table, from the results of --results, to a file.")
    var writeTable: String?

    @OptionGroup var shared: SharedOptions

    private static func names<Kind: CaseIterable & RawRepresentable<String>>(
        _ kind: Kind.Type
    ) -> String {
        kind.allCases.map(\.rawValue).joined(separator: ", ")
    }

    mutating func validate() throws {
        if let verdict, verdict != "none", Self.verdict(named: verdict) == nil {
            throw ValidationError(
                "--verdict \"\(verdict)\" is none of pass, not-confirmed, void, fail, none")
        }
        if writeTable != nil, results == nil {
            throw ValidationError("--write-table wants --results FOLDER to make the table from")
        }
        for id in ids where MethodCatalogue.record(id) == nil { throw UnknownMethod.error(id) }
    }

    private static func verdict(named name: String) -> Verdict? {
        Verdict.allCases.first { $0.option == name }
    }

    func run() throws {
        if let writeTable, let results {
            let table = try CatalogueTable(ResultStore(folder: URL(filePath: results)))
            try AtomicFile.write(table.markdown, to: writeTable)
            return shared.note("wrote \(writeTable)")
        }
        let entries = try MethodEntry.all(results: results).filter(isWanted)
        if shared.json { return try Console.json(entries) }
        if ids.isEmpty { return Console.result(MethodEntry.table(entries)) }
        Console.result(entries.map(\.details).joined(separator: "\n\n"))
    }

    private func isWanted(_ entry: MethodEntry) -> Bool {
        (ids.isEmpty || ids.contains(entry.record.id))
            && (family == nil || entry.record.family == family)
            && (stage == nil || entry.record.stage == stage)
            && (verdict == nil || verdict == entry.result?.verdict.option ?? "none")
    }
}

extension MethodFamily: ExpressibleByArgument {}
extension MethodStage: ExpressibleByArgument {}

extension Verdict {
    /// The name as an option's value.
    var option: String { rawValue.replacing(" ", with: "-") }
}

/// The error of an id that no method has.
enum UnknownMethod {
    static func error(_ id: String) -> ValidationError {
        let known = MethodCatalogue.all.map(\.id).joined(separator: ", ")
        return ValidationError("no method is called \"\(id)\"; there are \(known)")
    }
}

/// A method with what was measured last.
struct MethodEntry: Encodable {
    let record: MethodRecord
    let isReproducible: Bool
    let verdict: String?
    let result: ReproductionResult?

    /// All methods with the latest results.
    ///
    /// - Parameter results: A folder of results, or nil for those of the user and of the version.
    static func all(results: String?) throws(ResultError) -> [MethodEntry] {
        let stores =
            results.map { [ResultStore(folder: URL(filePath: $0))] }
            ?? [.user()] + (ResultStore.shipped.map { [$0] } ?? [])
        var entries: [MethodEntry] = []
        for record in MethodCatalogue.all {
            let result = try stores.latest(record.id)
            entries.append(
                MethodEntry(
                    record: record,
                    isReproducible: ReproductionCatalogue.reproduction(record.id) != nil,
                    verdict: result?.verdict.rawValue, result: result))
        }
        return entries
    }

    /// One line per method.
    static func table(_ entries: [MethodEntry]) -> String {
        var table = TextTable(["id", "family", "stage", "paper", "verdict", "claims", "measured"])
        for entry in entries {
            let record = entry.record
            table.add([
                record.id, record.family.rawValue, record.stage.rawValue,
                "arXiv:" + record.paper.arXiv, entry.verdictText, entry.tally, entry.measured,
            ])
        }
        return table.text
    }

    private var verdictText: String {
        verdict ?? (isReproducible ? "none" : "no reproduction yet")
    }

    /// How many claims hold: `4 of 5`.
    private var tally: String {
        guard let result else { return "\(record.claims.count)" }
        let held = result.claims.count { $0.verdict == .pass }
        return "\(held) of \(result.claims.count)"
    }

    /// When, and how much: `2026-11-25, full`.
    private var measured: String {
        guard let result else { return "" }
        return result.date.formatted(.iso8601.year().month().day()) + ", " + result.mode.rawValue
    }

    /// All that is known of a method.
    var details: String {
        let needs =
            record.needs.isEmpty
            ? "nothing but weights" : record.needs.map(\.rawValue).joined(separator: ", ")
        var lines = [
            "\(record.id): \(record.title)",
            "  \(record.paper.title), arXiv:\(record.paper.arXiv) (\(record.paper.year))",
            "  family \(record.family.rawValue), stage \(record.stage.rawValue), needs \(needs)",
        ]
        if let result {
            lines.append("  measured \(measured), version \(result.version)")
            lines += ["", ClaimTable.text(result, record)]
        } else {
            lines.append("  \(verdictText)")
            for claim in record.claims {
                lines.append("  - \(claim.statement)")
                if let published = claim.published {
                    lines.append("    published: \(published.text) (\(published.source))")
                }
            }
        }
        return lines.joined(separator: "\n")
    }
}
