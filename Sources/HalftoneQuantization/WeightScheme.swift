import HalftoneFormats

/// A uniform integer format with its groups, scales and the way to choose them.
public struct WeightScheme: Sendable, Hashable, Codable {
    /// Bits of a code and whether zero points are stored.
    public var format: IntegerFormat
    /// Which weights share a scale.
    public var granularity: Granularity
    /// How scales are stored.
    public var scaleFormat: ScaleFormat
    /// How scales are chosen; of no effect on what is stored.
    public var search: ScaleSearch

    /// Describes a scheme.
    public init(
        format: IntegerFormat, granularity: Granularity = .group(32),
        scaleFormat: ScaleFormat = .float16, search: ScaleSearch = .leastError
    ) {
        self.format = format
        self.granularity = granularity
        self.scaleFormat = scaleFormat
        self.search = search
    }

    /// Refuses what no matrix has, so that sizes can be computed without overflow.
    func check(rows: Int, columns: Int) throws(QuantizationError) {
        let sizes = 1...1 << 20
        let lengths = 0...1 << 40
        guard sizes.contains(granularity.groupSize(inFeatures: 1)), lengths.contains(rows),
            lengths.contains(columns), rows <= (1 << 50) / (columns + 32)
        else {
            throw .invalidShape(rows: rows, columns: columns, granularity: granularity)
        }
        guard granularity != .column else { throw .scalesPerColumn }
    }

    /// Scales of a matrix.
    public func scaleCount(rows: Int, columns: Int) -> Int {
        granularity == .tensor ? 1 : rows * granularity.groupsPerRow(inFeatures: columns)
    }

    /// Bytes of a matrix as it is stored: codes, scales, the factor of 8-bit scales, zero points.
    public func byteCount(rows: Int, columns: Int) -> Int {
        let runs = (columns + 31) / 32
        let scales = scaleCount(rows: rows, columns: columns)
        let zeros = format.isSymmetric ? 0 : (scales * format.bits + 7) / 8
        return rows * runs * 4 * format.bits + scales * scaleFormat.bits / 8 + factorByteCount
            + zeros
    }

    /// Bytes of the factor of 8-bit scales.
    var factorByteCount: Int { scaleFormat.hasFactor ? 4 : 0 }

    /// Bits per weight of a matrix, side data included.
    public func bitsPerWeight(rows: Int, columns: Int) -> Double {
        Double(8 * byteCount(rows: rows, columns: columns)) / Double(max(rows * columns, 1))
    }
}

extension WeightScheme {
    /// The format and the group size for tables: `int4 g32`, `uint3 channel`.
    public var formatName: String {
        if case .group(let size) = granularity {
            "\(format) g\(size)"
        } else {
            "\(format) \(granularity)"
        }
    }
}

extension WeightScheme: CustomStringConvertible {
    /// `int4 g32 f16`.
    public var description: String { "\(formatName) \(scaleFormat.rawValue)" }
}
