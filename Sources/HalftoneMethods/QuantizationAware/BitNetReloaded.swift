import HalftoneFormats
import HalftoneQuantization
import HalftoneTensor

/// Ternary weights and 8-bit inputs, both rounded anew at each step of training.
///
/// Weights become −1, 0 or 1 times one scale for the matrix: the median of their magnitudes, which
/// a few large weights do not move, or the mean as in the original. Inputs are normalized without
/// parameters and get a scale per row. Rounding and clamping count as the identity in the
/// gradient, and scales as constants.
///
/// Source: J. Nielsen and P. Schneider-Kamp, "BitNet b1.58 Reloaded: State-of-the-art Performance
/// Also on Smaller Networks", arXiv:2407.09527, equations 1 to 9. Departs from the authors' code
/// in one place: the bias is added after the product is scaled, as the equations have it.
public struct BitNetReloaded: Sendable {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "bitnet-reloaded", title: "BitNet b1.58 Reloaded",
        paper: Paper(
            title: "BitNet b1.58 Reloaded: State-of-the-art Performance Also on Smaller Networks",
            arXiv: "2407.09527", year: 2024),
        family: .quantizationAwareTraining, stage: .training, needs: [.trainingData, .gradients],
        claims: [
            MethodClaim(
                id: "vision-equal-size",
                "A small vision model with ternary weights reaches float accuracy at equal size."),
            MethodClaim(
                id: "median-as-good", "The median is as good a measure as the mean."),
            MethodClaim(
                id: "median-robust",
                "A few large weights leave the median's share of zeros as it is, and double the "
                    + "mean's."),
            MethodClaim(
                id: "language-gap",
                "A small language model of equal size is visibly worse with ternary weights."),
            MethodClaim(
                id: "language-doubled",
                "Twice the hidden size makes up for ternary weights in a small language model."),
            MethodClaim(
                id: "packed-exact",
                "Two bits per weight and sums of integers give the trained model's very logits."),
        ])

    /// What the scale of the weights is taken from.
    public enum Measure: String, Sendable, Hashable, CaseIterable, Codable {
        /// The lower median of the magnitudes.
        case median
        /// The mean of the magnitudes, as in the original BitNet b1.58.
        case mean
    }

    /// What the scale of the weights is taken from.
    public var measure: Measure

    /// Bits of the inputs, 2 to 8.
    public var inputBits: Int

    /// Whether inputs are normalized to mean 0 and variance 1 along the last axis.
    public var normalizes: Bool

    /// How much of the rounding is done, 0 (none) to 1; training may raise it slowly.
    public var share: Float

    /// The least divisor of a scale.
    private let epsilon: Float = 1e-5

    /// Creates the method with the paper's settings.
    public init(
        measure: Measure = .median, inputBits: Int = 8, normalizes: Bool = true, share: Float = 1
    ) {
        precondition((2...8).contains(inputBits), "inputs have 2 to 8 bits, not \(inputBits)")
        self.measure = measure
        self.inputBits = inputBits
        self.normalizes = normalizes
        self.share = share
    }
}

extension BitNetReloaded {
    /// What weights are multiplied by before they are rounded: 1 over the measure.
    ///
    /// - Parameter weight: Of any shape, not empty.
    public func weightScale(_ weight: Tensor) -> Float {
        let size =
            switch measure {
            case .median: weight.medianMagnitude
            case .mean: weight.stopGradient().abs().mean().item
            }
        return 1 / max(size, epsilon)
    }

    /// The rounded weights, −1, 0 or 1, with the gradient of ``weightScale(_:)`` times the weight.
    public func ternary(_ weight: Tensor) -> Tensor {
        rounded(weight * weightScale(weight), to: .ternary)
    }

    /// Ternary weights divided by their scale, to stand in for the weights of any layer.
    ///
    /// - Parameter weight: Of any shape; convolutions are taken as one run of weights.
    public func weight(_ weight: Tensor) -> Tensor {
        let scale = weightScale(weight)
        return rounded(weight * scale, to: .ternary) / Tensor(scale)
    }

    /// Inputs less their mean, over their standard deviation, along the last axis.
    public func normalized(_ x: Tensor) -> Tensor {
        let centered = x - x.mean(axes: [-1], keepDimensions: true)
        let variance = centered.squared().mean(axes: [-1], keepDimensions: true)
        return centered * (variance + epsilon).reciprocalSquareRoot()
    }

    /// What normalized inputs are multiplied by before they are rounded, `[…, 1]`.
    public func inputScales(_ x: Tensor) -> Tensor {
        let largest = x.stopGradient().abs().max(axes: [-1], keepDimensions: true)
        return Tensor(Float(1 << (inputBits - 1)))
            / largest.clamped(to: epsilon...Float.greatestFiniteMagnitude)
    }

    /// Rounded inputs divided by their scales, to stand in for the inputs of any layer.
    public func input(_ x: Tensor) -> Tensor {
        let x = normalizes ? normalized(x) : x
        let scales = inputScales(x)
        return rounded(x * scales, to: .signed(bits: inputBits)) / scales
    }

    /// A linear layer: the product of rounded inputs and weights, scaled back.
    ///
    /// With a ``share`` of 1 the product is one of integers, exact below 2²⁴, so that packed
    /// weights give the same bits.
    ///
    /// - Parameters:
    ///   - x: `[…, inFeatures]`.
    ///   - weight: `[outFeatures, inFeatures]`.
    ///   - bias: `[outFeatures]`, added after scaling; nil for none.
    /// - Returns: `[…, outFeatures]`.
    public func linear(_ x: Tensor, weight: Tensor, bias: Tensor? = nil) -> Tensor {
        let x = normalizes ? normalized(x) : x
        let scales = inputScales(x)
        let inputs = rounded(x * scales, to: .signed(bits: inputBits))
        let weightScale = weightScale(weight)
        let codes = rounded(weight * weightScale, to: .ternary)
        let product = inputs.matmul(codes, transposingSecond: true)
        let output = product / (scales * weightScale)
        return bias.map { output + $0 } ?? output
    }

    /// Rounds and clamps with the gradient of the identity.
    private func rounded(_ x: Tensor, to codes: CodeRange) -> Tensor {
        guard share != 1 else {
            return x.simulated(step: Tensor(1), codes: codes, rule: StraightThrough())
        }
        let codes = x.codes(step: Tensor(1), codes: codes)
        let plain = x.stopGradient()
        return x.taking(value: plain + (codes - plain) * share)
    }
}
