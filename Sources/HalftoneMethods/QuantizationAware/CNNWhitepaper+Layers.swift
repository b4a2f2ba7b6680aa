import HalftoneKernels
import HalftoneNN
import HalftoneQuantization
import HalftoneTensor

/// A convolution with its batch norm folded in; see ``CNNWhitepaper``.
///
/// In training running statistics move with the batch's until ``CNNWhitepaper/isFrozen``; elsewhere
/// the layer is the deployed one.
///
/// Checkpoint names: `conv.weight`, and `norm.` with the batch norm's names.
public final class FoldedConvolution: Layer {
    /// How weights are rounded; may be changed between steps.
    public var method: CNNWhitepaper

    /// The convolution; a bias is not used.
    public let convolution: Conv2d

    /// The norm; its own rule for the variance's bias is not used.
    public let norm: BatchNorm

    /// Folds a norm into the convolution before it.
    public init(_ convolution: Conv2d, _ norm: BatchNorm, method: CNNWhitepaper) {
        precondition(convolution.bias == nil, "a norm takes the place of a bias")
        self.convolution = convolution
        self.norm = norm
        self.method = method
        self.method.epsilon = norm.epsilon
    }

    /// What a checkpoint holds of it.
    public var parts: Parts { ["conv": convolution, "norm": norm] }

    /// `[batch, inChannels, rows, columns] → [batch, outChannels, rows, columns]`.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        var method = method
        if !context.isTraining { method.isFrozen = true }
        let parts = parts(context)
        let form = convolution.form
        let output = method.convolution(
            x, weight: context.value(of: convolution.weight), norm: parts
        ) { form.value($0, $1) }
        if let statistics = output.statistics {
            let share = norm.momentum
            context.update(
                norm.runningMean, to: parts.mean * (1 - share) + statistics.mean * share)
            context.update(
                norm.runningVariance,
                to: parts.variance * (1 - share) + statistics.variance * share)
        }
        return output.value
    }

    private func parts(_ context: ForwardContext) -> CNNWhitepaper.Norm {
        CNNWhitepaper.Norm(
            gain: context.value(of: norm.weight), offset: context.value(of: norm.bias),
            mean: context.value(of: norm.runningMean),
            variance: context.value(of: norm.runningVariance))
    }

    /// Weight and bias of the deployed model before rounding.
    public var folded: (weight: Tensor, bias: Tensor) {
        let parts = parts(ForwardContext())
        return (method.folded(convolution.weight.value, parts), method.foldedBias(parts))
    }

    /// The layer in integers.
    public func integerLayer(input: AffineGrid, output: AffineGrid) -> IntegerLayer {
        let (weight, bias) = folded
        let form = convolution.form
        return IntegerLayer(
            weight: weight, bias: bias, weightBits: method.weightBits ?? 8,
            isPerChannel: method.isPerChannel, stride: form.stride, padding: form.padding,
            groups: form.groups, input: input, output: output)
    }
}

/// Activations on an affine grid over the range that an observer found.
///
/// Checkpoint name: `range`, `[2]`; both 0 until something was observed.
public final class RangeQuantizer: Layer {
    /// Bits of the grid; nil lets activations pass as they are.
    public var bits: Int?

    /// Whether passes outside of training are observed too, as calibration wants.
    public var isCalibrating = false

    /// What finds the range; freeze it to keep the range.
    public var observer: any Observer

    /// The lowest and the highest level before nudging.
    public let range = Buffer(.zeros([2]))

    /// Starts without a range.
    public init(bits: Int? = 8, observer: any Observer = MovingAverageObserver(decay: 0.9)) {
        self.bits = bits
        self.observer = observer
    }

    /// What a checkpoint holds of it.
    public var parts: Parts { ["range": range] }

    /// Observes, and rounds once there are bits and a range.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        if context.isTraining || isCalibrating {
            observer.observe(x)
            if let found = observer.range {
                range.set(Tensor(shape: [2], elements: [found.lowerBound, found.upperBound]))
            }
        }
        guard let bits, let grid = grid(bits) else { return x }
        return x.simulated(grid)
    }

    /// The grid of the range, or nil before anything was observed.
    public func grid(_ bits: Int) -> AffineGrid? {
        let (low, high) = (range.value.elements[0], range.value.elements[1])
        return low == high ? nil : AffineGrid(low...high, bits: bits)
    }
}

/// The weight of any layer rounded as ``CNNWhitepaper/rounded(_:)`` does, with no norm to fold.
public final class RoundedWeight: WeightTransform {
    /// How weights are rounded; may be changed between steps.
    public var method: CNNWhitepaper

    /// Rounds the weight of a layer.
    public init(_ method: CNNWhitepaper) { self.method = method }

    /// What a checkpoint holds of it.
    public var parts: Parts { [:] }

    /// The levels nearest to the weights.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor { method.rounded(x) }
}
