import Foundation
import HalftoneCompression
import HalftoneModels
import HalftoneReport

/// What parts of a model are worth, as a table, pictures and a page.
struct WorthReport {
    /// What the user called the model.
    let model: String
    /// What was measured.
    let file: SensitivityFile
    /// Blocks of the model.
    let blocks: Int

    private let map: SensitivityMap

    /// Rows of a table for a terminal.
    private static let mostRows = 40

    init(model: String, file: SensitivityFile, blocks: Int) {
        self.model = model
        self.file = file
        self.blocks = blocks
        map = file.map
    }

    /// The names of the ways, in their order.
    private var names: [String] {
        var found: [String] = []
        for choice in map.units.flatMap(\.choices) where !found.contains(choice.name) {
            found.append(choice.name)
        }
        return found
    }

    private func cost(_ unit: SensitivityMap.Unit, _ name: String) -> Double? {
        unit.choices.first { $0.name == name }?.cost
    }

    /// Units of one matrix or one block, in the order of the model.
    private var groups: [(name: String, units: [SensitivityMap.Unit])] {
        var found: [(name: String, units: [SensitivityMap.Unit])] = []
        for unit in map.units {
            if found.last?.name == unit.name {
                found[found.count - 1].units.append(unit)
            } else {
                found.append((unit.name, [unit]))
            }
        }
        return found
    }

    private var title: String {
        "What \(map.partition.title) of \(URL(filePath: model).lastPathComponent) are worth"
    }

    private var note: String {
        "by \(file.measure.rawValue), on \(Formatting.grouped(file.tokenCount)) tokens; each part "
            + "alone, the rest float"
    }
}

extension WorthReport {
    /// The table for a terminal.
    var text: String {
        let (columns, rows) = table
        var table = TextTable(columns.enumerated().map { $0 == 0 ? $1 : "#" + $1 })
        for row in rows.prefix(Self.mostRows) { table.add(row) }
        var lines = ["\(title), \(map.unit.title)", note, "", table.text]
        if rows.count > Self.mostRows {
            lines.append(
                "the \(Self.mostRows) that lose most of \(rows.count); --chart FILE.html and --json "
                    + "have all")
        }
        return lines.joined(separator: "\n")
    }

    /// All rows, what loses most first.
    private var table: (columns: [String], rows: [[String]]) {
        map.partition.isWithinMatrices ? tableOfParts : tableOfWholes
    }

    private var tableOfWholes: (columns: [String], rows: [[String]]) {
        let names = names
        let sorted = map.units.sorted { worst($0) > worst($1) }
        return (
            ["matrix", "weights"] + names,
            sorted.map { unit in
                [unit.name, Formatting.grouped(unit.weightCount)]
                    + names.map { cost(unit, $0).map(Self.short) ?? "—" }
            }
        )
    }

    private func worst(_ unit: SensitivityMap.Unit) -> Double {
        unit.choices.map(\.cost).max() ?? 0
    }

    private var tableOfParts: (columns: [String], rows: [[String]]) {
        let rows = groups.flatMap { group in
            names.compactMap { name -> (Double, [String])? in
                let parts = group.units.compactMap { unit in
                    cost(unit, name).map { (unit.range ?? 0..<0, $0) }
                }
                guard let largest = parts.max(by: { $0.1 < $1.1 }) else { return nil }
                let costs = parts.map(\.1).sorted()
                let sum = costs.reduce(0, +)
                let middle = costs[costs.count / 2]
                let row =
                    [group.name, name, "\(parts.count)"]
                    + [sum, costs[0], middle, largest.1].map(Self.short)
                return (
                    sum,
                    row + [
                        Self.text(of: largest.0),
                        sum > 0 ? Formatting.decimal(100 * largest.1 / sum, 1) + " %" : "—",
                    ]
                )
            }
        }
        return (
            [
                "matrix", "stored as", "parts", "sum", "least", "median", "largest", "which",
                "its share",
            ], rows.sorted { $0.0 > $1.0 }.map(\.1)
        )
    }

    private static func text(of range: Range<Int>) -> String {
        range.count == 1
            ? "\(range.lowerBound)" : "\(range.lowerBound)–\(range.upperBound - 1)"
    }

    private static func short(_ value: Double) -> String { Formatting.short(value, 3) }
}

extension WorthReport {
    /// A map for each way to store parts; by layer one for all.
    var figures: [Figure] {
        switch map.partition {
        case .layer: [layers]
        case .tensor: names.compactMap(blockMap)
        case .channels, .columns, .planes: names.compactMap(parts)
        }
    }

    private var axis: Axis {
        let isPositive = map.units.allSatisfy { $0.choices.allSatisfy { $0.cost >= 0 } }
        return Axis(map.unit.title, scale: isPositive ? .logarithmic : .linear)
    }

    private var layers: Figure {
        let names = names
        return .heatMap(
            HeatMap(
                title, note: note, rows: map.units.map(\.name), columns: names,
                values: map.units.map { unit in names.map { cost(unit, $0) ?? .nan } },
                scale: axis))
    }

    private func blockMap(_ name: String) -> Figure? {
        let costs = map.units.compactMap { unit in
            cost(unit, name).map { (unit.roles[0], $0) }
        }
        guard costs.contains(where: { $0.0.block != nil }) else { return nil }
        return .heatMap(
            HeatMap(
                "\(title), as \(name)", note: note, blocks: blocks, values: costs, scale: axis))
    }

    private func parts(_ name: String) -> Figure? {
        let rows = groups.compactMap { group -> (name: String, costs: [Double])? in
            let costs = group.units.compactMap { cost($0, name) }
            return costs.isEmpty ? nil : (group.name.replacing("blocks.", with: ""), costs)
        }
        guard let columns = rows.map(\.costs.count).max() else { return nil }
        let values = rows.map { row in
            row.costs + [Double](repeating: .nan, count: columns - row.costs.count)
        }
        return .heatMap(
            HeatMap(
                "\(title), as \(name)", note: note, rows: rows.map(\.name),
                columns: (0..<columns).map { "\($0)" }, values: values, scale: axis))
    }

    /// All figures and the whole table.
    func page() throws -> Page {
        let (columns, rows) = table
        return Page(
            title,
            parts: [
                .text(
                    "What the model loses when a part of it is stored in few bits and the rest "
                        + "stays float: \(map.unit.title), \(note). Codes are found by error "
                        + "compensation.")
            ] + figures.map { .figure($0) } + [
                .table(Table("\(map.unit.title)", columns: columns, rows: rows))
            ])
    }

    /// What `--json` prints.
    struct Document: Encodable {
        let model: String
        let sensitivity: SensitivityMeasure
        let unit: String
        let tokens: Int
        let by: SensitivityMap.Partition
        let parts: [Part]

        struct Part: Encodable {
            let name: String
            let from: Int?
            let to: Int?
            let weights: Int
            let costs: [String: Double]
        }
    }

    var document: Document {
        Document(
            model: model, sensitivity: file.measure, unit: map.unit.title, tokens: file.tokenCount,
            by: map.partition,
            parts: map.units.map { unit in
                Document.Part(
                    name: unit.name, from: unit.range?.lowerBound, to: unit.range?.upperBound,
                    weights: unit.weightCount,
                    costs: Dictionary(unit.choices.map { ($0.name, $0.cost) }) { first, _ in first }
                )
            })
    }
}
