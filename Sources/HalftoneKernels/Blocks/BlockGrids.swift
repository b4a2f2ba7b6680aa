/// The grids of the IQ types as floats, unpacked on first use.
enum BlockGrids {
    static let iq2_XXS = eights(BlockGridTables.iq2_XXS, [8, 25, 43, 0])
    static let iq2_XS = eights(BlockGridTables.iq2_XS, [8, 25, 43, 0])
    static let iq2_S = eights(BlockGridTables.iq2_S, [8, 25, 43, 0])
    static let iq1 = eights(BlockGridTables.iq1, [-1, 0, 1, 0])
    static let iq3_XXS = fours(BlockGridTables.iq3_XXS, [4, 12, 20, 28, 36, 44, 52, 62])
    static let iq3_S = fours(BlockGridTables.iq3_S, [1, 3, 5, 7, 9, 11, 13, 15])

    /// Eight bits of signs from an index of seven: the eighth makes the number of ones even.
    @inline(__always)
    static func evenSigns(_ index: UInt8) -> UInt8 {
        let seven = index & 127
        return seven | UInt8(truncatingIfNeeded: seven.nonzeroBitCount & 1) &<< 7
    }

    /// For each byte, the sign bits of eight floats: set where a bit of the byte is.
    static let signs: [SIMD8<UInt32>] = (0..<256).map { byte in
        var result = SIMD8<UInt32>.zero
        for lane in 0..<8 { result[lane] = UInt32(byte >> lane & 1) << 31 }
        return result
    }

    private static func eights(_ words: [UInt64], _ levels: [Float]) -> [SIMD8<Float>] {
        points(words).map { point in
            var result = SIMD8<Float>.zero
            for lane in 0..<8 { result[lane] = levels[Int(point >> (2 * lane) & 3)] }
            return result
        }
    }

    private static func fours(_ words: [UInt64], _ levels: [Float]) -> [SIMD4<Float>] {
        points(words).map { point in
            var result = SIMD4<Float>.zero
            for lane in 0..<4 { result[lane] = levels[Int(point >> (3 * lane) & 7)] }
            return result
        }
    }

    private static func points(_ words: [UInt64]) -> [UInt64] {
        words.flatMap { word in (0..<4).map { word >> (16 * $0) & 0xFFFF } }
    }
}
