import HalftoneFormats
import HalftoneKernels

/// Some quantized rows of a matrix.
public struct QuantizedRows: Sendable {
    /// Codes in the layout of `PackedCodes`.
    public var codes: [UInt8]

    /// Scales as they are stored, row after row; none when all weights share one.
    public var scales: [Float]

    /// The code of zero for each scale.
    public var zeros: [Float]

    /// Takes zeroed memory.
    ///
    /// - Parameters:
    ///   - rows: Rows of the matrix.
    ///   - rowBytes: Bytes of a row of codes.
    ///   - groups: Scales of a row.
    public init(rows: Int, rowBytes: Int, groups: Int) {
        codes = [UInt8](repeating: 0, count: rows * rowBytes)
        scales = [Float](repeating: 0, count: rows * groups)
        zeros = scales
    }

    /// Puts rows that were quantized apart into their place.
    public mutating func replace(_ rows: Range<Int>, with part: Self, rowBytes: Int, groups: Int) {
        let bytes = rows.lowerBound * rowBytes..<rows.upperBound * rowBytes
        codes.replaceSubrange(bytes, with: part.codes)
        let range = rows.lowerBound * groups..<rows.upperBound * groups
        scales.replaceSubrange(range, with: part.scales)
        zeros.replaceSubrange(range, with: part.zeros)
    }
}

extension QuantizedTensor {
    /// Stores quantized rows as a plan says.
    ///
    /// - Parameters:
    ///   - quantized: All rows of the matrix; scales and zeros are not used where all weights
    ///     share one.
    ///   - rows: Output features.
    ///   - columns: Input features.
    ///   - plan: That they were quantized by.
    /// - Throws: ``QuantizationError`` when the parts are not those of the scheme.
    public init(
        _ quantized: QuantizedRows, rows: Int, columns: Int, plan: RowPlan
    ) throws(QuantizationError) {
        let scheme = plan.scheme
        let scales = plan.shared.map { [$0.scale] } ?? quantized.scales
        let zeros = plan.shared.map { [$0.zero] } ?? quantized.zeros
        try self.init(
            rows: rows, columns: columns, scheme: scheme,
            parts: StoredParts(
                codes: Bytes(quantized.codes),
                scales: plan.codec.encode(scales),
                scaleFactor: scheme.scaleFormat.hasFactor
                    ? ScaleCodec(.float32).encode([plan.codec.factor]) : nil,
                zeroPoints: scheme.format.isSymmetric
                    ? nil
                    : Bytes(
                        BitStream.encode(
                            zeros.map { UInt8($0) }, bits: scheme.format.bits))))
    }
}
