import HalftoneKernels
import HalftoneTensor
import HalftoneTesting
import Testing

private let paddings: [Padding] = [.constant(0), .constant(2), .reflect, .replicate, .circular]

@Suite struct ConvolutionOperationTests {
    @Test(arguments: [
        (1, 1, 1), (2, 1, 1), (1, 2, 1), (2, 3, 2), (3, 1, 4),
    ])
    func gradientsAreThoseOfALinearMap(stride: Int, dilation: Int, groups: Int) {
        let weight = Tensor.uniform([8, 4 / groups, 3, 2], seed: 20)
        let x = Tensor.uniform([2, 4, 9, 10], seed: 21)
        func convolved(_ x: Tensor, _ weight: Tensor) -> Tensor {
            x.convolved2D(
                weight, stride: AxisPair(stride, 2),
                padding: ImagePadding(top: 2, bottom: 1, left: 0, right: 3),
                dilation: AxisPair(dilation, 1), groups: groups)
        }
        #expect(checkLinear(x.shape, terms: 48) { convolved($0, weight) } == [])
        #expect(checkLinear(weight.shape, terms: 200) { convolved(x, $0) } == [])
        #expect(
            checkLinear([8], terms: 200) { bias in
                x.convolved2D(Tensor.zeros(weight.shape), bias: bias, groups: groups)
            } == [])
        // All at once.
        let bias = Tensor.uniform([8], seed: 22)
        let (a, b, c) = (x.tracked(), weight.tracked(), bias.tracked())
        let together = a.convolved2D(b, bias: c, groups: groups)
        let upstream = Tensor.uniform(together.shape, seed: 23)
        let all = together.gradients(for: [a, b, c], upstream: upstream)
        let one = x.tracked()
        let alone = one.convolved2D(weight, bias: bias, groups: groups)
            .gradients(for: [one], upstream: upstream)[0]
        #expect(all[0] == alone)
        let w = weight.tracked()
        let other = x.convolved2D(w, bias: bias, groups: groups)
            .gradients(for: [w], upstream: upstream)[0]
        #expect(all[1] == other)
        #expect(
            checkClose(
                all[2].elements.array,
                upstream.sum(axes: [0, 2, 3]).elements.map { Double($0) }, within: 1e-4) == [])
    }

    @Test(arguments: paddings)
    func paddingModesAreThoseOfPadding(mode: Padding) {
        let x = Tensor.uniform([2, 3, 6, 5], seed: 1)
        let weight = Tensor.uniform([4, 3, 3, 3], seed: 2)
        let padding = ImagePadding(top: 1, bottom: 2, left: 2, right: 0)
        let found = x.convolved2D(weight, padding: padding, mode: mode)
        let expected = x.padded([(1, 2), (2, 0)], mode).convolved2D(weight)
        #expect(found.shape == [2, 4, 7, 5])
        // The library may sum the padding's zeros elsewhere: 27 terms below 2.
        #expect(
            checkClose(
                found.elements.array, expected.elements.map { Double($0) },
                within: 60 * 54 * 0x1p-24) == [])
        guard mode != .constant(2) else { return }
        #expect(
            checkLinear(x.shape, terms: 60) {
                $0.convolved2D(weight, padding: padding, mode: mode)
            } == [])
    }

    @Test func sequencesAreImagesOfOneRow() {
        let x = Tensor.uniform([3, 4, 11], seed: 3)
        let weight = Tensor.uniform([6, 2, 3], seed: 4)
        let bias = Tensor.uniform([6], seed: 5)
        let found = x.convolved1D(
            weight, bias: bias, stride: 2, padding: (2, 0), dilation: 1, groups: 2)
        #expect(found.shape == [3, 6, 6])
        // A causal window: element 0 of the result sees element 0 alone, through the last tap.
        let first = (0..<2).reduce(Double(bias[0])) {
            $0 + Double(weight[0, $1, 2]) * Double(x[0, $1, 0])
        }
        #expect(abs(Double(found[0, 0, 0]) - first) <= 8 * 0x1p-24 * 3)
        #expect(
            checkLinear(x.shape, terms: 6) {
                $0.convolved1D(weight, stride: 2, padding: (2, 0), groups: 2)
            } == [])
    }

    @Test(arguments: [(1, 0, 1), (2, 1, 1), (3, 2, 2), (2, 0, 2)])
    func transposedConvolutionIsTheTranspose(stride: Int, outputPadding: Int, groups: Int) {
        let weight = Tensor.uniform([4, 6 / groups, 3, 4], seed: 6)
        let x = Tensor.uniform([2, 4, 5, 4], seed: 7)
        let padding = ImagePadding(top: 1, bottom: 0, left: 2, right: 1)
        func transposed(_ x: Tensor, _ weight: Tensor) -> Tensor {
            x.transposedConvolved2D(
                weight, stride: AxisPair(stride), padding: padding,
                outputPadding: AxisPair(outputPadding), groups: groups)
        }
        let y = transposed(x, weight)
        #expect(y.shape == [2, 6, 4 * stride + 2 + outputPadding, 3 * stride + 1 + outputPadding])
        // ⟨Wᵀx, v⟩ = ⟨x, W∗v⟩ for the convolution W.
        let v = Tensor.uniform(y.shape, seed: 8)
        let image = v.convolved2D(
            weight, stride: AxisPair(stride), padding: padding, groups: groups)
        let (left, size) = product(y, v)
        #expect(abs(left - product(x, image).sum) <= 200 * 0x1p-24 * size)
        #expect(checkLinear(x.shape, terms: 72) { transposed($0, weight) } == [])
        #expect(checkLinear(weight.shape, terms: 60) { transposed(x, $0) } == [])
        let bias = Tensor.uniform([6], seed: 9)
        let biased = x.transposedConvolved2D(
            weight, bias: bias, stride: AxisPair(stride), padding: padding,
            outputPadding: AxisPair(outputPadding), groups: groups)
        #expect(biased == y + bias.reshaped([6, 1, 1]))
    }

    @Test func emptyBatchesGiveEmptyResultsAndZeroGradients() {
        let x = Tensor.zeros([0, 3, 5, 5]).tracked()
        let weight = Tensor.uniform([2, 3, 3, 3], seed: 10).tracked()
        let y = x.convolved2D(weight)
        #expect(y.shape == [0, 2, 3, 3])
        let gradients = y.gradients(for: [x, weight])
        #expect(gradients[0].shape == [0, 3, 5, 5] && gradients[1] == .zeros([2, 3, 3, 3]))
    }
}

