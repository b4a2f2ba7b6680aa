import HalftoneKernels
import HalftoneQuantization
import Synchronization

/// Rounds the columns of a matrix one after another and lets the columns that are still to come
/// make up for each error, so that the layer's outputs on the calibration text change least.
///
/// With `H` the mean of `x·xᵀ` over tokens, damped, and `U` the upper Cholesky factor of `H⁻¹`
/// (`H⁻¹ = UᵀU`), rounding column *j* of a row by `δ = w_j − q_j` costs at least `δ² / U_jj²` of
/// squared output per token, which changing the later columns by `−δ · U_jk / U_jj` reaches.
/// Rows do not depend on each other. This is the base of methods that differ in how a column is
/// rounded: they bring a ``ColumnQuantizer``.
///
/// Source: E. Frantar, S. Ashkboos, T. Hoefler and D. Alistarh, "GPTQ", ICLR 2023,
/// arXiv:2210.17323, Algorithm 1. Departs from it in one place: features that never occur in the
/// text are rounded to nearest, where the authors' program sets their weights to zero.
public struct ErrorCompensation: Sendable {
    /// In which order columns are rounded.
    public enum Order: String, Sendable, CaseIterable, Codable {
        /// As they stand.
        case natural
        /// The features with the largest mean square first (`act-order` of the authors' program).
        case activation
    }

    /// The columns in the order of rounding.
    public let columns: [Int]

    /// What an error of each column costs at its turn, `1 / U_jj²`, by place in the order.
    public let costs: [Float]

    /// ``costs`` by column.
    public var costsByColumn: [Float] { costs[...].byColumn(columns) }

    /// `U` in the order of rounding, row after row, each divided by its diagonal element.
    private let factor: FloatArray

    /// How much the variance of a column has grown by its turn, mean over columns, if errors of all columns
    /// have a variance of 1 and nothing to do with each other: the mean over `k` of `Σ_{j<k} U_jk² / U_jj²`.
    public let handedOn: Double

    /// Columns between two updates of all that follow.
    private static let blockColumns = 128

    /// Rows that are rounded together.
    private static let tileRows = 32

    /// Factorizes the second moments of a layer's inputs.
    ///
    /// - Parameters:
    ///   - inputs: With the sum of `x·xᵀ`.
    ///   - damping: The share of the mean of the diagonal, of features that occur, that is added to
    ///     it. When there is no factor, ten times as much is tried, up to 1.
    ///   - order: In which columns are rounded.
    ///   - pool: The threads to use; the result does not depend on their number.
    /// - Throws: `QuantizationError.badStatistics` without second moments, or when they have no
    ///   factor.
    /// - Complexity: 4/3 · width³ operations in float64, 16 · width² bytes for a moment.
    public init(
        _ inputs: InputStatistics, damping: Double = 0.01, order: Order = .natural,
        pool: WorkerPool = .current
    ) throws(QuantizationError) {
        guard let gram = inputs.gram, inputs.tokenCount > 0 else {
            throw .badStatistics("error compensation needs the second moments of the inputs")
        }
        let width = inputs.width
        let tokens = Double(inputs.tokenCount)
        var diagonal = gram.diagonal.map { Double($0) / tokens }
        guard diagonal.allSatisfy(\.isFinite) else {
            throw .badStatistics("the second moments of the inputs are not finite")
        }
        let alive = diagonal.filter { $0 > 0 }
        let mean = alive.isEmpty ? 1 : alive.reduce(0, +) / Double(alive.count)
        for index in diagonal.indices where diagonal[index] <= 0 { diagonal[index] = mean }
        let columns =
            order == .natural
            ? Array(0..<width)
            : (0..<width).sorted { (diagonal[$0], $1) > (diagonal[$1], $0) }
        self.columns = columns
        var share = damping
        while true {
            var moments = gram.matrix(order: columns, dividedBy: tokens, pool: pool)
            for (place, column) in columns.enumerated() {
                moments[place, place] = diagonal[column] + share * mean
            }
            if let upper = try? moments.upperFactorOfInverse(pool: pool) {
                (factor, costs, handedOn) = Self.byDiagonal(upper.elements, width: width)
                return
            }
            guard share < 1 else {
                throw .badStatistics("the second moments of the inputs are not positive definite")
            }
            share = max(10 * share, 1e-6)
        }
    }

    /// The rows of `U` over its diagonal, `1 / U_jj²`, and ``handedOn``.
    private static func byDiagonal(
        _ upper: [Double], width: Int
    ) -> (FloatArray, [Float], Double) {
        var squares = 0.0
        let factor = FloatArray(count: width * width) { span in
            for row in 0..<width {
                let inverse = 1 / upper[row * width + row]
                for place in row * width..<(row + 1) * width {
                    let share = upper[place] * inverse
                    span[place] = Float(share)
                    squares += share * share
                }
            }
        }
        let costs = (0..<width).map { row in
            let diagonal = upper[row * width + row]
            return Float(1 / (diagonal * diagonal))
        }
        // But for the diagonal, which is 1, and what is below it, which is 0.
        return (factor, costs, squares / Double(max(width, 1)) - 1)
    }
}

extension ArraySlice {
    /// Values in the order of rounding, put where their columns are.
    ///
    /// - Parameter columns: The column of each place, all of them once.
    func byColumn(_ columns: [Int]) -> [Element] {
        var result = Array(self)
        for (column, value) in zip(columns, self) { result[column] = value }
        return result
    }
}

/// How the columns of one row are rounded, in turn.
public protocol ColumnQuantizer: Sendable {
    /// Sees weights of the row before the first of them is rounded, with what earlier columns
    /// have handed on: a group that is to have a scale of its own, or the whole row.
    ///
    /// - Parameters:
    ///   - place: The first one's place in the order of rounding.
    ///   - weights: The weights in that order.
    mutating func begin(at place: Int, _ weights: ArraySlice<Float>) throws(QuantizationError)

