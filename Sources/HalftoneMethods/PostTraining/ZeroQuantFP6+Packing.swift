extension ZeroQuantFP6 {
    /// Ways to lay out codes of six bits, weight after weight.
    ///
    /// A `StoredMatrix` has the codes of a row as a stream of bits from the least significant one
    /// on; these are the orders of the paper, for programs that read them. `StoredMatrix.codes`
    /// gives what to lay out.
    public enum Packing: String, Sendable, Hashable, CaseIterable {
        /// Four codes in three bytes, the first one in the most significant bits.
        case linear
        /// First the upper two bits of all codes, sign and highest exponent bit, four in a byte;
        /// then the lower four bits, two in a byte; the first one in the most significant bits.
        /// Both parts have elements that divide a word, so that loads are aligned.
        case split = "4+2"
    }

    /// Lays out codes.
    ///
    /// - Parameters:
    ///   - codes: Below 64, a multiple of four of them.
    ///   - packing: The order of bits.
    /// - Returns: Three bytes for four codes.
    public static func pack(_ codes: [UInt8], _ packing: Packing) -> [UInt8] {
        precondition(codes.count.isMultiple(of: 4), "\(codes.count) codes are not fours")
        switch packing {
        case .linear:
            return stride(from: 0, to: codes.count, by: 4).flatMap { first -> [UInt8] in
                let (a, b, c, d) = (
                    codes[first], codes[first + 1], codes[first + 2], codes[first + 3]
                )
                return [a << 2 | b >> 4, b << 4 | c >> 2, c << 6 | d]
            }
        case .split:
            let upper = stride(from: 0, to: codes.count, by: 4).map { first in
                codes[first..<first + 4].reduce(0) { $0 << 2 | $1 >> 4 }
            }
            let lower = stride(from: 0, to: codes.count, by: 2).map { first in
                codes[first] << 4 | codes[first + 1] & 15
            }
            return upper + lower
        }
    }

    /// Codes of what ``pack(_:_:)`` gave.
    public static func unpack(_ bytes: [UInt8], _ packing: Packing) -> [UInt8] {
        precondition(bytes.count.isMultiple(of: 3), "\(bytes.count) bytes are not threes")
        switch packing {
        case .linear:
            return stride(from: 0, to: bytes.count, by: 3).flatMap { first -> [UInt8] in
                let (a, b, c) = (bytes[first], bytes[first + 1], bytes[first + 2])
                return [a >> 2, (a & 3) << 4 | b >> 4, (b & 15) << 2 | c >> 6, c & 63]
            }
        case .split:
            let middle = bytes.count / 3
            return (0..<4 * middle).map { index in
                let upper = bytes[index / 4] >> (6 - 2 * UInt8(index % 4)) & 3
                let lower = bytes[middle + index / 2] >> (index.isMultiple(of: 2) ? 4 : 0) & 15
                return upper << 4 | lower
            }
        }
    }

    /// The bits of a 16-bit float that is `2⁻¹²` of the value of an E3M2 code, subnormals
    /// included: sign to bit 15, exponent to bits 12 to 10, mantissa to bits 9 and 8 (section 4).
    public static func halfBits(of code: UInt8) -> UInt16 {
        UInt16(code & 32) << 10 | UInt16(code & 31) << 8
    }
}
