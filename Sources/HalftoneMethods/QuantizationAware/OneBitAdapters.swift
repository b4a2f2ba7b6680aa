import HalftoneTensor

/// Trains the matrices of adapters through a code of one or a few bits.
///
/// Adapters end in flat minima, so coarse weights do: at equal bytes, many parameters of one bit
/// are better than few of 32. The weights of an adapter matrix are close to normal, so each matrix
/// is standardized and coded with the fixed levels of the standard normal, in every step of the
/// training.
///
/// Source: S. Jie, H. Wang and Z.-H. Deng, "Revisiting the Parameter Efficiency of Adapters from
/// the Perspective of Precision Redundancy", ICCV 2023, arXiv:2307.16867.
/// Departs from it in one place: a number on a boundary takes the upper level, where the released
/// formula gives the mean of two levels.
public struct OneBitAdapters: Sendable, Hashable {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "one-bit-adapters", title: "1-bit adapters",
        paper: Paper(
            title: "Revisiting the Parameter Efficiency of Adapters from the Perspective of "
                + "Precision Redundancy",
            arXiv: "2307.16867", year: 2023),
        family: .quantizationAwareTraining, stage: .tuning,
        needs: [.pretrainedModel, .trainingData, .gradients],
        claims: [
            MethodClaim(
                id: "bits-or-rank",
                "At about equal bytes, adapters of one bit and rank 32 beat adapters of 32 bits and "
                    + "rank 1.",
                published: PublishedFigure(
                    "VTAB-1K, 19 tasks: 76.3 % in 148.8 kB a task (1-bit LoRA, rank 32, 1-bit "
                        + "head), 72.0 % in 2219.5 kB (VPT)",
                    source: "the repository's README")),
            MethodClaim(
                id: "one-bit-suffices",
                "At equal rank one bit loses at most 15 % of what 32 bits gain.",
                published: PublishedFigure(
                    "77.0 % with 1-bit AdaptFormer of rank 32, 19 tasks of VTAB-1K",
                    source: "the repository's README")),
            MethodClaim(
                id: "training-matters",
                "Coding an adapter after it was trained in 32 bits is worse than training through "
                    + "the code."),
            MethodClaim(
                id: "adapters-are-flat",
                "Relative noise on an adapter costs less of its gain than the same relative noise "
                    + "on the weights below it."),
        ])

    /// The levels.
    public let code: NormalCode

    /// Added to the standard deviation that is divided by.
    private static let epsilon: Float = 1e-5

    /// Creates the method with the paper's single bit.
    ///
    /// - Parameter bits: 1 to 8.
    public init(bits: Int = 1) { code = NormalCode(bits: bits) }

    /// The matrix that is computed with: levels times the standard deviation, plus the mean.
    ///
    /// Mean m and unbiased standard deviation s are those of the whole matrix. The gradient takes
    /// each level as the standardized weight that it stands for, without clipping, and flows
    /// through m and s.
    ///
    /// - Parameter weight: Of at least two elements that are not all equal.
    /// - Returns: In the shape of `weight`.
    public func quantized(_ weight: Tensor) -> Tensor {
        let (mean, deviation) = Self.moments(weight)
        let standardized = (weight - mean) / (deviation + Self.epsilon)
        let levels = Tensor.custom(
            [standardized], value: code.nearest(standardized.stopGradient())
        ) { [$0] }
        return levels * deviation + mean
    }

    /// The codes of a matrix, ready to be stored.
    ///
    /// - Parameter weight: Of at least two elements that are not all equal.
    public func packed(_ weight: Tensor) -> PackedAdapter {
        let (mean, deviation) = Self.moments(weight.stopGradient())
        let standardized = (weight.stopGradient() - mean) / (deviation + Self.epsilon)
        return PackedAdapter(
            shape: weight.shape, code: code, codes: code.codes(of: standardized),
            mean: mean.item, deviation: deviation.item)
    }

    private static func moments(_ weight: Tensor) -> (mean: Tensor, deviation: Tensor) {
        precondition(weight.count > 1, "a matrix of \(weight.shape) has no deviation")
        return (weight.mean(), weight.variance(correction: 1).squareRoot())
    }
}
