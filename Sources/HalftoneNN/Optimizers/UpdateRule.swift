import HalftoneKernels

/// How a weight changes, given its gradient: the settings of a published rule.
///
/// A rule is a plain value. What it keeps per weight and the number of steps are held by the
/// ``Optimizer``, which also gives the rate, so that a rule of one's own is one function.
public protocol UpdateRule: Sendable {
    /// The learning rate before any schedule.
    var rate: Double { get }

    /// Names of what is kept per weight, each in the shape of the parameter.
    var slotNames: [String] { get }

    /// What the numbers that are kept start at.
    var slotStart: Float { get }

    /// Changes the weights of one parameter in place.
    ///
    /// - Parameters:
    ///   - weights: The parameter.
    ///   - gradient: As many numbers, to be multiplied by `scale` first.
    ///   - scale: What clipping left of the gradient.
    ///   - slots: What is kept, in the order of ``slotNames``.
    ///   - step: Counts the updates of this parameter from 1.
    ///   - rate: Of this step.
    func update(
        _ weights: inout FloatArray, gradient: FloatArray, scale: Float,
        slots: inout [FloatArray], step: Int, rate: Double)
}

extension UpdateRule {
    /// What is kept starts at 0.
    public var slotStart: Float { 0 }
}
