import HalftoneKernels
import HalftoneMethods
import HalftoneNN
import HalftoneQuantization
import HalftoneTensor
import HalftoneTesting
import Testing

/// Methods as layers of networks: what checkpoints hold, and what equals what.
struct QuantizedLayerTests {
    private static func convolution(_ seed: UInt64) -> Conv2d {
        var generator = SeededGenerator(seed: seed)
        return Conv2d(3, 4, kernel: 3, padding: 1, hasBias: false, using: &generator)
    }

    private static let x = Tensor.normal([6, 3, 5, 5], mean: 0.4, seed: 51)

    @Test(arguments: [true, false])
    func foldingWithoutRoundingIsBatchNorm(isTraining: Bool) {
        let convolution = Self.convolution(52)
        let norm = BatchNorm(channels: 4, epsilon: 1e-3)
        norm.weight.set(.uniform([4], in: 0.5...2, seed: 53))
        norm.bias.set(.normal([4], seed: 54))
        norm.runningMean.set(.normal([4], seed: 55))
        norm.runningVariance.set(.uniform([4], in: 0.5...2, seed: 56))
        let layer = FoldedConvolution(
            convolution, norm, method: CNNWhitepaper(weightBits: nil))
        let context = ForwardContext(isTraining: isTraining)
        let found = layer(Self.x, context)
        let other = ForwardContext(isTraining: isTraining)
        let wanted = norm(convolution(Self.x, other), other)
        // Sums of 27 products and statistics of 150 numbers: 200 roundings of numbers up to 8.
        #expect(
            checkClose(
                found.elements.array, wanted.elements.map { Double($0) },
                within: 200 * 8 * 0x1p-24) == [])
        let before = norm.runningMean.value
        context.applyBufferUpdates()
        #expect((norm.runningMean.value == before) == !isTraining)
        #expect(layer.namedParameters.map(\.path) == ["conv.weight", "norm.weight", "norm.bias"])
    }

    @Test func frozenTrainingIsTheDeployedNetwork() {
        let layer = FoldedConvolution(
            Self.convolution(57), BatchNorm(channels: 4),
            method: CNNWhitepaper(weightBits: 4, isFrozen: true))
        let training = layer(Self.x, ForwardContext(isTraining: true))
        #expect(training == layer(Self.x, ForwardContext()))
    }

    @Test func rangesAreKeptInCheckpoints() throws {
        let quantizer = RangeQuantizer(bits: 2)
        #expect(quantizer(Self.x, ForwardContext()) == Self.x)
        let rounded = quantizer(Self.x, ForwardContext(isTraining: true))
        #expect(Set(rounded.elements.array).count <= 4)
        let other = RangeQuantizer(bits: 2)
        try other.restore(quantizer.snapshot)
        #expect(other(Self.x, ForwardContext()) == rounded)
        quantizer.observer.isFrozen = true
        _ = quantizer(Self.x * 10, ForwardContext(isTraining: true))
        #expect(quantizer.range.value == other.range.value)
    }

    @Test func latentsTakeTheWeightsPlace() throws {
        var generator = SeededGenerator(seed: 58)
        let layer = Self.convolution(59)
        layer.weightTransform = DenseShiftWeight(layer.weight.shape, using: &generator)
        #expect(layer.namedParameters.map(\.path) == ["weight_transform.latents"])
        let context = ForwardContext(isTraining: true)
        let sizes = Set(layer.effectiveWeight(context).elements.map(\.magnitude))
        #expect(sizes.isSubset(of: [1, 2, 4, 8]) && sizes.count > 1)
        let gradients = context.gradients(of: layer(Self.x, context).squared().mean())
        let gradient = try #require(gradients[layer.namedParameters[0].parameter])
        #expect(gradient.elements.allSatisfy { $0.isFinite } && gradient.abs().max().item > 0)
    }

    @Test func ternaryLayersHaveTheNamesOfLinearOnes() {
        var generator = SeededGenerator(seed: 60)
        let layer = BitLinear(Linear(64, 8, using: &generator))
        #expect(layer.namedParameters.map(\.path) == ["weight", "bias"])
        let x = Tensor.normal([3, 64], seed: 61)
        #expect(layer(x, ForwardContext()) == layer.packed(x))
        let convolution = Self.convolution(62)
        convolution.weightTransform = TernaryWeight()
        #expect(Set(convolution.effectiveWeight(ForwardContext()).elements.array).count == 3)
    }

    @Test func widthsShareOneWeight() throws {
        let width = BitWidth([8, 4, 2])
        let layer = Self.convolution(63)
        let transform = SwitchableWeight(layer.weight, method: DoubleRounding(), width: width)
        layer.weightTransform = transform
        let activation = SwitchableActivation(method: DoubleRounding(), width: width)
        let norm = SwitchableNorm(channels: 4, width: width)
        let model = Sequential([layer, norm, ActivationLayer(.relu), activation])
        #expect(
            model.namedParameters.map(\.path).filter { $0.contains("scale") } == [
                "0.weight_transform.scale", "3.scales.0", "3.scales.1", "3.scales.2",
            ])
        for bits in width.all {
            width.bits = bits
            let context = ForwardContext(isTraining: true)
            let output = model(Self.x, context)
            #expect(Set(output.elements.array).count <= 1 << bits)
            let gradients = context.gradients(of: output.squared().mean())
            context.applyBufferUpdates()
            #expect(try #require(gradients[transform.scale]).item != 0)
            #expect(try #require(gradients[activation.scale]).item != 0)
            let levels = Set(layer.effectiveWeight(ForwardContext()).elements.array)
            #expect(levels.count <= 1 << bits)
        }
        // Each width has moved a norm of its own.
        let means = norm.norms.map { $0.runningMean.value }
        #expect(means[0] != means[2] && means[1] != .zeros([4]))
        width.bits = nil
        #expect(layer.effectiveWeight(ForwardContext()) == layer.weight.value)
    }
}
