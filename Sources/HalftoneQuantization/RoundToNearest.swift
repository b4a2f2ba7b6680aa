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
    /// What the squared error of each input column counts in searches, such as the mean square of
    /// its activations; nil for 1.
    public var importance: [Float]?

    /// Creates the method.
    ///
    /// - Parameter importance: Numbers of at least 0, one for each column; nil for 1.
    public init(importance: [Float]? = nil) { self.importance = importance }

    /// Quantizes one matrix; see ``WeightMethod/quantize(_:scheme:pool:)``.
    ///
    /// - Complexity: O(`rows` · `columns`), about 0.1 µs per weight and thread with
    ///   `ScaleSearch.leastError` at groups of 32. One scale per tensor, and 8-bit scales, need
    ///   the weights twice.
    public func quantize(
        _ weight: any WeightMatrix, scheme: WeightScheme, pool: WorkerPool
    ) throws(QuantizationError) -> QuantizedTensor {
        let (rows, columns) = (weight.rows, weight.columns)
        let plan = try plan(weight, scheme: scheme, pool: pool)
        let rowBytes = PackedCodes.bytesPerRow(columns: columns, bits: scheme.format.bits)
        let groups = plan.shared == nil ? scheme.granularity.groupsPerRow(inFeatures: columns) : 0
        let all = Mutex(QuantizedRows(rows: rows, rowBytes: rowBytes, groups: groups))
        try Self.split(rows, pool) { range throws(QuantizationError) in
            let part = try quantizeRows(range, of: weight, plan: plan)
            all.withLock { $0.replace(range, with: part, rowBytes: rowBytes, groups: groups) }
        }
        var result = all.withLock { $0 }
        if let shared = plan.shared {
            result.scales = [shared.scale]
            result.zeros = [shared.zero]
        }
        let bits = scheme.format.bits
        return try QuantizedTensor(
            rows: rows, columns: columns, scheme: scheme,
            parts: QuantizedTensor.StoredParts(
                codes: Bytes(result.codes),
                scales: plan.codec.encode(result.scales),
                scaleFactor: scheme.scaleFormat == .float8
                    ? ScaleCodec(.float32).encode([plan.codec.factor]) : nil,
                zeroPoints: scheme.format.isSymmetric
                    ? nil : Bytes(BitStream.encode(result.zeros.map { UInt8($0) }, bits: bits))))
    }
}

/// What must be known of a whole matrix before its rows can be quantized one by one.
public struct RowPlan: Sendable {
    /// Format, groups and scales.
    public let scheme: WeightScheme

    /// How scales are stored, with the factor of 8-bit scales.
    public let codec: ScaleCodec

    /// The scale and zero point of all weights when they share one.
    public let shared: GroupQuantizer.Choice?
}

/// Some quantized rows of a matrix.
public struct QuantizedRows: Sendable {
    /// Codes in the layout of `PackedCodes`.
    public internal(set) var codes: [UInt8]

    /// Scales as they are stored, row after row; none when all weights share one.
    public internal(set) var scales: [Float]

    /// The code of zero for each scale.
    public internal(set) var zeros: [Float]

    init(rows: Int, rowBytes: Int, groups: Int) {
        codes = [UInt8](repeating: 0, count: rows * rowBytes)
        scales = [Float](repeating: 0, count: rows * groups)
        zeros = scales
    }

    mutating func replace(_ rows: Range<Int>, with part: Self, rowBytes: Int, groups: Int) {
        let bytes = rows.lowerBound * rowBytes..<rows.upperBound * rowBytes
        codes.replaceSubrange(bytes, with: part.codes)
        let range = rows.lowerBound * groups..<rows.upperBound * groups
        scales.replaceSubrange(range, with: part.scales)
        zeros.replaceSubrange(range, with: part.zeros)
    }
}

