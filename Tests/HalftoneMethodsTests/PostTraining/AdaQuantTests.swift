import HalftoneAllocation
import HalftoneKernels
import HalftoneMethods
import HalftoneNN
import HalftoneTensor
import Testing

/// Layers whose ranges are learned, held to derivations, and to what they are for.
@Suite struct AdaQuantTests {
    /// A layer that passes its input on, rounded to 2 bits from −1 to 2: −1, 0, 1 and 2.
    private func passing() -> AffineLayer {
        let layer = AffineLayer(
            weight: Tensor(shape: [1, 1], elements: [1]), bias: nil, product: LinearProduct())
        layer.bits = 2
        layer.inputRange.set(Tensor(shape: [1], elements: [3]))
        layer.inputMinimum.set(Tensor(shape: [1], elements: [-1]))
        return layer
    }

    private func column(_ values: [Float]) -> Tensor {
        Tensor(shape: [values.count, 1], elements: FloatArray(values))
    }

    @Test func roundsToTheLevels() {
        let y = passing()(column([-3, -1.2, -0.4, 0.6, 1.4, 5]), ForwardContext())
        // The weight is 3 steps of 1/3: one rounding.
        for (found, level) in zip(y.elements, [-1, -1, 0, 1, 1, 2] as [Float]) {
            #expect((found - level).magnitude <= 2.4e-7)
        }
    }

    /// Inside, `(code − zero − x / step) / 3` for the range and 0 for the minimum; where the input
    /// is clamped above, the level is `minimum + range`, and below it is `minimum`.
    @Test(arguments: [
        (x: Float(0.6), range: Float(0.4 / 3), minimum: Float(0)), (0.3, -0.1, 0),
        (5, 1, 1), (-3, 0, 1),
    ])
    func gradientsAreThoseOfStraightThrough(x: Float, range: Float, minimum: Float) throws {
        let layer = passing()
        let context = ForwardContext(recordsGradients: true)
        let gradients = context.gradients(of: layer(column([x]), context).sum())
        let found = (
            try #require(gradients[layer.inputRange]).item,
            try #require(gradients[layer.inputMinimum]).item
        )
        // A dozen float32 operations on numbers of at most 5.
        #expect((found.0 - range).magnitude < 1e-5, "\(found.0) for the range")
        #expect((found.1 - minimum).magnitude < 1e-5, "\(found.1) for the minimum")
    }

    @Test func measuresMeansOfEachInputsEnds() {
        let layer = AffineLayer(
            weight: Tensor(shape: [3, 2], elements: [0.5, -1, 2, 3, 0, 0]), bias: nil,
            product: LinearProduct())
        layer.measureInput(Tensor(shape: [2, 2], elements: [-1, 2, -3, 6]))
        #expect(layer.inputMinimum.value.item == -2)
        #expect(layer.inputRange.value.item == 6)
        // A row above 0 has a range from 0 on, and one of zeros a range of 1.
        #expect(layer.weightMinimum.value.elements.array == [-1, 0, 0])
        #expect(layer.weightRange.value.elements.array == [1.5, 3, 1])
    }

    /// A convolution of 3 channels to 4 with a norm whose gains have both signs.
    private func folded(seed: UInt64) -> (float: Sequential, layer: AffineLayer) {
        var generator = SeededGenerator(seed: seed)
        let convolution = Conv2d(
            3, 4, kernel: 3, padding: 1, hasBias: false, using: &generator)
        let norm = BatchNorm(channels: 4)
        norm.weight.set(Tensor(shape: [4], elements: [0.5, -1.5, 2, 1]))
        norm.bias.set(.normal([4], using: &generator))
        norm.runningMean.set(.normal([4], using: &generator))
        norm.runningVariance.set(.uniform([4], in: 0.5...2, using: &generator))
        let layer = AffineLayer(
            weight: convolution.weight.value, bias: nil, product: convolution.form, norm: norm)
        return (Sequential([convolution, norm]), layer)
    }

    private func largest(_ one: Tensor, _ other: Tensor) -> Float {
        (one - other).abs().max().item
    }

    @Test func foldingKeepsTheFunction() {
        let (float, layer) = folded(seed: 1)
        let x = Tensor.normal([2, 3, 6, 6], seed: 2)
        let expected = float(x, ForwardContext())
        // 27 products in another order, of numbers of some units.
        #expect(largest(layer(x, ForwardContext()), expected) < 1e-5)
        layer.insertNorm()
        #expect(largest(layer(x, ForwardContext()), expected) < 2e-5)
        layer.foldNorm()
        #expect(layer.norm == nil)
        #expect(largest(layer(x, ForwardContext()), expected) < 2e-5)
    }

