import HalftoneFormats
import HalftoneKernels
import HalftoneTensor

/// What flows back through a quantizer: to the numbers that were rounded, and to the step.
///
/// The value is the quantizer's; a rule only says which gradient stands beside it.
public protocol GradientRule: Sendable {
    /// The gradient of the numbers.
    ///
    /// - Parameters:
    ///   - upstream: The gradient of the result, in the shape of `point.x`.
    ///   - point: What was rounded, and how.
    /// - Returns: In the shape of `point.x`.
    func inputGradient(_ upstream: Tensor, at point: RoundingPoint) -> Tensor

    /// The share of each number in the gradient of its step; nil when the step is a constant.
    ///
    /// - Returns: In the shape of `point.x`; the quantizer sums what shares a step.
    func stepGradient(_ upstream: Tensor, at point: RoundingPoint) -> Tensor?
}

extension GradientRule {
    /// Nil: the step is a constant.
    public func stepGradient(_ upstream: Tensor, at point: RoundingPoint) -> Tensor? { nil }
}

/// Numbers that a uniform quantizer rounded, for a gradient rule to compute from.
public struct RoundingPoint: Sendable {
    /// What was rounded, without a record.
    public let x: Tensor

    /// The distance between levels; repeats to the shape of `x`.
    public let step: Tensor

    /// The codes to choose from.
    public let codes: CodeRange

    /// What happens halfway between two codes.
    public let ties: TieRule

    /// The numbers in steps.
    public var scaled: Tensor { x / step }

    /// The codes that were chosen.
    public var rounded: Tensor { x.codes(step: step, codes: codes, ties: ties) }

    /// A derivative of the fused kernel times the gradient of the result.
    func pullback(
        _ upstream: Tensor, _ part: PairPart, _ passage: PairFunctions.FakeRound.Passage
    ) -> Tensor {
        let function = PairFunctions.FakeRound(
            codes: codes.lowest...codes.highest, tiesUp: ties == .up, passage: passage)
        var gradient = upstream.elements
        Elements.pullback(
            function, part, Broadcast(x.shape, step.shape, shape: x.shape), &gradient,
            x.elements, step.elements)
        return Tensor(shape: x.shape, elements: gradient)
    }
}

/// Rounding and clamping count as the identity.
///
/// Source: Y. Bengio et al., "Estimating or Propagating Gradients Through Stochastic Neurons",
/// arXiv:1308.3432, section 4.
public struct StraightThrough: GradientRule {
    /// Creates the rule.
    public init() {}

    /// The gradient of the result as it is.
    public func inputGradient(_ upstream: Tensor, at point: RoundingPoint) -> Tensor { upstream }
}

/// Rounding counts as the identity, clamping as what it is: the gradient passes between the
/// outermost levels, these included.
///
/// Source: R. Krishnamoorthi, arXiv:1806.08342, equation 13.
public struct ClippedStraightThrough: GradientRule {
    /// Creates the rule.
    public init() {}

    /// The gradient of the result where nothing was clamped, else 0.
    public func inputGradient(_ upstream: Tensor, at point: RoundingPoint) -> Tensor {
        point.pullback(upstream, .first, .closedRange)
    }
}

/// The step is learned: its gradient is the rounding error in steps, or the code where a number
/// was clamped.
///
/// Source: S. Esser et al., "Learned Step Size Quantization", arXiv:1902.08153, equations 3 and 5.
public struct LearnedStep: GradientRule {
    /// A factor of the step's gradient; the paper has `1 / √(numbers · highest code)`.
    public var gradientScale: Float

    /// Creates the rule.
    public init(gradientScale: Float = 1) { self.gradientScale = gradientScale }

    /// The rule with the paper's factor.
    ///
    /// - Parameters:
    ///   - count: Numbers that share the step.
    ///   - codes: The codes that there are.
    public init(count: Int, codes: CodeRange) {
        gradientScale = 1 / Float(max(count, 1) * max(codes.highest, 1)).squareRoot()
    }

    /// The gradient of the result strictly between the outermost levels, else 0.
    public func inputGradient(_ upstream: Tensor, at point: RoundingPoint) -> Tensor {
        point.pullback(upstream, .first, .openRange)
    }

    /// `code − x / step` inside, the outermost code outside, times the gradient of the result.
    public func stepGradient(_ upstream: Tensor, at point: RoundingPoint) -> Tensor? {
        let gradient = point.pullback(upstream, .second, .openRange)
        return gradientScale == 1 ? gradient : gradient * gradientScale
    }
}