@Suite struct PoolingOperationTests {
    @Test func averagesAreLinear() {
        for counts in [false, true] {
            #expect(
                checkLinear([2, 3, 7, 8], terms: 9) {
                    $0.averagePooled2D(
                        3, stride: 2, padding: ImagePadding(vertical: 1, horizontal: 0),
                        countsPadding: counts)
                } == [])
        }
        #expect(
            checkLinear([2, 3, 7, 8], terms: 12) {
                $0.adaptiveAveragePooled2D(to: AxisPair(3, 5))
            } == [])
        #expect(checkLinear([2, 3, 7, 8], terms: 56) { $0.globalAveragePooled2D() } == [])
        #expect(
            checkLinear([2, 9], terms: 3) { $0.averagePooled1D(3, stride: 2, padding: (1, 0)) }
                == []
        )
    }

    @Test func averagesByHand() {
        let x = Tensor(shape: [1, 1, 2, 3], elements: [1, 2, 3, 4, 5, 6])
        #expect(x.averagePooled2D(AxisPair(2, 1)).elements == [2.5, 3.5, 4.5])
        let padded = x.averagePooled2D(2, padding: ImagePadding(vertical: 0, horizontal: 1))
        #expect(padded.elements == [1.25, 4])
        let without = x.averagePooled2D(
            2, padding: ImagePadding(vertical: 0, horizontal: 1), countsPadding: false)
        #expect(without.elements == [2.5, 4])
        #expect(x.globalAveragePooled2D().elements == [3.5])
        #expect(x.globalMaxPooled2D() == Tensor(shape: [1, 1], elements: [6]))
    }

    @Test func maximaSendTheirGradientBack() {
        let x = Tensor.uniform([2, 3, 6, 7], seed: 11).tracked()
        let y = x.maxPooled2D(3, stride: 2, padding: 1)
        #expect(y.shape == [2, 3, 3, 4])
        let upstream = Tensor.uniform(y.shape, seed: 12)
        let gradient = y.gradients(for: [x], upstream: upstream)[0]
        // Differences of a step that changes no choice: linear between choices.
        let step: Float = 1e-4
        for index in stride(from: 0, to: x.count, by: 5) {
            func value(_ shift: Float) -> Double {
                var moved = x.elements
                moved[index] += shift
                let y = Tensor(shape: x.shape, elements: moved)
                    .maxPooled2D(3, stride: 2, padding: 1)
                return product(y, upstream).sum
            }
            let slope = (value(step) - value(-step)) / Double(2 * step)
            // x + step rounds by 2⁻²⁵ on each side: 6e-4 of the step; four windows at most.
            #expect(abs(slope - Double(gradient.elements[index])) <= 4 * 1e-3)
        }
        #expect(x.maxPooled1D(2).shape == [2, 3, 6, 3])
        // Elements 0 and 2, 1 and 3, and so on: numbers in order, so the later of each.
        let line = Tensor(shape: [1, 6], elements: [0, 1, 2, 3, 4, 5]).tracked()
        let gaps = line.maxPooled1D(2, stride: 1, dilation: 2)
        #expect(gaps.elements == [2, 3, 4, 5])
        #expect(gaps.sum().gradient(for: line).elements == [0, 0, 1, 1, 1, 1])
        // A window of elements −2 and 1 of an input of one element sees nothing.
        let one = Tensor(shape: [1, 1], elements: [7]).tracked()
        let nothing = one.maxPooled1D(2, stride: 1, padding: (2, 2), dilation: 3)
        #expect(nothing.elements == [-.infinity, -.infinity])
        #expect(
            nothing.gradients(for: [one], upstream: .filled([1, 2], with: 1))[0].elements == [0])
    }
}

