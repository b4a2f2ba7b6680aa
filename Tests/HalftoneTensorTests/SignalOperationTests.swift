import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

@Suite struct FourierOperationTests {
    @Test(arguments: [1, 2, 5, 8, 37], FourierScale.allCases)
    func transformsAreLinearAndInvertible(length: Int, scale: FourierScale) {
        // 16 stages at most.
        #expect(
            checkLinear([3, length, 2], terms: 64) { $0.fourierTransformed(scale: scale) } == [])
        #expect(
            checkLinear([length, 3, 2], terms: 64) {
                $0.fourierTransformed(axes: [0], isInverse: true, scale: scale)
            } == [])
        let x = Tensor.uniform([2, length, 2], seed: 1)
        let back = x.fourierTransformed(scale: scale).fourierTransformed(
            isInverse: true, scale: scale)
        #expect(
            checkClose(
                back.elements.array, x.elements.map { Double($0) }, within: 64 * 4 * 0x1p-24) == [])
    }

    @Test(arguments: [1, 2, 3, 6, 7, 16])
    func realTransformsAreHalves(length: Int) {
        let x = Tensor.uniform([4, length], seed: 2)
        let half = x.realFourierTransformed()
        let whole = Tensor.stack([x, .zeros(x.shape)], axis: -1).fourierTransformed()
        #expect(half.shape == [4, length / 2 + 1, 2])
        #expect(half == whole.sliced(axis: 1, 0..<length / 2 + 1))
        let back = half.inverseRealFourierTransformed(length: length)
        #expect(back.shape == x.shape)
        #expect(
            checkClose(
                back.elements.array, x.elements.map { Double($0) }, within: 64 * 4 * 0x1p-24) == [])
        #expect(checkLinear([4, length], terms: 64) { $0.realFourierTransformed() } == [])
        #expect(
            checkLinear([2, length / 2 + 1, 3, 2], terms: 64) {
                $0.inverseRealFourierTransformed(length: length, axis: 1)
            } == [])
    }

    @Test func twoAxesAreOneAfterTheOther() {
        // A delta at (1, 2) of 3 × 4 has e^(−2πi(k/3 + 2l/4)).
        var x = Tensor.zeros([3, 4, 2])
        x[1, 2, 0] = 1
        let y = x.fourierTransformed(axes: [0, 1])
        let cosines = [1.0, -0.5, -0.5]
        let sines = [0, -0.75.squareRoot(), 0.75.squareRoot()]
        var expected: [Double] = []
        for k in 0..<3 {
            for l in 0..<4 {
                let sign = l % 2 == 0 ? 1.0 : -1
                expected += [sign * cosines[k], sign * sines[k]]
            }
        }
        #expect(checkClose(y.elements.array, expected, within: 8 * 0x1p-24) == [])
        #expect(
            checkLinear([2, 3, 5, 2], terms: 64) { $0.fourierTransformed(axes: [-2, -1]) } == [])
    }
}

@Suite struct HaarOperationTests {
    @Test func coefficientsAreLinearAndInvertible() {
        for levels in [nil, 0, 1, 2] as [Int?] {
            #expect(checkLinear([3, 7], terms: 8) { $0.haarTransformed(levels: levels) } == [])
            let x = Tensor.uniform([5, 3], seed: 3)
            let back = x.haarTransformed(levels: levels, axis: 0)
                .inverseHaarTransformed(levels: levels, axis: 0)
            #expect(
                checkClose(
                    back.elements.array, x.elements.map { Double($0) }, within: 24 * 0x1p-24) == [])
        }
        for (rows, columns, levels) in [(4, 8, 2), (5, 3, 2), (1, 6, 2), (7, 7, 3), (2, 2, 0)] {
            #expect(
                checkLinear([2, rows, columns], terms: 16) { $0.haarTransformed2D(levels: levels) }
                    == [])
            #expect(
                checkLinear([2, rows, columns], terms: 16) {
                    $0.inverseHaarTransformed2D(levels: levels)
                } == [])
            let x = Tensor.uniform([2, rows, columns], seed: 4)
            let back = x.haarTransformed2D(levels: levels).inverseHaarTransformed2D(levels: levels)
            #expect(
                checkClose(
                    back.elements.array, x.elements.map { Double($0) }, within: 48 * 0x1p-24) == [])
        }
    }

    @Test func oneLevelOfFourPixels() {
        let x = Tensor(shape: [2, 2], elements: [1, 2, 3, 6])
        // Sums and differences over 2: all, columns, rows, diagonal.
        #expect(
            checkClose(
                x.haarTransformed2D().elements.array, [6, -2, -3, 1], within: 24 * 0x1p-24) == [])
    }
}
