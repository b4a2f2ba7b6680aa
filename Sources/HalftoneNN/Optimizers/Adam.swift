import Foundation
import HalftoneKernels

/// Steps scaled by moving means of the gradient and of its square.
///
/// `m ← m + (1 − β₁)(g − m)`, `v ← β₂ v + (1 − β₂) g²`, and with `t` steps so far
/// `w ← w − rate / (1 − β₁ᵗ) · m / (√v / √(1 − β₂ᵗ) + epsilon)`.
///
/// Source: D. Kingma and J. Ba, "Adam: A Method for Stochastic Optimization", arXiv:1412.6980,
/// Algorithm 1; the decoupled decay is that of I. Loshchilov and F. Hutter, "Decoupled Weight
/// Decay Regularization", arXiv:1711.05101, Algorithm 2, scaled by the rate as in PyTorch; the
/// largest second moment is that of S. Reddi et al., "On the Convergence of Adam and Beyond",
/// arXiv:1904.09237.
public struct Adam: UpdateRule, Codable, Hashable {
    /// The learning rate before any schedule.
    public var rate: Double
    /// Share of the mean gradient that is kept.
    public var firstDecay: Double
    /// Share of the mean square that is kept.
    public var secondDecay: Double
    /// Added to the root of the mean square.
    public var epsilon: Float
    /// Pulls weights towards 0.
    public var weightDecay: Float
    /// Whether the decay acts on the weight (AdamW) rather than through the gradient.
    public var isDecayDecoupled: Bool
    /// Whether the largest second moment so far is divided by (AMSGrad).
    public var keepsLargest: Bool

    /// Creates a rule whose decay acts through the gradient.
    public init(
        rate: Double, firstDecay: Double = 0.9, secondDecay: Double = 0.999,
        epsilon: Float = 1e-8, weightDecay: Float = 0, isDecayDecoupled: Bool = false,
        keepsLargest: Bool = false
    ) {
        self.rate = rate
        self.firstDecay = firstDecay
        self.secondDecay = secondDecay
        self.epsilon = epsilon
        self.weightDecay = weightDecay
        self.isDecayDecoupled = isDecayDecoupled
        self.keepsLargest = keepsLargest
    }

    /// The form whose decay acts on the weight, as `torch.optim.AdamW`.
    public static func decoupled(
        rate: Double, firstDecay: Double = 0.9, secondDecay: Double = 0.999,
        epsilon: Float = 1e-8, weightDecay: Float = 0.01, keepsLargest: Bool = false
    ) -> Adam {
        Adam(
            rate: rate, firstDecay: firstDecay, secondDecay: secondDecay, epsilon: epsilon,
            weightDecay: weightDecay, isDecayDecoupled: true, keepsLargest: keepsLargest)
    }

    /// What is kept per weight.
    public var slotNames: [String] {
        ["first_moment", "second_moment"] + (keepsLargest ? ["largest_moment"] : [])
    }

    /// Changes the weights of one parameter in place; see ``UpdateRule``.
    public func update(
        _ weights: inout FloatArray, gradient: FloatArray, scale: Float,
        slots: inout [FloatArray], step: Int, rate: Double
    ) {
        let function = UpdateFunctions.Moments(
            rate: Float(rate / (1 - pow(firstDecay, Double(step)))),
            shrink: isDecayDecoupled ? Float(1 - rate * Double(weightDecay)) : 1,
            decay: isDecayDecoupled ? 0 : weightDecay, firstShare: Float(1 - firstDecay),
            secondKeep: Float(secondDecay), secondShare: Float(1 - secondDecay),
            rootScale: Float(1 / (1 - pow(secondDecay, Double(step))).squareRoot()),
            epsilon: epsilon, keepsLargest: keepsLargest)
        UpdateLoops.apply(
            function, &weights, gradient: gradient, scale: scale, slots: &slots)
    }
}
