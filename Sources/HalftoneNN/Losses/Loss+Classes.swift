import HalftoneTensor

extension Loss {
    /// Cross-entropy of classes.
    ///
    /// With smoothing `s` over `n` classes the target of each is `s/n`, and `1 − s + s/n` for the
    /// right one: C. Szegedy et al., "Rethinking the Inception Architecture", arXiv:1512.00567,
    /// section 7.
    ///
    /// - Parameters:
    ///   - logits: `[…, classes]`, any finite numbers.
    ///   - targets: `[…]`, each a class. A negative one is left out of the sum and of the count.
    ///   - smoothing: From 0 to 1.
    ///   - reduction: The mean is over targets that count; NaN when none does.
    public static func crossEntropy(
        _ logits: Tensor, _ targets: IndexTensor, smoothing: Float = 0,
        reduction: LossReduction = .mean
    ) -> Tensor {
        var losses = logits.crossEntropy(targets)
        if smoothing > 0 {
            let counts = Tensor(
                shape: targets.shape, elements: targets.elements.map { $0 < 0 ? 0 : 1 })
            let even = (logits.logSumExp() - logits.mean(axes: [-1]))
                .choosing(where: counts, else: 0)
            losses = losses * (1 - smoothing) + even * smoothing
        }
        guard reduction == .mean else { return reduction(losses) }
        let number = targets.elements.count { $0 >= 0 }
        return losses.sum() * (1 / Float(number))
    }

    /// Binary cross-entropy of logits: `max(x, 0) − x t + log(1 + e^−|x|)`.
    ///
    /// - Parameters:
    ///   - logits: Any finite numbers.
    ///   - targets: Probabilities of the true side, in a shape that fits.
    ///   - positiveWeight: On the part of the true side.
    ///   - reduction: What becomes of the losses.
    public static func binaryCrossEntropy(
        _ logits: Tensor, _ targets: Tensor, positiveWeight: Float = 1,
        reduction: LossReduction = .mean
    ) -> Tensor {
        if positiveWeight == 1 { return reduction(logits.softplus() - logits * targets) }
        let positive = (-logits).softplus() * targets * positiveWeight
        return reduction(positive + logits.softplus() * (1 - targets))
    }

    /// Focal loss: binary cross-entropy times `a (1 − p)^gamma`, `p` the probability of the true
    /// side.
    ///
    /// Source: T.-Y. Lin et al., "Focal Loss for Dense Object Detection", arXiv:1708.02002, eq. 5.
    ///
    /// - Parameters:
    ///   - logits: Any finite numbers.
    ///   - targets: 0 or 1.
    ///   - alpha: `a` where the target is 1; `1 − alpha` where it is 0. nil for no weight.
    ///   - gamma: 0 leaves the cross-entropy.
    ///   - reduction: What becomes of the losses.
    public static func focal(
        _ logits: Tensor, _ targets: Tensor, alpha: Float? = 0.25, gamma: Float = 2,
        reduction: LossReduction = .mean
    ) -> Tensor {
        let signed = logits * (targets * 2 - 1)
        // log p = −log(1 + e^−s), log(1 − p) = −log(1 + e^s).
        var losses = (-signed).softplus() * (signed.softplus() * -gamma).exp()
        if let alpha { losses *= targets * (2 * alpha - 1) + (1 - alpha) }
        return reduction(losses)
    }
}
