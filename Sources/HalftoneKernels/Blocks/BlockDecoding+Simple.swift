import HalftoneFormats

/// Plain floats, and blocks of 32 with one scale and at most one offset.
extension BlockDecoding {
    /// Consecutive binary16 numbers.
    @unsafe
    static func f16(
        _ b: UnsafePointer<UInt8>, count: Int, _ y: UnsafeMutablePointer<Float>
    ) {
        var index = 0
        while index &+ 8 <= count {
            let patterns = unsafe UnsafeRawPointer(b + 2 &* index)
                .loadUnaligned(as: SIMD8<UInt16>.self)
            unsafe FloatRun.store(VectorMath.float16(patterns), to: y + index)
            index &+= 8
        }
        while index < count {
            unsafe y[index] = half(b + 2 &* index)
            index &+= 1
        }
    }

    @unsafe
    static func bf16(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        unsafe y[0] = SmallFloat.bfloat16(integer(b, as: UInt16.self))
    }

    @unsafe
    static func f64(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        unsafe y[0] = Float(Double(bitPattern: integer(b, as: UInt64.self)))
    }

    /// `d · (code − 8)`; element `j` has the low half of byte `j`, element `j + 16` the high one.
    @unsafe
    static func q4_0(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        for j in 0..<16 {
            let byte = unsafe Int32(b[2 &+ j])
            unsafe y[j] = d * Float(byte & 15 &- 8)
            unsafe y[j &+ 16] = d * Float(byte &>> 4 &- 8)
        }
    }

    /// `d · code + m`, the codes as in Q4_0.
    @unsafe
    static func q4_1(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        let m = unsafe half(b + 2)
        for j in 0..<16 {
            let byte = unsafe Int32(b[4 &+ j])
            unsafe y[j] = d * Float(byte & 15) + m
            unsafe y[j &+ 16] = d * Float(byte &>> 4) + m
        }
    }

    /// `d · (code − 16)`; the fifth bit of element `e` is bit `e` of a word before the nibbles.
    @unsafe
    static func q5_0(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        let high = unsafe integer(b + 2, as: UInt32.self)
        for j in 0..<16 {
            let (first, second) = unsafe fiveBits(b[6 &+ j], high, j)
            unsafe y[j] = d * Float(first &- 16)
            unsafe y[j &+ 16] = d * Float(second &- 16)
        }
    }

    /// `d · code + m`, the codes as in Q5_0.
    @unsafe
    static func q5_1(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        let m = unsafe half(b + 2)
        let high = unsafe integer(b + 4, as: UInt32.self)
        for j in 0..<16 {
            let (first, second) = unsafe fiveBits(b[8 &+ j], high, j)
            unsafe y[j] = d * Float(first) + m
            unsafe y[j &+ 16] = d * Float(second) + m
        }
    }

    /// `d · code` with signed bytes.
    @unsafe
    static func q8_0(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        for j in 0..<32 { unsafe y[j] = d * Float(Int8(bitPattern: b[2 &+ j])) }
    }

    /// The codes of elements `j` and `j + 16`.
    @inline(__always)
    private static func fiveBits(_ byte: UInt8, _ high: UInt32, _ j: Int) -> (Int32, Int32) {
        let bits = high &>> UInt32(truncatingIfNeeded: j)
        let first = UInt32(byte & 15) | (bits & 1) &<< 4
        let second = UInt32(byte &>> 4) | (bits &>> 16 & 1) &<< 4
        return (Int32(bitPattern: first), Int32(bitPattern: second))
    }
}
