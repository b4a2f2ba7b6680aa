import Foundation

extension HeatMap {
    func drawing(theme: Theme, width: Double) -> FigureDrawing {
        let widest = rows.map { SVG.textWidth($0, size: 11) }.max() ?? 0
        let left = 16 + min(width * 0.3, widest) + 10
        let right = width - 24
        let cellWidth = (right - left) / Double(max(1, columns.count))
        let cellHeight = min(34, max(12, cellWidth * 0.6))
        let names = columns.map { SVG.textWidth($0, size: 11) }.max() ?? 0
        let isTurned = names > cellWidth - 4
        let below = isTurned ? min(110, names * 0.75 + 12) : 22.0
        let gridTop = note.isEmpty ? 52.0 : 70
        let height = gridTop + cellHeight * Double(max(1, rows.count)) + below + 62
        var figure = FigureDrawing(
            title: title, note: note, theme: theme, width: width, height: height)
        let layout = AxisLayout(scale, values: values.joined(), count: 5)
        // Values take all colours, not only those between two ticks.
        let shares = values.joined().compactMap(layout.position)
        let low = scale.range == nil ? shares.min() ?? 0 : 0
        let high = scale.range == nil ? shares.max() ?? 1 : 1
        let span = high > low ? high - low : 1
        // Colours on a page cannot be mixed from names: both themes take the light ramp there.
        let ramp = theme
        for (row, name) in rows.enumerated() {
            let y = gridTop + Double(row) * cellHeight
            figure.svg.text(
                SVG.fit(name, width: left - 25, size: 11), left - 8, y + cellHeight / 2 + 4,
                size: 11, color: theme.ink, anchor: .end)
            guard row < values.count else { continue }
            for (column, value) in values[row].prefix(columns.count).enumerated() {
                guard let share = layout.position(value) else { continue }
                let x = left + Double(column) * cellWidth
                let fill = ramp.rampColor((share - low) / span)
                let text = "\(name), \(columns[column]): \(NumberText.short(value))"
                figure.svg.rectangle(
                    x + 0.5, y + 0.5, cellWidth - 1, cellHeight - 1, color: fill.color, radius: 1,
                    title: text)
                let label = NumberText.short(value)
                if SVG.textWidth(label, size: 11) < cellWidth - 6, cellHeight >= 16 {
                    figure.svg.text(
                        label, x + cellWidth / 2, y + cellHeight / 2 + 4, size: 11,
                        color: fill.isDark ? "#ffffff" : "#15181d", anchor: .middle)
                }
                figure.spots.append(
                    .init(
                        x: (x + cellWidth / 2).rounded(), y: (y + cellHeight / 2).rounded(),
                        text: text, color: fill.color))
            }
        }
        let gridBottom = gridTop + cellHeight * Double(rows.count)
        let every = isTurned ? max(1, Int((14 / cellWidth).rounded(.up))) : 1
        for (column, name) in columns.enumerated() where column.isMultiple(of: every) {
            let x = left + (Double(column) + 0.5) * cellWidth
            figure.svg.text(
                SVG.fit(name, width: isTurned ? 130 : cellWidth, size: 11), x + (isTurned ? 4 : 0),
                gridBottom + 16, size: 11, color: theme.muted, anchor: isTurned ? .end : .middle,
                rotation: isTurned ? -40 : 0)
        }
        drawKey(ramp, layout, low, max(0, high - low), left, height - 34, &figure)
        return figure
    }

    /// A strip of the colours with the least and the greatest value.
    private func drawKey(
        _ ramp: Theme, _ layout: AxisLayout, _ low: Double, _ span: Double, _ left: Double,
        _ y: Double, _ figure: inout FigureDrawing
    ) {
        let pieces = 48
        let width = 180.0
        for piece in 0..<pieces {
            let share = Double(piece) / Double(pieces - 1)
            figure.svg.rectangle(
                left + width * Double(piece) / Double(pieces), y, width / Double(pieces) + 0.5, 10,
                color: ramp.rampColor(share).color)
        }
        func value(_ share: Double) -> Double {
            layout.scale == .linear
                ? layout.lower + share * (layout.upper - layout.lower)
                : layout.lower * pow(layout.upper / layout.lower, share)
        }
        let theme = figure.theme
        figure.svg.text(
            NumberText.short(value(low)), left, y + 23, size: 11, color: theme.muted)
        figure.svg.text(
            NumberText.short(value(low + span)), left + width, y + 23, size: 11,
            color: theme.muted, anchor: .end)
        figure.svg.text(
            SVG.fit(scale.title, width: figure.svg.width - left - width - 30, size: 12),
            left + width + 12, y + 9, color: theme.muted)
    }
}
