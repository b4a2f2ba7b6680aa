import HalftoneFormats
import HalftoneKernels
import Synchronization

/// Rounds every weight to its nearest level, each group with a scale of its own.
///
/// Scales are rounded to the format they are stored in first, and codes with those scales, so that
/// nothing is lost between the search and the file. With `ScaleSearch.absmax` no weight is off
/// by more than half a step; with `ScaleSearch.leastError` no group has a larger squared error
/// than that.
public struct RoundToNearest: WeightMethod {
    /// Whether the squared error of each column counts, in searches, the mean square of its
    /// inputs, where they are known.
    public var weighsInputs: Bool

    /// Creates the method.
    public init(weighsInputs: Bool = false) { self.weighsInputs = weighsInputs }

    /// Sums by feature, if they are used.
    public var inputDetail: InputStatistics.Detail { weighsInputs ? .features : .none }

    /// Quantizes one matrix; see ``WeightMethod/quantize(_:scheme:inputs:pool:)``.
    ///
    /// - Complexity: O(`rows` · `columns`); `ScaleSearch.leastError` goes through the values of a
    ///   group once for each scale that it tries. One scale per tensor, and 8-bit scales, need the
    ///   weights twice.
    public func quantize(
        _ weight: any WeightMatrix, scheme: WeightScheme, inputs: InputStatistics? = nil,
        pool: WorkerPool
    ) throws(QuantizationError) -> QuantizedTensor {
        let (rows, columns) = (weight.rows, weight.columns)
        let plan = try RowPlan(
            weight, scheme: scheme, importance: weighsInputs ? inputs?.meanSquares : nil,
            pool: pool)
        let rowBytes = PackedCodes.bytesPerRow(columns: columns, bits: scheme.format.bits)
        let groups = plan.shared == nil ? scheme.granularity.groupsPerRow(inFeatures: columns) : 0
        let all = Mutex(QuantizedRows(rows: rows, rowBytes: rowBytes, groups: groups))
        try pool.splitRows(rows) { range throws(QuantizationError) in
            let part = try quantizeRows(range, of: weight, plan: plan)
            all.withLock { $0.replace(range, with: part, rowBytes: rowBytes, groups: groups) }
        }
        return try QuantizedTensor(all.withLock { $0 }, rows: rows, columns: columns, plan: plan)
    }
}

extension RoundToNearest {
    /// Quantizes some rows of a matrix.
    ///
    /// - Parameters:
    ///   - rows: Within the rows of the matrix.
    ///   - weight: `[rows, columns]`.
    ///   - plan: Made for this matrix.
    /// - Throws: ``QuantizationError`` for the first weight that is not finite, or the first group
    ///   whose scale the format cannot hold.
    func quantizeRows(
        _ rows: Range<Int>, of weight: any WeightMatrix, plan: RowPlan
    ) throws(QuantizationError) -> QuantizedRows {
        let columns = weight.columns
        let scheme = plan.scheme
        let size = scheme.granularity.groupSize(inFeatures: columns)
        let quantizer = plan.quantizer
        var result = QuantizedRows(rows: 0, rowBytes: 0, groups: 0)
        var values = [Float](repeating: 0, count: columns)
        var codes = [UInt8](repeating: 0, count: rows.count * columns)
        for (index, row) in rows.enumerated() {
            weight.decode(row: row, into: &values)
            try RowPlan.checkFinite(values, row: row, columns: columns)
            for first in stride(from: 0, to: columns, by: size) {
                let group = values[first..<min(first + size, columns)]
                let choice = try plan.choice(group, row: row, column: first)
                if plan.shared == nil {
                    result.scales.append(choice.scale)
                    result.zeros.append(choice.zero)
                }
                quantizer.round(group, choice, into: &codes, at: index * columns + first)
            }
        }
        result.codes = PackedCodes.pack(
            codes: codes, rows: rows.count, columns: columns, bits: scheme.format.bits)
        return result
    }
}
