import HalftoneFormats
import HalftoneQuantization
import HalftoneTensor
import Testing

@Suite("Scales of groups in any format")
struct GroupScaleSearchTests {
    private static let signed = NumberFormat.known.filter {
        $0.range.lowerBound < 0 && $0.range.upperBound > 0
    }

    @Test(
        "the error is that of the codes, and at most that of the covering scale", arguments: signed)
    func errorsAreTrue(format: NumberFormat) {
        var generator = SeededGenerator(seed: 2)
        let search = GroupScaleSearch(format)
        for _ in 0..<20 {
            let values = (0..<33).map { _ in Float.random(in: -1...1, using: &generator) }
            let (scale, error) = search.best(values[...])
            func measured(_ scale: Float) -> Double {
                values.reduce(0.0) {
                    let y = Double(scale) * Double(format.rounded($1 / scale))
                    return $0 + (Double($1) - y) * (Double($1) - y)
                }
            }
            #expect(SmallFloat.float16(SmallFloat.float16Bits(scale)) == scale)
            #expect(measured(scale) == error)
            let reach = min(-format.range.lowerBound, format.range.upperBound)
            let covering = (values.map(\.magnitude).max() ?? 0) / reach
            #expect(error <= measured(SmallFloat.float16(SmallFloat.float16Bits(covering))))
        }
    }

    @Test("a group of levels is kept, zeros are too")
    func levelsAreKept() {
        let format = NumberFormat.e2m1
        let values = format.values.map { $0 * 0.125 }
        #expect(GroupScaleSearch(format).best(values[...]) == (0.125, 0))
        #expect(GroupScaleSearch(format).best([0, 0, 0]) == (0, 0))
    }
}
