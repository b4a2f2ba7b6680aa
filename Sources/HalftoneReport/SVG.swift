import Foundation

/// A drawing under construction.
struct SVG {
    /// Width and height in pixels.
    let width: Double
    let height: Double
    private(set) var body = ""

    init(width: Double, height: Double) {
        self.width = width
        self.height = height
    }

    enum Anchor: String { case start, middle, end }

    mutating func line(
        _ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, color: String, width: Double = 1
    ) {
        add(
            "line", ["x1": n(x1), "y1": n(y1), "x2": n(x2), "y2": n(y2)],
            [
                "stroke": color, "stroke-width": n(width),
            ])
    }

    mutating func rectangle(
        _ x: Double, _ y: Double, _ width: Double, _ height: Double, color: String,
        radius: Double = 0, title: String? = nil
    ) {
        add(
            "rect",
            ["x": n(x), "y": n(y), "width": n(max(0, width)), "height": n(max(0, height))],
            ["rx": n(radius), "fill": color], title: title)
    }

    mutating func circle(
        _ x: Double, _ y: Double, radius: Double, color: String, edge: String, title: String? = nil
    ) {
        add(
            "circle", ["cx": n(x), "cy": n(y), "r": n(radius)],
            ["fill": color, "stroke": edge, "stroke-width": "1.5"], title: title)
    }

    /// A line through points; where one is nil the pen is lifted.
    mutating func path(_ points: [(x: Double, y: Double)?], color: String, width: Double = 2) {
        var data = ""
        var isDown = false
        for point in points {
            guard let point else {
                isDown = false
                continue
            }
            data += (isDown ? "L" : "M") + n(point.x) + " " + n(point.y)
            isDown = true
        }
        guard !data.isEmpty else { return }
        add(
            "path", ["d": data],
            [
                "fill": "none", "stroke": color, "stroke-width": n(width),
                "stroke-linejoin": "round",
                "stroke-linecap": "round",
            ])
    }

    mutating func text(
        _ text: String, _ x: Double, _ y: Double, size: Double = 12, color: String,
        anchor: Anchor = .start, isBold: Bool = false, rotation: Double = 0, halo: String? = nil
    ) {
        var attributes = [
            "fill": color, "font-size": n(size), "text-anchor": anchor.rawValue,
        ]
        if isBold { attributes["font-weight"] = "600" }
        if rotation != 0 { attributes["transform"] = "rotate(\(n(rotation)) \(n(x)) \(n(y)))" }
        if let halo {
            attributes["stroke"] = halo
            attributes["stroke-width"] = "3"
            attributes["paint-order"] = "stroke"
            attributes["stroke-linejoin"] = "round"
        }
        add("text", ["x": n(x), "y": n(y)], attributes, content: Self.escape(text))
    }

    /// The whole document.
    ///
    /// - Parameters:
    ///   - title: Said by a screen reader, with the description.
    ///   - id: Makes the names in the document unique on a page.
    func document(title: String, description: String, surface: String, id: String) -> String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(n(width)) \(n(height))" \
        width="\(n(width))" height="\(n(height))" role="img" aria-labelledby="\(id)-t \(id)-d" \
        font-family="system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif">
        <title id="\(id)-t">\(Self.escape(title))</title>
        <desc id="\(id)-d">\(Self.escape(description))</desc>
        <rect width="100%" height="100%" fill="\(surface)"/>
        \(body)</svg>

        """
    }

    private mutating func add(
        _ name: String, _ place: [String: String], _ style: [String: String],
        title: String? = nil, content: String = ""
    ) {
        func list(_ attributes: [String: String]) -> String {
            attributes.sorted { $0.key < $1.key }.map { " \($0.key)=\"\($0.value)\"" }.joined()
        }
        let inner = (title.map { "<title>\(Self.escape($0))</title>" } ?? "") + content
        let end = inner.isEmpty ? "/>" : ">\(inner)</\(name)>"
        body += "<\(name)\(list(place))\(list(style))\(end)\n"
    }

    /// A length with at most two decimals.
    private func n(_ value: Double) -> String {
        let rounded = (value * 100).rounded() / 100 + 0
        return rounded == rounded.rounded() && abs(rounded) < 1e15
            ? "\(Int(rounded))" : "\(rounded)"
    }

    /// Text that means itself in XML and HTML; characters that XML has no place for are replaced.
    static func escape(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            case "\t", "\n", "\r": result += " "
            case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{FFFE}", "\u{FFFF}":
                result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// About how wide a text is, from the widths of a common sans serif.
    static func textWidth(_ text: String, size: Double) -> Double {
        let ems = text.unicodeScalars.reduce(0.0) { sum, scalar in
            switch scalar {
            case "i", "j", "l", "I", ".", ",", ":", ";", "'", "|", "!": sum + 0.31
            case "\u{2009}": sum + 0.2
            case "f", "t", "r", " ", "(", ")", "-", "/": sum + 0.38
            case "m", "w", "M", "W", "@", "%": sum + 0.92
            case "A"..."Z": sum + 0.69
            case "\u{1100}"...: sum + 1
            default: sum + 0.61
            }
        }
        return ems * size
    }

    /// A text cut to a width, with an ellipsis when something is missing.
    static func fit(_ text: String, width: Double, size: Double) -> String {
        guard textWidth(text, size: size) > width else { return text }
        var text = text
        while !text.isEmpty, textWidth(text + "…", size: size) > width { text.removeLast() }
        return text + "…"
    }
}
