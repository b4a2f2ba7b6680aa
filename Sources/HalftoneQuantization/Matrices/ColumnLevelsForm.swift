import Foundation
import HalftoneFormats
import HalftoneKernels

/// A range for each row and a number of levels for each column: what a code stands for depends on
/// both, `AffineGrid(low...high, levels:)`.
///
/// A column of one level is 0 and has no codes. The columns with the largest `Σ w·x²` are the first
/// class.
///
/// Source: "BAQ: Efficient Bit Allocation Quantization for Large Language Models",
/// arXiv:2506.05664, whose columns have whole numbers of levels.
///
/// Parts: `levels` U8 `[columns]`, each less one; `lows` and `highs` F16 `[rows]`; for each class
/// of two levels or more `codes0`, `codes1` and so on, U8: the codes of its columns in the order of
/// the matrix, one column after another, as one stream.
struct ColumnLevelsForm: MatrixCoding {
    let classes: [MatrixForm.LevelClass]

    func layout(_ rows: Int, _ columns: Int) throws(QuantizationError) -> [PartLayout] {
        let sum = classes.reduce(0) { $0 + min(max($1.columns, -1), 1 << 30) }
        guard classes.count <= 256, Set(classes.map(\.levels)).count == classes.count,
            classes.allSatisfy({ $0.columns >= 0 && (1...256).contains($0.levels) }),
            sum == columns
        else {
            throw .badForm(
                "columns of \(classes.map { "\($0.columns) × \($0.levels)" }) levels are not "
                    + "\(columns) columns of 1 to 256 levels, each number of levels once")
        }
        var parts = [
            PartLayout("levels", .uint8, [columns]), PartLayout("lows", .float16, [rows]),
            PartLayout("highs", .float16, [rows]),
        ]
        for (index, one) in classes.enumerated() where one.levels > 1 {
            let bytes = CodeRows(values: one.levels).byteCount(columns: rows * one.columns)
            parts.append(PartLayout("codes\(index)", .uint8, [bytes]))
        }
        return parts
    }

    func encode(_ source: MatrixValues) throws(QuantizationError) -> [Bytes] {
        let (rows, columns) = (source.rows, source.columns)
        var levels = [Int](repeating: 1, count: columns)
        var rest = source.columnsByWeight[...]
        for one in classes {
            for column in rest.prefix(one.columns) { levels[column] = one.levels }
            rest = rest.dropFirst(one.columns)
        }
        var ranges: [ClosedRange<Float>] = []
        for row in 0..<rows {
            let weights = source.values[row * columns..<(row + 1) * columns]
            ranges.append(try ColumnLevels.range(weights, row: row))
        }
        var codes = ColumnLevels(levels: levels, ranges: ranges)
        for row in 0..<rows {
            let grids = codes.grids(row: row)
            for column in 0..<columns {
                guard let grid = grids[levels[column]] else { continue }
                let place = row * columns + column
                codes.codes[place] = UInt8(grid.code(of: source.values[place]))
            }
        }
        return try parts(codes)
    }

    /// The parts of codes whose columns have the levels of the classes.
    func parts(_ codes: ColumnLevels) throws(QuantizationError) -> [Bytes] {
        let (rows, columns) = (codes.ranges.count, codes.levels.count)
        var parts = [
            Bytes(codes.levels.map { UInt8($0 - 1) }),
            try PartBytes.halves(codes.ranges.map(\.lowerBound), "lows"),
            try PartBytes.halves(codes.ranges.map(\.upperBound), "highs"),
        ]
        for one in classes where one.levels > 1 {
            let members = codes.levels.indices.filter { codes.levels[$0] == one.levels }
            let list = members.flatMap { column in
                (0..<rows).map { Int(codes.codes[$0 * columns + column]) }
            }
            parts.append(
                CodeRows(values: one.levels).encode(list, rows: 1, columns: list.count))
        }
        return parts
    }

