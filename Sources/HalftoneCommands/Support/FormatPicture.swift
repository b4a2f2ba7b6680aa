import Foundation
import HalftoneFormats

/// Every code of a format as text: a plot of values over codes, the levels on a line, and a list.
struct FormatPicture {
    private let format: NumberFormat

    /// Columns and rows of the plot, in characters of 2 × 4 dots.
    private static let size = (columns: 64, rows: 16)

    init(_ format: NumberFormat) { self.format = format }

    var text: String {
        let levels = format.levels
        let head =
            "\(format): \(format.bits) bits, \(levels.count) levels from "
            + "\(Self.number(levels[0])) to \(Self.number(levels[levels.count - 1]))"
        return [head, plot, line, list].joined(separator: "\n\n")
    }

    /// A number with as few digits as tell it apart.
    static func number(_ value: Float) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "−∞" : "∞" }
        let text = String(format: value.magnitude >= 1e6 ? "%.4g" : "%.5g", value)
        return text.replacingOccurrences(of: "-", with: "−")
    }

    /// Values over levels in order, as braille dots.
    private var plot: String {
        let levels = format.levels
        let (columns, rows) = Self.size
        var canvas = BrailleCanvas(columns: columns, rows: rows)
        // Powers of two over hundreds of orders of magnitude are drawn by their exponents.
        let isLogarithmic = levels[0] > 0 && levels[levels.count - 1] / levels[0] > 1e6
        let heights = levels.map { isLogarithmic ? log2(Double($0)) : Double($0) }
        let (low, high) = (heights[0], heights[heights.count - 1])
        for (index, height) in heights.enumerated() {
            let x = Double(index) / Double(max(heights.count - 1, 1))
            canvas.mark(x: x, y: (height - low) / max(high - low, .leastNormalMagnitude))
        }
        let labels = [levels[levels.count - 1], levels[0]].map(Self.number)
        let width = labels.map(\.count).max() ?? 0
        return canvas.lines.enumerated().map { row, line in
            let label = row == 0 ? labels[0] : row == rows - 1 ? labels[1] : ""
            return String(repeating: " ", count: width - label.count) + label + " ┤" + line
        }.joined(separator: "\n")
            + "\n" + String(repeating: " ", count: width) + " └"
            + String(repeating: "─", count: columns)
            + (isLogarithmic ? "  levels in order, logarithmic" : "  levels in order")
    }

    /// Where the levels lie: how many in each piece of the range.
    private var line: String {
        let levels = format.levels
        let columns = Self.size.columns
        var counts = [Int](repeating: 0, count: columns)
        let (low, high) = (Double(levels[0]), Double(levels[levels.count - 1]))
        for level in levels {
            let place = (Double(level) - low) / max(high - low, .leastNormalMagnitude)
            counts[min(Int(place * Double(columns)), columns - 1)] += 1
        }
        let most = Double(counts.max() ?? 1)
        let shades = Array(" ▁▂▃▄▅▆▇█")
        let bars = counts.map { count -> Character in
            count == 0 ? " " : shades[max(1, Int((Double(count) / most * 8).rounded()))]
        }
        let (first, last) = (Self.number(levels[0]), Self.number(levels[levels.count - 1]))
        let gap = max(columns - first.count - last.count, 1)
        return "where the levels are, at most \(Int(most)) in a column\n" + String(bars) + "\n"
            + first + String(repeating: " ", count: gap) + last
    }

    /// Codes in hexadecimal and their values, eight to a line.
    private var list: String {
        let values = format.values
        let cells = values.enumerated().map { code, value in
            String(format: "%02x ", code) + Self.number(value)
        }
        let width = (cells.map(\.count).max() ?? 0) + 2
        let perLine = min(8, max(values.count / 2, 1))
        return stride(from: 0, to: cells.count, by: perLine).map { first in
            let line = cells[first..<min(first + perLine, cells.count)].map {
                $0 + String(repeating: " ", count: width - $0.count)
            }.joined()
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}

/// Dots on a grid of braille characters, each 2 dots wide and 4 high.
struct BrailleCanvas {
    private let columns: Int
    private let rows: Int
    private var cells: [UInt32]

    init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        cells = [UInt32](repeating: 0, count: columns * rows)
    }

    /// Sets the dot at a place: 0 to 1 from left to right and from bottom to top.
    mutating func mark(x: Double, y: Double) {
        let column = min(Int(x * Double(2 * columns)), 2 * columns - 1)
        let row = min(Int((1 - y) * Double(4 * rows)), 4 * rows - 1)
        let bits: [[UInt32]] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]]
        cells[row / 4 * columns + column / 2] |= bits[column % 2][row % 4]
    }

    /// The rows from top to bottom.
    var lines: [String] {
        (0..<rows).map { row in
            String(
                String.UnicodeScalarView(
                    cells[row * columns..<(row + 1) * columns].compactMap {
                        $0 == 0 ? " " : Unicode.Scalar(0x2800 + $0)
                    }))
        }
    }
}
