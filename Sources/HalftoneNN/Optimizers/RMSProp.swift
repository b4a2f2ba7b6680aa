import HalftoneKernels

/// Steps scaled by a moving mean of squared gradients.
///
/// `s ← smoothing · s + (1 − smoothing) · g²`, `b ← momentum · b + g / (√s + epsilon)`,
/// `w ← w − rate · b`.
///
/// Source: T. Tieleman and G. Hinton, Lecture 6.5 of "Neural Networks for Machine Learning", 2012,
/// in the form of `torch.optim.RMSprop`.
public struct RMSProp: UpdateRule, Codable, Hashable {
    /// The learning rate before any schedule.
    public var rate: Double
    /// Share of the mean square that is kept.
    public var smoothing: Double
    /// Added to the root of the mean square.
    public var epsilon: Float
    /// Pulls weights towards 0 through the gradient.
    public var weightDecay: Float
    /// Share of the direction that is kept.
    public var momentum: Float

    /// Creates a rule.
    public init(
        rate: Double, smoothing: Double = 0.99, epsilon: Float = 1e-8, weightDecay: Float = 0,
        momentum: Float = 0
    ) {
        self.rate = rate
        self.smoothing = smoothing
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.momentum = momentum
    }

    /// What is kept per weight.
    public var slotNames: [String] { ["square_mean"] + (momentum == 0 ? [] : ["momentum"]) }

    /// Changes the weights of one parameter in place; see ``UpdateRule``.
    public func update(
        _ weights: inout FloatArray, gradient: FloatArray, scale: Float,
        slots: inout [FloatArray], step: Int, rate: Double
    ) {
        let function = UpdateFunctions.SquareMean(
            rate: Float(rate), decay: weightDecay, keep: Float(smoothing),
            share: Float(1 - smoothing), epsilon: epsilon, momentum: momentum)
        UpdateLoops.apply(
            function, &weights, gradient: gradient, scale: scale, slots: &slots)
    }
}
