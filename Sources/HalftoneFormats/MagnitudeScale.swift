/// The scale of formats with one magnitude, binary and ternary, by a statistic of the weights.
public enum MagnitudeScale: String, Sendable, Hashable, CaseIterable {
    /// The mean magnitude: least squares for binary weights, and BitNet b1.58's rule for ternary
    /// ones (S. Ma et al., arXiv:2402.17764, equation 3).
    case mean
    /// The median magnitude, the lower one of two (J. Nielsen and P. Schneider-Kamp, "BitNet b1.58
    /// Reloaded", arXiv:2407.09527).
    case median
    /// The root of the mean square.
    case rootMeanSquare
    /// The largest magnitude: with ternary codes nothing is clipped.
    case largest
    /// The mean of the magnitudes above 0.7 times the mean magnitude: near least squares for
    /// ternary weights (F. Li et al., "Ternary Weight Networks",
    /// arXiv:1605.04711). Weights up to that threshold are zeros; see ``ternaryThreshold(of:)``.
    case aboveThreshold

    /// The magnitude that `+1` stands for.
    ///
    /// - Parameter weights: Finite; of none the scale is 0.
    public func scale(of weights: some Collection<Float>) -> Float {
        guard !weights.isEmpty else { return 0 }
        let count = Double(weights.count)
        switch self {
        case .mean: return Float(weights.reduce(0.0) { $0 + Double($1.magnitude) } / count)
        case .median: return weights.map(\.magnitude).sorted()[(weights.count - 1) / 2]
        case .rootMeanSquare:
            return Float(
                (weights.reduce(0.0) { $0 + Double($1) * Double($1) } / count).squareRoot())
        case .largest: return weights.reduce(0) { max($0, $1.magnitude) }
        case .aboveThreshold:
            let threshold = Self.ternaryThreshold(of: weights)
            let above = weights.filter { $0.magnitude > threshold }
            return MagnitudeScale.mean.scale(of: above)
        }
    }

    /// `0.7 · mean|w|`, the threshold of Ternary Weight Networks.
    public static func ternaryThreshold(of weights: some Collection<Float>) -> Float {
        0.7 * MagnitudeScale.mean.scale(of: weights)
    }
}
