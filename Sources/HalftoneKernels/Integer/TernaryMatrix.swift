/// A matrix of −1, 0 and 1 in two bits each, multiplied with 8-bit integers exactly.
///
/// Rows are cut into runs of 64 weights in 16 bytes: byte `j` of a run holds weights `j`,
/// `16 + j`, `32 + j` and `48 + j` from the lowest two bits up, each as its value plus 1. The last
/// run of a row is filled with zeros.
public struct TernaryMatrix: Sendable {
    /// Output features.
    public let rows: Int

    /// Input features.
    public let columns: Int

    /// The runs, row after row.
    public let packed: [UInt8]

    private var runsPerRow: Int { (columns + 63) / 64 }

    /// Bytes of the codes.
    public var byteCount: Int { packed.count }

    /// Packs a matrix.
    ///
    /// - Parameters:
    ///   - rows: Rows of the matrix.
    ///   - columns: Columns of the matrix.
    ///   - codes: −1, 0 or 1, row after row; anything else is a mistake of the caller.
    public init(rows: Int, columns: Int, codes: some RandomAccessCollection<Int8>) {
        precondition(codes.count == rows * columns, "\(codes.count) codes make no such matrix")
        self.rows = rows
        self.columns = columns
        let runs = (columns + 63) / 64
        // 0x55 holds four zeros.
        var packed = [UInt8](repeating: 0x55, count: rows * runs * 16)
        for (index, code) in codes.enumerated() {
            precondition((-1...1).contains(code), "\(code) is no ternary weight")
            let (row, column) = index.quotientAndRemainder(dividingBy: columns)
            let byte = (row * runs + column / 64) * 16 + column % 16
            packed[byte] = UInt8(Int(packed[byte]) + Int(code) << (column % 64 / 16 * 2))
        }
        self.packed = packed
    }

    /// The weight in a row and a column.
    public subscript(row: Int, column: Int) -> Int8 {
        precondition(column >= 0 && column < columns, "column \(column) is outside \(columns)")
        let byte = packed[(row * runsPerRow + column / 64) * 16 + column % 16]
        return Int8(byte >> UInt8(column % 64 / 16 * 2) & 3) - 1
    }

    /// The product with a vector of 8-bit integers, without rounding.
    ///
    /// - Parameter input: `columns` integers.
    /// - Returns: `rows` sums.
    /// - Complexity: O(`rows` · `columns`), 16 weights at a time, shared out over
    ///   ``WorkerPool/current``.
    public func products(with input: [Int8]) -> [Int32] {
        precondition(input.count == columns, "\(input.count) inputs for \(columns) columns")
        var padded = [Int8](repeating: 0, count: runsPerRow * 64)
        padded.replaceSubrange(0..<columns, with: input)
        let sum = input.reduce(into: Int32(0)) { $0 += Int32($1) }
        var result = [Int32](repeating: 0, count: rows)
        unsafe padded.withUnsafeBytes { bytes in
            let inputs = unsafe SharedBytes(bytes)
            unsafe packed.withUnsafeBytes { bytes in
                let weights = unsafe SharedBytes(bytes)
                unsafe result.withUnsafeMutableBufferPointer { sums in
                    let output = unsafe SharedSums(sums)
                    let grain = max(1, (1 << 16) / max(columns, 1))
                    WorkerPool.current.each(rows, grain: grain) { range in
                        for row in range {
                            let total = unsafe product(row, weights.bytes, inputs.bytes)
                            unsafe output.sums[row] = total - sum
                        }
                    }
                }
            }
        }
        return result
    }

    /// The plain form, which is the definition.
    public func referenceProducts(with input: [Int8]) -> [Int32] {
        precondition(input.count == columns, "\(input.count) inputs for \(columns) columns")
        return (0..<rows).map { row in
            (0..<columns).reduce(into: Int32(0)) {
                $0 += Int32(self[row, $1]) * Int32(input[$1])
            }
        }
    }

    /// The sum of inputs times weights plus 1.
    @unsafe
    private func product(
        _ row: Int, _ packed: UnsafeRawBufferPointer, _ input: UnsafeRawBufferPointer
    ) -> Int32 {
        let runs = runsPerRow
        var total = SIMD16<Int32>.zero
        var part = SIMD16<Int16>.zero
        let three = SIMD16<UInt8>(repeating: 3)
        for run in 0..<runs {
            let bytes = unsafe packed.loadUnaligned(
                fromByteOffset: (row * runs + run) * 16, as: SIMD16<UInt8>.self)
            for plane in 0..<4 {
                let shift = SIMD16<UInt8>(repeating: UInt8(2 * plane))
                let weights = SIMD16<Int16>(truncatingIfNeeded: bytes &>> shift & three)
                let values = unsafe input.loadUnaligned(
                    fromByteOffset: run * 64 + plane * 16, as: SIMD16<Int8>.self)
                part &+= weights &* SIMD16<Int16>(truncatingIfNeeded: values)
            }
            // A run adds at most 4 · 2 · 128 to a lane, so 16 runs stay within 16 bits.
            if run % 16 == 15 {
                total &+= SIMD16<Int32>(truncatingIfNeeded: part)
                part = .zero
            }
        }
        total &+= SIMD16<Int32>(truncatingIfNeeded: part)
        return total.wrappedSum()
    }
}

/// Bytes that several threads read.
@safe
private struct SharedBytes: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer
    init(_ bytes: UnsafeRawBufferPointer) { unsafe self.bytes = unsafe bytes }
}

/// Sums of which every thread writes its own.
@safe
private struct SharedSums: @unchecked Sendable {
    let sums: UnsafeMutableBufferPointer<Int32>
    init(_ sums: UnsafeMutableBufferPointer<Int32>) { unsafe self.sums = unsafe sums }
}
