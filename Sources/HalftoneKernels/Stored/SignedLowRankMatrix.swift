import HalftoneFormats

/// A matrix of signs times the product of two thin matrices: `±(left · right)`.
///
/// The signs are a bit for each element and stay so; the factors are float32 in memory. Rows are
/// decoded one at a time, for `rank` multiplications an element.
public struct SignedLowRankMatrix: WeightMatrix {
    /// Output features.
    public let rows: Int

    /// Input features.
    public let columns: Int

    /// Bytes that the matrix takes in a file, as the one who made it says.
    public let byteCount: Int

    /// A short name of the form for tables.
    public let formatName: String

    private let rank: Int
    private let signs: Bytes
    private let left: [Float]
    private let right: [Float]

    /// Puts a matrix together from its parts.
    ///
    /// - Parameters:
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - rank: 0 or more.
    ///   - signs: `[rows, (columns + 7) / 8]`, the first element of a row in the lowest bit, 1 for
    ///     positive.
    ///   - left: `[rows, rank]`.
    ///   - right: `[rank, columns]`.
    ///   - formatName: A short name for tables.
    ///   - byteCount: Bytes of all parts as they are stored.
    public init(
        rows: Int, columns: Int, rank: Int, signs: Bytes, left: [Float], right: [Float],
        formatName: String, byteCount: Int
    ) {
        precondition(signs.count == rows * ((columns + 7) / 8), "a bit for each element")
        precondition(left.count == rows * rank && right.count == rank * columns, "thin factors")
        self.rows = rows
        self.columns = columns
        self.rank = rank
        self.signs = signs
        self.left = left
        self.right = right
        self.formatName = formatName
        self.byteCount = byteCount
    }

    /// Decodes whole rows to float32.
    @unsafe
    public func decode(rows range: Range<Int>, into output: UnsafeMutablePointer<Float>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of bounds")
        guard columns > 0 else { return }
        unsafe right.withUnsafeBufferPointer { right in
            unsafe signs.withUnsafeBytes { bytes in
                for (index, row) in range.enumerated() {
                    let values = unsafe output + index * columns
                    unsafe values.update(repeating: 0, count: columns)
                    for k in 0..<rank {
                        let factor = left[row * rank + k]
                        let other = unsafe right.baseAddress! + k * columns
                        for column in 0..<columns {
                            unsafe values[column] += factor * other[column]
                        }
                    }
                    let bits = unsafe bytes.baseAddress! + row * ((columns + 7) / 8)
                    for column in 0..<columns {
                        let byte = unsafe bits.load(fromByteOffset: column >> 3, as: UInt8.self)
                        let isNegative = ~UInt32(byte) >> UInt32(column & 7) & 1
                        let pattern = unsafe values[column].bitPattern ^ (isNegative << 31)
                        unsafe values[column] = Float(bitPattern: pattern)
                    }
                }
            }
        }
    }

    /// The same matrix with rows in another order, as a copy of their signs and factors; the byte
    /// count is this matrix's in proportion to the rows, rounded up.
    public func gatheringRows(_ order: [Int]) -> any WeightMatrix {
        precondition(order.allSatisfy { (0..<rows).contains($0) }, "row out of bounds")
        let width = (columns + 7) / 8
        return Self(
            rows: order.count, columns: columns, rank: rank,
            signs: Bytes(order.flatMap { signs[$0 * width..<($0 + 1) * width].array }),
            left: order.flatMap { left[$0 * rank..<($0 + 1) * rank] }, right: right,
            formatName: formatName,
            byteCount: rows == 0 ? 0 : (byteCount * order.count + rows - 1) / rows)
    }
}
