import HalftoneKernels
import Testing

@Suite struct ElementOrderTests {
    private static let sizes = [1, 2, 7, 8, 9, 15, 16, 17, 33, 130]

    @Test(arguments: sizes, sizes)
    func numbersGoWhereTheOrderSays(channels: Int, area: Int) {
        let items = 3
        let x = FloatArray((0..<items * channels * area).map { Float($0) })
        let order = ElementOrder.channelsLast(channels: channels, area: area)
        for features in Processor.featureSets {
            let y = ElementOrder.rowMajor.converted(x, to: order, features: features)
            var wrong = 0
            for item in 0..<items {
                for channel in 0..<channels {
                    for pixel in 0..<area {
                        let here = (item * channels + channel) * area + pixel
                        let there = (item * area + pixel) * channels + channel
                        if y[there] != x[here] || order.place(of: here) != there { wrong += 1 }
                    }
                }
            }
            #expect(wrong == 0)
            #expect(order.converted(y, to: .rowMajor, features: features) == x)
        }
    }

    @Test func lengthsAndAxesGoAlong() {
        let order = ElementOrder.channelsLast([2, 3, 4, 5])
        #expect(order == .channelsLast(channels: 3, area: 20))
        #expect(order.physical([2, 3, 4, 5]) == [2, 4, 5, 3])
        #expect((0..<4).map { order.physical(axis: $0) } == [0, 3, 1, 2])
        #expect(ElementOrder.rowMajor.physical([7, 8]) == [7, 8])
    }
}
