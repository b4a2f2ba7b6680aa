import HalftoneFormats

/// What becomes of a scale when it is stored.
public struct ScaleCodec: Sendable, Equatable {
    /// How scales are stored.
    public let format: ScaleFormat

    /// What multiplies 8-bit scales; 1 for the other formats.
    public let factor: Float

    /// Describes scales whose factor is known.
    public init(_ format: ScaleFormat, factor: Float = 1) {
        self.format = format
        self.factor = format.hasFactor ? factor : 1
    }

    /// Describes scales up to a magnitude.
    ///
    /// The factor of 8-bit scales is the least float32 that brings the largest number of the format
    /// to that magnitude: 448 of E4M3.
    public init(_ format: ScaleFormat, largest: Float) {
        let top = format.byteFormat?.range.upperBound ?? 1
        var factor = largest / top
        while factor * top < largest { factor = factor.nextUp }
        self.init(format, factor: factor > 0 && factor.isFinite ? factor : 1)
    }

    /// The value of a stored pattern.
    public func value(_ pattern: UInt32) -> Float {
        switch format {
        case .float32: Float(bitPattern: pattern)
        case .float16: SmallFloat.float16(UInt16(truncatingIfNeeded: pattern))
        case .bfloat16: SmallFloat.bfloat16(UInt16(truncatingIfNeeded: pattern))
        case .float8: small(.e4m3, pattern)
        case .unsignedFloat8: small(.ue3m5, pattern)
        }
    }

    private func small(_ format: NumberFormat, _ pattern: UInt32) -> Float {
        format.value(of: UInt8(truncatingIfNeeded: pattern)) * factor
    }

    /// The pattern nearest to a scale; the pattern of a value that is stored is its own.
    public func pattern(_ scale: Float) -> UInt32 {
        switch format {
        case .float32: scale.bitPattern
        case .float16: UInt32(SmallFloat.float16Bits(scale))
        case .bfloat16: UInt32(SmallFloat.bfloat16Bits(scale))
        case .float8: UInt32(NumberFormat.e4m3.code(of: scale / factor))
        case .unsignedFloat8: UInt32(NumberFormat.ue3m5.code(of: scale / factor))
        }
    }

    /// The stored value nearest to a scale; infinite beyond the range of the format.
    ///
    /// Searches for scales ask this for each that they try: 8-bit formats are rounded by arithmetic
    /// in place of their tables, to the same values.
    public func nearest(_ scale: Float) -> Float {
        guard format.hasFactor, case let steps = scale / factor, steps.isFinite else {
            return value(pattern(scale))
        }
        return format == .float8
            ? Self.rounded(steps, mantissaBits: 3, leastExponent: -6, largest: 448) * factor
            : Self.rounded(max(steps, 0), mantissaBits: 5, leastExponent: -2, largest: 31.5)
                * factor
    }

    /// A number to the nearest of so many bits behind its leading one, ties to even.
    private static func rounded(
        _ number: Float, mantissaBits: Int, leastExponent: Int, largest: Float
    ) -> Float {
        let magnitude = number.magnitude
        let exponent = max(Int(magnitude.exponentBitPattern) - 127, leastExponent)
        // Adding and subtracting 1.5 · 2²³ of the last bit's units rounds to them.
        let rounder = Float(
            sign: .plus, exponentBitPattern: UInt(exponent + 23 - mantissaBits + 127),
            significandBitPattern: 1 << 22)
        let rounded = exponent > 16 ? largest : (magnitude + rounder) - rounder
        return Float(signOf: number, magnitudeOf: min(rounded, largest))
    }

    /// The stored value of the least magnitude that is not below the scale's.
    ///
    /// Infinite beyond the range of the format; 8-bit scales end at the largest number times the
    /// factor.
    public func covering(_ scale: Float) -> Float {
        let pattern = pattern(scale)
        let value = value(pattern)
        guard value.magnitude < scale.magnitude else { return value }
        // Patterns of a sign are in the order of their magnitudes.
        let next = self.value(pattern + 1)
        // The last one has none, or the first one of bytes again.
        return next.magnitude > value.magnitude ? next : value
    }
}
