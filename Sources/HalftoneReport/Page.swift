import Foundation

/// A table of a page.
public struct Table: Sendable, Equatable {
    /// What it shows.
    public var title: String
    /// The columns' names.
    public var columns: [String]
    /// The cells, `[rows][columns]`; a column whose cells all look like numbers is set to the right.
    public var rows: [[String]]

    /// States a table.
    public init(_ title: String, columns: [String], rows: [[String]]) {
        self.title = title
        self.columns = columns
        self.rows = rows
    }
}

/// A page that holds all it needs: figures, tables and text, in dark or light as the reader has it.
///
/// Nothing is loaded from anywhere. Figures show values to the pointer and, once they have the
/// keyboard's focus, to the arrow keys.
public struct Page: Sendable, Equatable {
    /// A part of a page.
    public enum Part: Sendable, Equatable {
        /// The title of a section.
        case heading(String)
        /// A paragraph.
        case text(String)
        /// Lines that stay as they are: commands, settings.
        case code(String)
        /// A chart.
        case figure(Figure)
        /// A table.
        case table(Table)
    }

    /// The page's title.
    public var title: String
    /// Its parts, from top to bottom.
    public var parts: [Part]

    /// States a page.
    public init(_ title: String, parts: [Part]) {
        self.title = title
        self.parts = parts
    }

    /// The page as an HTML document.
    public func html() throws -> String {
        var body = ""
        for (index, part) in parts.enumerated() {
            switch part {
            case .heading(let text): body += "<h2>\(SVG.escape(text))</h2>\n"
            case .text(let text): body += "<p>\(SVG.escape(text))</p>\n"
            case .code(let text):
                let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
                body += "<pre tabindex=\"0\">"
                body += lines.map { SVG.escape(String($0)) }.joined(separator: "\n") + "</pre>\n"
            case .table(let table): body += Self.html(of: table)
            case .figure(let figure): body += try Self.html(of: figure, id: "figure-\(index)")
            }
        }
        return """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
            style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
            <meta name="color-scheme" content="light dark">
            <title>\(SVG.escape(title))</title>
            <style>
            :root{\(Theme.light.declarations)}
            @media(prefers-color-scheme:dark){:root{\(Theme.dark.declarations)}}
            \(PageAssets.style)
            </style>
            </head>
            <body>
            <main>
            <h1>\(SVG.escape(title))</h1>
            \(body)</main>
            <div id="tip" role="status" aria-live="polite" hidden></div>
            <script>
            \(PageAssets.script)
            </script>
            </body>
            </html>

            """
    }

    private static func html(of figure: Figure, id: String) throws -> String {
        let drawing = figure.drawing(theme: .page, width: 720)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        // A text that ends a script must not appear in one.
        let spots = String(decoding: try encoder.encode(drawing.spots), as: UTF8.self)
            .replacing("<", with: "\\u003c")
        return """
            <figure tabindex="0" aria-label="\(SVG.escape(drawing.title)); arrow keys read values">
            \(drawing.document(id: id))<script type="application/json">\(spots)</script>
            </figure>

            """
    }

    private static func html(of table: Table) -> String {
        let isNumeric = table.columns.indices.map { column in
            let cells = table.rows.compactMap { column < $0.count ? $0[column] : nil }
            return !cells.isEmpty
                && cells.allSatisfy { cell in
                    cell.isEmpty || cell == "—"
                        || cell.first.map { $0.isNumber || "+-\u{2212}±<>".contains($0) } == true
                }
        }
        func row(_ cells: [String], _ tag: String) -> String {
            let all = table.columns.indices.map { column in
                let cell = column < cells.count ? cells[column] : ""
                let scope = tag == "th" ? " scope=\"col\"" : ""
                let side = isNumeric[column] ? " class=\"number\"" : ""
                return "<\(tag)\(scope)\(side)>\(SVG.escape(cell))</\(tag)>"
            }
            return "<tr>\(all.joined())</tr>\n"
        }
        return """
            <div class="scroll" tabindex="0" role="region" aria-label="\(SVG.escape(table.title))">
            <table><caption>\(SVG.escape(table.title))</caption>
            <thead>\(row(table.columns, "th"))</thead>
            <tbody>\(table.rows.map { row($0, "td") }.joined())</tbody></table></div>

            """
    }
}
