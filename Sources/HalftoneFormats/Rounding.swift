/// Which of the two neighbouring levels a number becomes.
///
/// `fraction` below is how far the number is on its way from the lower to the upper neighbour, 0
/// to 1. Rounding with random numbers is ``NumberFormat/code(of:overflow:stochasticallyUsing:)``.
public enum Rounding: Sendable, Hashable {
    /// To the nearest level; of two equally near ones to the even integer or the even mantissa.
    ///
    /// Without mantissa bits that is the larger power of two, but zero next to zero; with two
    /// integers, ±½, it is −½. In a codebook ``Codebook/ties`` decides.
    case nearestEven
    /// To the nearest level; of two equally near ones to that of larger magnitude.
    case nearestAway
    /// To the lower level.
    case down
    /// To the level of smaller magnitude; where zero is no level, never across it.
    case towardZero
    /// To the nearest level after moving by a learned part of the distance between neighbours,
    /// −½ to ½: up where `fraction + offset > ½`, at ½ as ``nearestEven`` goes. A level stays.
    ///
    /// Source: W. Cheng et al., "Optimize Weight Rounding via Signed Gradient Descent for the
    /// Quantization of LLMs" (SignRound), arXiv:2309.05516.
    case offset(Float)
}

/// What becomes of a number beyond the largest level.
public enum Overflow: Sendable, Hashable {
    /// The largest level of its sign, for infinities too.
    case saturate
    /// Infinity or else NaN, if the format has them and the number would not round to the largest
    /// level though there were one more; otherwise the largest level.
    case special
}
