import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneRuntime
import HalftoneTensor
import Testing

/// Formats and orders of VidKV, held to the paper's formulas.
@Suite struct VidKVTests {
    private let group = Array(
        Tensor.normal([32], mean: 0.3, standardDeviation: 2, seed: 11).elements)

    private var meanMagnitude: Float {
        group.reduce(0) { $0 + $1.magnitude } / Float(group.count)
    }

    /// One bit: the mean magnitude times the sign.
    @Test func oneBitIsSignTimesMean() {
        let rounded = CacheCoder(VidKV().narrowKeys).rounded(group)
        for (value, code) in zip(group, rounded) {
            // The scale is stored in float16, within 2^-11.
            #expect(abs(code - (value >= 0 ? meanMagnitude : -meanMagnitude)) < 0x1p-10)
        }
    }

    /// 1.58 bits: zero within half of the mean magnitude.
    @Test func threeLevelsSplitAtHalfTheMean() {
        let rounded = CacheCoder(VidKV().values).rounded(group)
        #expect(Set(rounded).count == 3)
        for (value, code) in zip(group, rounded) {
            let half = meanMagnitude / 2
            let expected = value > half ? meanMagnitude : value < -half ? -meanMagnitude : 0
            #expect(abs(code - expected) < 0x1p-10, "\(value) became \(code)")
        }
    }

    /// Two bits: four levels from the least to the largest number.
    @Test func twoBitsSpanTheRange() {
        let rounded = CacheCoder(VidKV().wideKeys).rounded(group)
        let (least, most) = (group.min() ?? 0, group.max() ?? 0)
        let step = (most - least) / 3
        for (value, code) in zip(group, rounded) {
            let expected = ((value - least) / step).rounded() * step + least
            // Scale and minimum in float16: within 2^-11 of numbers below 8, three steps.
            #expect(abs(code - expected) < 0.02, "\(value) became \(code)")
        }
    }

    /// What was stored is stored again as it is.
    @Test func valuesOfCodesAreKept() {
        for format in [VidKV().wideKeys, VidKV().narrowKeys] {
            let once = CacheCoder(format).rounded(group)
            let again = CacheCoder(format).rounded(once)
            for (first, second) in zip(once, again) { #expect(abs(first - second) < 0.01) }
        }
        // Three levels are not: the mean magnitude of a group with zeros is below its level.
        let once = CacheCoder(VidKV().values).rounded(group)
        let again = CacheCoder(VidKV().values).rounded(once)
        let share = Float(once.count { $0 != 0 }) / Float(once.count)
        for (first, second) in zip(once, again) {
            #expect(abs(first * share - second) < 0.01 || abs(first - second) < 0.01)
        }
    }

    @Test(
        arguments: [
            (64, 0.5, 32), (128, 0.5, 64), (32, 0.5, 16), (128, 0.2, 32), (64, 0, 0), (64, 1, 64),
            (64, 0.01, 32), (16, 0.01, 16), (64, 0.1, 16),
        ])
    func wideChannelsAreAShare(headDim: Int, share: Double, wide: Int) {
        #expect(VidKV(wideShare: share).wideChannels(headDim: headDim) == wide)
    }

    @Test func policyHasTheBitsThatItSays() throws {
        let policy = VidKV().policy(headDim: 64)
        #expect(
            try KeyValuePolicy(
                parsing: "K:32xuint2/channel32+binary/channel32/fourier,V:ternary/channel32,"
                    + "order=ranges") == policy)
        // Keys: half of the channels 2 + 32/32 bits, half 1 + 16/32; values 2 + 16/32.
        let bits = 2.25 + 2.5
        #expect(policy.bytesPerToken(heads: 3, headDim: 64) == 24 * bits)
        let plain = VidKV(wideShare: 0, isFourier: false, window: 128).policy(headDim: 64)
        #expect(plain.leadingKeys == nil && plain.window == 128 && !plain.keys.isFourier)
        #expect(VidKV(wideShare: 1).policy(headDim: 64).keys == VidKV().wideKeys)
    }

    /// Two heads of three channels, each of which alone would begin with another one.
    ///
    /// Over both, channel 1 ranges from −9 to 2, channel 0 from 0 to 5,
    /// channel 2 from −1 to 1.
    @Test func headsShareAnOrder() {
        let statistics = KeyStatistics(
            headDim: 3, magnitudes: [1, 1, 1, 1, 1, 1], least: [0, 1, -1, 4, -9, -1],
            most: [5, 2, 1, 5, -8, 1])
        #expect(VidKV().orders([statistics]) == [[1, 0, 2, 1, 0, 2]])
        #expect(
            ChannelOrder.descending(statistics.ranges, headDim: 3) == [0, 2, 1, 2, 0, 1])
    }
}
