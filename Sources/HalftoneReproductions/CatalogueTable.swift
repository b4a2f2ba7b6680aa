import Foundation
import HalftoneMethods

/// The catalogue as a page of documentation, made from stored results alone.
public struct CatalogueTable {
    private let results: [String: ReproductionResult]

    /// Takes the full results of a store.
    ///
    /// - Throws: ``ResultError`` for a damaged one.
    public init(_ store: ResultStore) throws(ResultError) {
        var results: [String: ReproductionResult] = [:]
        for record in MethodCatalogue.all {
            results[record.id] = try store.result(record.id, .full)
        }
        self.results = results
    }

    /// The page.
    public var markdown: String {
        var lines = [
            "# The catalogue", "", "All methods, and what the full reproductions measured.", "",
            "## Overview", "",
            "This page is made by `halftone methods --write-table` from stored results. Figures "
                + "are means over seeds ± their standard deviation. A claim is *not confirmed* "
                + "when it does not hold in our small setting; the reason stands with it.",
        ]
        for family in MethodFamily.allCases where !family.records.isEmpty {
            lines += ["", "## \(Self.heading(family))"]
            for record in family.records { lines += [""] + section(record) }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func section(_ record: MethodRecord) -> [String] {
        var lines = [
            "### \(record.title)", "",
            "<doc:\(record.id)>: \(record.paper.title), arXiv:\(record.paper.arXiv) "
                + "(\(record.paper.year)).", "",
        ]
        guard let result = results[record.id] else {
            return lines + ["Not reproduced yet."]
        }
        lines += [
            "| claim | published | measured here | verdict |", "| --- | --- | --- | --- |",
        ]
        for found in result.claims {
            guard let claim = record.claim(found.claim) else { continue }
            let published = claim.published.map { "\($0.text) (\($0.source))" } ?? "–"
            let figures = found.figures.map(\.line).joined(separator: "; ")
            let verdict =
                found.reason.map { "\(found.verdict.rawValue): \($0)" } ?? found.verdict.rawValue
            let cells = [claim.statement, published, figures, verdict].map(Self.escaped)
            lines.append("| " + cells.joined(separator: " | ") + " |")
        }
        if let reproduction = ReproductionCatalogue.reproduction(record.id) {
            lines += ["", reproduction.leftOut]
        }
        return lines
    }

    private static func heading(_ family: MethodFamily) -> String {
        let words = family.rawValue.replacing("-", with: " ")
        return words.prefix(1).uppercased() + words.dropFirst()
    }

    private static func escaped(_ text: String) -> String { text.replacing("|", with: "\\|") }
}

extension Figure {
    /// Label, value and unit.
    public var line: String { "\(label) \(text) \(unit)" }
}