@Suite struct ResamplingOperationTests {
    @Test(arguments: ResizeMode.allCases, [false, true])
    func resizingIsLinear(mode: ResizeMode, alignsCorners: Bool) {
        for (rows, columns) in [(9, 3), (4, 12), (1, 1)] {
            #expect(
                checkLinear([2, 3, 5, 6], terms: 60) {
                    $0.resized2D(
                        rows: rows, columns: columns, mode: mode, alignsCorners: alignsCorners)
                } == [])
        }
        #expect(checkLinear([4, 6], terms: 12) { $0.resized1D(to: 10, mode: mode) } == [])
    }

    @Test func sizesThatDoNotChangeKeepImages() {
        let x = Tensor.uniform([2, 3, 5, 6], seed: 13)
        for mode in ResizeMode.allCases {
            #expect(x.resized2D(rows: 5, columns: 6, mode: mode) == x)
        }
    }

    @Test(arguments: SampleBorder.allCases)
    func samplingIsLinearInTheImages(border: SampleBorder) {
        let positions = Tensor.uniform([2, 4, 5, 2], in: -1.5...1.5, seed: 14)
        #expect(
            checkLinear([2, 3, 6, 7], terms: 20) {
                $0.bilinearSampled(at: positions, border: border)
            } == [])
    }

    @Test(arguments: SampleBorder.allCases, [false, true])
    func gradientsOfPositionsAreSlopes(border: SampleBorder, alignsCorners: Bool) {
        let x = Tensor.uniform([2, 3, 6, 7], seed: 15)
        // Quarters of a pixel: no kink within the step.
        let places = (0..<2 * 8 * 2).map { index -> Float in
            let pixels = Float(index % 2 == 0 ? 7 : 6)
            let pixel = Float((index * 5) % 11 - 2) + 0.25 + 0.5 * Float(index % 3 == 0 ? 1 : 0)
            return alignsCorners
                ? pixel / (pixels - 1) * 2 - 1 : (pixel + 0.5) / pixels * 2 - 1
        }
        let positions = Tensor(shape: [2, 8, 2], elements: places).tracked()
        let y = x.bilinearSampled(at: positions, border: border, alignsCorners: alignsCorners)
        let upstream = Tensor.uniform(y.shape, seed: 16)
        let gradient = y.gradients(for: [positions], upstream: upstream)[0]
        let step: Float = 0x1p-6
        for index in places.indices {
            func value(_ shift: Float) -> Double {
                var moved = positions.elements
                moved[index] += shift
                let y = x.bilinearSampled(
                    at: Tensor(shape: [2, 8, 2], elements: moved), border: border,
                    alignsCorners: alignsCorners)
                return product(y, upstream).sum
            }
            let slope = (value(step) - value(-step)) / Double(2 * step)
            // Linear in one coordinate; values below 1 round by 2⁻²¹ over a step of 2⁻⁶, thrice.
            #expect(abs(slope - Double(gradient.elements[index])) <= 6 * 0x1p-14)
        }
    }
}

@Suite struct UnfoldingOperationTests {
    @Test func aConvolutionIsAProductWithColumns() {
        let x = Tensor.uniform([2, 3, 6, 7], seed: 17)
        let weight = Tensor.uniform([4, 3, 3, 2], seed: 18)
        let columns = x.unfolded2D(
            AxisPair(3, 2), stride: 2, padding: ImagePadding(vertical: 1, horizontal: 0))
        let found = weight.reshaped([4, -1]).matmul(columns)
        let expected = x.convolved2D(
            weight, stride: 2, padding: ImagePadding(vertical: 1, horizontal: 0))
        #expect(
            checkClose(
                found.elements.array, expected.elements.map { Double($0) },
                within: 80 * 18 * 0x1p-24) == [])
    }

    @Test func unfoldingAndFoldingAreTransposes() {
        #expect(
            checkLinear([2, 3, 6, 7], terms: 9) {
                $0.unfolded2D(3, stride: AxisPair(1, 2), padding: 1, dilation: AxisPair(2, 1))
            } == [])
        #expect(
            checkLinear([2, 12, 30], terms: 9) {
                $0.folded2D(rows: 6, columns: 7, taps: 2)
            } == [])
        let x = Tensor.uniform([1, 2, 4, 6], seed: 19)
        // Windows side by side cover each pixel once.
        #expect(x.unfolded2D(2, stride: 2).folded2D(rows: 4, columns: 6, taps: 2, stride: 2) == x)
    }

    @Test func shufflingMovesChannelsIntoSpace() {
        let x = Tensor(
            shape: [1, 4, 1, 2], elements: [0, 1, 10, 11, 20, 21, 30, 31] as FloatArray)
        let y = x.pixelShuffled(2)
        #expect(y.shape == [1, 1, 2, 4])
        #expect(y.elements == [0, 10, 1, 11, 20, 30, 21, 31])
        #expect(y.pixelUnshuffled(2) == x)
        #expect(checkLinear([2, 8, 3, 2], terms: 1) { $0.pixelShuffled(2) } == [])
    }
}
