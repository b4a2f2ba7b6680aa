import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneQuantization
import Synchronization

/// Finds the zero point of each group for which large errors count less than their squares, without
/// any data.
///
/// The scale is the least that covers the group. Then two steps take turns: the errors are split
/// into a sparse part and the rest by generalized soft thresholding, `sign(e) · max(|e| − |e|^(p−1)
/// / β, 0)`, and the zero point becomes the mean of `code − (w − sparse) / scale`; `β` grows each
/// turn. Errors below `β^(−1/(2−p))`, 0.17 at first, are never sparse: where all weights are that
/// small, as in many language models, the zero point is what makes the mean error vanish.
///
/// Source: H. Badri and A. Shaji, "Half-Quadratic Quantization of Large Machine Learning Models",
/// 2023, and its program (`optimize_weights_proximal_legacy` in `mobiusml/hqq`).
/// Departs from it in these places: zero points are rounded to the 16 bits they are stored in at
/// each turn; a group stops, and keeps its best, by its own sum of `|e|^p`, where the program looks
/// at the mean error of the whole matrix; zero is in every range; and at 4 bits the first zero
/// point is not rounded to a code.
public struct HQQ: MatrixMethod {
    /// Bits of a code, 1 to 8.
    public var bits: Int

    /// Weights of a row that share scale and zero point.
    public var groupSize: Int

    /// The exponent of errors, `p`, below 1.
    public var exponent = 0.7

    /// What the sparse part costs at first, `β`.
    public var sharpness = 10.0

    /// By what ``sharpness`` grows each turn.
    public var growth = 1.01

    /// Turns at most.
    public var turns = 20

    /// Creates the method with the paper's settings.
    public init(bits: Int = 4, groupSize: Int = 64) {
        precondition((1...8).contains(bits) && groupSize >= 1, "1 to 8 bits in groups of 1 or more")
        self.bits = bits
        self.groupSize = groupSize
    }

    /// Nothing.
    public var inputDetail: InputStatistics.Detail { .none }

    private var format: IntegerFormat { IntegerFormat(bits: bits, symmetric: false) }

    /// Stores one matrix; see `MatrixMethod.stored(_:inputs:pool:)`.
    ///
    /// - Complexity: O(`rows` · `columns` · ``turns``).
    public func stored(
        _ weight: any WeightMatrix, inputs: InputStatistics? = nil, pool: WorkerPool
    ) throws(QuantizationError) -> StoredMatrix {
        let (rows, columns) = (weight.rows, weight.columns)
        let values = weight.decoded()
        try RowPlan.checkFinite(values, row: 0, columns: columns)
        let groups = Granularity.group(groupSize).groupsPerRow(inFeatures: columns)
        let none = ScaleChoice(scale: 0, zero: 0)
        let found = Mutex([ScaleChoice](repeating: none, count: rows * groups))
        pool.split(rows, grain: 8) { range in
            let choices = range.flatMap { row in
                stride(from: 0, to: columns, by: groupSize).map { first in
                    let last = min(first + groupSize, columns)
                    return choice(values[row * columns + first..<row * columns + last])
                }
            }
            found.withLock {
                $0.replaceSubrange(
                    range.lowerBound * groups..<range.upperBound * groups, with: choices)
            }
        }
        let choices = found.withLock { $0 }
        return try StoredMatrix(
            values, rows: rows, columns: columns, format: NumberFormat(.integer(format)),
            granularity: .group(groupSize), scales: choices.map(\.scale),
            zeros: choices.map(\.zero), storedAs: .float16)
    }

    /// Scale and zero point of a group.
    ///
    /// - Parameter values: Finite.
    /// - Returns: As they are stored; an infinite scale where 16 bits have none that covers.
    public func choice(_ values: ArraySlice<Float>) -> ScaleChoice {
        let codec = ScaleCodec(.float16)
        let cover = ScaleFinder(format, scales: codec).covering(values)
        guard cover.scale > 0, cover.scale.isFinite else { return cover }
        let scale = Double(cover.scale)
        func stored(_ zero: Double) -> Double { Double(codec.nearest(Float(zero))) }
        var zero = stored(-Double(min(values.min() ?? 0, 0)) / scale)
        var best = (zero: zero, error: Double.infinity)
        for turn in 0...turns {
            let sharpness = sharpness * pow(growth, Double(turn))
            var error = 0.0
            var sum = 0.0
            for value in values {
                let value = Double(value)
                let steps = (value / scale + zero).rounded(.toNearestOrEven)
                let code = min(max(steps, 0), Double(format.maximumCode))
                let rest = value - scale * (code - zero)
                let size = rest.magnitude
                error += pow(size, exponent)
                let sparse = max(size - pow(size, exponent - 1) / sharpness, 0)
                sum += code - (value - (rest < 0 ? -sparse : sparse)) / scale
            }
            guard error < best.error else { break }
            best = (zero, error)
            zero = stored(sum / Double(values.count))
        }
        return ScaleChoice(scale: cover.scale, zero: Float(best.zero))
    }
}
