import HalftoneFormats

/// A matrix of signs times the product of two thin matrices: `±(left · right)`.
///
/// Signs and factors stay in the bytes that they are stored in, a bit for each element and 16 for
/// each factor, so that a matrix in a mapped file takes no memory but the file's. Rows are decoded
/// for `rank` multiplications an element, and the factors of the columns once for all rows that are
/// asked for together.
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
    private let left: Bytes
    private let right: Bytes

    /// Puts a matrix together from its parts.
    ///
    /// - Parameters:
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - rank: 0 or more.
    ///   - signs: `[rows, (columns + 7) / 8]`, the first element of a row in the lowest bit, 1 for
    ///     positive.
    ///   - left: `[rows, rank]`, binary16.
    ///   - right: `[rank, columns]`, binary16.
    ///   - formatName: A short name for tables.
    ///   - byteCount: Bytes of all parts as they are stored.
    public init(
        rows: Int, columns: Int, rank: Int, signs: Bytes, left: Bytes, right: Bytes,
        formatName: String, byteCount: Int
    ) {
        precondition(signs.count == rows * ((columns + 7) / 8), "a bit for each element")
        precondition(
            left.count == 2 * rows * rank && right.count == 2 * rank * columns, "thin factors")
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
        unsafe decodeMagnitudes(rows: range, into: output)
        unsafe signs.withUnsafeBytes { bytes in
            for (index, row) in range.enumerated() {
                let values = unsafe output + index * columns
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

    /// Rows of the product of the factors, added up in the order of the ranks.
    @unsafe
    private func decodeMagnitudes(rows range: Range<Int>, into output: UnsafeMutablePointer<Float>)
    {
        unsafe output.update(repeating: 0, count: range.count * columns)
        unsafe withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { memory in
            guard let other = memory.baseAddress else { return }
            for k in 0..<rank {
                unsafe right[2 * k * columns..<2 * (k + 1) * columns].withUnsafeBytes { bytes in
                    guard let start = bytes.baseAddress else { return }
                    unsafe BlockDecoding.f16(
                        start.assumingMemoryBound(to: UInt8.self), count: columns, other)
                }
                for (index, row) in range.enumerated() {
                    let factor = SmallFloat.float16(left.load(at: 2 * (row * rank + k)))
                    let values = unsafe output + index * columns
                    for column in 0..<columns { unsafe values[column] += factor * other[column] }
                }
            }
        }
    }

    /// The same matrix with rows in another order.
    ///
    /// Signs and factors of rows are copied, those of columns shared. The byte count is this
    /// matrix's in proportion to the rows, rounded up.
    public func gatheringRows(_ order: [Int]) -> any WeightMatrix {
        precondition(order.allSatisfy { (0..<rows).contains($0) }, "row out of bounds")
        func gathered(_ bytes: Bytes, _ width: Int) -> Bytes {
            Bytes(order.flatMap { bytes[$0 * width..<($0 + 1) * width].array })
        }
        return Self(
            rows: order.count, columns: columns, rank: rank,
            signs: gathered(signs, (columns + 7) / 8), left: gathered(left, 2 * rank), right: right,
            formatName: formatName,
            byteCount: rows == 0 ? 0 : (byteCount * order.count + rows - 1) / rows)
    }
}
