import Foundation
import HalftoneReport
import Testing

private let hostile = "</text><script>alert(1)</script>&\"'\u{0}\u{1F}\u{FFFE}\n"

private func figures(_ label: String) -> [Figure] {
    let point = ChartPoint(x: 1, y: 2, label: label)
    return [
        .xy(
            XYChart(
                label, note: label, x: Axis(label), y: Axis(label),
                series: [
                    ChartSeries(label, points: [point], style: .points),
                    ChartSeries(label + "2", points: [point], style: .lineWithPoints),
                ])),
        .bars(
            BarChart(
                label, note: label, categories: [label, "b"], axis: Axis(label),
                series: [.init(label, values: [1, -2]), .init("y", values: [.nan])])),
        .heatMap(
            HeatMap(
                label, note: label, rows: [label], columns: [label, "b"], values: [[1, .infinity]],
                scale: Axis(label))),
    ]
}

struct FigureTests {
    @Test func hostileLabelsStayText() throws {
        for figure in figures(hostile) {
            let svg = figure.svg()
            #expect(!svg.contains("<script") && svg.contains("&lt;script&gt;"))
            let parser = XMLParserBox(svg)
            #expect(parser.isWellFormed, "\(svg)")
        }
        let table = Table(hostile, columns: [hostile], rows: [[hostile, "too many"], []])
        let parts: [Page.Part] =
            [.heading(hostile), .text(hostile), .code(hostile), .table(table)]
            + figures(hostile).map { .figure($0) }
        let html = try Page(hostile, parts: parts).html()
        // The page's own script, and the values of three figures.
        #expect(html.components(separatedBy: "<script").count - 1 == 4)
        #expect(html.components(separatedBy: "</script").count - 1 == 4)
        #expect(!html.contains("alert(1)</") && !html.contains("http://www.w3.org/1999"))
        for remote in ["src=\"", "href=", "url(", "@import", "https:"] {
            #expect(!html.contains(remote), "the page would load something: \(remote)")
        }
    }

    @Test func chartsWithoutAnythingAreDrawn() {
        let empty: [Figure] = [
            .xy(XYChart("", x: Axis(""), y: Axis(""), series: [])),
            .bars(BarChart("", categories: [], axis: Axis(""), series: [])),
            .heatMap(HeatMap("", rows: [], columns: [], values: [], scale: Axis(""))),
        ]
        for figure in empty { #expect(XMLParserBox(figure.svg(width: 1)).isWellFormed) }
    }

    @Test func barsAreAsLongAsTheirValues() {
        let svg = Figure.bars(
            BarChart(
                "t", categories: ["a", "b"], axis: Axis("v"),
                series: [.init("s", values: [10, 20])])
        ).svg()
        let widths = svg.split(separator: "<rect").filter { $0.contains("<title>") }.compactMap {
            piece -> Double? in
            guard let range = piece.range(of: " width=\"") else { return nil }
            return Double(piece[range.upperBound...].prefix { $0 != "\"" })
        }
        #expect(widths.count == 2)
        // Lengths are written with two decimals.
        #expect(abs(widths[1] - 2 * widths[0]) <= 0.016)
    }

    /// The key of a map names values that are in it, also where all are the same.
    @Test func theKeyOfAMapEndsWhereValuesEnd() {
        let map = HeatMap(
            "", rows: ["a"], columns: ["b", "c"], values: [[2.25, 2.25]], scale: Axis("bits"))
        let svg = Figure.heatMap(map).svg()
        // Both cells, each with its title, and both ends of the key.
        #expect(svg.components(separatedBy: "2.25").count - 1 == 6, "\(svg)")
    }

    @Test func namesAtTheEndsOfLinesDoNotTouch() {
        let series = (0..<6).map { index in
            ChartSeries(
                "series \(index)",
                points: [.init(x: 0, y: Double(index)), .init(x: 1, y: Double(index) * 1e-3)])
        }
        let svg = Figure.xy(XYChart("t", x: Axis("x"), y: Axis("y"), series: series)).svg()
        let heights = svg.split(separator: "<text").filter { $0.contains(">series ") }
            .compactMap { piece -> Double? in
                guard let range = piece.range(of: " y=\"") else { return nil }
                return Double(piece[range.upperBound...].prefix { $0 != "\"" })
            }.sorted()
        #expect(heights.count == 6)
        for (above, below) in zip(heights, heights.dropFirst()) { #expect(below - above >= 15.9) }
    }

    @Test func pngSaysWhatIsMissing() throws {
        let path = NSTemporaryDirectory() + "halftone-\(UUID().uuidString).png"
        defer { try? FileManager.default.removeItem(atPath: path) }
        do {
            try figures("label")[0].writePNG(to: path, width: 400, scale: 1)
            let bytes = try #require(FileManager.default.contents(atPath: path))
            // The signature, and the width in the header.
            #expect(Array(bytes.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
            #expect(Array(bytes[16..<20]) == [0, 0, 1, 0x90])
        } catch PNGError.noRasterizer {
            #expect(PNGError.noRasterizer.description.contains("librsvg2-bin"))
        }
    }
}

/// Whether a text is balanced XML without stray signs; enough for what this module writes.
struct XMLParserBox {
    let isWellFormed: Bool

    init(_ text: String) {
        var open: [Substring] = []
        var isFine = !text.unicodeScalars.contains { $0.value < 32 && $0 != "\n" }
        var rest = text[...]
        while let start = rest.firstIndex(of: "<") {
            isFine = isFine && !rest[..<start].contains(">")
            guard let end = rest[start...].firstIndex(of: ">") else {
                isFine = false
                break
            }
            let tag = rest[rest.index(after: start)..<end]
            isFine = isFine && tag.filter { $0 == "\"" }.count.isMultiple(of: 2)
            if tag.hasPrefix("/") {
                isFine = isFine && open.popLast() == tag.dropFirst()
            } else if !tag.hasSuffix("/") {
                open.append(tag.prefix { $0 != " " && $0 != "\n" })
            }
            rest = rest[rest.index(after: end)...]
        }
        isWellFormed = isFine && open.isEmpty
    }
}
