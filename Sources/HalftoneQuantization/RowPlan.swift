import HalftoneFormats
import HalftoneKernels
import Synchronization

/// What must be known of a whole matrix before its rows can be quantized one by one, and how the
/// scale of a group is chosen then.
public struct RowPlan: Sendable {
    /// Format, groups and scales.
    public let scheme: WeightScheme

    /// How scales are stored, with the factor of 8-bit scales.
    public let codec: ScaleCodec

    /// The scale and zero point of all weights when they share one.
    public let shared: ScaleChoice?

    /// What the squared error of each column counts in searches; nil for 1.
    public let importance: [Float]?

    /// Looks at a whole matrix where the scheme needs that: for one scale per tensor and for the
    /// factor of 8-bit scales.
    ///
    /// - Parameters:
    ///   - weight: `[rows, columns]`.
    ///   - scheme: Format, groups and scales.
    ///   - importance: Numbers of at least 0, one for each column; nil for 1.
    ///   - pool: The threads to use.
    /// - Throws: ``QuantizationError`` for a shape or group size that no matrix has and, where
    ///   weights are looked at, for what is not finite.
    public init(
        _ weight: any WeightMatrix, scheme: WeightScheme, importance: [Float]? = nil,
        pool: WorkerPool
    ) throws(QuantizationError) {
        try scheme.check(rows: weight.rows, columns: weight.columns)
        try Self.check(importance, columns: weight.columns)
        self.scheme = scheme
        self.importance = importance
        if scheme.granularity == .tensor {
            let values = weight.decoded()
            try Self.checkFinite(values, row: 0, columns: weight.columns)
            let exact = ScaleFinder(scheme.format, scales: ScaleCodec(.float32))
                .coveringScale(values[...])
            codec = ScaleCodec(scheme.scaleFormat, largest: exact)
            let all = importance.map { one in (0..<weight.rows).flatMap { _ in one } }
            shared = try Self.choose(
                values[...], all?[...], scheme, codec, row: 0, column: 0)
        } else {
            shared = nil
            codec =
                scheme.scaleFormat.hasFactor
                ? ScaleCodec(
                    scheme.scaleFormat, largest: try Self.largestScale(weight, scheme, pool))
                : ScaleCodec(scheme.scaleFormat)
        }
    }

    /// Rounds groups to codes.
    public var quantizer: GroupQuantizer { GroupQuantizer(scheme.format, scales: codec) }

    /// The scale of a group, by the scheme's search.
    ///
    /// - Parameters:
    ///   - values: Finite.
    ///   - row: The group's row.
    ///   - column: The group's first column.
    /// - Throws: ``QuantizationError/scaleTooLarge(row:column:scale:format:)``.
    public func choice(
        _ values: ArraySlice<Float>, row: Int, column: Int
    ) throws(QuantizationError) -> ScaleChoice {
        if let shared { return shared }
        return try Self.choose(
            values, importance?[column..<column + values.count], scheme, codec, row: row,
            column: column)
    }

    private static func choose(
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

    /// The largest scale that covers a group.
    private static func largestScale(
        _ weight: any WeightMatrix, _ scheme: WeightScheme, _ pool: WorkerPool
    ) throws(QuantizationError) -> Float {
        let largest = Mutex<Float>(0)
        let finder = ScaleFinder(scheme.format, scales: ScaleCodec(.float32))
        let size = scheme.granularity.groupSize(inFeatures: weight.columns)
        try pool.splitRows(weight.rows) { range throws(QuantizationError) in
            var values = [Float](repeating: 0, count: weight.columns)
            var found: Float = 0
            for row in range {
                weight.decode(row: row, into: &values)
                try checkFinite(values, row: row, columns: weight.columns)
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
        return largest.withLock { $0 }
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

    /// Throws for the first of some rows' weights that is not finite.
    public static func checkFinite(
        _ values: [Float], row: Int, columns: Int
    ) throws(QuantizationError) {
        guard let bad = values.firstIndex(where: { !$0.isFinite }) else { return }
        throw .weightNotFinite(
            row: row + bad / columns, column: bad % columns, value: "\(values[bad])")
    }
}

extension WorkerPool {
    /// Runs a body on ranges of rows and throws what the first range that failed threw.
    public func splitRows(
        _ rows: Int, grain: Int = 32,
        _ body: (Range<Int>) throws(QuantizationError) -> Void
    ) throws(QuantizationError) {
        let failure = Mutex<(row: Int, error: QuantizationError)?>(nil)
        split(rows, grain: grain) { range in
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
}