extension RoundToNearest {
    /// Looks at a whole matrix where the scheme needs that: for one scale per tensor and for the
    /// factor of 8-bit scales.
    ///
    /// - Throws: ``QuantizationError`` for a shape or group size that no matrix has and, where
    ///   weights are looked at, as ``quantizeRows(_:of:plan:)`` does.
    public func plan(
        _ weight: any WeightMatrix, scheme: WeightScheme, pool: WorkerPool
    ) throws(QuantizationError) -> RowPlan {
        try scheme.check(rows: weight.rows, columns: weight.columns)
        try Self.check(importance, columns: weight.columns)
        if scheme.granularity == .tensor {
            let values = weight.decoded()
            try Self.checkFinite(values, row: 0, columns: weight.columns)
            let exact = ScaleFinder(scheme.format, scales: ScaleCodec(.float32))
                .coveringScale(values[...])
            let codec = ScaleCodec(scheme.scaleFormat, largest: exact)
            let all = importance.map { one in (0..<weight.rows).flatMap { _ in one } }
            let shared = try choose(values[...], all?[...], scheme, codec, row: 0, column: 0)
            return RowPlan(scheme: scheme, codec: codec, shared: shared)
        }
        guard scheme.scaleFormat == .float8 else {
            return RowPlan(scheme: scheme, codec: ScaleCodec(scheme.scaleFormat), shared: nil)
        }
        let largest = Mutex<Float>(0)
        let finder = ScaleFinder(scheme.format, scales: ScaleCodec(.float32))
        let size = scheme.granularity.groupSize(inFeatures: weight.columns)
        try Self.split(weight.rows, pool) { range throws(QuantizationError) in
            var values = [Float](repeating: 0, count: weight.columns)
            var found: Float = 0
            for row in range {
                weight.decode(row: row, into: &values)
                try Self.checkFinite(values, row: row, columns: weight.columns)
                for first in stride(from: 0, to: values.count, by: size) {
                    let group = values[first..<min(first + size, values.count)]
                    let scale = finder.coveringScale(group)
                    guard scale.isFinite else {
                        throw .scaleTooLarge(
                            row: row, column: first, scale: scale, format: scheme.scaleFormat)
                    }
                    found = max(found, scale)
                }
            }
            largest.withLock { $0 = max($0, found) }
        }
        let codec = ScaleCodec(.float8, largest: largest.withLock { $0 })
        return RowPlan(scheme: scheme, codec: codec, shared: nil)
    }

    /// Quantizes some rows of a matrix.
    ///
    /// - Parameters:
    ///   - rows: Within the rows of the matrix.
    ///   - weight: `[rows, columns]`.
    ///   - plan: Made for this matrix.
    /// - Throws: ``QuantizationError`` for the first weight that is not finite, or the first group
    ///   whose scale the format cannot hold.
    public func quantizeRows(
        _ rows: Range<Int>, of weight: any WeightMatrix, plan: RowPlan
    ) throws(QuantizationError) -> QuantizedRows {
        let columns = weight.columns
        let scheme = plan.scheme
        let size = scheme.granularity.groupSize(inFeatures: columns)
        let quantizer = GroupQuantizer(scheme.format, scales: plan.codec)
        var result = QuantizedRows(rows: 0, rowBytes: 0, groups: 0)
        var values = [Float](repeating: 0, count: columns)
        var codes = [UInt8](repeating: 0, count: rows.count * columns)
        for (index, row) in rows.enumerated() {
            weight.decode(row: row, into: &values)
            try Self.checkFinite(values, row: row, columns: columns)
            for first in stride(from: 0, to: columns, by: size) {
                let group = values[first..<min(first + size, columns)]
                let choice: GroupQuantizer.Choice
                if let shared = plan.shared {
                    choice = shared
                } else {
                    choice = try choose(
                        group, importance?[group.indices], scheme, plan.codec, row: row,
                        column: first)
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

    private func choose(
        _ values: ArraySlice<Float>, _ importance: ArraySlice<Float>?, _ scheme: WeightScheme,
        _ codec: ScaleCodec, row: Int, column: Int
    ) throws(QuantizationError) -> ScaleChoice {
        let finder = ScaleFinder(scheme.format, scales: codec)
        let choice = finder.choice(values, importance: importance, by: scheme.search)
        guard choice.scale.isFinite else {
            throw .scaleTooLarge(
                row: row, column: column, scale: finder.coveringScale(values),
                format: scheme.scaleFormat)
        }
        return choice
    }

    /// Refuses importance that is not one number of at least 0 for each column.
    static func check(_ importance: [Float]?, columns: Int) throws(QuantizationError) {
        guard let importance else { return }
        guard importance.count == columns else {
            throw .badImportance("\(importance.count) importance weights for \(columns) columns")
        }
        if let bad = importance.firstIndex(where: { !($0 >= 0 && $0.isFinite) }) {
            throw .badImportance("the importance of column \(bad) is \(importance[bad])")
        }
    }

    /// Runs a body on ranges of rows and throws what the first range that failed threw.
    private static func split(
        _ rows: Int, _ pool: WorkerPool,
        _ body: (Range<Int>) throws(QuantizationError) -> Void
    ) throws(QuantizationError) {
        let failure = Mutex<(row: Int, error: QuantizationError)?>(nil)
        pool.split(rows, grain: 32) { range in
            do throws(QuantizationError) {
                try body(range)
            } catch {
                failure.withLock {
                    if range.lowerBound < $0?.row ?? .max { $0 = (range.lowerBound, error) }
                }
            }
        }
        if let failure = failure.withLock({ $0 }) { throw failure.error }
    }

    private static func checkFinite(
        _ values: [Float], row: Int, columns: Int
    ) throws(QuantizationError) {
        guard let bad = values.firstIndex(where: { !$0.isFinite }) else { return }
        throw .weightNotFinite(
            row: row + bad / columns, column: bad % columns, value: "\(values[bad])")
    }
}
