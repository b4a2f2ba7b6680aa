import HalftoneFormats

/// A matrix in a tensor encoding of GGUF files, on the bytes as the file has them.
///
/// Row `r` takes `columns / blockSize · bytesPerBlock` bytes from `r` times that number on.
@safe
public struct BlockMatrix: WeightMatrix {
    /// The encoding.
    public let type: BlockType

    /// Output features.
    public let rows: Int

    /// Input features, a multiple of the block size.
    public let columns: Int

    /// The blocks, row after row.
    public let bytes: Bytes

    /// Describes bytes as a matrix; any content is a valid one.
    ///
    /// - Parameters:
    ///   - type: Any type but Q8_1 and Q8_K.
    ///   - rows: 0 or more.
    ///   - columns: 0 or more, a multiple of the block size.
    ///   - bytes: Exactly as many as the shape takes.
    /// - Throws: ``BlockError`` when the sizes disagree or the type holds no weights.
    public init(
        type: BlockType, rows: Int, columns: Int, bytes: Bytes
    ) throws(BlockError) {
        try BlockCodec.checkHoldsWeights(type)
        guard rows >= 0, columns >= 0, columns.isMultiple(of: type.blockSize) else {
            throw .columnsDoNotDivide(type: type, columns: columns)
        }
        let perRow = (columns / type.blockSize).multipliedReportingOverflow(by: type.bytesPerBlock)
        let all = rows.multipliedReportingOverflow(by: perRow.partialValue)
        // Decoded floats are counted in `Int` as well.
        let decoded = rows.multipliedReportingOverflow(by: columns)
        guard !perRow.overflow, !all.overflow, !decoded.overflow, decoded.partialValue <= .max / 8
        else { throw .tooLarge(type: type, rows: rows, columns: columns) }
        guard bytes.count == all.partialValue else {
            throw .wrongSize(
                type: type, rows: rows, columns: columns, expected: all.partialValue,
                found: bytes.count)
        }
        self.init(checkedType: type, rows: rows, columns: columns, bytes: bytes)
    }

    private init(checkedType type: BlockType, rows: Int, columns: Int, bytes: Bytes) {
        self.type = type
        self.rows = rows
        self.columns = columns
        self.bytes = bytes
    }

    /// The length of `bytes`.
    public var byteCount: Int { bytes.count }

    /// The name of the type, such as `Q4_K`.
    public var formatName: String { type.name }

    /// Bytes of one row.
    public var bytesPerRow: Int { columns / type.blockSize * type.bytesPerBlock }

    /// Decodes whole rows to float32, bit for bit as the definition of the type says.
    @unsafe
    public func decode(rows range: Range<Int>, into output: UnsafeMutablePointer<Float>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of bounds")
        unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, columns > 0 else { return }
            unsafe BlockDecoding.decode(
                type, from: base + range.lowerBound * bytesPerRow,
                blocks: range.count * (columns / type.blockSize), into: output)
        }
    }

    /// Multiplies rows with one vector in float32.
    @unsafe
    public func dot(
        rows range: Range<Int>, input: PreparedVector, output: UnsafeMutablePointer<Float>
    ) {
        unsafe dot(rows: range, input: input, output: output, form: .best)
    }

    /// The products computed in a given form, so that tests can compare forms.
    @unsafe
    package func dot(
        rows range: Range<Int>, input: PreparedVector, output: UnsafeMutablePointer<Float>,
        form: KernelForm
    ) {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows out of bounds")
        unsafe precondition(input.count == columns, "the vector has a value per column")
        unsafe bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress, columns > 0 else {
                return unsafe output.update(repeating: 0, count: range.count)
            }
            unsafe BlockDot.dot(
                type, rows: base + range.lowerBound * bytesPerRow, rowBytes: bytesPerRow,
                rowCount: range.count, input: input, into: output, form: form)
        }
    }

    /// The products of rows with a vector, computed in a given form.
    ///
    /// - Parameters:
    ///   - rows: Within `0 ..< rows`.
    ///   - input: `columns` values.
    package func products(
        rows range: Range<Int>, with input: [Float], form: KernelForm = .best
    ) -> [Float] {
        precondition(input.count == columns, "the vector has a value per column")
        var sums = [Float](repeating: 0, count: columns / 16 + 1)
        var output = [Float](repeating: 0, count: range.count)
        unsafe input.withUnsafeBufferPointer { input in
            unsafe sums.withUnsafeMutableBufferPointer { sums in
                unsafe output.withUnsafeMutableBufferPointer { output in
                    guard let values = input.baseAddress, let sums = sums.baseAddress,
                        let output = output.baseAddress
                    else { return }
                    unsafe FloatKernels.sumsOf16(values, count: columns, into: sums)
                    let vector = unsafe PreparedVector(
                        values: values, sumsOf16: sums, count: columns)
                    unsafe dot(rows: range, input: vector, output: output, form: form)
                }
            }
        }
        return output
    }

    /// The same matrix with rows in another order, on the same bytes.
    public func gatheringRows(_ order: [Int]) -> any WeightMatrix {
        precondition(order.allSatisfy { (0..<rows).contains($0) }, "row out of bounds")
        return order.elementsEqual(0..<rows) ? self : GatheredMatrix(checked: self, order: order)
    }

    /// A copy of some rows.
    func copyingRows(_ order: [Int]) -> BlockMatrix {
        let size = bytesPerRow
        let gathered = Bytes(count: order.count * size) { target in
            for (index, row) in order.enumerated() {
                precondition(row >= 0 && row < rows, "row out of bounds")
                let source = bytes[row * size..<(row + 1) * size]
                unsafe source.withUnsafeBytes { from in
                    unsafe target.withUnsafeMutableBytes { to in
                        guard let from = from.baseAddress, let to = to.baseAddress else { return }
                        unsafe (to + index * size).copyMemory(from: from, byteCount: size)
                    }
                }
            }
        }
        return BlockMatrix(
            checkedType: type, rows: order.count, columns: columns, bytes: gathered)
    }
}
