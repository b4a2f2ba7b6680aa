import Foundation

/// A positive real factor as an integer and a shift, for machines that have integers alone.
///
/// The factor is `multiplier · 2^(−shift)` with 31 bits of `multiplier`, within a relative error
/// of 2⁻³¹. Products are rounded to the nearest integer, halves up.
///
/// Source: R. Krishnamoorthi, arXiv:1806.08342, section 2.1; B. Jacob et al., arXiv:1712.05877,
/// section 2.2.
public struct FixedPointScale: Sendable, Hashable {
    /// From 2³⁰ up to 2³¹.
    public let multiplier: Int64

    /// 1 to 62.
    public let shift: Int

    /// The nearest scale of that form; a factor outside 2⁻³¹ to 2²⁸ is a mistake of the caller.
    public init(_ factor: Double) {
        precondition(factor >= 0x1p-31 && factor <= 0x1p28, "\(factor) is no usable factor")
        var shift = 30 - Int(factor.exponent)
        var multiplier = Int64(scalbn(factor, shift).rounded())
        if multiplier == 1 << 31 {
            multiplier >>= 1
            shift -= 1
        }
        self.multiplier = multiplier
        self.shift = shift
    }

    /// The nearest integer to an integer times the factor, halves up.
    @inlinable
    public func scaled(_ x: Int32) -> Int64 {
        (Int64(x) * multiplier + (1 << Int64(shift - 1))) >> Int64(shift)
    }
}
