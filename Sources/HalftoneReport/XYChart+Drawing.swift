import Foundation

extension XYChart {
    func drawing(theme: Theme, width: Double) -> FigureDrawing {
        let height = (width * 0.56).rounded() + (note.isEmpty ? 0 : 18)
        var figure = FigureDrawing(
            title: title, note: note, theme: theme, width: width, height: height)
        let shown = series.indices.filter { !series[$0].points.isEmpty }
        // Lines are named at their ends; a legend is for what has no end.
        let isNamedAtEnds =
            shown.count > 1 && shown.count <= 8
            && shown.allSatisfy { series[$0].style != .points }
        if shown.count > 1, !isNamedAtEnds {
            figure.addLegend(shown.map { (series[$0].name, theme.color($0)) })
        }
        let yLayout = AxisLayout(
            y, values: values(\.y, beside: \.x, x), count: max(3, Int(height / 70)))
        let labels = yLayout.labels
        let left = 16 + (labels.map { SVG.textWidth($0, size: 12) }.max() ?? 0) + 10
        let names = shown.map { SVG.textWidth(series[$0].name, size: 12) }.max() ?? 0
        let right = width - (isNamedAtEnds ? min(width * 0.3, names + 26) : 24)
        let xLayout = AxisLayout(
            x, values: values(\.x, beside: \.y, y), count: max(3, Int((right - left) / 90)))
        let plot = Plot(
            x: xLayout, y: yLayout, left: left, right: right, top: figure.top + 24,
            bottom: height - 48)
        plot.drawAxes(self, labels, &figure)
        for index in shown { plot.draw(series[index], index, &figure) }
        plot.labelPoints(shown.map { series[$0] }, &figure)
        if isNamedAtEnds { plot.nameEnds(shown.map { ($0, series[$0]) }, &figure) }
        if shown.isEmpty {
            figure.svg.text(
                "no data", (left + right) / 2, (plot.top + plot.bottom) / 2, color: theme.muted,
                anchor: .middle)
        }
        return figure
    }

    /// The values along one axis of all points that have a place along the other.
    private func values(
        _ path: KeyPath<ChartPoint, Double>, beside other: KeyPath<ChartPoint, Double>,
        _ otherAxis: Axis
    ) -> [Double] {
        series.flatMap(\.points).filter { point in
            let value = point[keyPath: other]
            guard value.isFinite, otherAxis.scale == .linear || value > 0 else { return false }
            return otherAxis.range?.contains(value) ?? true
        }.map { $0[keyPath: path] }
    }
}

/// The area between the axes.
private struct Plot {
    let x: AxisLayout
    let y: AxisLayout
    let left: Double
    let right: Double
    let top: Double
    let bottom: Double

    /// Where a point lies, or nil when that is nowhere between the axes.
    func place(_ point: ChartPoint) -> (x: Double, y: Double)? {
        guard let px = x.position(point.x), let py = y.position(point.y),
            (-1e-9...1 + 1e-9).contains(px), (-1e-9...1 + 1e-9).contains(py)
        else { return nil }
        return (left + px * (right - left), bottom - py * (bottom - top))
    }

    func drawAxes(_ chart: XYChart, _ yLabels: [String], _ figure: inout FigureDrawing) {
        let theme = figure.theme
        for (tick, label) in zip(y.ticks, yLabels) {
            let at = bottom - (y.position(tick) ?? 0) * (bottom - top)
            figure.svg.line(left, at, right, at, color: theme.grid)
            figure.svg.text(label, left - 8, at + 4, color: theme.muted, anchor: .end)
        }
        figure.svg.line(left, bottom, right, bottom, color: theme.muted)
        var lastEnd = -Double.infinity
        for (tick, label) in zip(x.ticks, x.labels) {
            let at = left + (x.position(tick) ?? 0) * (right - left)
            figure.svg.line(at, bottom, at, bottom + 4, color: theme.muted)
            let half = SVG.textWidth(label, size: 12) / 2
            guard at - half > lastEnd + 6 else { continue }
            lastEnd = at + half
            figure.svg.text(label, at, bottom + 18, color: theme.muted, anchor: .middle)
        }
        figure.svg.text(
            SVG.fit(chart.y.title, width: right - 16, size: 12), 16, top - 10, color: theme.muted)
        figure.svg.text(
            SVG.fit(chart.x.title, width: right - left, size: 12), right, bottom + 37,
            color: theme.muted, anchor: .end)
    }

