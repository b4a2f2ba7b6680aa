import HalftoneFormats
import HalftoneKernels
import HalftoneTensor

/// A matrix of weights as uniform integer codes, with everything that its values need.
public struct QuantizedTensor: Sendable {
    /// Format, groups and scales.
    public let scheme: WeightScheme
    /// The parts as a file holds them.
    public let parts: StoredParts
    /// The matrix to compute with; shares the memory of the codes.
    public let matrix: UniformMatrix

    /// The parts of a packed matrix as a file holds them.
    public struct StoredParts: Sendable {
        /// Codes in the layout of `PackedCodes`.
        public var codes: Bytes
        /// Scales in their format, row after row.
        public var scales: Bytes
        /// One float32 that multiplies 8-bit scales; nil for the other formats.
        public var scaleFactor: Bytes?
        /// Zero points of affine formats, `bits` bits each, as one stream from the least
        /// significant bit on.
        public var zeroPoints: Bytes?

        /// Collects the parts.
        public init(codes: Bytes, scales: Bytes, scaleFactor: Bytes?, zeroPoints: Bytes?) {
            self.codes = codes
            self.scales = scales
            self.scaleFactor = scaleFactor
            self.zeroPoints = zeroPoints
        }

        /// Bytes of all parts.
        public var byteCount: Int {
            codes.count + scales.count + (scaleFactor?.count ?? 0) + (zeroPoints?.count ?? 0)
        }
    }

    /// Output features.
    public var rows: Int { matrix.rows }
    /// Input features.
    public var columns: Int { matrix.columns }
    /// Bytes of all parts as a file holds them.
    public var byteCount: Int { parts.byteCount }

    /// Puts a matrix together from the parts of a file.
    ///
    /// - Throws: ``QuantizationError`` when sizes disagree or a scale is not finite.
    public init(
        rows: Int, columns: Int, scheme: WeightScheme, parts: StoredParts
    ) throws(QuantizationError) {
        let count = scheme.scaleCount(rows: rows, columns: columns)
        try Self.check("codes", parts.codes, rows * ((columns + 31) / 32) * 4 * scheme.format.bits)
        try Self.check("scales", parts.scales, count * scheme.scaleFormat.bits / 8)
        var factor: Float?
        if scheme.scaleFormat == .float8 {
            try Self.check("scale factor", parts.scaleFactor ?? Bytes([]), 4)
            factor = parts.scaleFactor.map { Float(bitPattern: $0.load(at: 0)) }
        }
        var scales = ScaleStorage(scheme.scaleFormat).decode(parts.scales, factor: factor ?? 1)
        if let bad = scales.firstIndex(where: { !$0.isFinite }) {
            throw .notFinite(part: "scale", index: bad)
        }
        var zeros: [Float]?
        if !scheme.format.isSymmetric {
            let stream = parts.zeroPoints ?? Bytes([])
            try Self.check("zero points", stream, (count * scheme.format.bits + 7) / 8)
            zeros = BitStream.decode(stream, bits: scheme.format.bits, count: count).map {
                Float($0)
            }
        }
        if scheme.granularity == .tensor {
            scales = [Float](repeating: scales[0], count: rows)
            zeros = zeros.map { [Float](repeating: $0[0], count: rows) }
        }
        do {
            matrix = try UniformMatrix(
                format: scheme.format, granularity: scheme.granularity, rows: rows,
                columns: columns, codes: parts.codes, scales: scales, zeroPoints: zeros,
                byteCount: parts.byteCount)
        } catch {
            throw .badParts("\(error)")
        }
        self.scheme = scheme
        self.parts = parts
    }

    /// The values of the codes, `[rows, columns]`.
    public func dequantized() -> [Float] { matrix.decoded() }

    private static func check(
        _ part: String, _ bytes: Bytes, _ expected: Int
    ) throws(QuantizationError) {
        guard bytes.count == expected else {
            throw .wrongSize(part: part, found: bytes.count, expected: expected)
        }
    }
}

/// Why weights cannot be quantized, or parts do not make a quantized matrix.
public enum QuantizationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A part has another number of bytes than format and shape need.
    case wrongSize(part: String, found: Int, expected: Int)
    /// A value that is not a finite number.
    case notFinite(part: String, index: Int)
    /// Parts that do not fit together.
    case badParts(String)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .wrongSize(let part, let found, let expected):
            "the \(part) take \(found) bytes; format and shape need \(expected)"
        case .notFinite(let part, let index):
            "\(part) \(index) is not a finite number; the checkpoint is damaged"
        case .badParts(let reason): reason
        }
    }
}
