import Foundation
import HalftoneModels
import HalftoneReport

extension HeatMap {
    /// A value of each matrix of the blocks, by block and part; those of embedding and head are
    /// written into the note.
    ///
    /// - Parameters:
    ///   - title: What it shows.
    ///   - note: Begins the note.
    ///   - blocks: Of the model.
    ///   - values: Of matrices, in the order of the model.
    ///   - scale: What values are.
    init(
        _ title: String, note: String = "", blocks: Int, values: [(Role, Double)], scale: Axis
    ) {
        var parts: [Role.Part] = []
        for (role, _) in values where role.block != nil && !parts.contains(role.part) {
            parts.append(role.part)
        }
        var grid = [[Double]](
            repeating: [Double](repeating: .nan, count: parts.count), count: blocks)
        for (role, value) in values {
            guard let block = role.block, let column = parts.firstIndex(of: role.part) else {
                continue
            }
            grid[block][column] = value
        }
        let tables = values.filter { $0.0.block == nil }.map { role, value in
            "\(role.part): \(Formatting.short(value))"
        }
        self.init(
            title, note: ([note] + tables).filter { !$0.isEmpty }.joined(separator: ", "),
            rows: (0..<blocks).map { "block \($0)" }, columns: parts.map(\.rawValue), values: grid,
            scale: scale)
    }
}
