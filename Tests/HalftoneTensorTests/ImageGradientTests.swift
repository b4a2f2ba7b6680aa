import HalftoneTensor
import HalftoneTesting
import Testing

/// Gradients of the operations on images against central differences of their definitions.
@Suite struct ImageGradientTests {
    @Test(arguments: [1, 2]) func convolution(groups: Int) {
        let inputs = [
            Tensor.uniform([2, 4, 5, 4], seed: 1), Tensor.uniform([6, 4 / groups, 3, 2], seed: 2),
            Tensor.uniform([6], seed: 3),
        ]
        // Rows step by 2 with one more above, columns are dilated by 2 with one more after.
        #expect(
            checkGradients("convolved2D", at: inputs, roundings: 60) { inputs in
                inputs[0].convolved2D(
                    inputs[1], bias: inputs[2], stride: AxisPair(2, 1),
                    padding: ImagePadding(top: 1, bottom: 0, left: 0, right: 1),
                    dilation: AxisPair(1, 2), groups: groups)
            } reference: { values in
                let (x, w, b) = (values[0], values[1], values[2])
                let perGroup = 4 / groups
                var result: [Double] = []
                for n in 0..<2 {
                    for o in 0..<6 {
                        for i in 0..<2 {
                            for j in 0..<3 {
                                var sum = b[o]
                                for c in 0..<perGroup {
                                    let channel = o / (6 / groups) * perGroup + c
                                    for k in 0..<3 where (0..<5).contains(2 * i + k - 1) {
                                        for l in 0..<2 where j + 2 * l < 4 {
                                            let row = (n * 4 + channel) * 5 + 2 * i + k - 1
                                            let tap = ((o * perGroup + c) * 3 + k) * 2 + l
                                            sum += x[row * 4 + j + 2 * l] * w[tap]
                                        }
                                    }
                                }
                                result.append(sum)
                            }
                        }
                    }
                }
                return result
            } == [])
    }

    @Test func transposedConvolution() {
        let inputs = [
            Tensor.uniform([2, 3, 4], seed: 4), Tensor.uniform([3, 2, 3], seed: 5),
            Tensor.uniform([2], seed: 6),
        ]
        #expect(
            checkGradients("transposedConvolved1D", at: inputs, roundings: 30) { inputs in
                inputs[0].transposedConvolved1D(
                    inputs[1], bias: inputs[2], stride: 2, padding: (1, 0), outputPadding: 1)
            } reference: { values in
                // (4 − 1)·2 − 1 + 2 + 1 + 1 = 9 positions.
                var result = (0..<2 * 2 * 9).map { values[2][$0 / 9 % 2] }
                for n in 0..<2 {
                    for c in 0..<3 {
                        for o in 0..<2 {
                            for i in 0..<4 {
                                for k in 0..<3 where (0..<9).contains(2 * i + k - 1) {
                                    result[(n * 2 + o) * 9 + 2 * i + k - 1] +=
                                        values[0][(n * 3 + c) * 4 + i]
                                        * values[1][(c * 2 + o) * 3 + k]
                                }
                            }
                        }
                    }
                }
                return result
            } == [])
    }

    @Test func pooling() {
        let x = Tensor.uniform([2, 5, 6], seed: 7)
        func windows(_ values: [[Double]], _ body: ([Double]) -> Double) -> [Double] {
            (0..<2 * 2 * 3).map { index in
                let (plane, i, j) = (index / 6, index / 3 % 2, index % 3)
                return body(
                    (0..<6).map { tap in
                        values[0][(plane * 5 + 2 * i + tap / 2) * 6 + 2 * j + tap % 2]
                    })
            }
        }
        #expect(
            checkGradients("maxPooled2D", at: [x], roundings: 2) {
                $0[0].maxPooled2D(AxisPair(3, 2), stride: 2)
            } reference: {
                windows($0) { $0.max()! }
            } == [])
        // Rows 0, 3 and columns 1, 3 of windows one apart, with a border of one row above: taps
        // outside do not count.
        #expect(
            checkGradients("dilated maxPooled2D", at: [x], roundings: 2) {
                $0[0].maxPooled2D(
                    2, stride: 1, padding: ImagePadding(top: 1, bottom: 0, left: 0, right: 0),
                    dilation: AxisPair(3, 2))
            } reference: { values in
                (0..<2 * 3 * 4).map { index in
                    let (plane, i, j) = (index / 12, index / 4 % 3, index % 4)
                    return [-1, 2].flatMap { row in
                        [0, 2].compactMap { column in
                            let (y, x) = (i + row, j + column)
                            return y >= 0 ? values[0][(plane * 5 + y) * 6 + x] : nil
                        }
                    }.max()!
                }
            } == [])
        #expect(
            checkGradients("averagePooled2D", at: [x], roundings: 10) {
                $0[0].averagePooled2D(AxisPair(3, 2), stride: 2)
            } reference: {
                windows($0) { $0.reduce(0, +) / 6 }
            } == [])
    }

    @Test func sampling() {
        // A third of a pixel off each centre: no kink nearby.
        let places = (0..<2 * 4 * 2).map { index -> Float in
            let size: Float = index % 2 == 0 ? 5 : 4
            return (Float(index * 3 % 5) - 0.67 + 0.5) / size * 2 - 1
        }
        let inputs = [
            Tensor.uniform([2, 3, 4, 5], seed: 8), Tensor(shape: [2, 4, 2], elements: places),
        ]
        // Positions of up to 5 pixels round before the fraction is taken.
        #expect(
            checkGradients("bilinearSampled", at: inputs, roundings: 60) {
                $0[0].bilinearSampled(at: $0[1])
            } reference: { values in
                (0..<2 * 3 * 4).map { index in
                    let (n, plane, point) = (index / 12, index / 4, index % 4)
                    let x = ((values[1][(n * 4 + point) * 2] + 1) * 5 - 1) / 2
                    let y = ((values[1][(n * 4 + point) * 2 + 1] + 1) * 4 - 1) / 2
                    var sum = 0.0
                    for i in 0..<4 where abs(y - Double(i)) < 1 {
                        for j in 0..<5 where abs(x - Double(j)) < 1 {
                            sum +=
                                (1 - abs(y - Double(i))) * (1 - abs(x - Double(j)))
                                * values[0][(plane * 4 + i) * 5 + j]
                        }
                    }
                    return sum
                }
            } == [])
    }
}
