/// Blocks of 256 with a scale per 16 or 32 elements that is itself a small integer.
extension BlockDecoding {
    /// Where the two-bit fields of 16 elements lie in 64 bytes, and how far to shift them.
    ///
    /// Four fields share a byte, 32 elements apart.
    @inline(__always) @unsafe
    static func twoBits(
        _ fields: UnsafePointer<UInt8>, _ s: Int
    ) -> (bytes: UnsafePointer<UInt8>, shift: UInt8) {
        let bytes = unsafe fields + (s &>> 3 &* 32 &+ (s & 1) &* 16)
        return unsafe (bytes, UInt8(truncatingIfNeeded: s &>> 1 & 3 &* 2))
    }

    /// `d·scale·code − dmin·min` with a scale and a min of four bits per 16 elements.
    @unsafe
    static func q2_K(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b + 80)
        let dmin = unsafe half(b + 82)
        for s in 0..<16 {
            let scale = unsafe d * Float(b[s] & 15)
            let offset = unsafe dmin * Float(b[s] &>> 4)
            let (bytes, shift) = unsafe twoBits(b + 16, s)
            for l in 0..<16 {
                let code = unsafe Int32(bytes[l] &>> shift & 3)
                unsafe y[s &* 16 &+ l] = scale * Float(code) - offset
            }
        }
    }

    /// `d·(scale − 32)·code` with codes of −4 to 3 and a scale of six bits per 16 elements.
    @unsafe
    static func q3_K(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b + 108)
        let scales = unsafe b + 96
        for s in 0..<16 {
            let low = unsafe s < 8 ? scales[s] & 15 : scales[s &- 8] &>> 4
            let shift = UInt8(truncatingIfNeeded: s &>> 2 &* 2)
            let high = unsafe scales[8 &+ s & 3] &>> shift & 3
            let scale = d * Float(Int32(low | high &<< 4) &- 32)
            let (bytes, fieldShift) = unsafe twoBits(b + 32, s)
            let bits = unsafe b + (s & 1) &* 16
            let bitShift = UInt8(truncatingIfNeeded: s &>> 1)
            for l in 0..<16 {
                let bit = unsafe bits[l] &>> bitShift & 1
                let code = unsafe Int32(bytes[l] &>> fieldShift & 3 | bit &<< 2) &- 4
                unsafe y[s &* 16 &+ l] = scale * Float(code)
            }
        }
    }

    /// The six-bit scale and min of sub-block `j` of Q4_K and Q5_K, from twelve bytes.
    @inline(__always) @unsafe
    private static func scaleAndMin(_ b: UnsafePointer<UInt8>, _ j: Int) -> (UInt8, UInt8) {
        if j < 4 { return unsafe (b[j] & 63, b[j &+ 4] & 63) }
        let scale = unsafe b[j &+ 4] & 15 | (b[j &- 4] &>> 6) &<< 4
        let min = unsafe b[j &+ 4] &>> 4 | (b[j] &>> 6) &<< 4
        return (scale, min)
    }

    /// `d·scale·code − dmin·min` with codes of four bits, sub-blocks of 32.
    @unsafe
    static func q4_K(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        let dmin = unsafe half(b + 2)
        for j in 0..<8 {
            let (sc, mn) = unsafe scaleAndMin(b + 4, j)
            let scale = d * Float(sc)
            let offset = dmin * Float(mn)
            let codes = unsafe b + (16 &+ j &>> 1 &* 32)
            let shift = UInt8(truncatingIfNeeded: j & 1 &* 4)
            for l in 0..<32 {
                unsafe y[j &* 32 &+ l] = scale * Float(codes[l] &>> shift & 15) - offset
            }
        }
    }

    /// As Q4_K with a fifth bit per code.
    @unsafe
    static func q5_K(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        let dmin = unsafe half(b + 2)
        for j in 0..<8 {
            let (sc, mn) = unsafe scaleAndMin(b + 4, j)
            let scale = d * Float(sc)
            let offset = dmin * Float(mn)
            let codes = unsafe b + (48 &+ j &>> 1 &* 32)
            let shift = UInt8(truncatingIfNeeded: j & 1 &* 4)
            for l in 0..<32 {
                let bit = unsafe b[16 &+ l] &>> UInt8(truncatingIfNeeded: j) & 1
                let code = unsafe codes[l] &>> shift & 15 | bit &<< 4
                unsafe y[j &* 32 &+ l] = scale * Float(code) - offset
            }
        }
    }

    /// `d·scale·(code − 32)` with a signed byte as the scale of 16 elements.
    @unsafe
    static func q6_K(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b + 208)
        for s in 0..<16 {
            let scale = unsafe d * Float(Int8(bitPattern: b[192 &+ s]))
            // 32 elements share a shift: g counts them within a half of 128.
            let g = s &>> 1 & 3
            let low = unsafe b + (s &>> 3 &* 64 &+ (g & 1) &* 32 &+ (s & 1) &* 16)
            let high = unsafe b + (128 &+ s &>> 3 &* 32 &+ (s & 1) &* 16)
            let lowShift: UInt8 = g < 2 ? 0 : 4
            let highShift = UInt8(truncatingIfNeeded: g &* 2)
            for l in 0..<16 {
                let code = unsafe low[l] &>> lowShift & 15 | (high[l] &>> highShift & 3) &<< 4
                unsafe y[s &* 16 &+ l] = scale * Float(Int32(code) &- 32)
            }
        }
    }
}
