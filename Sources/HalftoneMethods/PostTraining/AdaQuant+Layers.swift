import HalftoneKernels
import HalftoneNN
import HalftoneQuantization
import HalftoneTensor

/// A convolution or a linear layer that rounds its input, its weight and its bias, with ranges that
/// can be learned; see ``AdaQuant``.
///
/// Levels are affine, `(code − zero) · step` with `step = range / (2^bits − 1)` and the code of zero
/// rounded from the minimum, so that 0 is a level; each row of the weight has a range of its own, and
/// the input one for all. Rounding counts as the identity for gradients, all else as what it is.
///
/// Checkpoint names: `weight`, `bias` `[out]`; `weight_range`, `weight_min` `[out]`; `input_range`,
/// `input_min` `[1]`.
public final class AffineLayer: Layer {
    /// The weight, a norm behind it folded in; its first dimension is that of the outputs.
    public let weight: Parameter
    /// The bias, with the norm folded in.
    public let bias: Parameter
    /// From the least level of each row to its largest.
    public let weightRange: Parameter
    /// The least level of each row before it is moved for the sake of 0.
    public let weightMinimum: Parameter
    /// From the least level of the input to its largest.
    public let inputRange: Parameter
    /// The least level of the input.
    public let inputMinimum: Parameter

    /// Bits of weights and inputs, 2 to 8; nil leaves all in float.
    ///
    /// The bias has twice as many.
    public var bits: Int?

    /// A norm for the output while its statistics are measured; see ``insertNorm(epsilon:)``.
    public private(set) var norm: BatchNorm?

    private let product: any Product
    private let folded: (gain: Tensor, offset: Tensor)?

    /// Takes a layer.
    ///
    /// - Parameters:
    ///   - weight: `[out, …]`.
    ///   - bias: `[out]`.
    ///   - product: What is computed with the weight.
    ///   - norm: Folded into weight and bias, with its running statistics.
    public init(weight: Tensor, bias: Tensor?, product: any Product, norm: BatchNorm? = nil) {
        let out = weight.shape[0]
        var (weight, bias) = (weight, bias ?? .zeros([out]))
        if let norm {
            let factor =
                norm.weight.value
                / (norm.runningVariance.value + norm.epsilon).squareRoot()
            weight = weight * factor.reshaped(Self.rows(weight))
            bias = (bias - norm.runningMean.value) * factor + norm.bias.value
        }
        folded = norm.map { ($0.weight.value, $0.bias.value) }
        self.weight = Parameter(weight)
        self.bias = Parameter(bias)
        self.product = product
        weightRange = Parameter(.filled([out], with: 1))
        weightMinimum = Parameter(.zeros([out]))
        inputRange = Parameter(.filled([1], with: 1))
        inputMinimum = Parameter(.zeros([1]))
        measureWeight()
    }

    /// What a checkpoint holds of it.
    public var parts: Parts {
        [
            "weight": weight, "bias": bias, "weight_range": weightRange,
            "weight_min": weightMinimum, "input_range": inputRange, "input_min": inputMinimum,
            "norm": norm,
        ]
    }

    /// The product of rounded input and weight, plus the rounded bias.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        var (x, weight) = (x, context.value(of: weight))
        var bias = context.value(of: bias)
        if let bits {
            x = x.affine(
                range: context.value(of: inputRange), minimum: context.value(of: inputMinimum),
                bits: bits)
            let shape = Self.rows(weight)
            weight = weight.affine(
                range: context.value(of: weightRange).reshaped(shape),
                minimum: context.value(of: weightMinimum).reshaped(shape), bits: bits)
            let numbers = bias.stopGradient()
            bias = bias.simulated(
                AffineGrid(numbers.min().item...numbers.max().item, bits: 2 * bits))
        }
        let y = product.value(x, weight)
        let sum = y + bias.reshaped([-1] + [Int](repeating: 1, count: y.rank - 2))
        return norm.map { $0(sum, context) } ?? sum
    }

    /// One number for each row of a weight, in a shape that repeats to it.
    private static func rows(_ weight: Tensor) -> [Int] {
        [weight.shape[0]] + [Int](repeating: 1, count: weight.rank - 1)
    }
}

extension AffineLayer {
    /// Sets the ranges of the weight to its smallest and largest numbers, 0 among them.
    public func measureWeight() {
        let rows = weight.value.reshaped([weight.shape[0], -1])
        let low = rows.min(axes: [1]).clamped(to: -.greatestFiniteMagnitude...0)
        let high = rows.max(axes: [1]).clamped(to: 0 ... .greatestFiniteMagnitude)
        // A row of zeros has a range of 1.
        weightRange.set((high - low) + ((high - low) .<= 0))
        weightMinimum.set(low)
    }

    /// Sets the range of the input to the means of each input's smallest and largest number.
    ///
    /// - Parameter inputs: `[inputs, …]`.
    public func measureInput(_ inputs: Tensor) {
        let each = inputs.reshaped([inputs.shape[0], -1])
        let low = min(each.min(axes: [1]).mean().item, 0)
        let high = max(each.max(axes: [1]).mean().item, 0)
        inputRange.set(.filled([1], with: high > low ? high - low : 1))
        inputMinimum.set(.filled([1], with: low))
    }

    /// Puts a norm behind the layer that leaves its output as it is, until its statistics move.
    ///
    /// The folded norm's outputs had the mean `offset` and the deviation `gain`; so the new one has
    /// these as running statistics, `√(gain² + epsilon)` as gains and `offset` as offsets. Does
    /// nothing to a layer that no norm was folded into.
    public func insertNorm(epsilon: Float = 1e-5) {
        guard let folded else { return }
        let norm = BatchNorm(channels: bias.shape[0], epsilon: epsilon)
        norm.runningMean.set(folded.offset)
        norm.runningVariance.set(folded.gain.squared())
        norm.weight.set((folded.gain.squared() + epsilon).squareRoot())
        norm.bias.set(folded.offset)
        self.norm = norm
    }

    /// Folds the norm behind the layer into weight, bias and the ranges of the weight.
    public func foldNorm() {
        guard let norm else { return }
        self.norm = nil
        let factor =
            norm.weight.value / (norm.runningVariance.value + norm.epsilon).squareRoot()
        weight.set(weight.value * factor.reshaped(Self.rows(weight.value)))
        bias.set((bias.value - norm.runningMean.value) * factor + norm.bias.value)
        weightRange.set(weightRange.value * factor)
        weightMinimum.set(weightMinimum.value * factor)
    }
}

extension Tensor {
    /// The nearest levels of an affine quantizer whose range can be learned; see ``AffineLayer``.
    ///
    /// - Parameters:
    ///   - range: From the least level to the largest; in a shape that repeats to this one.
    ///   - minimum: The least level before it is moved for the sake of 0; at most 0, and at least
    ///     `−range`: the range is widened where it does not reach 0.
    ///   - bits: 2 to 16.
    func affine(range: Tensor, minimum: Tensor, bits: Int) -> Tensor {
        let lowest = -Float(1 << (bits - 1))
        let codes = lowest...lowest + Float((1 << bits) - 1)
        let low = minimum.clamped(to: -1e5...0)
        let step = Tensor.maximum(range, -low).clamped(to: 1e-6...1e5) / Float((1 << bits) - 1)
        func rounded(_ x: Tensor) -> Tensor { x.taking(value: x.rounded()) }
        let zero = rounded((lowest - low / step).clamped(to: codes))
        return (rounded((self / step + zero).clamped(to: codes)) - zero) * step
    }
}
