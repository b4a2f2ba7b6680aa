import Foundation
import HalftoneReport
import Testing

/// Texts of all `<text>` elements of a drawing, in their order.
func texts(_ svg: String) -> [String] {
    svg.split(separator: "<text").dropFirst().compactMap { piece in
        guard let start = piece.firstIndex(of: ">"), let end = piece.range(of: "</text>") else {
            return nil
        }
        return String(piece[piece.index(after: start)..<end.lowerBound])
    }
}

private func chart(_ points: [(Double, Double)], x: Axis = Axis("x"), y: Axis = Axis("y")) -> String
{
    Figure.xy(
        XYChart(
            "t", x: x, y: y,
            series: [ChartSeries("s", points: points.map { ChartPoint(x: $0.0, y: $0.1) })])
    ).svg()
}

struct AxisTests {
    @Test func ticksAreRoundNumbersAroundTheData() {
        let svg = chart([(0, 0.13), (97, 0.86)])
        // Height 403 leaves room for about five ticks: 0.73 / 5 = 0.146 becomes 0.2.
        for label in ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"] {
            #expect(texts(svg).contains(label), "\(label) is missing in \(texts(svg))")
        }
        #expect(texts(svg).contains("100") && !texts(svg).contains("120"))
    }

    @Test func decadesOnALogarithmicAxis() {
        let axis = Axis("y", scale: .logarithmic)
        let svg = chart([(0, 1e-7), (1, 1)], y: axis)
        #expect(texts(svg).contains("10⁻⁶") && texts(svg).contains("1"))
        // Half of the way in logarithms is half of the way on paper.
        let narrow = chart([(0, 1), (1, 10), (2, 100)], y: axis)
        let path = narrow.split(separator: "path d=\"")[1].prefix { $0 != "\"" }
        let numbers = path.split { "ML ".contains($0) }.compactMap { Double($0) }
        #expect(numbers.count == 6)
        #expect(abs((numbers[1] + numbers[5]) / 2 - numbers[3]) <= 0.011)
    }

    @Test(
        arguments: [
            [], [(1, 1)], [(0, 0), (0, 0)], [(.nan, 1), (1, .nan), (.infinity, -.infinity)],
            [(1e-300, 1e300), (1e300, -1e300)], [(5, .greatestFiniteMagnitude)],
            [(1, 2), (.nan, .nan), (3, 4)], [(-1, -5), (0, 0)], [(1, 1 + 1e-15), (2, 1)],
        ] as [[(Double, Double)]])
    func anyValuesGiveADrawing(points: [(Double, Double)]) {
        for scale in [Axis.Scale.linear, .logarithmic] {
            let axis = Axis("a", scale: scale)
            let svg = chart(points, x: axis, y: axis)
            let body = svg.drop { $0 != ">" }
            #expect(!body.contains("nan") && !body.contains("inf") && !body.contains("e+"))
            #expect(svg.hasSuffix("</svg>\n"))
            #expect(texts(svg).count < 60)
        }
        let isEmpty = points.isEmpty
        #expect(texts(chart(points)).contains("no data") == isEmpty)
    }

    @Test func aLineIsNotDrawnAcrossAGap() {
        let svg = chart([(0, 0), (1, 1), (2, .nan), (3, 1), (4, 0)])
        let path = svg.split(separator: "path d=\"")[1].prefix { $0 != "\"" }
        #expect(path.filter { $0 == "M" }.count == 2 && path.filter { $0 == "L" }.count == 2)
    }

    @Test func longLinesKeepTheirPeaks() {
        var points = (0..<200_000).map { (Double($0), 0.0) }
        points[123_457].1 = 1
        let svg = chart(points)
        #expect(svg.utf8.count < 300_000)
        let path = svg.split(separator: "path d=\"")[1].prefix { $0 != "\"" }
        let heights = path.split { "ML".contains($0) }.compactMap {
            $0.split(separator: " ").last.flatMap { Double($0) }
        }
        let (low, high) = (heights.min() ?? 0, heights.max() ?? 0)
        #expect(high - low > 250, "the peak is \(high - low) pixels high")
    }
}
