/// Elementary functions of eight floats at a time, in plain operations that every target has.
///
/// No fused multiply-add: on plain x86-64 it is a library call. The coefficients are minimax fits
/// of our own; each function states the error that the fit and float32 rounding leave.
enum VectorMath {
    /// Rounds to the nearest integer when added and taken away again, for magnitudes below 2²².
    private static let roundingShift: Float = 0x1.8p23

    /// `e^x` within 1.5 ulp where the result is a normal number.
    ///
    /// Results below 2⁻¹²⁶ lose bits as subnormals do, below 2⁻¹⁵⁰ they are 0; above the largest
    /// float they are infinite. NaN stays NaN.
    @inline(__always)
    static func exp(_ x: SIMD8<Float>) -> SIMD8<Float> {
        // Comparisons by the sign of a difference of bit patterns: vector comparisons of floats
        // are not vector instructions everywhere.
        let pattern = bits(x)
        let size = signed(pattern & SIMD8(repeating: 0x7FFF_FFFF))
        let isFar = ones(whereNegative: SIMD8(repeating: 0x42D0_0000) &- size)
        let isNaN = ones(whereNegative: SIMD8(repeating: 0x7F80_0000) &- size)
        let limit = pattern & SIMD8(repeating: 0x8000_0000) | SIMD8(repeating: 0x42D0_0000)
        let x = floats(select(limit, pattern, isFar))
        // x = k·ln 2 + r with |r| ≤ 0.347; the first part of ln 2 has 9 bits, so k times it is
        // exact.
        let shifted = x * 1.442_695 + roundingShift
        let k = shifted - roundingShift
        let r = (x - k * 0.693_359_375) - k * -2.121_944_4e-4
        var p = r * 0.001_394_121_4 + 0.008_363_235
        p = p * r + 0.041_666_374
        p = p * r + 0.166_665_76
        p = p * r + 0.5
        p = p * (r * r) + r + 1
        // Two factors, since 2^k alone would leave the range at both ends.
        let exponent =
            signed(bits(shifted))
            &- SIMD8(repeating: Int32(bitPattern: roundingShift.bitPattern))
        let half = exponent &>> SIMD8(repeating: 1)
        let result = p * powerOfTwo(half) * powerOfTwo(exponent &- half)
        return floats(bits(result) | isNaN)
    }

    @inline(__always)
    private static func powerOfTwo(_ exponent: SIMD8<Int32>) -> SIMD8<Float> {
        let bits = (exponent &+ SIMD8(repeating: 127)) &<< SIMD8(repeating: 23)
        return unsafe unsafeBitCast(bits, to: SIMD8<Float>.self)
    }

    /// `tanh x` within 3 ulp; ±1 at the far ends, NaN stays NaN.
    @inline(__always)
    static func tanh(_ x: SIMD8<Float>) -> SIMD8<Float> {
        let sign = bits(x) & SIMD8(repeating: 0x8000_0000)
        let magnitude = floats(bits(x) & SIMD8(repeating: 0x7FFF_FFFF))
        let square = magnitude * magnitude
        var p = square * -0.005_717_495_5 + 0.020_651_042
        p = p * square - 0.053_743_66
        p = p * square + 0.133_314_94
        p = p * square - 0.333_332_84
        let near = magnitude + magnitude * (p * square)
        let far = 1 - 2 / (exp(magnitude + magnitude) + 1)
        // 0.625, compared as above.
        let isNear = ones(
            whereNegative: signed(bits(magnitude)) &- SIMD8(repeating: 0x3F20_0000))
        return floats(select(bits(near), bits(far), isNear) | sign)
    }

    /// `erfc z = 1 − erf z` for `z ≥ 0`, within a relative error of `(4 + z²)·2⁻²³`.
    ///
    /// The scaled function `e^(z²)·erfc z` is a polynomial in `1 / (1 + z/2)`.
    @inline(__always)
    static func complementaryError(_ z: SIMD8<Float>) -> SIMD8<Float> {
        scaledComplementaryError(z) * exp(-(z * z))
    }

    /// `e^(z²) · erfc z` for `z ≥ 0`.
    @inline(__always)
    static func scaledComplementaryError(_ z: SIMD8<Float>) -> SIMD8<Float> {
        let t = 1 / (1 + z * 0.5)
        var p = t * -0.059_193_883 + 0.285_185_43
        p = p * t - 0.488_466_02
        p = p * t + 0.279_518_19
        p = p * t - 0.027_627_05
        p = p * t + 0.203_111_35
        p = p * t + 0.242_996_31
        p = p * t + 0.282_390_12
        p = p * t + 0.282_085_57
        return p * t
    }

