/// Signs times powers of two without a zero: `±2^S` with `S` from 0 to `2^(bits−1) − 1`.
///
/// A code has the sign in its highest bit (1 is negative) and `S` below. Multiplying by a value
/// is a shift of an integer, or one addition to the bits of a float; see ``addend(code:)``.
///
/// Source: X. Li et al., "DenseShift", arXiv:2208.09708, section 3.
public struct ShiftFormat: Sendable, Hashable, Codable {
    /// Bits of a code: 2 to 5.
    public let bits: Int

    /// Creates a format; other than 2 to 5 bits is a mistake of the caller.
    public init(bits: Int) {
        precondition((2...5).contains(bits), "a shift format has 2 to 5 bits, not \(bits)")
        self.bits = bits
    }

    /// The largest `S`, `2^(bits−1) − 1`.
    public var largestShift: Int { (1 << (bits - 1)) - 1 }

    /// All `2^bits` values.
    public var values: [Float] {
        let sizes = (0...largestShift).map { Float(1 << $0) }
        return sizes.reversed().map { -$0 } + sizes
    }

    /// The nearest value; from halfway on the larger magnitude, and 0 goes to 1.
    public func nearest(_ x: Float) -> Float {
        guard !x.isNaN else { return x }
        let size = min(max(x.magnitude, 1), Float(1 << largestShift))
        // Between 2^S and 2^(S+1) the middle is 1.5 · 2^S.
        let shift = Int(size.exponent) + (size.significand >= 1.5 ? 1 : 0)
        let value = Float(1 << min(shift, largestShift))
        return x < 0 ? -value : value
    }

    /// The code of a sign and a shift within `0 … largestShift`.
    public func code(isNegative: Bool, shift: Int) -> UInt8 {
        precondition((0...largestShift).contains(shift), "\(shift) is no shift of \(bits) bits")
        return UInt8(shift) | (isNegative ? 1 << UInt8(bits - 1) : 0)
    }

    /// The value of a code.
    public func value(code: UInt8) -> Float {
        let value = Float(1 << (Int(code) & largestShift))
        return code >> UInt8(bits - 1) & 1 == 1 ? -value : value
    }

    /// What to add to the bits of a float32, with wrapping, to multiply it by a code's value.
    ///
    /// Exact when the factor and the product are normal numbers: the exponent field grows by `S`,
    /// and adding the sign bit flips it.
    public func addend(code: UInt8) -> UInt32 {
        UInt32(Int(code) & largestShift) << 23 &+ UInt32(code >> UInt8(bits - 1) & 1) << 31
    }
}
