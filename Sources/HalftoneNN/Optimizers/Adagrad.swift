import HalftoneKernels

/// Steps scaled by the sum of all squared gradients so far: rare features keep large steps.
///
/// `s ← s + g²`, `w ← w − rate / (1 + (t − 1) · rateDecay) · g / (√s + epsilon)`.
///
/// Source: J. Duchi, E. Hazan and Y. Singer, "Adaptive Subgradient Methods for Online Learning and
/// Stochastic Optimization", JMLR 12, 2011, in the form of `torch.optim.Adagrad`.
public struct Adagrad: UpdateRule, Codable, Hashable {
    /// The learning rate before any schedule.
    public var rate: Double
    /// Shrinks the rate with the number of steps.
    public var rateDecay: Double
    /// Pulls weights towards 0 through the gradient.
    public var weightDecay: Float
    /// What the sums start at.
    public var initialSum: Float
    /// Added to the root of the sum.
    public var epsilon: Float

    /// Creates a rule.
    public init(
        rate: Double, rateDecay: Double = 0, weightDecay: Float = 0, initialSum: Float = 0,
        epsilon: Float = 1e-10
    ) {
        self.rate = rate
        self.rateDecay = rateDecay
        self.weightDecay = weightDecay
        self.initialSum = initialSum
        self.epsilon = epsilon
    }

    /// What is kept per weight.
    public var slotNames: [String] { ["square_sum"] }

    /// What the numbers that are kept start at.
    public var slotStart: Float { initialSum }

    /// Changes the weights of one parameter in place; see ``UpdateRule``.
    public func update(
        _ weights: inout FloatArray, gradient: FloatArray, scale: Float,
        slots: inout [FloatArray], step: Int, rate: Double
    ) {
        let function = UpdateFunctions.SquareSum(
            rate: Float(rate / (1 + Double(step - 1) * rateDecay)), decay: weightDecay,
            epsilon: epsilon)
        UpdateLoops.apply(
            function, &weights, gradient: gradient, scale: scale, slots: &slots)
    }
}
