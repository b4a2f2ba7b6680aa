import HalftoneKernels

/// Stochastic gradient descent, with momentum if wanted.
///
/// `g ← g + weightDecay · w`, `b ← momentum · b + (1 − dampening) · g` with `b = g` at first, and
/// `w ← w − rate · b`; Nesterov's form takes `g + momentum · b` in place of `b`. Without momentum
/// nothing is kept.
///
/// Source: I. Sutskever et al., "On the importance of initialization and momentum in deep
/// learning", ICML 2013, in the form of `torch.optim.SGD`.
public struct SGD: UpdateRule, Codable, Hashable {
    /// The learning rate before any schedule.
    public var rate: Double
    /// Share of the direction that is kept, from 0 to below 1.
    public var momentum: Float
    /// Share of the gradient that does not enter the direction.
    public var dampening: Float
    /// Pulls weights towards 0 through the gradient.
    public var weightDecay: Float
    /// Whether the step looks ahead along the direction.
    public var isNesterov: Bool

    /// Creates a rule.
    public init(
        rate: Double, momentum: Float = 0, dampening: Float = 0, weightDecay: Float = 0,
        isNesterov: Bool = false
    ) {
        self.rate = rate
        self.momentum = momentum
        self.dampening = dampening
        self.weightDecay = weightDecay
        self.isNesterov = isNesterov
    }

    /// What is kept per weight.
    public var slotNames: [String] { momentum == 0 ? [] : ["momentum"] }

    /// Changes the weights of one parameter in place; see ``UpdateRule``.
    public func update(
        _ weights: inout FloatArray, gradient: FloatArray, scale: Float,
        slots: inout [FloatArray], step: Int, rate: Double
    ) {
        let function = UpdateFunctions.Momentum(
            rate: Float(rate), decay: weightDecay, momentum: momentum, dampening: dampening,
            isNesterov: isNesterov, isFirst: step == 1)
        UpdateLoops.apply(
            function, &weights, gradient: gradient, scale: scale, slots: &slots)
    }
}
