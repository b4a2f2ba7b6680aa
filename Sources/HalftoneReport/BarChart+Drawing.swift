import Foundation

extension BarChart {
    func drawing(theme: Theme, width: Double) -> FigureDrawing {
        let barHeight = series.count > 1 ? 14.0 : 18.0
        let groupGap = 12.0
        let groupHeight = Double(max(1, series.count)) * (barHeight + 2) + groupGap
        let noteHeight = note.isEmpty ? 0.0 : 18
        let legendRows =
            series.count < 2
            ? 0
            : (series.reduce(0.0) { $0 + SVG.textWidth($1.name, size: 12) + 34 } / (width - 40))
                .rounded(.up)
        let height =
            108 + noteHeight + 20 * legendRows + groupHeight * Double(max(1, categories.count))
        var figure = FigureDrawing(
            title: title, note: note, theme: theme, width: width, height: height)
        if series.count > 1 {
            figure.addLegend(series.enumerated().map { ($1.name, theme.color($0)) })
        }
        let widest = categories.map { SVG.textWidth($0, size: 12) }.max() ?? 0
        let left = 16 + min(width * 0.35, widest) + 10
        let right = width - 68
        var axis = axis
        axis.includesZero = axis.scale == .linear
        let layout = AxisLayout(
            axis, values: series.flatMap(\.values), count: max(3, Int((right - left) / 90)))
        let (top, bottom) = (figure.top + 12, height - 48)
        func place(_ value: Double) -> Double? {
            layout.position(value).map { left + min(1, max(0, $0)) * (right - left) }
        }
        for (tick, label) in zip(layout.ticks, layout.labels) {
            guard let at = place(tick) else { continue }
            figure.svg.line(at, top, at, bottom, color: theme.grid)
            figure.svg.text(label, at, bottom + 18, color: theme.muted, anchor: .middle)
        }
        figure.svg.text(
            SVG.fit(axis.title, width: right - left, size: 12), right, bottom + 37,
            color: theme.muted, anchor: .end)
        let origin = place(layout.scale == .linear ? 0 : layout.lower) ?? left
        for (row, category) in categories.enumerated() {
            let y = top + groupGap / 2 + Double(row) * groupHeight
            let middle = y + (groupHeight - groupGap) / 2
            figure.svg.text(
                SVG.fit(category, width: left - 25, size: 12), left - 8, middle + 4,
                color: theme.ink, anchor: .end)
            for (index, series) in series.enumerated() where row < series.values.count {
                let value = series.values[row]
                guard let end = place(value) else { continue }
                let barTop = y + Double(index) * (barHeight + 2)
                let text = "\(category): \(series.name): \(NumberText.short(value))"
                figure.svg.rectangle(
                    min(origin, end), barTop, abs(end - origin), barHeight,
                    color: theme.color(index), radius: 2, title: text)
                figure.svg.text(
                    NumberText.short(value), end + (end < origin ? -5 : 5),
                    barTop + barHeight / 2 + 4, size: 11, color: theme.muted,
                    anchor: end < origin ? .end : .start)
                figure.spots.append(
                    .init(
                        x: end.rounded(), y: barTop + barHeight / 2, text: text,
                        color: theme.color(index)))
            }
        }
        figure.svg.line(origin, top, origin, bottom, color: theme.muted)
        return figure
    }
}
