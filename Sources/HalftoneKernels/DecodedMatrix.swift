import HalftoneFormats

/// A matrix whose values were decoded once to float32, with the name and the bytes of the form
/// that it has in a file.
///
/// Forms without kernels of their own run this way; memory is that of float32.
public struct DecodedMatrix: WeightMatrix {
    private let values: BlockMatrix

    /// Bytes that the matrix takes in a file.
    public let byteCount: Int

    /// The name of its form there.
    public let formatName: String

    /// Holds decoded values.
    ///
    /// - Parameters:
    ///   - values: `[rows, columns]`, row after row.
    ///   - rows: 0 or more.
    ///   - columns: 0 or more.
    ///   - byteCount: Bytes in the file.
    ///   - formatName: The name of the form.
    /// - Throws: ``BlockError`` when the shape is not that of the values.
    public init(
        _ values: [Float], rows: Int, columns: Int, byteCount: Int, formatName: String
    ) throws(BlockError) {
        let bytes = Bytes(count: 4 * values.count) { span in
            for (index, value) in values.enumerated() {
                span.storeBytes(
                    of: value.bitPattern.littleEndian, toByteOffset: 4 * index, as: UInt32.self)
            }
        }
        self.init(
            try BlockMatrix(type: .f32, rows: rows, columns: columns, bytes: bytes), byteCount,
            formatName)
    }

    private init(_ values: BlockMatrix, _ byteCount: Int, _ formatName: String) {
        self.values = values
        self.byteCount = byteCount
        self.formatName = formatName
    }

    /// Output features.
    public var rows: Int { values.rows }

    /// Input features.
    public var columns: Int { values.columns }

    /// Copies whole rows.
    @unsafe
    public func decode(rows range: Range<Int>, into output: UnsafeMutablePointer<Float>) {
        unsafe values.decode(rows: range, into: output)
    }

    /// Multiplies rows with one vector in float32.
    @unsafe
    public func dot(
        rows range: Range<Int>, input: PreparedVector, output: UnsafeMutablePointer<Float>
    ) {
        unsafe values.dot(rows: range, input: input, output: output)
    }

    /// The same matrix with rows in another order, as a copy; its bytes in a file stay those of
    /// the whole.
    public func gatheringRows(_ order: [Int]) -> any WeightMatrix {
        Self(values.copyingRows(order), byteCount, formatName)
    }
}
