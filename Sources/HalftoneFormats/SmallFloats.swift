/// Conversions between `Float` and the 16-bit floating-point formats, by bit pattern; formats of
/// up to 8 bits are ``NumberFormat``s.
///
/// Encoding rounds to nearest, ties to even. The `Float16` type of the standard library is not
/// used because it does not exist on x86-64 macOS.
public enum SmallFloat {
    /// The value of an IEEE binary16 pattern.
    @inlinable
    public static func float16(_ bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10) & 31
        let mantissa = UInt32(bits & 0x3FF)
        if exponent == 31 {
            return Float(bitPattern: sign | 0x7F80_0000 | mantissa << 13)
        }
        if exponent != 0 {
            return Float(bitPattern: sign | (exponent + 112) << 23 | mantissa << 13)
        }
        let magnitude = Float(mantissa) * 0x1p-24
        return Float(bitPattern: sign | magnitude.bitPattern)
    }

    /// The binary16 pattern nearest to a value; overflow gives infinity, NaN stays NaN.
    @inlinable
    public static func float16Bits(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        let sign = UInt16(truncatingIfNeeded: bits >> 16) & 0x8000
        let magnitude = bits & 0x7FFF_FFFF
        if magnitude > 0x7F80_0000 {
            return sign | 0x7E00 | UInt16(truncatingIfNeeded: magnitude >> 13) & 0x3FF
        }
        if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
        if magnitude < 0x3880_0000 {
            let steps = Float(bitPattern: magnitude) * 0x1p24
            return sign | UInt16(steps.rounded(.toNearestOrEven))
        }
        let rounded = magnitude + 0xFFF + (magnitude >> 13 & 1) - 0x3800_0000
        return sign | UInt16(truncatingIfNeeded: rounded >> 13)
    }

    /// The value of a bfloat16 pattern: the upper half of a float32.
    @inlinable
    public static func bfloat16(_ bits: UInt16) -> Float {
        Float(bitPattern: UInt32(bits) << 16)
    }

    /// The bfloat16 pattern nearest to a value; NaN stays a quiet NaN.
    @inlinable
    public static func bfloat16Bits(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if value.isNaN { return UInt16(truncatingIfNeeded: bits >> 16) | 0x40 }
        return UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    }
}
