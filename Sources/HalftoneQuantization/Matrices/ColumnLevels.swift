import Foundation
import HalftoneFormats

/// Codes with a number of levels for each column, before they are stored.
///
/// Levels lie evenly: over the range of a row, 0 among them, or symmetrically around 0 as far as
/// the scale of a group says. Columns of one group may have different numbers of levels; more of
/// them reach farther, as for normally distributed weights is best, so one scale serves all.
public struct ColumnLevels: Sendable, Equatable {
    /// What levels are spread over.
    public enum Spans: Sendable, Equatable {
        /// For each row a range that holds 0, its ends in F16.
        case ranges([ClosedRange<Float>])
        /// Scales of groups of columns.
        case groups(Groups)
    }

    /// Columns that share a scale.
    public struct Groups: Sendable, Equatable {
        /// How many; the last ones of a row may be fewer.
        public let size: Int
        /// `[rows, groups]`, in F16.
        public fileprivate(set) var scales: [Float]
        /// How many scales the outermost levels are away from 0, by number of levels, in F16.
        let reaches: [Float]

        init(size: Int, scales: [Float], reaches: [Float]) {
            self.size = size
            self.scales = scales
            self.reaches = reaches
        }
    }

    /// The levels of one column in one row: `(code − zero) · step`.
    public struct Grid: Sendable, Equatable {
        /// The distance between levels; 0 where there is one level or nothing but 0.
        public let step: Float
        /// The code of 0, or half a code above it.
        public let zero: Float
        private let top: Float
        private let inverse: Float

        init(step: Float, zero: Float, levels: Int) {
            self.step = step
            self.zero = zero
            top = Float(levels - 1)
            inverse = 1 / step
        }

        /// The code of the level nearest to a finite number; 0 without a step.
        public func code(of value: Float) -> UInt8 {
            guard step > 0, inverse.isFinite else { return 0 }
            let code = (value * inverse + zero).rounded(.toNearestOrEven)
            return UInt8(min(max(code, 0), top))
        }

        /// The level of a code.
        public func value(of code: UInt8) -> Float { (Float(code) - zero) * step }
    }

    /// 1 to 256 for each column; a column of one level is 0.
    public let levels: [Int]

    /// The number of rows.
    public let rows: Int

    /// What the levels are spread over.
    public private(set) var spans: Spans

    /// The codes, `[rows, columns]`, row after row, each below the levels of its column.
    public var codes: [UInt8]

    /// Starts with codes, ranges and scales of 0.
    ///
    /// - Parameters:
    ///   - levels: 1 to 256 for each column.
    ///   - rows: The number of rows.
    ///   - groupSize: Columns that share a scale, or nil for a range for each row.
    public init(levels: [Int], rows: Int, groupSize: Int?) {
        guard let groupSize else {
            let ranges = [ClosedRange<Float>](repeating: 0...0, count: rows)
            self.init(levels: levels, rows: rows, spans: .ranges(ranges))
            return
        }
        let groups = Granularity.group(groupSize).groupsPerRow(inFeatures: levels.count)
        let scales = [Float](repeating: 0, count: rows * groups)
        self.init(
            levels: levels, rows: rows,
            spans: .groups(Groups(size: groupSize, scales: scales, reaches: Self.normalReaches)))
    }

    /// Puts rows together.
    ///
    /// - Parameters:
    ///   - parts: Each of one row, with the same levels and groups.
    ///   - like: What all of them are like, also where there are none.
    public init(rows parts: [Self], like: Self) {
        precondition(
            parts.allSatisfy { $0.rows == 1 && $0.levels == like.levels },
            "rows of the same columns")
        switch like.spans {
        case .ranges:
            self.init(
                levels: like.levels, rows: parts.count, spans: .ranges(parts.flatMap(\.ranges)))
        case .groups(var groups):
            groups.scales = parts.flatMap(\.scales)
            self.init(levels: like.levels, rows: parts.count, spans: .groups(groups))
        }
        codes = parts.flatMap(\.codes)
    }

    init(levels: [Int], rows: Int, spans: Spans) {
        precondition(levels.allSatisfy { (1...256).contains($0) }, "a column has 1 to 256 levels")
        self.levels = levels
        self.rows = rows
        self.spans = spans
        codes = [UInt8](repeating: 0, count: levels.count * rows)
    }

    private var ranges: [ClosedRange<Float>] {
        if case .ranges(let ranges) = spans { ranges } else { [] }
    }

    private var scales: [Float] {
        if case .groups(let groups) = spans { groups.scales } else { [] }
    }

    /// The reaches of least squared error for numbers of the normal distribution, by number of
    /// levels.
    private static let normalReaches: [Float] =
        [0, 0] + (2...256).map { PartBytes.half(Float(NumberSource.normal.bestReach(levels: $0))) }
}

extension ColumnLevels {
    /// Chooses the range or the scales of a row.
    ///
    /// A range is that of the weights, 0 included. A group's scale is that of least error among 24
    /// from 0.6 to 1.8 times the root of the mean square of its weights.
    ///
    /// - Parameters:
    ///   - weights: Of the row, finite.
    ///   - row: The row.
    ///   - importance: What the squared error of each column counts; nil for 1.
    /// - Throws: `QuantizationError` for a row that F16 cannot hold.
    public mutating func fit(
        _ weights: ArraySlice<Float>, row: Int, importance: [Float]? = nil
    ) throws(QuantizationError) {
        switch spans {
        case .ranges(var ranges):
            // Not held twice while it is written to.
            spans = .ranges([])
            defer { spans = .ranges(ranges) }
            ranges[row] = try Self.range(weights, row: row)
        case .groups(var groups):
            spans = .ranges([])
            defer { spans = .groups(groups) }
            let perRow = Granularity.group(groups.size).groupsPerRow(inFeatures: levels.count)
            for group in 0..<perRow {
                let columns = group * groups.size..<min((group + 1) * groups.size, levels.count)
                let scale = scale(
                    columns, weights, reaches: groups.reaches, importance: importance)
                guard scale.isFinite else {
                    throw .badParts("row \(row): the scale \(scale) is beyond the range of F16")
                }
                groups.scales[row * perRow + group] = scale
            }
        }
    }

