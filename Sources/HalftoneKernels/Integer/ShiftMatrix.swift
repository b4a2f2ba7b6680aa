import HalftoneFormats

/// A matrix of signed powers of two that multiplies by integer addition.
///
/// Each weight is kept as one addend to the bits of a float: an addition moves the exponent and
/// flips the sign. Where that would not be the product (zeros, subnormal numbers, infinities, NaN
/// and results beyond the largest float) the plain product is taken.
public struct ShiftMatrix: Sendable {
    /// Which powers there are.
    public let format: ShiftFormat

    /// Output features.
    public let rows: Int

    /// Input features.
    public let columns: Int

    /// Codes of the format, row after row, one to a byte.
    public let codes: [UInt8]

    private let addends: [UInt32]

    /// Bytes of the codes when they lie without gaps.
    public var byteCount: Int { (codes.count * format.bits + 7) / 8 }

    /// Prepares a matrix.
    ///
    /// - Parameters:
    ///   - format: What codes stand for.
    ///   - rows: Rows of the matrix.
    ///   - columns: Columns of the matrix.
    ///   - codes: Below `2^bits`, row after row.
    public init(format: ShiftFormat, rows: Int, columns: Int, codes: [UInt8]) {
        precondition(codes.count == rows * columns, "\(codes.count) codes make no such matrix")
        precondition(codes.allSatisfy { Int($0) < 1 << format.bits }, "a code is out of range")
        self.format = format
        self.rows = rows
        self.columns = columns
        self.codes = codes
        addends = codes.map { format.addend(code: $0) }
    }

    /// A float times `±2^S`, by one integer addition where that is exact.
    ///
    /// - Parameters:
    ///   - x: The other factor.
    ///   - addend: As `ShiftFormat.addend(code:)` gives it.
    ///   - value: What the addend stands for.
    @inlinable
    public static func product(_ x: Float, addend: UInt32, value: Float) -> Float {
        let exponent = x.bitPattern >> 23 & 0xFF
        let shift = addend >> 23 & 0xFF
        guard exponent != 0, exponent + shift < 0xFF else { return x * value }
        return Float(bitPattern: x.bitPattern &+ addend)
    }

    /// The product with a vector of floats.
    ///
    /// - Parameter input: `columns` numbers.
    /// - Returns: `rows` sums, each of the exact products in eight interleaved partial sums.
    /// - Complexity: O(`rows` · `columns`).
    public func products(with input: [Float]) -> [Float] {
        precondition(input.count == columns, "\(input.count) inputs for \(columns) columns")
        let limit = UInt32(0xFF - format.largestShift)
        let isPlain = input.allSatisfy {
            let exponent = $0.bitPattern >> 23 & 0xFF
            return exponent != 0 && exponent < limit
        }
        guard isPlain else { return referenceProducts(with: input) }
        let bits = input.map(\.bitPattern)
        return (0..<rows).map { row in
            sum(row) { column, addend in Float(bitPattern: bits[column] &+ addend) }
        }
    }

    /// The same by float multiplication, which is the definition.
    public func referenceProducts(with input: [Float]) -> [Float] {
        precondition(input.count == columns, "\(input.count) inputs for \(columns) columns")
        return (0..<rows).map { row in
            sum(row) { column, _ in
                input[column] * format.value(code: codes[row * columns + column])
            }
        }
    }

    /// The product with integers, by shifts and additions alone.
    ///
    /// - Parameter input: `columns` integers, small enough that no sum leaves 32 bits.
    public func products(with input: [Int32]) -> [Int32] {
        precondition(input.count == columns, "\(input.count) inputs for \(columns) columns")
        let signBit = UInt8(1 << (format.bits - 1))
        return (0..<rows).map { row in
            var total: Int32 = 0
            for column in 0..<columns {
                let code = codes[row * columns + column]
                let shifted = input[column] << Int32(code & (signBit - 1))
                total &+= code & signBit == 0 ? shifted : -shifted
            }
            return total
        }
    }

    @inline(__always)
    private func sum(_ row: Int, _ product: (Int, UInt32) -> Float) -> Float {
        var lanes = SIMD8<Float>.zero
        var column = 0
        let start = row * columns
        while column + 8 <= columns {
            var values = SIMD8<Float>.zero
            for lane in 0..<8 {
                values[lane] = product(column + lane, addends[start + column + lane])
            }
            lanes += values
            column += 8
        }
        for lane in 0..<columns - column {
            lanes[lane] += product(column + lane, addends[start + column + lane])
        }
        return lanes.sum()
    }
}