    /// Measured anew, outputs have the mean and the deviation that the norm gave to them.
    @Test func paraNormalizationRestoresStatistics() {
        let (_, layer) = folded(seed: 3)
        let batches = (0..<4).map { Tensor.normal([8, 3, 6, 6], seed: 10 + $0) }
        let offset = layer.bias.value
        layer.insertNorm()
        let wanted = (
            mean: layer.norm?.runningMean.value, square: layer.norm?.runningVariance.value
        )
        layer.foldNorm()
        layer.bias.set(offset + 3)
        layer.weight.set(layer.weight.value * 0.25)
        layer.measureWeight()
        AdaQuant().paraNormalize([layer], batches: batches) { _ = layer($0, $1) }
        let y = layer(Tensor.concatenate(batches), ForwardContext())
        let mean = y.mean(axes: [0, 2, 3])
        // Batches are of one size: the mean of their means is exact, that of their variances lacks
        // how far their means differ.
        #expect(largest(mean, wanted.mean ?? mean + 1) < 1e-4)
        let variance = (y - mean.reshaped([1, 4, 1, 1])).squared().mean(axes: [0, 2, 3])
        let ratio = variance / (wanted.square ?? variance * 2)
        #expect(largest(ratio, .filled([4], with: 1)) < 0.03)
        // The ranges of rows went with their weights.
        let after = layer.weightRange.value
        layer.measureWeight()
        #expect(largest(after / layer.weightRange.value, .filled([4], with: 1)) < 1e-5)
    }

    /// At 3 bits ranges that leave the tails out are better for normal numbers, also for those that
    /// were not calibrated on.
    @Test func calibrationLowersTheErrorOfOtherInputs() {
        let layer = AffineLayer(
            weight: .normal([16, 32], seed: 5) * 0.2, bias: .normal([16], seed: 6),
            product: LinearProduct())
        let (known, other) = (
            Tensor.normal([256, 32], seed: 7), Tensor.normal([256, 32], seed: 8)
        )
        let (targets, wanted) = (
            layer(known, ForwardContext()), layer(other, ForwardContext())
        )
        layer.measureInput(known)
        layer.bits = 3
        func error() -> Float {
            (layer(other, ForwardContext()) - wanted).squared().mean().item
        }
        let before = error()
        AdaQuant(inputRangeRate: 0.01).calibrate(layer, inputs: known, targets: targets, seed: 1)
        #expect(error() < before, "\(error()) after \(before)")
        let weight = layer.weight.value
        AdaQuant(iterations: 0).calibrate(layer, inputs: known, targets: targets, seed: 1)
        #expect(layer.weight.value.elements.array == weight.elements.array)
    }

    @Test func tuningMovesBiasesAlone() {
        let layer = AffineLayer(
            weight: .normal([5, 8], seed: 9), bias: .zeros([5]), product: LinearProduct())
        let inputs = Tensor.normal([100, 8], seed: 10)
        let reference = layer(inputs, ForwardContext())
        layer.measureInput(inputs)
        layer.bits = 2
        layer.bias.set(Tensor(shape: [5], elements: [1, -1, 0, 0.5, 0]))
        func divergence() -> Float {
            Loss.klDivergence(layer(inputs, ForwardContext()), reference: reference).item
        }
        let (before, kept) = (divergence(), layer.snapshot)
        AdaQuant(tuningEpochs: 30).tuneBiases(
            [layer], inputs: inputs, reference: reference, seed: 1
        ) { layer($0, $1) }
        #expect(divergence() < 0.9 * before, "\(divergence()) after \(before)")
        for (path, tensor) in layer.snapshot {
            let isEqual = tensor.elements.array == kept[path]?.elements.array
            #expect(isEqual == (path != "bias"), "\(path)")
        }
        #expect(layer.parameters.allSatisfy { $0.isTrainable })
    }

    @Test func lossesBelowTheBaseEarnNothing() throws {
        let problem = AdaQuant().problem(
            losses: [[0.5, 0.9, 0.3], [0.2, 0.25, 0.3]], base: 0.3, widths: [2, 4, 8],
            weightCounts: [10, 20], budgetInBits: 120)
        #expect(problem.units[0].choices.map(\.size) == [20, 40, 80])
        let costs = problem.units.map { $0.choices.map(\.cost) }
        #expect((costs[0][0] - 0.2).magnitude < 1e-12 && (costs[0][1] - 0.6).magnitude < 1e-12)
        #expect(costs[0][2] == 0 && costs[1][2] == 0)
        #expect(costs[1][0] == 1e-6 && costs[1][1] == 1e-6)
        // The first layer keeps 8 bits, since the second takes 2 for nothing.
        #expect(try ExactAllocator().allocate(problem).choices == [2, 0])
    }
}
