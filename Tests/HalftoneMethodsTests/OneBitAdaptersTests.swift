import HalftoneKernels
import HalftoneMethods
import HalftoneNN
import HalftoneTensor
import HalftoneTesting
import Testing

/// The code of the standard normal, and matrices through it, against a reference in float64.
@Suite struct OneBitAdaptersTests {
    private func problems(
        _ found: Tensor, _ expected: Tensor, within bound: Double, _ subject: String
    ) -> [String] {
        guard found.shape == expected.shape else {
            return ["\(subject): \(found.shape), not \(expected.shape)"]
        }
        return checkClose(
            found.elements.array, expected.elements.map { Double($0) }, within: bound, subject)
    }

    @Test func levelsAreThoseOfThePaper() {
        func upperHalf(_ bits: Int) -> [Float] {
            NormalCode(bits: bits).levels.suffix((1 << bits) / 2).map { $0 }
        }
        let published: [Int: [Double]] = [
            1: [0.6745], 2: [0.3778, 1.2657],
            4: [0.1056, 0.3190, 0.5401, 0.7752, 1.0340, 1.3331, 1.7077, 2.2655],
        ]
        for (bits, levels) in published {
            // Four digits after the point.
            #expect(checkClose(upperHalf(bits), levels, within: 5e-5, "\(bits) bits") == [])
        }
    }

    @Test(arguments: 1...4)
    func levelsFollowTheReference(bits: Int) throws {
        let fixture = try MethodsFixture.named("adapters/levels\(bits)")
        let code = NormalCode(bits: bits)
        // Both compute in float64; values below 2.3 are rounded to float32 once.
        let ulp = 0x1p-22
        let levels = try fixture.tensor("levels")
        let found = Tensor(shape: [code.levels.count], elements: code.levels)
        #expect(problems(found, levels, within: ulp, "levels") == [])
        let boundaries = Tensor(shape: [code.boundaries.count], elements: code.boundaries)
        let expected = try fixture.tensor("boundaries")
        #expect(problems(boundaries, expected, within: ulp, "boundaries") == [])
        #expect(code.levels == code.levels.map { -$0 }.reversed().map { $0 })
    }

