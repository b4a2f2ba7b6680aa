/// A table for terminals: columns as wide as their longest cell, numbers to the right.
struct TextTable {
    private let headings: [String]
    private let isNumeric: [Bool]
    private var rows: [[String]] = []

    /// Starts a table.
    ///
    /// - Parameter columns: Headings; a column whose name begins with `#` is aligned to the right
    ///   and printed without the mark.
    init(_ columns: [String]) {
        headings = columns.map { $0.hasPrefix("#") ? String($0.dropFirst()) : $0 }
        isNumeric = columns.map { $0.hasPrefix("#") }
    }

    /// Adds a row; missing cells are empty.
    mutating func add(_ cells: [String]) {
        rows.append((0..<headings.count).map { $0 < cells.count ? cells[$0] : "" })
    }

    /// The table with a rule under the headings.
    var text: String {
        let widths = headings.indices.map { column in
            ([headings] + rows).map { $0[column].count }.max() ?? 0
        }
        func line(_ cells: [String]) -> String {
            let padded = cells.indices.map { column -> String in
                let gap = String(repeating: " ", count: widths[column] - cells[column].count)
                return isNumeric[column] ? gap + cells[column] : cells[column] + gap
            }
            var line = padded.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
        let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
        return ([line(headings), rule] + rows.map(line)).joined(separator: "\n")
    }
}