    /// `erf x` within 6 ulp; ±1 at the far ends, NaN stays NaN.
    ///
    /// The power series below ½, where its next term is under `2⁻²⁵` of the sum.
    @inline(__always)
    static func error(_ x: SIMD8<Float>) -> SIMD8<Float> {
        let size = magnitude(x)
        let square = x * x
        var p = square * (-1 / 1320) + 1 / 216
        p = p * square - 1 / 42
        p = p * square + 0.1
        p = p * square - 1 / 3
        let near = (size + size * (p * square)) * 1.128_379_2
        let far = 1 - complementaryError(size)
        let isNear = ones(whereNegative: signed(bits(size)) &- SIMD8(repeating: 0x3F00_0000))
        let sign = bits(x) & SIMD8(repeating: 0x8000_0000)
        return floats(select(bits(near), bits(far), isNear) | sign)
    }

    /// The natural logarithm within 2 ulp; −∞ of 0, NaN below 0, NaN stays NaN.
    ///
    /// `x = 2^k · m` with `m` between `√½` and `√2`, and `log m = 2·artanh((m − 1)/(m + 1))` by its
    /// series, whose next term is under `2⁻²⁸` of the sum.
    @inline(__always)
    static func log(_ x: SIMD8<Float>) -> SIMD8<Float> {
        // Subnormal numbers are brought into range first.
        let isSmall = x .< SIMD8(repeating: 0x1p-126)
        let scaled = (x * 0x1p23).kept(where: isSmall, else: x)
        // Counted from √½, so that the exponent changes there.
        let pattern = signed(bits(scaled)) &- SIMD8(repeating: 0x3F35_04F3)
        let exponent = pattern &>> SIMD8(repeating: 23)
        let power = unsafe unsafeBitCast(
            exponent &<< SIMD8(repeating: 23), to: SIMD8<UInt32>.self)
        let m = floats(bits(scaled) &- power)
        let shift = SIMD8<Float>(repeating: 23).kept(where: isSmall)
        let k = SIMD8<Float>(exponent) - shift
        let s = (m - 1) / (m + 1)
        let square = s * s
        var p = square * (2 / 9) + 2 / 7
        p = p * square + 0.4
        p = p * square + 2 / 3
        let tail = k * -2.121_944_4e-4 + s * (p * square)
        let result = k * 0.693_359_375 + ((s + s) + tail)
        let infinity = SIMD8<Float>(repeating: .infinity)
        let upper = result.kept(where: x .< infinity, else: x)
        let lower = upper.kept(where: x .!= 0, else: -infinity)
        return lower.kept(where: x .>= 0, else: SIMD8(repeating: .nan))
    }

    @inline(__always)
    static func bits(_ x: SIMD8<Float>) -> SIMD8<UInt32> {
        unsafe unsafeBitCast(x, to: SIMD8<UInt32>.self)
    }

    @inline(__always)
    static func floats(_ x: SIMD8<UInt32>) -> SIMD8<Float> {
        unsafe unsafeBitCast(x, to: SIMD8<Float>.self)
    }

    @inline(__always)
    static func signed(_ x: SIMD8<UInt32>) -> SIMD8<Int32> {
        unsafe unsafeBitCast(x, to: SIMD8<Int32>.self)
    }

    /// All bits set in the elements below 0, none in the others.
    @inline(__always)
    static func ones(whereNegative x: SIMD8<Int32>) -> SIMD8<UInt32> {
        unsafe unsafeBitCast(x &>> SIMD8(repeating: 31), to: SIMD8<UInt32>.self)
    }

    /// The first where the mask has ones, the second where it has zeros.
    @inline(__always)
    static func select(
        _ first: SIMD8<UInt32>, _ second: SIMD8<UInt32>, _ mask: SIMD8<UInt32>
    ) -> SIMD8<UInt32> {
        first & mask | second & ~mask
    }

    /// The elementwise larger one; unspecified where one is NaN.
    @inline(__always)
    static func larger(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> {
        floats(select(bits(y), bits(x), ones(whereNegative: signed(bits(x - y)))))
    }

    /// The values of binary16 patterns.
    @inline(__always)
    static func float16(_ patterns: SIMD8<UInt16>) -> SIMD8<Float> {
        let wide = SIMD8<UInt32>(truncatingIfNeeded: patterns)
        let size = (wide & SIMD8(repeating: 0x7FFF)) &<< SIMD8(repeating: 13)
        // The exponent is off by 112; that of infinity and NaN becomes all ones.
        let isFinite = ones(whereNegative: signed(size) &- SIMD8(repeating: 0x0F80_0000))
        let special = SIMD8(repeating: 0x7F80_0000) & ~isFinite
        let sign = (wide & SIMD8(repeating: 0x8000)) &<< SIMD8(repeating: 16)
        return floats(bits(floats(size) * 0x1p112) | special | sign)
    }

    /// `|x|` of each element.
    @inline(__always)
    static func magnitude(_ x: SIMD8<Float>) -> SIMD8<Float> {
        floats(bits(x) & SIMD8(repeating: 0x7FFF_FFFF))
    }

    /// The sum of the eight elements, as a tree of pairs.
    @inline(__always)
    static func sum(_ x: SIMD8<Float>) -> Float {
        let four = x.lowHalf + x.highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }
}
