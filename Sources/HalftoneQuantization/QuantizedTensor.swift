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

    /// Puts a matrix together from the parts of a file.
    ///
    /// - Parameters:
    ///   - rows: Output features, 0 or more.
    ///   - columns: Input features, 0 or more.
    ///   - scheme: Its way of choosing scales does not matter here.
    ///   - parts: Just those that the scheme has, of any content.
    /// - Throws: ``QuantizationError`` when sizes disagree, a part is missing or too many, or a
    ///   scale is not finite.
    public init(
        rows: Int, columns: Int, scheme: WeightScheme, parts: StoredParts
    ) throws(QuantizationError) {
        try scheme.check(rows: rows, columns: columns)
        let bits = scheme.format.bits
        let count = scheme.scaleCount(rows: rows, columns: columns)
        let codeBytes = rows * PackedCodes.bytesPerRow(columns: columns, bits: bits)
        try Self.check("codes", parts.codes, codeBytes)
        try Self.check("scales", parts.scales, count * scheme.scaleFormat.bits / 8)
        let hasFactor = scheme.scaleFormat.hasFactor
        try Self.check("scale factor", parts.scaleFactor, hasFactor ? 4 : nil)
        let hasZeros = !scheme.format.isSymmetric
        try Self.check(
            "zero points", parts.zeroPoints,
            hasZeros ? BitStream.byteCount(codes: count, bits: bits) : nil)

        let factor = parts.factor
        guard factor.isFinite else { throw .notFinite(part: "scale factor", index: 0) }
        var scales = ScaleCodec(scheme.scaleFormat, factor: factor).decode(parts.scales)
        if let bad = scales.firstIndex(where: { !$0.isFinite }) {
            throw .notFinite(part: "scale", index: bad)
        }
        var zeros = parts.zeroPoints.map {
            BitStream.decode($0, bits: bits, count: count).map { Float($0) }
        }
        if scheme.granularity == .tensor {
            // A matrix without elements has a scale, but no groups.
            let groups = columns == 0 ? 0 : rows
            scales = [Float](repeating: scales[0], count: groups)
            zeros = zeros.map { [Float](repeating: $0[0], count: groups) }
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

    private static func check(
        _ part: String, _ bytes: Bytes?, _ expected: Int?
    ) throws(QuantizationError) {
        guard let expected else {
            if bytes != nil { throw .unexpectedPart(part) }
            return
        }
        let found = bytes?.count ?? 0
        guard found == expected else {
            throw .wrongSize(part: part, found: found, expected: expected)
        }
    }
}

extension QuantizedTensor {
    /// The parts of a packed matrix as a file holds them.
    public struct StoredParts: Sendable {
        /// Codes in the layout of `PackedCodes`.
        public var codes: Bytes
        /// Scales in their format, row after row.
        public var scales: Bytes
        /// One float32 that multiplies 8-bit scales; nil for the other formats.
        public var scaleFactor: Bytes?
        /// Zero points of affine formats, `bits` bits each, as one stream from the least
        /// significant bit on; nil for symmetric formats.
        public var zeroPoints: Bytes?

        /// Bytes that the codes take in the file: another number than they have here where an entropy
        /// coder made them fewer.
        public var codeByteCount: Int

        /// Collects the parts; codes take the bytes that they have where no other number is given.
        public init(
            codes: Bytes, scales: Bytes, scaleFactor: Bytes?, zeroPoints: Bytes?,
            codeByteCount: Int? = nil
        ) {
            self.codes = codes
            self.codeByteCount = codeByteCount ?? codes.count
            self.scales = scales
            self.scaleFactor = scaleFactor
            self.zeroPoints = zeroPoints
        }

        /// What multiplies 8-bit scales; 1 for the other formats.
        fileprivate var factor: Float {
            scaleFactor.map { Float(bitPattern: $0.load(at: 0)) } ?? 1
        }

        /// Bytes of all parts.
        public var byteCount: Int {
            codeByteCount + scales.count + (scaleFactor?.count ?? 0) + (zeroPoints?.count ?? 0)
        }
    }

    /// Output features.
    public var rows: Int { matrix.rows }

    /// Input features.
    public var columns: Int { matrix.columns }

    /// Bytes of all parts as a file holds them.
    public var byteCount: Int { parts.byteCount }

    /// What multiplies 8-bit scales; 1 for the other formats.
    public var scaleFactor: Float { parts.factor }

    /// The values of the codes, `[rows, columns]`.
    public func dequantized() -> Tensor {
        Tensor(shape: [rows, columns], elements: matrix.decodedFloats())
    }

    /// The same codes with other scales.
    ///
    /// - Parameter factors: `[rows, groups]`, or one for each row.
    /// - Throws: ``QuantizationError`` for a scale that is not finite as it is stored.
    public func scalingGroups(by factors: [Float]) throws(QuantizationError) -> QuantizedTensor {
        let groups = max(matrix.scales.count / max(rows, 1), 1)
        precondition(
            scheme.granularity != .tensor
                && [rows, rows * groups].contains(factors.count), "a factor for each group or row")
        let (scales, codec, _) = scaled(by: factors)
        var changed = parts
        changed.scales = codec.encode(scales)
        if scheme.scaleFormat.hasFactor {
            changed.scaleFactor = ScaleCodec(.float32).encode([codec.factor])
        }
        return try QuantizedTensor(rows: rows, columns: columns, scheme: scheme, parts: changed)
    }

    /// Factors that bring 8-bit scales to 8-bit scales, the nearest to some.
    ///
    /// - Parameter factors: `[rows, groups]`, or one for each row, of whose scales the first counts.
    func storable(_ factors: [Float]) -> [Float] {
        let (scales, codec, perFactor) = scaled(by: factors)
        return factors.enumerated().map { index, factor in
            let scale = matrix.scales[index * perFactor]
            return scale == 0 ? factor : codec.nearest(scales[index * perFactor]) / scale
        }
    }

    /// Scales times factors, how they are stored, and how many of them a factor is for.
    ///
    /// Where some are beyond what the factor of 8-bit scales reaches, that is multiplied by a power of
    /// two, which leaves all others as they are.
    private func scaled(by factors: [Float]) -> ([Float], ScaleCodec, perFactor: Int) {
        let perFactor = max(matrix.scales.count / max(factors.count, 1), 1)
        let scales = matrix.scales.enumerated().map { $1 * factors[$0 / perFactor] }
        var codec = ScaleCodec(scheme.scaleFormat, factor: scaleFactor)
        guard let top = scheme.scaleFormat.byteFormat?.range.upperBound else {
            return (scales, codec, perFactor)
        }
        let largest = scales.reduce(0) { max($0, $1.magnitude) }
        while largest.isFinite, codec.factor.isFinite, largest > top * codec.factor.magnitude {
            codec = ScaleCodec(scheme.scaleFormat, factor: 2 * codec.factor)
        }
        return (scales, codec, perFactor)
    }

    /// The sum over all weights of the squared distance from the original.
    ///
    /// - Parameter weight: `[rows, columns]`.
    public func squaredError(against weight: Tensor) -> Double {
        precondition(weight.shape == [rows, columns], "the shapes differ")
        var row = [Float](repeating: 0, count: columns)
        var sum = 0.0
        let weights = weight.elements.span
        for index in 0..<rows {
            matrix.decode(row: index, into: &row)
            for (column, value) in row.enumerated() {
                let distance = Double(value) - Double(weights[index * columns + column])
                sum += distance * distance
            }
        }
        return sum
    }
}