    func decode(
        _ reader: inout PartReader, _ rows: Int, _ columns: Int
    ) throws(QuantizationError) -> [Float] {
        let levels = reader.bytes().array.map { Int($0) + 1 }
        let lows = try reader.floats(.float16)
        let highs = try reader.floats(.float16)
        guard zip(lows, highs).allSatisfy({ $0 <= 0 && $1 >= 0 }) else {
            throw .badParts("the range of a row does not hold 0")
        }
        var codes = ColumnLevels(levels: levels, ranges: zip(lows, highs).map { $0...$1 })
        guard Set(codes.classes) == Set(classes.filter { $0.columns > 0 }) else {
            throw .badParts("the levels of the columns are not those of the form")
        }
        for one in classes where one.levels > 1 {
            let members = levels.indices.filter { levels[$0] == one.levels }
            let list = CodeRows(values: one.levels).decode(
                reader.bytes(), rows: 1, columns: rows * one.columns)
            for (place, code) in list.enumerated() {
                let (member, row) = place.quotientAndRemainder(dividingBy: rows)
                codes.codes[row * columns + members[member]] = UInt8(code)
            }
        }
        return codes.values
    }
}

/// Codes with a range for each row and a number of levels for each column, before they are stored.
public struct ColumnLevels: Sendable, Equatable {
    /// 1 to 256 for each column; a column of one level is 0.
    public let levels: [Int]

    /// For each row a range that holds 0, its ends in F16.
    public let ranges: [ClosedRange<Float>]

    /// The codes, `[rows, columns]`, row after row, each below the levels of its column.
    public var codes: [UInt8]

    /// Starts with codes of 0.
    public init(levels: [Int], ranges: [ClosedRange<Float>]) {
        precondition(levels.allSatisfy { (1...256).contains($0) }, "a column has 1 to 256 levels")
        self.levels = levels
        self.ranges = ranges
        codes = [UInt8](repeating: 0, count: levels.count * ranges.count)
    }

    /// The range of a row's weights, 0 included, as it is stored.
    ///
    /// - Throws: `QuantizationError` for a row that F16 cannot hold.
    public static func range(
        _ weights: ArraySlice<Float>, row: Int
    ) throws(QuantizationError) -> ClosedRange<Float> {
        let low = PartBytes.half(min(weights.min() ?? 0, 0))
        let high = PartBytes.half(max(weights.max() ?? 0, 0))
        guard low.isFinite, high.isFinite else {
            throw .badParts("row \(row): \(low)...\(high) is beyond the range of F16")
        }
        return low...high
    }

    /// How many columns have which levels, the most levels first.
    public var classes: [MatrixForm.LevelClass] {
        var counts: [Int: Int] = [:]
        for one in levels { counts[one, default: 0] += 1 }
        return counts.sorted { $0.key > $1.key }.map { .init(levels: $0.key, columns: $0.value) }
    }

    /// What the codes of a row stand for, by the levels of their columns; none for one level.
    public func grids(row: Int) -> [Int: AffineGrid] {
        Self.grids(Set(levels), ranges[row])
    }

    /// The grids of a row, by numbers of levels.
    public static func grids(
        _ levels: Set<Int>, _ range: ClosedRange<Float>
    ) -> [Int: AffineGrid] {
        var grids: [Int: AffineGrid] = [:]
        for one in levels where one > 1 { grids[one] = AffineGrid(range, levels: one) }
        return grids
    }

    /// The values, `[rows, columns]`.
    public var values: [Float] {
        var values = [Float](repeating: 0, count: codes.count)
        for row in ranges.indices {
            let grids = grids(row: row)
            for (column, count) in levels.enumerated() {
                guard let grid = grids[count] else { continue }
                let place = row * levels.count + column
                values[place] = grid.value(of: Int(codes[place]))
            }
        }
        return values
    }

    /// The mean over columns of the binary logarithm of their levels: what an entropy coder would
    /// need for codes that are all equally likely.
    public var meanBits: Double { Self.meanBits(levels) }

    /// The mean of the binary logarithms of numbers of levels.
    public static func meanBits(_ levels: [Int]) -> Double {
        levels.reduce(0) { $0 + log2(Double($1)) } / Double(max(levels.count, 1))
    }

    /// Stores the codes.
    ///
    /// - Throws: `QuantizationError` for a range that F16 cannot hold.
    public func stored() throws(QuantizationError) -> StoredMatrix {
        let form = ColumnLevelsForm(classes: classes)
        var parts = try form.parts(self)[...]
        return try StoredMatrix(
            form: .columnLevels(classes), rows: ranges.count, columns: levels.count
        ) { _ in parts.removeFirst() }
    }
}
