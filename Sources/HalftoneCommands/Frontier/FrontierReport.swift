import Foundation
import HalftoneCompression
import HalftoneReport
import HalftoneRuns

/// What a measured frontier shows: a table, charts, a page.
struct FrontierReport {
    /// What the user called the model.
    let model: String
    /// What was tried.
    let settings: BudgetSettings
    /// The text's file, or nil for what the model wrote.
    let calibration: String?
    /// What was measured.
    let outcome: QualityFrontier.Outcome

    private typealias Candidate = BudgetedCompression.Candidate

    private static let columns = [
        "budget", "candidate", "bits/weight", "bytes", "expected KL", "KL", "perplexity",
    ]

    private var rows: [[String]] {
        let budgets = outcome.points.flatMap { point in
            point.candidates.map {
                row($0, named: $0.kind.rawValue, budget: Formatting.decimal(point.bitsPerWeight, 3))
            }
        }
        let presets = outcome.presets.map {
            row($0.candidate, named: $0.preset.rawValue, budget: "")
        }
        let float = [
            "", "float model", "", "", "", "", Formatting.decimal(outcome.floatPerplexity, 3),
        ]
        return budgets + presets + [float]
    }

    private func row(_ candidate: Candidate, named name: String, budget: String) -> [String] {
        [
            budget, name, Formatting.decimal(outcome.bitsPerWeight(candidate), 3),
            Formatting.grouped(candidate.packedBytes),
            candidate.expected.map { Formatting.decimal($0, 4) } ?? "—",
            Formatting.decimal(candidate.divergence, 4) + " ± "
                + Formatting.decimal(candidate.divergenceError, 4),
            Formatting.decimal(candidate.perplexity, 3),
        ]
    }

    /// The table for a terminal.
    var text: String {
        var table = TextTable(Self.columns.map { $0 == "candidate" ? $0 : "#" + $0 })
        for row in rows { table.add(row) }
        return table.text
    }

    /// A value of all candidates against their bytes, a line for each kind.
    private func series(_ value: (Candidate) -> Double) -> [ChartSeries] {
        let lines: [ChartSeries] = [
            Candidate.Kind.uniform, .allocated, .coded, .tuned, .random, .shuffled, .reversed,
        ].compactMap { kind in
            let found = outcome.points.compactMap { point in
                point.candidates.first { $0.kind == kind }
            }
            guard !found.isEmpty else { return nil }
            return ChartSeries(
                kind.rawValue,
                points: found.map {
                    ChartPoint(
                        x: Double($0.packedBytes), y: value($0),
                        label: kind == .allocated
                            ? Formatting.decimal(outcome.bitsPerWeight($0), 2) + " bits" : nil)
                }, style: .lineWithPoints)
        }
        guard !outcome.presets.isEmpty else { return lines }
        let presets = outcome.presets.sorted { $0.candidate.packedBytes < $1.candidate.packedBytes }
        return lines + [
            ChartSeries(
                "GGUF mixtures",
                points: presets.map {
                    ChartPoint(
                        x: Double($0.candidate.packedBytes), y: value($0.candidate),
                        label: $0.preset.rawValue)
                }, style: .lineWithPoints)
        ]
    }

    private var axis: Axis { Axis("bytes of the packed matrices, everything counted") }

    private var divergence: XYChart {
        XYChart(
            "What is lost against bytes",
            note: "KL to the float model per token on held-out text, lower is better",
            x: axis, y: Axis("KL, nats", scale: .logarithmic), series: series { $0.divergence })
    }

    private var perplexity: XYChart {
        var lines = series { $0.perplexity }
        let places = lines.flatMap(\.points).map(\.x)
        if let least = places.min(), let most = places.max() {
            lines.append(
                ChartSeries(
                    "float model",
                    points: [least, most].map { ChartPoint(x: $0, y: outcome.floatPerplexity) }))
        }
        return XYChart(
            "Perplexity against bytes", note: "on held-out text, lower is better", x: axis,
            y: Axis("perplexity", scale: .logarithmic), series: lines)
    }

    private func page() throws -> Page {
        let isCoded = outcome.points.contains { $0.candidates.contains { $0.kind == .coded } }
        let coded = isCoded ? "; coded, whose codes an entropy coder makes small" : ""
        return Page(
            "Quality of \(URL(filePath: model).lastPathComponent) against bytes",
            parts: [
                .text(
                    "For each budget: allocated, the candidate whose bits are where they are "
                        + "expected to be worth most; uniform, the best that stores all "
                        + "layers alike\(coded). All are quantized by error compensation, and "
                        + "compared with the float model on text that no other step has read. "
                        + "Mixtures of GGUF types are encoded with the importance of inputs. Errors are "
                        + "standard errors over tokens. The text is \(calibration ?? "what the model writes")."
                ),
                .figure(.xy(divergence)), .figure(.xy(perplexity)),
                .table(Table("All measurements", columns: Self.columns, rows: rows)),
                .heading("Settings"), .code(try Formatting.json(settings)),
            ])
    }

    /// Writes the page, the chart and the data, each in one step.
    ///
    /// - Returns: Why there is no PNG file, or nil when there is one.
    func write(to folder: String) throws -> PNGError? {
        try AtomicFile.write(try page().html(), to: folder + "/report.html")
        try AtomicFile.write(try Formatting.json(outcome), to: folder + "/frontier.json")
        return try Figure.xy(divergence).write(to: folder + "/frontier")
    }
}