    @Test(arguments: [1, 2, 4])
    func valuesCodesAndGradientsFollowTheReference(bits: Int) throws {
        let fixture = try MethodsFixture.named("adapters/matrix\(bits)")
        let adapters = OneBitAdapters(bits: bits)
        let weight = try fixture.tensor("weight")
        let packed = adapters.packed(weight)
        #expect(packed.codes.map(Int.init) == (try fixture.integers(of: "codes")))
        #expect(packed.bytes.map(Int.init) == (try fixture.integers(of: "packed")))
        #expect(packed.byteCount == (35 * bits + 7) / 8 + 8)
        // Weights near 0.03, in sums of 35 that round to 2⁻²⁴ of 0.1 at most.
        let mean = try fixture.tensor("mean").item
        #expect(abs(packed.mean - mean) <= 35 * 0.1 * 0x1p-24 / 35)
        let deviation = try fixture.tensor("deviation").item
        #expect(abs(packed.deviation - deviation) <= 8 * 0.05 * 0x1p-24)
        let tracked = weight.tracked()
        let value = adapters.quantized(tracked)
        // Levels up to 2.3 times a deviation of 0.03 with those errors, and two roundings.
        #expect(
            problems(value, try fixture.tensor("value"), within: 6e-8, "value") == [])
        let upstream = try fixture.tensor("upstream")
        let gradient = value.gradients(for: [tracked], upstream: upstream)[0]
        // Sums over 35 upstream gradients of order 1, divided by s and multiplied by it again:
        // relative errors of a few 2⁻²⁴ in terms of up to 2.3 · 10 in all.
        let expected = try fixture.tensor("gradient.weight")
        #expect(problems(gradient, expected, within: 2e-5, "gradient") == [])
        // What is stored gives the same bits.
        #expect(packed.values == adapters.quantized(weight))
        let read = PackedAdapter(
            shape: packed.shape, code: packed.code, bytes: packed.bytes, mean: packed.mean,
            deviation: packed.deviation)
        #expect(read == packed && read.values == packed.values)
    }

    @Test func anAdapterFollowsTheReference() throws {
        let fixture = try MethodsFixture.named("adapters/adapter")
        let adapter = BottleneckAdapter(
            down: Parameter(try fixture.tensor("down")), up: Parameter(try fixture.tensor("up")),
            scale: Float(try fixture.number("scale")), code: OneBitAdapters(bits: 1))
        let context = ForwardContext(adapter, isTraining: true)
        let x = try fixture.tensor("x").tracked()
        let output = x + adapter(x, context)
        // The input, up to 3, plus small changes: one rounding of it.
        #expect(problems(output, try fixture.tensor("output"), within: 4e-7, "output") == [])
        let upstream = try fixture.tensor("upstream")
        let inputs = [
            x, context.value(of: adapter.down), context.value(of: adapter.up),
        ]
        let gradients = output.gradients(for: inputs, upstream: upstream)
        for (label, gradient) in zip(["x", "down", "up"], gradients) {
            let expected = try fixture.tensor("gradient.\(label)")
            let largest = expected.elements.map { abs(Double($0)) }.max() ?? 0
            let bad = problems(gradient, expected, within: 2e-5 * max(1, largest), label)
            #expect(bad == [])
        }
    }

    @Test func aLowRankAdapterAddsToTheWeightAndTrainsThroughTheCode() throws {
        var generator = SeededGenerator(seed: 5)
        let layer = Linear(6, 4, hasBias: false, using: &generator)
        let x = Tensor.normal([3, 6], seed: 6)
        let before = layer(x, ForwardContext(layer))
        let plain = LowRankAdapter(
            outFeatures: 4, inFeatures: 6, rank: 2, scale: 2, using: &generator)
        layer.weightTransform = plain
        layer.weight.isTrainable = false
        // Zeros in B: the weight is the same number plus 0.
        #expect(layer(x, ForwardContext(layer)) == before)
        #expect(plain.byteCount == 4 * 2 * (4 + 6))
        plain.up.set(.normal([4, 2], seed: 7))
        let weight = layer.weight.value + plain.up.value.matmul(plain.down.value) * 2
        #expect(layer.effectiveWeight(ForwardContext(layer)) == weight)
        let coded = LowRankAdapter(
            outFeatures: 4, inFeatures: 6, rank: 2, code: OneBitAdapters(), using: &generator)
        layer.weightTransform = coded
        // 8 and 12 codes in a byte and in two, and two numbers for each matrix.
        #expect(coded.byteCount == 1 + 2 + 16)
        let stored = OneBitAdapters().packed(coded.up.value).values
            .matmul(OneBitAdapters().packed(coded.down.value).values)
        #expect(coded.change == stored)
        let context = ForwardContext(layer, isTraining: true)
        let gradients = context.gradients(of: layer(x, context).squared().mean())
        #expect(gradients.parameters.count == 2)
        #expect(gradients[layer.weight] == nil)
        let slope = try #require(gradients[coded.up])
        #expect(slope.abs().max().item > 0)
    }

    @Test func aNumberOnABoundaryTakesTheUpperLevel() {
        let code = NormalCode(bits: 1)
        let values = Tensor(shape: [4], elements: [0, -0.0, -1e-30, 1e-30])
        #expect(code.codes(of: values) == [1, 1, 0, 1])
    }

    @Test(arguments: 1...8)
    func packingKeepsEveryCode(bits: Int) {
        let code = NormalCode(bits: bits)
        for count in [1, 2, 7, 8, 9, 33] {
            let codes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 % (1 << bits)) }
            let packed = PackedAdapter(
                shape: [count], code: code, codes: codes, mean: 0, deviation: 1)
            #expect(packed.codes == codes)
            #expect(packed.values.elements.array == codes.map { code.levels[Int($0)] })
        }
    }

    @Test func theErrorIsThatOfTheCodeAndFallsWithEveryBit() {
        let weight = Tensor.normal([256, 256], mean: 0.2, standardDeviation: 0.1, seed: 3)
        let errors = [1, 2, 4, 8].map { bits in
            (OneBitAdapters(bits: bits).quantized(weight) - weight).abs().mean().item / 0.1
        }
        // With m the median of |x| and φ the density, E ||x| − m| = 4 φ(m) − 2 φ(0) = 0.4732 for a
        // standard normal x. 65,536 of them have a standard error of 0.37 / 256.
        #expect(abs(errors[0] - 0.4732) < 5 * 0.37 / 256)
        #expect(errors[1] < 0.6 * errors[0] && errors[2] < 0.4 * errors[1])
        // 500 rounds do not settle 256 levels, which could do with a quarter of this.
        #expect(errors[3] < 0.03)
    }
}