    /// The range of a row's weights, 0 included, as it is stored.
    private static func range(
        _ weights: ArraySlice<Float>, row: Int
    ) throws(QuantizationError) -> ClosedRange<Float> {
        let low = PartBytes.half(min(weights.min() ?? 0, 0))
        let high = PartBytes.half(max(weights.max() ?? 0, 0))
        guard low.isFinite, high.isFinite else {
            throw .badParts("row \(row): \(low)...\(high) is beyond the range of F16")
        }
        return low...high
    }

    /// A weight whose group looks for a scale.
    private struct Member {
        let weight: Float
        let cost: Float
        /// The distance between its levels, in scales.
        let step: Float
        /// The middle of its codes.
        let middle: Float

        /// What it is rounded to, in scales.
        func rounded(_ scale: Float) -> Float {
            let code = (weight / (scale * step) + middle).rounded(.toNearestOrEven)
            return (min(max(code, 0), 2 * middle) - middle) * step
        }
    }

    /// The scale of some columns with the least error, as it is stored.
    ///
    /// Each candidate is the start of one that fits the codes which it leads to in the sense of
    /// least squares: where one column's error costs more than all others together, that one is met.
    private func scale(
        _ columns: Range<Int>, _ weights: ArraySlice<Float>, reaches: [Float],
        importance: [Float]?
    ) -> Float {
        let members = columns.filter { levels[$0] > 1 }.map { column in
            let count = Float(levels[column])
            return Member(
                weight: weights[weights.startIndex + column], cost: importance?[column] ?? 1,
                step: 2 * reaches[levels[column]] / (count - 1), middle: (count - 1) / 2)
        }
        let squares = members.reduce(0) { $0 + $1.weight * $1.weight }
        guard squares > 0 else { return 0 }
        let usual = (squares / Float(members.count)).squareRoot()
        var best = (scale: PartBytes.half(usual), error: Float.infinity)
        var factor: Float = 0.6
        for _ in 0..<24 {
            let start = factor * usual
            factor *= 1.05
            var (product, square): (Float, Float) = (0, 0)
            for member in members {
                let value = member.rounded(start)
                product += member.cost * member.weight * value
                square += member.cost * value * value
            }
            let scale = PartBytes.half(square > 0 ? product / square : start)
            guard scale > 0, scale.isFinite else { continue }
            var error: Float = 0
            for member in members {
                let rest = member.weight - scale * member.rounded(scale)
                error += member.cost * rest * rest
            }
            if error < best.error { best = (scale, error) }
        }
        return best.scale
    }

    /// The levels of each column of a row.
    public func grids(row: Int) -> [Grid] {
        switch spans {
        case .ranges(let ranges):
            var known: [Int: Grid] = [1: Grid(step: 0, zero: 0, levels: 1)]
            for count in Set(levels) where count > 1 {
                let grid = AffineGrid(ranges[row], levels: count)
                known[count] = Grid(
                    step: grid.step, zero: Float(grid.zeroPoint), levels: count)
            }
            return levels.map { known[$0] ?? Grid(step: 0, zero: 0, levels: 1) }
        case .groups(let groups):
            let perRow = Granularity.group(groups.size).groupsPerRow(inFeatures: levels.count)
            return levels.enumerated().map { column, count in
                guard count > 1 else { return Grid(step: 0, zero: 0, levels: 1) }
                let scale = groups.scales[row * perRow + column / groups.size]
                let unit = 2 * groups.reaches[count] / Float(count - 1)
                return Grid(step: scale * unit, zero: Float(count - 1) / 2, levels: count)
            }
        }
    }

    /// Rounds the weights of a row to nearest.
    mutating func round(_ weights: ArraySlice<Float>, row: Int) {
        for (column, (grid, weight)) in zip(grids(row: row), weights).enumerated() {
            codes[row * levels.count + column] = grid.code(of: weight)
        }
    }

    /// The values, `[rows, columns]`.
    public var values: [Float] {
        (0..<rows).flatMap { row in
            zip(grids(row: row), codes[row * levels.count..<(row + 1) * levels.count])
                .map { grid, code in grid.value(of: code) }
        }
    }

    /// How many columns have which levels, the most levels first.
    public var classes: [MatrixForm.LevelClass] {
        var counts: [Int: Int] = [:]
        for one in levels { counts[one, default: 0] += 1 }
        return counts.sorted { $0.key > $1.key }.map { .init(levels: $0.key, columns: $0.value) }
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
    /// - Throws: `QuantizationError` for a range or a scale that F16 cannot hold.
    public func stored() throws(QuantizationError) -> StoredMatrix {
        let groupSize = if case .groups(let groups) = spans { groups.size } else { nil as Int? }
        let form = ColumnLevelsForm(classes: classes, groupSize: groupSize)
        var parts = try form.parts(self)[...]
        return try StoredMatrix(
            form: .columnLevels(classes, group: groupSize), rows: rows, columns: levels.count
        ) { _ in parts.removeFirst() }
    }
}
