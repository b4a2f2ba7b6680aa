import Foundation
import HalftoneRecipes
import HalftoneReport
import HalftoneRuns

/// The curves of a training, drawn from its metrics.
///
/// `loss.svg` and `loss.png` show the loss; `curves.html` shows all that was measured, with the
/// recipe, and loads nothing from anywhere.
struct TrainingCurves {
    /// What was measured, in the order of the steps.
    let records: [MetricsRecord]
    /// The recipe as it is stored.
    let recipe: RunRecipe
    /// Steps of the recipe.
    let steps: Int

    /// The names of the files; the chart's has two endings.
    static let (name, page) = ("loss", "curves.html")

    /// Writes the three files; each appears when it is complete.
    ///
    /// - Returns: Why there is no `loss.png`, or nil when there is one: drawing it takes a program
    ///   that is not needed for anything else, and a training does not fail for want of it.
    /// - Throws: What writing files throws.
    func write(to folder: String) throws -> PNGError? {
        let loss = Figure.xy(lossChart)
        try AtomicFile.write(html(), to: folder + "/" + Self.page)
        return try loss.write(to: folder + "/" + Self.name)
    }

    /// The loss of training and of what is held out.
    var lossChart: XYChart {
        chart("Loss", "nats", [("training", "loss"), ("held out", "evaluation.loss")])
    }

    /// All figures: the loss, other measurements, then what says how the training went.
    private var figures: [XYChart] {
        let prefix = "evaluation."
        let measured = Set(records.flatMap { $0.values.keys })
            .filter { $0.hasPrefix(prefix) && $0 != prefix + "loss" }.sorted()
        let others = measured.map { key in
            let name = String(key.dropFirst(prefix.count))
            return chart(name.capitalized, name, [("held out", key)])
        }
        let speeds = Set(records.flatMap { $0.timing.keys })
            .filter { $0.hasSuffix("PerSecond") }.sorted()
        let units = speeds.map { String($0.dropLast("PerSecond".count)) }
        return
            [lossChart] + others + [
                chart("Learning rate", "rate", [("training", "rate")]),
                chart(
                    "Length of the gradient, before clipping", "length",
                    [
                        ("training", "gradientNorm")
                    ]),
            ]
            + zip(speeds, units).map { key, unit in
                chart("Speed", "\(unit) per second", [("training", key)])
            }
    }

    private func chart(
        _ title: String, _ unit: String, _ keys: [(name: String, key: String)]
    ) -> XYChart {
        let series = keys.compactMap { name, key -> ChartSeries? in
            let points = records.compactMap { record in
                (record.values[key] ?? record.timing[key]).map {
                    ChartPoint(x: Double(record.step), y: $0)
                }
            }
            if points.isEmpty { return nil }
            return ChartSeries(name, points: points, style: points.count < 3 ? .points : .line)
        }
        return XYChart(title, x: Axis("step"), y: Axis(unit), series: series)
    }

    /// The page.
    func html() throws -> String {
        let last = records.last
        let done = last?.step ?? 0
        let values = (last?.values ?? [:]).sorted { $0.key < $1.key }
        let measured = Table(
            "Measured at step \(done)", columns: ["measurement", "value"],
            rows: values.map { [$0.key, "\($0.value)"] })
        let settings = Table(
            "Recipe", columns: ["setting", "value"],
            rows: recipe.settings.map { [$0.path, $0.value] })
        let charts = figures.filter { !$0.series.isEmpty }.map { Page.Part.figure(.xy($0)) }
        return try Page(
            "Training curves",
            parts: [.text("\(done) of \(steps) steps.")] + charts
                + [.table(measured), .table(settings)]
        ).html()
    }
}
