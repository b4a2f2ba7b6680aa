/// Blocks of codes of one or two bits or of base 3, with one scale.
extension BlockDecoding {
    /// `d · trit`; five trits in a byte, the most significant first, scaled to use all 256 values.
    @unsafe
    static func tq1_0(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b + 52)
        unsafe trits(b, width: 32, count: 5, d, y)
        unsafe trits(b + 32, width: 16, count: 5, d, y + 160)
        unsafe trits(b + 48, width: 4, count: 4, d, y + 240)
    }

    /// Trit `n` of byte `m` goes to `n · width + m`.
    @inline(__always) @unsafe
    private static func trits(
        _ b: UnsafePointer<UInt8>, width: Int, count: Int, _ d: Float,
        _ y: UnsafeMutablePointer<Float>
    ) {
        var power: UInt8 = 1
        for n in 0..<count {
            for m in 0..<width {
                // Multiplying drops the trits before; the next one is the integer part of ·3/256.
                let rest = unsafe UInt16(b[m] &* power)
                unsafe y[n &* width &+ m] = d * Float(Int32((rest &* 3) &>> 8) &- 1)
            }
            power &*= 3
        }
    }

    /// `d · (code − 1)`, the fields as in Q2_K.
    @unsafe
    static func tq2_0(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b + 64)
        for s in 0..<16 {
            let (bytes, shift) = unsafe twoBits(b, s)
            for l in 0..<16 {
                unsafe y[s &* 16 &+ l] = d * Float(Int32(bytes[l] &>> shift & 3) &- 1)
            }
        }
    }

    /// `d` where a bit is set, `−d` where it is clear.
    @unsafe
    static func q1_0(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        for byte in 0..<16 {
            let signs = unsafe BlockGrids.signs[Int(~b[2 &+ byte])]
            let values = VectorMath.floats(signs ^ SIMD8(repeating: d.bitPattern))
            unsafe FloatRun.store(values, to: y + 8 &* byte)
        }
    }

    /// `d · (code − 1)`, four codes to a byte in order.
    @unsafe
    static func q2_0(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        for e in 0..<64 {
            let code = unsafe b[2 &+ e &>> 2] &>> UInt8(truncatingIfNeeded: (e & 3) &* 2) & 3
            unsafe y[e] = d * Float(Int32(code) &- 1)
        }
    }
}
