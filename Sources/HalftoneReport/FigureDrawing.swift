/// A figure with what a page needs to make it answer to pointer and keys.
struct FigureDrawing {
    /// A place that can be pointed at.
    struct Spot: Encodable, Equatable {
        var x: Double
        var y: Double
        var text: String
        var color: String
    }

    var svg: SVG
    var title: String
    var description: String
    var theme: Theme
    var spots: [Spot] = []
    /// Where the drawing goes on below title, note and legend.
    var top = 0.0

    init(title: String, note: String, theme: Theme, width: Double, height: Double) {
        svg = SVG(width: width, height: height)
        self.title = title
        self.theme = theme
        description = note
        let size = 16.0
        svg.text(
            SVG.fit(title, width: width - 32, size: size * 1.08), 16, 28, size: size,
            color: theme.ink, isBold: true)
        top = 40
        if !note.isEmpty {
            svg.text(
                SVG.fit(note, width: width - 32, size: 12), 16, 47, size: 12, color: theme.muted)
            top = 58
        }
    }

    /// Writes names with a patch of their colour, in as many rows as they need.
    mutating func addLegend(_ entries: [(name: String, color: String)]) {
        var x = 16.0
        var y = top + 8
        for entry in entries {
            let name = SVG.fit(entry.name, width: svg.width - 64, size: 12)
            let width = 16 + SVG.textWidth(name, size: 12) + 18
            if x + width > svg.width - 8, x > 16 {
                x = 16
                y += 19
            }
            svg.rectangle(x, y - 9, 10, 10, color: entry.color, radius: 2)
            svg.text(name, x + 16, y, size: 12, color: theme.ink)
            x += width
        }
        top = y + 12
    }

    func document(id: String) -> String {
        svg.document(title: title, description: description, surface: theme.surface, id: id)
    }
}
