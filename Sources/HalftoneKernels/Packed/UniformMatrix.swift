import HalftoneFormats

/// A matrix of packed integer codes with a scale, and perhaps a zero point, for each group.
///
/// The value of an element is `scale · (code − zeroPoint)` with the scale and zero point of its
/// group, computed in float32 with a rounding after the subtraction and one after the product.
public struct UniformMatrix: WeightMatrix {
    /// Bits of a code and whether zero points are fixed.
    public let format: IntegerFormat

    /// Which elements share a scale.
    public let granularity: Granularity

    /// Output features.
    public let rows: Int

    /// Input features.
    public let columns: Int

    /// Bytes that the matrix takes in a file, as the one who made it says.
    public let byteCount: Int

    /// The codes in the layout of ``PackedCodes``, row after row.
    public let codes: Bytes

    /// Scales `[rows, groupsPerRow]`, as float32 whatever they are stored in.
    ///
    /// With one scale for the whole matrix it is repeated for each row.
    public let scales: [Float]

    /// Zero points `[rows, groupsPerRow]` in codes, or nil for symmetric formats.
    public let zeroPoints: [Float]?

    /// Puts a matrix together from its parts.
    ///
    /// - Parameters:
    ///   - format: 1 to 8 bits.
    ///   - granularity: A group size of at least 1; the last group of a row may be shorter.
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - codes: Exactly as many bytes as ``PackedCodes`` needs, with any content.
    ///   - scales: One per row and group; repeated for each row at one scale per matrix.
    ///   - zeroPoints: One per row and group if the format is affine, else nil.
    ///   - byteCount: Bytes of all parts as they are stored.
    /// - Throws: ``UniformMatrixError`` when the sizes disagree.
    public init(
        format: IntegerFormat, granularity: Granularity, rows: Int, columns: Int, codes: Bytes,
        scales: [Float], zeroPoints: [Float]?, byteCount: Int
    ) throws(UniformMatrixError) {
        guard rows >= 0, columns >= 0, columns <= 1 << 40,
            granularity.groupSize(inFeatures: columns) >= 1,
            !rows.multipliedReportingOverflow(by: (columns + 32) * 8).overflow
        else { throw .invalidShape(rows: rows, columns: columns, granularity: granularity) }
        let expected = rows * PackedCodes.bytesPerRow(columns: columns, bits: format.bits)
        guard codes.count == expected else {
            throw .wrongCodes(expectedBytes: expected, found: codes.count)
        }
        let groups = rows * Self.groupsPerRow(granularity, columns)
        guard scales.count == groups else {
            throw .wrongScales(expected: groups, found: scales.count)
        }
        let expectedZeros = format.isSymmetric ? nil : groups
        guard zeroPoints?.count == expectedZeros else {
            throw .wrongZeroPoints(expected: expectedZeros ?? 0, found: zeroPoints?.count ?? 0)
        }
        self.init(
            checked: format, granularity, rows: rows, columns: columns, codes: codes,
            scales: scales, zeroPoints: zeroPoints, byteCount: byteCount)
    }

    private init(
        checked format: IntegerFormat, _ granularity: Granularity, rows: Int, columns: Int,
        codes: Bytes, scales: [Float], zeroPoints: [Float]?, byteCount: Int
    ) {
        self.format = format
        self.granularity = granularity
        self.rows = rows
        self.columns = columns
        self.codes = codes
        self.scales = scales
        self.zeroPoints = zeroPoints
        self.byteCount = byteCount
    }
}

/// Why parts do not make a matrix.
public enum UniformMatrixError: Error, Sendable, Equatable, CustomStringConvertible {
    case invalidShape(rows: Int, columns: Int, granularity: Granularity)
    case wrongCodes(expectedBytes: Int, found: Int)
    case wrongScales(expected: Int, found: Int)
    case wrongZeroPoints(expected: Int, found: Int)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .invalidShape(let rows, let columns, let granularity):
            "no matrix has \(rows) rows of \(columns) columns with scales per \(granularity)"
        case .wrongCodes(let expected, let found):
            "the packed codes take \(found) bytes; the shape needs \(expected)"
        case .wrongScales(let expected, let found):
            "there are \(found) scales; the shape needs \(expected)"
        case .wrongZeroPoints(let expected, let found):
            "there are \(found) zero points; format and shape need \(expected)"
        }
    }
}

extension UniformMatrix {
    /// The format and the group size: `int4 g32`, `uint3 channel`, `int8 tensor`.
    public var formatName: String {
        if case .group(let size) = granularity {
            "\(format) g\(size)"
        } else {
            "\(format) \(granularity)"
        }
    }

    /// Elements of a row that share a scale; the last group of a row may be shorter.
    public var groupSize: Int { granularity.groupSize(inFeatures: columns) }

    /// Scales of one row.
    public var groupsPerRow: Int { Self.groupsPerRow(granularity, columns) }

    /// Bytes of the codes of one row.
    var bytesPerRow: Int { PackedCodes.bytesPerRow(columns: columns, bits: format.bits) }

    private static func groupsPerRow(_ granularity: Granularity, _ columns: Int) -> Int {
        let size = granularity.groupSize(inFeatures: columns)
        return columns / size + (columns % size == 0 ? 0 : 1)
    }

    /// The same matrix with rows in another order, as a copy of their codes and scales.
    ///
    /// The byte count of the copy is this matrix's in proportion to the rows, rounded up.
    public func gatheringRows(_ order: [Int]) -> any WeightMatrix {
        let size = bytesPerRow
        let groups = groupsPerRow
        precondition(order.allSatisfy { (0..<rows).contains($0) }, "row out of bounds")
        let gathered = Bytes(count: order.count * size) { target in
            for (index, row) in order.enumerated() {
                unsafe codes.withUnsafeBytes { from in
                    unsafe target.withUnsafeMutableBytes { to in
                        guard let from = from.baseAddress, let to = to.baseAddress else { return }
                        unsafe (to + index * size).copyMemory(
                            from: from + row * size, byteCount: size)
                    }
                }
            }
        }
        func pick(_ values: [Float]) -> [Float] {
            order.flatMap { values[$0 * groups..<($0 + 1) * groups] }
        }
        let perRow = rows == 0 ? 0 : Double(byteCount) / Double(rows)
        return UniformMatrix(
            checked: format, granularity, rows: order.count, columns: columns, codes: gathered,
            scales: pick(scales), zeroPoints: zeroPoints.map(pick),
            byteCount: Int((perRow * Double(order.count)).rounded(.up)))
    }
}
