import HalftoneKernels
import HalftoneMethods
import HalftoneNN
import HalftoneQuantization
import HalftoneTensor

/// A chain of folded convolutions with a quantizer after each rectifier, and a linear classifier.
final class FoldedNet: Layer {
    /// A convolution and the quantizer of its rectified output.
    struct Unit {
        let convolution: FoldedConvolution
        let quantizer: RangeQuantizer
    }

    let input = RangeQuantizer(bits: nil)
    let units: [Unit]
    let head: Linear

    private let headWeight = RoundedWeight(CNNWhitepaper(weightBits: nil))

    /// Builds a network for pictures of 16 × 16 in one channel.
    ///
    /// - Parameter isSeparable: Whether convolutions but the first are split into one per channel
    ///   and one of 1 × 1.
    init(isSeparable: Bool, classes: Int, using generator: inout SeededGenerator) {
        var units: [Unit] = []
        func add(_ ins: Int, _ outs: Int, kernel: Int, stride: Int, groups: Int) {
            let convolution = Conv2d(
                ins, outs, kernel: kernel, stride: stride, padding: kernel / 2, groups: groups,
                hasBias: false, initializer: .kaimingUniform, using: &generator)
            let norm = BatchNorm(channels: outs, epsilon: 1e-3)
            units.append(
                Unit(
                    convolution: FoldedConvolution(
                        convolution, norm, method: CNNWhitepaper(weightBits: nil)),
                    quantizer: RangeQuantizer(bits: nil)))
        }
        add(1, 16, kernel: 3, stride: 1, groups: 1)
        for (ins, outs, stride) in [(16, 24, 2), (24, 32, 1), (32, 48, 2)] {
            if isSeparable {
                add(ins, ins, kernel: 3, stride: stride, groups: ins)
                add(ins, outs, kernel: 1, stride: 1, groups: 1)
            } else {
                add(ins, outs, kernel: 3, stride: stride, groups: 1)
            }
        }
        self.units = units
        head = Linear(48 * 16, classes, using: &generator)
        head.weightTransform = headWeight
    }

    var parts: Parts {
        let chain = units.flatMap { [$0.convolution, $0.quantizer] as [any Layer] }
        return ["input": input, "units": Sequential(chain), "head": head]
    }

    func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        var x = input(x, context)
        for unit in units { x = unit.quantizer(unit.convolution(x, context).relu(), context) }
        return head(x.reshaped([x.shape[0], -1]), context)
    }

    private var quantizers: [RangeQuantizer] { [input] + units.map(\.quantizer) }

    /// Sets how everything is rounded; nil leaves it in float.
    func round(weightBits: Int?, isPerChannel: Bool = true, inputBits: Int?) {
        for unit in units {
            unit.convolution.method.weightBits = weightBits
            unit.convolution.method.isPerChannel = isPerChannel
        }
        headWeight.method.weightBits = weightBits
        headWeight.method.isPerChannel = isPerChannel
        for quantizer in quantizers { quantizer.bits = inputBits }
    }

    /// Lets statistics of batch norms and ranges of activations stand still, or move.
    func freeze(_ isFrozen: Bool) {
        for unit in units { unit.convolution.method.isFrozen = isFrozen }
        for quantizer in quantizers { quantizer.observer.isFrozen = isFrozen }
    }

    /// Measures the ranges of activations anew, in float, on batches of pictures.
    func calibrate(_ pictures: Tensor, batches: Int) {
        for quantizer in quantizers {
            quantizer.observer = MovingAverageObserver(decay: 0.9)
            quantizer.isCalibrating = true
        }
        let size = pictures.shape[0] / batches
        for batch in 0..<batches {
            _ = self(pictures.rows(batch * size..<(batch + 1) * size), ForwardContext())
        }
        for quantizer in quantizers { quantizer.isCalibrating = false }
    }

    /// Multiplies gains and offsets of some channels, and divides the weights that read them: the
    /// same function with channels of very different ranges.
    ///
    /// - Parameter factor: Of every fourth channel before each convolution per channel.
    func spread(by factor: Float) {
        for (unit, next) in zip(units, units.dropFirst()) {
            let reader = next.convolution.convolution
            guard reader.form.groups > 1 else { continue }
            let norm = unit.convolution.norm
            let factors = FloatArray(
                (0..<norm.weight.shape[0]).lazy.map { $0 % 4 == 1 ? factor : 1 })
            let tensor = Tensor(shape: norm.weight.shape, elements: factors)
            norm.weight.set(norm.weight.value * tensor)
            norm.bias.set(norm.bias.value * tensor)
            reader.weight.set(reader.weight.value / tensor.reshaped([-1, 1, 1, 1]))
        }
    }
}

extension FoldedNet {
    /// The classes of pictures by integers alone, from the codes of the pictures on.
    ///
    /// - Parameter pictures: `[count, 1, 16, 16]`; the network has 8-bit activations and ranges.
    func integerPredictions(_ pictures: Tensor) -> [Int] {
        guard let first = input.grid(8) else { return [] }
        var grid = first
        let layers = units.map { unit -> IntegerLayer in
            let output = unit.quantizer.grid(8) ?? grid
            defer { grid = output }
            return unit.convolution.integerLayer(input: grid, output: output)
        }
        let classifier = IntegerLayer(
            weight: head.weight.value.reshaped(head.weight.shape + [1, 1]),
            bias: head.bias?.value ?? .zeros([head.outFeatures]),
            weightBits: headWeight.method.weightBits ?? 8,
            isPerChannel: headWeight.method.isPerChannel, input: grid, output: grid)
        return (0..<pictures.shape[0]).map { index in
            var codes = pictures[row: index].codes(first).elements.map { UInt8($0) }
            var side = pictures.shape[2]
            for layer in layers {
                codes = layer(codes, height: side, width: side)
                side = layer.convolution.outputSize(height: side, width: side).height
            }
            let sums = classifier.convolution.sums(
                codes, height: 1, width: 1, zero: grid.zeroPoint)
            let logits = zip(sums, classifier.weightSteps).map { Float($0) * $1 }
            return logits.indices.max { logits[$0] < logits[$1] } ?? 0
        }
    }
}
