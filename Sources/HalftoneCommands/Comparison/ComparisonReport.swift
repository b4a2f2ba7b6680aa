import Foundation
import HalftoneCompression
import HalftoneEvaluation
import HalftoneReport
import HalftoneRuns

/// What a comparison shows: a table, a chart, a page.
struct ComparisonReport {
    /// The unit that measures the float model.
    static let floatUnit = ComparisonStudy.floatName

    /// All measurements, in their order.
    let results: [ComparisonStudy.Result]

    /// What could not be measured, and why.
    let failures: [(name: String, reason: String)]
    private let settings: ComparisonSettings

    /// Collects the results of a run.
    init(_ run: Run, settings: ComparisonSettings, cells: [String]) throws {
        self.settings = settings
        let status = try run.status()
        var results: [ComparisonStudy.Result] = []
        for unit in [Self.floatUnit] + cells where status.done.contains(unit) {
            results.append(try run.result(of: unit, as: ComparisonStudy.Result.self))
        }
        self.results = results
        failures = status.failed.map { ($0.unit, $0.message) }
    }

    /// A row: the results of one method at one width, over seeds.
    private struct Row {
        let results: [ComparisonStudy.Result]

        var first: ComparisonStudy.Result { results[0] }

        func mean(_ value: (ComparisonStudy.Result) -> Double) -> Double {
            results.reduce(0) { $0 + value($1) } / Double(results.count)
        }

        /// The deviation over seeds, or where there is one the standard error over tokens.
        func noise(
            _ value: (ComparisonStudy.Result) -> Double,
            _ error: (ComparisonStudy.Result) -> Double
        ) -> Double {
            guard results.count > 1 else { return error(first) }
            let mean = mean(value)
            let squares = results.reduce(0) { $0 + (value($1) - mean) * (value($1) - mean) }
            return (squares / Double(results.count - 1)).squareRoot()
        }
    }

    private var rows: [Row] {
        var order: [String] = []
        var groups: [String: [ComparisonStudy.Result]] = [:]
        for result in results {
            let key = "\(result.bits) \(result.method)"
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(result)
        }
        return order.compactMap { groups[$0].map(Row.init) }
    }

    /// Whether some steps add bytes beside the blocks: a head that was the embedding.
    private var addsBytes: Bool { results.contains { $0.addedBytes > 0 } }

    /// Whether the operating system told the memory of anything.
    private var knowsMemory: Bool { results.contains { $0.peakMemoryBytes != nil } }

    private var tasks: [String] { Set(results.flatMap(\.answers.keys)).sorted() }

    private var columns: [String] {
        ["bits", "method", "bits/weight", "perplexity", "KL", "same token"]
            + (addsBytes ? ["added"] : []) + tasks.flatMap { [$0, $0 + " by length"] } + ["time"]
            + (knowsMemory ? ["peak memory"] : [])
    }

    private func cells(_ row: Row) -> [String] {
        let perplexity = row.mean { $0.perplexity }
        let divergence = row.mean { $0.divergence }
        let isFloat = row.first.method == Self.floatUnit
        let answers = tasks.flatMap { task -> [String] in
            let accuracy = row.mean { $0.answers[task]?.accuracy.mean ?? .nan }
            let byLength = row.mean { $0.answers[task]?.normalizedAccuracy.mean ?? .nan }
            return [accuracy, byLength].map { Formatting.decimal(100 * $0, 1) + " %" }
        }
        return [
            isFloat ? "" : "\(row.first.bits)", row.first.method,
            isFloat ? "" : Formatting.decimal(row.first.bitsPerWeight, 2),
            Self.short(perplexity)
                + " ± "
                + Self.short(
                    row.noise {
                        $0.perplexity
                    } _: {
                        $0.perplexityError
                    }),
            isFloat
                ? ""
                : Self.short(divergence)
                    + " ± "
                    + Self.short(
                        row.noise {
                            $0.divergence
                        } _: {
                            $0.divergenceError
                        }),
            Formatting.decimal(100 * row.mean { $0.sameTopToken }, 1) + " %",
        ]
            + (addsBytes
                ? [row.first.addedBytes > 0 ? Formatting.bytes(row.first.addedBytes) : ""] : [])
            + answers
            + [isFloat ? "" : Formatting.duration(row.mean { $0.seconds })]
            + (knowsMemory
                ? [row.results.compactMap(\.peakMemoryBytes).max().map(Formatting.bytes) ?? ""]
                : [])
    }

    /// Three digits or so, whatever the size.
    private static func short(_ value: Double) -> String {
        value.magnitude >= 1e5
            ? String(format: "%.1e", value)
            : Formatting.decimal(
                value,
                value.magnitude >= 100
                    ? 0
                    : value.magnitude >= 10
                        ? 1
                        : value.magnitude >= 0.1 ? 3 : 4)
    }

    /// The table for a terminal.
    var text: String {
        let right: Set = [
            "bits", "bits/weight", "perplexity", "KL", "same token", "added", "time", "peak memory",
        ]
        var table = TextTable(
            columns.map { right.contains($0) || tasks.contains($0) ? "#" + $0 : $0 })
        for row in rows { table.add(cells(row)) }
        return table.text
    }

    /// KL against bits per weight, a line per method.
    private var chart: XYChart {
        var series: [ChartSeries] = []
        for row in rows where row.first.method != Self.floatUnit {
            let point = ChartPoint(
                x: row.first.bitsPerWeight, y: row.mean { $0.divergence },
                label: "\(row.first.bits) bits")
            if let index = series.firstIndex(where: { $0.name == row.first.method }) {
                series[index].points.append(point)
            } else {
                series.append(
                    ChartSeries(row.first.method, points: [point], style: .lineWithPoints))
            }
        }
        for index in series.indices { series[index].points.sort { $0.x < $1.x } }
        return XYChart(
            "What each method lost",
            note: "KL to the float model per token, lower is better; linear layers of the blocks",
            x: Axis("bits per weight of the blocks' linear layers, scales counted"),
            y: Axis("KL, nats", scale: .logarithmic), series: series)
    }

    /// Writes the page, the chart and the data, each in one step.
    func write(to folder: String) throws {
        let seeds =
            settings.seeds == 1 ? "one calibration text" : "\(settings.seeds) calibration texts"
        let noise =
            settings.seeds == 1
            ? "Errors are standard errors over tokens."
            : "Errors are standard deviations over calibration texts, and standard errors over "
                + "tokens where a method reads none."
        let page = Page(
            "Ways to quantize \(URL(filePath: settings.model).lastPathComponent)",
            parts: [
                .text(
                    "Groups of \(settings.group), \(settings.windows) windows of "
                        + "\(settings.length) tokens to calibrate on, \(seeds) "
                        + "(\(settings.calibration)), \(settings.measuredWindows) windows of "
                        + "\(settings.text) to measure on, the second half of each scored. "
                        + noise
                        + (knowsMemory
                            ? " Peak memory is the whole program's during a measurement, with the "
                                + "float model, what that computed and what was freed before but "
                                + "kept." : "")),
                .figure(.xy(chart)),
                .table(Table("All measurements", columns: columns, rows: rows.map(cells))),
            ]
                + (failures.isEmpty
                    ? []
                    : [
                        .table(
                            Table(
                                "What failed", columns: ["measurement", "reason"],
                                rows: failures.map { [$0.name, $0.reason] }))
                    ]))
        try AtomicFile.write(try page.html(), to: folder + "/report.html")
        try AtomicFile.write(Figure.xy(chart).svg(), to: folder + "/comparison.svg")
        try AtomicFile.write(try Formatting.json(results), to: folder + "/comparison.json")
    }
}
