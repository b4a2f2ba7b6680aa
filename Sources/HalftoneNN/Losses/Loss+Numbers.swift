import HalftoneTensor

extension Loss {
    /// Squared differences.
    public static func meanSquaredError(
        _ predictions: Tensor, _ targets: Tensor, reduction: LossReduction = .mean
    ) -> Tensor {
        reduction((predictions - targets).squared())
    }

    /// Absolute differences.
    public static func meanAbsoluteError(
        _ predictions: Tensor, _ targets: Tensor, reduction: LossReduction = .mean
    ) -> Tensor {
        reduction((predictions - targets).abs())
    }

    /// `d²/2` where `|d| ≤ delta`, and `delta (|d| − delta/2)` beyond.
    ///
    /// Source: P. Huber, "Robust Estimation of a Location Parameter", Annals of Mathematical
    /// Statistics 35(1), 1964.
    public static func huber(
        _ predictions: Tensor, _ targets: Tensor, delta: Float = 1,
        reduction: LossReduction = .mean
    ) -> Tensor {
        let difference = predictions - targets
        // c (d − c/2) with c = d kept within ±delta is d²/2 inside and the line outside.
        let bounded = difference.clamped(to: -delta...delta)
        return reduction(bounded * (difference - bounded * 0.5))
    }
}