    /// Rounds a weight.
    ///
    /// - Parameters:
    ///   - weight: With what earlier columns have handed on.
    ///   - place: Its place in the order of rounding.
    /// - Returns: The value that is stored.
    mutating func round(_ weight: Float, at place: Int) -> Float
}

extension ErrorCompensation {
    /// Rounds all rows of a matrix.
    ///
    /// - Parameters:
    ///   - weight: `[rows, width]`.
    ///   - groupSize: Places in the order of rounding that a quantizer sees together beforehand.
    ///   - pool: The threads to use; no result depends on their number.
    ///   - makeQuantizer: Makes the quantizer of a row.
    ///   - take: Called with each row's quantizer when the row is rounded, from several threads.
    /// - Returns: What each column cost, by place in the order, summed over rows: together the
    ///   squared change of the layer's outputs per token (plus what the damping adds).
    /// - Throws: `QuantizationError` for a weight that is not finite, and what quantizers throw.
    /// - Complexity: `rows` · `width`² multiplications and additions.
    func round<Quantizer: ColumnQuantizer>(
        _ weight: any WeightMatrix, groupSize: Int, pool: WorkerPool,
        makeQuantizer: (Int) -> Quantizer, take: (Int, Quantizer) -> Void
    ) throws(QuantizationError) -> [Double] {
        let width = columns.count
        precondition(weight.columns == width, "the statistics are of this layer's inputs")
        let blocks = Self.blocks(width: width, groupSize: groupSize)
        let tiles = (weight.rows + Self.tileRows - 1) / Self.tileRows
        let losses = Mutex([[Double]](repeating: [], count: tiles))
        try pool.splitRows(weight.rows, grain: Self.tileRows) {
            range throws(QuantizationError) in
            for first in stride(from: range.lowerBound, to: range.upperBound, by: Self.tileRows) {
                let rows = first..<min(first + Self.tileRows, range.upperBound)
                var tile = CompensatedTile(rows, of: weight, columns: columns)
                try tile.checkFinite(weight)
                var quantizers = rows.map(makeQuantizer)
                for block in blocks {
                    try tile.round(
                        block, groupSize: groupSize, factor: factor, costs: costs, &quantizers)
                }
                for (row, quantizer) in zip(rows, quantizers) { take(row, quantizer) }
                losses.withLock { $0[first / Self.tileRows] = tile.losses }
            }
        }
        var sum = [Double](repeating: 0, count: width)
        for tile in losses.withLock({ $0 }) {
            for place in tile.indices { sum[place] += tile[place] }
        }
        return sum
    }

    /// Cuts the places into blocks such that no group that begins within a block ends behind it.
    private static func blocks(width: Int, groupSize: Int) -> [Range<Int>] {
        var blocks: [Range<Int>] = []
        var first = 0
        while first < width {
            var end = min(first + blockColumns, width)
            let group = end / groupSize * groupSize
            if end < width, group > first { end = group }
            blocks.append(first..<end)
            first = end
        }
        return blocks
    }
}

/// Some rows of a matrix in the order of rounding, while their columns are rounded.
private struct CompensatedTile {
    private let rows: Range<Int>
    private let width: Int
    private var weights: [Float]
    private(set) var losses: [Double]

    init(_ rows: Range<Int>, of weight: any WeightMatrix, columns: [Int]) {
        self.rows = rows
        width = columns.count
        losses = [Double](repeating: 0, count: width)
        weights = [Float](repeating: 0, count: rows.count * width)
        let isNatural = columns.elementsEqual(0..<width)
        var values = [Float](repeating: 0, count: width)
        for (index, row) in rows.enumerated() {
            if isNatural {
                weight.decode(row: row, into: &weights, at: index * width)
                continue
            }
            weight.decode(row: row, into: &values)
            for (place, column) in columns.enumerated() {
                weights[index * width + place] = values[column]
            }
        }
    }

    func checkFinite(_ weight: any WeightMatrix) throws(QuantizationError) {
        guard !weights.allSatisfy(\.isFinite) else { return }
        var values = [Float](repeating: 0, count: width)
        for row in rows {
            weight.decode(row: row, into: &values)
            try RowPlan.checkFinite(values, row: row, columns: width)
        }
    }

    /// Rounds a block of columns and hands its errors on to all that follow.
    mutating func round(
        _ block: Range<Int>, groupSize: Int, factor: FloatArray, costs: [Float],
        _ quantizers: inout [some ColumnQuantizer]
    ) throws(QuantizationError) {
        var errors = [Float](repeating: 0, count: rows.count * block.count)
        for row in 0..<rows.count {
            let base = row * width
            for place in block {
                if place % groupSize == 0 {
                    let end = min(place + groupSize, width)
                    try quantizers[row].begin(
                        at: place, weights[base + place..<base + end])
                }
                let value = weights[base + place]
                let error = value - quantizers[row].round(value, at: place)
                losses[place] += Double(error * error * costs[place])
                errors[row * block.count + place - block.lowerBound] = error
                guard error != 0 else { continue }
                RowUpdate.subtract(
                    error, factor, at: place * width + place + 1,
                    count: block.upperBound - place - 1, from: &weights, at: base + place + 1)
            }
        }
        let rest = width - block.upperBound
        guard rest > 0 else { return }
        RowUpdate.subtract(
            errors, rows: rows.count, depth: block.count, factor,
            at: block.lowerBound * width + block.upperBound, stride: width, count: rest,
            from: &weights, at: block.upperBound, stride: width)
    }
}
