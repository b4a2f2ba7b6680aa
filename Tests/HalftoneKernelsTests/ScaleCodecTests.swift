import HalftoneFormats
import HalftoneKernels
import Testing

@Suite("What becomes of scales when they are stored")
struct ScaleCodecTests {
    /// Every number of the format, every number halfway between two, and what is next to them, with
    /// the format's own table to compare with.
    @Test("a byte is nearest as its table says", arguments: [ScaleFormat.float8, .unsignedFloat8])
    func bytesAreNearest(format: ScaleFormat) throws {
        let table = try #require(format.byteFormat)
        let middles = zip(table.levels, table.levels.dropFirst()).map { ($0 + $1) / 2 }
        let beyond: [Float] = [0, -0.0, 1e-30, 1e5, 1e30, .greatestFiniteMagnitude]
        for factor: Float in [1, 0.0127, 3e-6] {
            let codec = ScaleCodec(format, factor: factor)
            for number in table.levels + middles + beyond {
                for near in [number.nextDown, number, number.nextUp] {
                    for scale in [near * factor, -near * factor] {
                        let nearest = codec.nearest(scale)
                        let expected = codec.value(codec.pattern(scale))
                        #expect(nearest == expected, "\(scale) of \(format)")
                        #expect(nearest.sign == expected.sign || format == .unsignedFloat8)
                    }
                }
            }
            for scale in [Float.infinity, -.infinity, .nan] {
                let (nearest, expected) = (codec.nearest(scale), codec.value(codec.pattern(scale)))
                #expect(nearest.bitPattern == expected.bitPattern)
            }
        }
    }
}
