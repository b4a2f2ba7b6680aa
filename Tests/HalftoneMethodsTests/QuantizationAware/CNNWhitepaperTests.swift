import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneQuantization
import HalftoneTensor
import HalftoneTesting
import Testing

struct CNNWhitepaperTests {
    @Test(arguments: ["spanning", "positive", "negative", "coarse", "two"])
    func affineIsTheReference(_ label: String) throws {
        let fixture = try QATFixture("whitepaper/affine.\(label)")
        let grid = AffineGrid(
            Float(try fixture.number("low"))...Float(try fixture.number("high")),
            bits: Int(try fixture.number("bits")))
        #expect(grid.zeroPoint == (try fixture.integers("zero"))[0])
        let x = try fixture.tensor("x").tracked()
        #expect(x.codes(grid).elements.map { Int($0) } == (try fixture.integers("codes")))
        let value = x.simulated(grid)
        let gradient = value.gradients(for: [x], upstream: try fixture.tensor("upstream"))[0]
        // One rounding of the step and one of its product.
        var failures = try fixture.failures(Tensor(grid.step), "step", operations: 1)
        failures += try fixture.failures(
            Tensor(shape: [2], elements: [grid.range.lowerBound, grid.range.upperBound]), "range",
            operations: 2)
        failures += try fixture.failures(value, "value", operations: 2)
        failures += try fixture.failures(gradient, "gradient.x", operations: 0.5)
        #expect(failures == [])
    }

    @Test(arguments: [8, 4])
    func symmetricIsTheReference(_ bits: Int) throws {
        let fixture = try QATFixture("whitepaper/symmetric\(bits)")
        let weight = try fixture.tensor("weight").tracked()
        let codes = CodeRange.symmetric(bits: bits)
        let step = weight.symmetricStep(codes, axis: 0)
        #expect(
            weight.codes(step: step, codes: codes).elements.map { Int($0) }
                == (try fixture.integers("codes")))
        let value = CNNWhitepaper(weightBits: bits).rounded(weight)
        let gradient = value.gradients(for: [weight], upstream: try fixture.tensor("upstream"))[0]
        var failures = try fixture.failures(step.reshaped([4]), "steps", operations: 1)
        failures += try fixture.failures(value, "value", operations: 2)
        failures += try fixture.failures(gradient, "gradient.weight", operations: 0.5)
        #expect(failures == [])
    }

    @Test(arguments: [0, 8, 4], [false, true])
    func foldingIsTheReference(_ bits: Int, _ isFrozen: Bool) throws {
        let fixture = try QATFixture("whitepaper/fold.\(isFrozen ? "frozen" : "batch")\(bits)")
        let method = CNNWhitepaper(
            weightBits: bits == 0 ? nil : bits, isFrozen: isFrozen,
            epsilon: Float(try fixture.number("epsilon")))
        let leaves = try ["x", "weight", "gain", "offset"].map { try fixture.tensor($0).tracked() }
        let norm = CNNWhitepaper.Norm(
            gain: leaves[2], offset: leaves[3], mean: try fixture.tensor("mean"),
            variance: try fixture.tensor("variance"))
        let output = method.convolution(
            leaves[0], weight: leaves[1], norm: norm, convolve: Self.convolve)
        let folded = method.folded(leaves[1], norm)
        let value = method.rounded(folded)
        // A sum of 27 products, one of 144 outputs for the statistics, and the correction: about
        // 200 roundings, of terms up to 10 times the largest result. Gradients sum 144 more.
        var failures = try fixture.failures(folded, "folded", operations: 5)
        failures += try fixture.failures(value, "value", operations: 8)
        failures += try fixture.failures(output.value, "output", operations: 200, spread: 4)
        if let statistics = output.statistics {
            failures += try fixture.failures(
                statistics.mean, "batchMean", operations: 200, spread: 10)
            failures += try fixture.failures(
                statistics.variance, "batchVariance", operations: 200, spread: 4)
        }
        let gradients = output.value.gradients(
            for: leaves, upstream: try fixture.tensor("upstream"))
        for (gradient, name) in zip(gradients, ["x", "weight", "gain", "offset"]) {
            failures += try fixture.failures(
                gradient, "gradient.\(name)", operations: 400, spread: 20)
        }
        #expect(failures == [])
        if bits > 0 {
            let codes = CodeRange.symmetric(bits: bits)
            let steps = folded.symmetricStep(codes, axis: 0)
            #expect(
                folded.codes(step: steps, codes: codes).elements.map { Int($0) }
                    == (try fixture.integers("codes")))
        }
    }

    @Test func integerSumsAreTheReference() throws {
        let fixture = try QATFixture("whitepaper/integer")
        let convolution = IntegerConvolution(
            inChannels: 2, outChannels: 3, kernelSize: 3, padding: 1,
            weight: try fixture.integers("weight").map { Int8($0) }, bias: [0, 0, 0])
        let sums = convolution.sums(
            try fixture.integers("x").map { UInt8($0) }, height: 5, width: 5,
            zero: Int(try fixture.number("zero")))
        #expect(sums.map { Int($0) } == (try fixture.integers("accumulators")))
    }

    /// The layer in integers is the simulated one but for one level here and there.
    @Test(arguments: [1, 2, 6])
    func integerLayerIsTheSimulation(_ groups: Int) {
        let weight = Tensor.normal([6, 6 / groups, 3, 3], standardDeviation: 0.2, seed: 21)
        let bias = Tensor.normal([6], seed: 22)
        let input = AffineGrid(-1...3, bits: 8)
        let output = AffineGrid(0...4, bits: 8)
        let layer = IntegerLayer(
            weight: weight, bias: bias, padding: 1, groups: groups, input: input, output: output)
        let image = Tensor.normal([1, 6, 7, 5], mean: 0.5, seed: 23)
        let codes = layer(
            image.codes(input).elements.map { UInt8($0) }, height: 7, width: 5)
        let rounded = CNNWhitepaper().rounded(weight)
        let outs = 6 / groups
        let sums = (0..<groups).map { group in
            Self.convolve(
                image.simulated(input).sliced(axis: 1, group * outs..<(group + 1) * outs),
                rounded.rows(group * outs..<(group + 1) * outs))
        }
        let real = Tensor.concatenate(sums, axis: 1) + layer.bias.reshaped([6, 1, 1])
        let wanted = real.codes(output).elements.map { Int($0) }
        let distances = zip(codes, wanted).map { abs(Int($0) - $1) }
        #expect(codes.count == wanted.count && distances.max()! <= 1)
        // Only a sum within float32's error of a half can fall on the other side.
        #expect(distances.count { $0 == 1 } <= codes.count / 50)
    }

    /// The convolution of a padding of 1 as nine products of shifted images.
    static func convolve(_ x: Tensor, _ weight: Tensor) -> Tensor {
        let (rows, columns) = (x.shape[2], x.shape[3])
        let padded = x.padded([(0, 0), (0, 0), (1, 1), (1, 1)])
        var sum: Tensor?
        for i in 0..<3 {
            for j in 0..<3 {
                let image = padded.sliced(axis: 2, i..<i + rows).sliced(axis: 3, j..<j + columns)
                let taps = weight.sliced(axis: 2, i..<i + 1).sliced(axis: 3, j..<j + 1)
                    .reshaped([weight.shape[0], weight.shape[1]])
                let part = image.transposed([0, 2, 3, 1]).matmul(taps, transposingSecond: true)
                sum = sum.map { $0 + part } ?? part
            }
        }
        return sum!.transposed([0, 3, 1, 2])
    }
}