    func draw(_ series: ChartSeries, _ index: Int, _ figure: inout FigureDrawing) {
        let theme = figure.theme
        let color = theme.color(index)
        let places = series.points.map { (point: $0, place: place($0)) }
        if series.style != .points {
            let kept = thinned(places.map(\.place))
            figure.svg.path(kept, color: color)
            // A point whose neighbours have no place would be a line of no length.
            for (offset, here) in kept.enumerated() {
                guard let here, offset == 0 || kept[offset - 1] == nil,
                    offset + 1 == kept.count || kept[offset + 1] == nil
                else { continue }
                figure.svg.circle(
                    here.x, here.y, radius: 3.5, color: color, edge: theme.surface)
            }
        }
        let stride = max(1, places.count / 600)
        for (offset, (point, here)) in places.enumerated() {
            guard let here else { continue }
            let values = "\(NumberText.short(point.x)), \(NumberText.short(point.y))"
            let name = [series.name, point.label ?? ""].filter { !$0.isEmpty }
            let text = (name + [values]).joined(separator: ": ")
            if series.style != .line {
                figure.svg.circle(
                    here.x, here.y, radius: 4.5, color: color, edge: theme.surface, title: text)
            }
            guard offset.isMultiple(of: stride) || offset == places.count - 1 else { continue }
            figure.spots.append(
                .init(
                    x: (here.x * 10).rounded() / 10, y: (here.y * 10).rounded() / 10, text: text,
                    color: color))
        }
    }

    /// Keeps the first, least, greatest and last of the points in each column of pixels.
    private func thinned(_ points: [(x: Double, y: Double)?]) -> [(x: Double, y: Double)?] {
        guard points.count > 4 * Int(right - left) else { return points }
        var result: [(x: Double, y: Double)?] = []
        var start = 0
        while start < points.count {
            guard let first = points[start] else {
                result.append(nil)
                start += 1
                continue
            }
            var end = start + 1
            var (low, high) = (start, start)
            while end < points.count, let next = points[end],
                next.x.rounded(.down) == first.x.rounded(.down)
            {
                if next.y < points[low]?.y ?? 0 { low = end }
                if next.y > points[high]?.y ?? 0 { high = end }
                end += 1
            }
            for index in Set([start, low, high, end - 1]).sorted() { result.append(points[index]) }
            start = end
        }
        return result
    }

    /// Writes names of series at the ends of their lines, moved apart where they would touch.
    func nameEnds(_ series: [(index: Int, series: ChartSeries)], _ figure: inout FigureDrawing) {
        var ends: [(index: Int, name: String, at: Double)] = series.compactMap { index, series in
            guard let end = series.points.compactMap(place).last else { return nil }
            return (index, series.name, end.y)
        }
        ends.sort { $0.at < $1.at }
        let gap = 16.0
        for position in ends.indices.dropFirst() {
            ends[position].at = max(ends[position].at, ends[position - 1].at + gap)
        }
        // Those pushed out at the bottom go back up, and push the others.
        var limit = bottom
        for position in ends.indices.reversed() {
            ends[position].at = min(ends[position].at, limit)
            limit = ends[position].at - gap
        }
        for end in ends {
            let width = figure.svg.width - right - 18
            figure.svg.text(
                SVG.fit(end.name, width: width, size: 12), right + 10, end.at + 4, size: 12,
                color: figure.theme.color(end.index), isBold: true)
        }
    }

    /// Writes labels beside their points, where no other label or point is.
    func labelPoints(_ series: [ChartSeries], _ figure: inout FigureDrawing) {
        typealias Box = (x0: Double, y0: Double, x1: Double, y1: Double)
        var taken: [Box] = []
        for series in series where series.style != .line {
            for here in series.points.compactMap(place) {
                taken.append((here.x - 4, here.y - 4, here.x + 4, here.y + 4))
            }
        }
        for point in series.flatMap(\.points) {
            guard let label = point.label, !label.isEmpty, let here = place(point) else { continue }
            let text = SVG.fit(label, width: (right - left) * 0.4, size: 11)
            let width = SVG.textWidth(text, size: 11)
            let corners: [(x: Double, y: Double)] = [
                (here.x + 8, here.y + 4), (here.x - 8 - width, here.y + 4),
                (here.x - width / 2, here.y - 9), (here.x - width / 2, here.y + 18),
                (here.x + 6, here.y - 7), (here.x + 6, here.y + 15),
                (here.x - 6 - width, here.y - 7), (here.x - 6 - width, here.y + 15),
            ]
            for corner in corners {
                let box: Box = (corner.x - 1, corner.y - 9, corner.x + width + 1, corner.y + 3)
                let isInside =
                    box.x0 >= left && box.x1 <= figure.svg.width - 4 && box.y0 >= top - 8
                    && box.y1 <= bottom
                let isFree = taken.allSatisfy { other in
                    box.x1 < other.x0 || box.x0 > other.x1 || box.y1 < other.y0
                        || box.y0 > other.y1
                }
                guard isInside, isFree else { continue }
                taken.append(box)
                figure.svg.text(
                    text, corner.x, corner.y, size: 11, color: figure.theme.ink,
                    halo: figure.theme.surface)
                break
            }
        }
    }
}
