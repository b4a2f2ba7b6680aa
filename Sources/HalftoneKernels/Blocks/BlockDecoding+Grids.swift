import HalftoneFormats

/// Blocks of 256 whose codes name points of a grid with eight or four coordinates.
extension BlockDecoding {
    /// Stores `scale · point · sign` for eight elements.
    @inline(__always) @unsafe
    private static func put(
        _ point: SIMD8<Float>, _ scale: Float, signs: UInt8, _ y: UnsafeMutablePointer<Float>
    ) {
        let values = VectorMath.bits(point * scale) ^ BlockGrids.signs[Int(signs)]
        unsafe FloatRun.store(VectorMath.floats(values), to: y)
    }

    /// Per 32 elements: four grid bytes, then a word of four sign indices and a scale.
    @unsafe
    static func iq2_XXS(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        let grid = BlockGrids.iq2_XXS
        for i in 0..<8 {
            let group = unsafe b + (2 &+ 8 &* i)
            let word = unsafe integer(group + 4, as: UInt32.self)
            let scale = d * (0.5 + Float(word &>> 28)) * 0.25
            for k in 0..<4 {
                let index = UInt8(truncatingIfNeeded: word &>> UInt32(truncatingIfNeeded: 7 &* k))
                unsafe put(
                    grid[Int(group[k])], scale, signs: BlockGrids.evenSigns(index),
                    y + (32 &* i &+ 8 &* k))
            }
        }
    }

    /// Per eight elements 16 bits: nine of grid, seven of signs; a four-bit scale per 16.
    @unsafe
    static func iq2_XS(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        let grid = BlockGrids.iq2_XS
        for i in 0..<32 {
            let code = unsafe integer(b + (2 &+ 2 &* i), as: UInt16.self)
            let scale = unsafe d * (0.5 + fourBits(b + 66, i &>> 1)) * 0.25
            let signs = BlockGrids.evenSigns(UInt8(truncatingIfNeeded: code &>> 9))
            unsafe put(grid[Int(code & 511)], scale, signs: signs, y + 8 &* i)
        }
    }

    /// Ten bits of grid and eight signs per eight elements; a four-bit scale per 16.
    @unsafe
    static func iq2_S(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        let grid = BlockGrids.iq2_S
        for i in 0..<32 {
            let shift = UInt8(truncatingIfNeeded: (i & 3) &* 2)
            let high = unsafe Int(b[66 &+ i &>> 2] &>> shift & 3)
            let scale = unsafe d * (0.5 + fourBits(b + 74, i &>> 1)) * 0.25
            let index = unsafe Int(b[2 &+ i]) | high &<< 8
            unsafe put(grid[index], scale, signs: b[34 &+ i], y + 8 &* i)
        }
    }

    /// Two grid bytes per eight elements; a word of four sign indices and a scale per 32.
    @unsafe
    static func iq3_XXS(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        let grid = BlockGrids.iq3_XXS
        for i in 0..<8 {
            let word = unsafe integer(b + (66 &+ 4 &* i), as: UInt32.self)
            let scale = d * (0.5 + Float(word &>> 28)) * 0.5
            for k in 0..<4 {
                let index = UInt8(truncatingIfNeeded: word &>> UInt32(truncatingIfNeeded: 7 &* k))
                let codes = unsafe b + (2 &+ 8 &* i &+ 2 &* k)
                let point = unsafe SIMD8(
                    lowHalf: grid[Int(codes[0])], highHalf: grid[Int(codes[1])])
                unsafe put(
                    point, scale, signs: BlockGrids.evenSigns(index), y + (32 &* i &+ 8 &* k))
            }
        }
    }

    /// Nine bits of grid per four elements, eight signs per eight; a four-bit scale per 32.
    @unsafe
    static func iq3_S(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        let grid = BlockGrids.iq3_S
        for i in 0..<32 {
            let scale = unsafe d * (1 + 2 * fourBits(b + 106, i &>> 2))
            let shift = UInt8(truncatingIfNeeded: (i & 3) &* 2)
            let high = unsafe Int(b[66 &+ i &>> 2] &>> shift)
            let first = unsafe Int(b[2 &+ 2 &* i]) | (high & 1) &<< 8
            let second = unsafe Int(b[3 &+ 2 &* i]) | (high & 2) &<< 7
            let point = SIMD8(lowHalf: grid[first], highHalf: grid[second])
            unsafe put(point, scale, signs: b[74 &+ i], y + 8 &* i)
        }
    }

    /// Eleven bits of grid per eight elements; per 32 an odd scale and an offset of ±1/8.
    @unsafe
    static func iq1_S(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let d = unsafe half(b)
        let grid = BlockGrids.iq1
        for i in 0..<8 {
            let word = unsafe Int(integer(b + (34 &+ 2 &* i), as: UInt16.self))
            let scale = d * Float(2 &* (word &>> 12 & 7) &+ 1)
            let offset: Float = word & 0x8000 == 0 ? 0.125 : -0.125
            for k in 0..<4 {
                let index = unsafe Int(b[2 &+ 4 &* i &+ k]) | (word &>> (3 &* k) & 7) &<< 8
                unsafe FloatRun.store((grid[index] + offset) * scale, to: y + (32 &* i &+ 8 &* k))
            }
        }
    }

    /// As IQ1_S with a scale per 16 and an offset per eight; the binary16 scale is in four parts.
    @unsafe
    static func iq1_M(_ b: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<Float>) {
        let grid = BlockGrids.iq1
        var bits: UInt16 = 0
        for part in 0..<4 {
            let word = unsafe integer(b + (48 &+ 2 &* part), as: UInt16.self)
            bits |= (word &>> 12) &<< UInt16(truncatingIfNeeded: 4 &* part)
        }
        let d = SmallFloat.float16(bits)
        for i in 0..<32 {
            let pair = i &>> 1
            let word = unsafe Int(integer(b + (48 &+ 2 &* (pair &>> 2)), as: UInt16.self))
            let scale = d * Float(2 &* (word &>> (3 &* (pair & 3)) & 7) &+ 1)
            let high = unsafe Int(b[32 &+ pair]) &>> ((i & 1) &* 4)
            let offset: Float = high & 8 == 0 ? 0.125 : -0.125
            let index = unsafe Int(b[i]) | (high & 7) &<< 8
            unsafe FloatRun.store((grid[index] + offset) * scale, to: y + 8 &* i)
        }
    }

    /// The four-bit number `index` in a run of bytes, low halves first.
    @inline(__always) @unsafe
    private static func fourBits(_ b: UnsafePointer<UInt8>, _ index: Int) -> Float {
        unsafe Float(b[index &>> 1] &>> UInt8(truncatingIfNeeded: (index & 1) &* 4) & 15)
    }
}
