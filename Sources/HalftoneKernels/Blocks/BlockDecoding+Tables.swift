import HalftoneFormats

/// Blocks whose four-bit codes stand for the entries of a table of 16.
extension BlockDecoding {
    /// The values of IQ4_NL and IQ4_XS by code.
    private static let nonlinear: InlineArray<16, Float> = [
        -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
    ]

    /// The values of IQ4_NL and IQ4_XS as an array, for encoders.
    static let nonlinearLevels = nonlinear.indices.map { nonlinear[$0] }

    /// Twice the values of E2M1 by code; code 8 is +0 here.
    static let doubledE2M1: InlineArray<16, Float> = [
        0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12,
    ]

    /// `2^(e − 128)`, half of what an E8M0 exponent stands for; 0 and 1 give subnormals.
    static func halfE8M0(_ e: UInt8) -> Float {
        let bits: UInt32 = e < 2 ? 0x0020_0000 &<< UInt32(e) : UInt32(e &- 1) &<< 23
        return Float(bitPattern: bits)
    }

    /// `scale · table[code]` for 32 codes in 16 bytes, ordered as in Q4_0.
    @inline(__always) @unsafe
    private static func lookUp(
        _ codes: UnsafePointer<UInt8>, _ table: InlineArray<16, Float>, _ scale: Float,
        _ y: UnsafeMutablePointer<Float>
    ) {
        for j in 0..<16 {
            let byte = unsafe Int(codes[j])
            unsafe y[j] = scale * table[byte & 15]
            unsafe y[j &+ 16] = scale * table[byte &>> 4]
        }
    }

    /// `d · table[code]`.
    @unsafe
    static func iq4_NL(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        unsafe lookUp(b + 2, nonlinear, half(b), y)
    }

    /// `d·(scale − 32)·table[code]` with a scale of six bits per 32 elements.
    @unsafe
    static func iq4_XS(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        let high = unsafe Int32(integer(b + 2, as: UInt16.self))
        for j in 0..<8 {
            let low = unsafe Int32(b[4 &+ j &>> 1]) &>> Int32(truncatingIfNeeded: j & 1 &* 4) & 15
            let top = high &>> Int32(truncatingIfNeeded: 2 &* j) & 3
            let scale = d * Float((low | top &<< 4) &- 32)
            unsafe lookUp(b + (8 &+ 16 &* j), nonlinear, scale, y + 32 &* j)
        }
    }

    /// `2^(e − 127) · E2M1(code)`.
    @unsafe
    static func mxfp4(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        unsafe lookUp(b + 1, doubledE2M1, halfE8M0(b[0]), y)
    }

    /// `scale · E2M1(code)` with an unsigned E4M3 scale per 16 elements.
    @unsafe
    static func nvfp4(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        for s in 0..<4 {
            let scale = unsafe halfUnsignedE4M3(b[s])
            for j in 0..<8 {
                let byte = unsafe Int(b[4 &+ 8 &* s &+ j])
                unsafe y[16 &* s &+ j] = scale * doubledE2M1[byte & 15]
                unsafe y[16 &* s &+ j &+ 8] = scale * doubledE2M1[byte &>> 4]
            }
        }
    }

    /// Half the value of an E4M3 scale; the sign bit is ignored, and 0x7F stands for 0.
    ///
    /// 0xFF, which no writer produces, is read as 480 like the reference decoder does.
    private static func halfUnsignedE4M3(_ bits: UInt8) -> Float {
        if bits == 0x7F { return 0 }
        let exponent = UInt32(bits &>> 3 & 15)
        let mantissa = Float(bits & 7)
        if exponent == 0 { return mantissa * 0x1p-10 }
        return (1 + mantissa / 8) * Float(bitPattern: (exponent &+ 119) &<< 23)
    }
}
