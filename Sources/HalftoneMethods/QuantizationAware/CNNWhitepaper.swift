import HalftoneFormats
import HalftoneQuantization
import HalftoneTensor

/// Convolutions with their batch norm folded in, rounded to integers while they train.
///
/// Weights are folded with the running statistics, so that the levels do not move with each
/// batch, rounded with a scale per channel, and the output is corrected to that of the batch's
/// statistics until these are frozen.
///
/// Source: R. Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference: A
/// whitepaper", arXiv:1806.08342, section 3.2 and equations 20 to 27.
public struct CNNWhitepaper: Sendable {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "cnn-whitepaper", title: "CNN whitepaper: quantization-aware training",
        paper: Paper(
            title: "Quantizing deep convolutional networks for efficient inference: A whitepaper",
            arXiv: "1806.08342", year: 2018),
        family: .quantizationAwareTraining, stage: .training,
        needs: [.calibrationData, .trainingData, .gradients, .pretrainedModel],
        claims: [
            MethodClaim(
                id: "per-channel-close",
                "Rounding a trained network to 8 bits with a scale per channel loses little.",
                published: PublishedFigure(
                    "within 2 % of float for all networks tested", source: "abstract")),
            MethodClaim(
                id: "per-layer-breaks",
                "One scale per layer breaks a depthwise network whose channels differ in range."),
            MethodClaim(
                id: "per-channel-holds",
                "A scale per channel leaves that network as it was."),
            MethodClaim(
                id: "training-recovers",
                "Training with rounding wins back most of what 4-bit weights lose.",
                published: PublishedFigure(
                    "within 1 % of float at 8 bits; 2 to 10 % lost at 4 bits",
                    source: "abstract")),
            MethodClaim(
                id: "training-beats-tuning",
                "Training with rounding is better than as many steps without it, rounded after."),
            MethodClaim(
                id: "integers-agree",
                "A network in integers alone gives the class that the simulated one gives."),
        ])

    /// Bits of the weights, 2 to 8, in the narrow range; nil leaves them as they are.
    public var weightBits: Int?

    /// Whether each channel of the result has a scale of its own, or all share one.
    public var isPerChannel: Bool

    /// Whether statistics stand still: the output is then that of the model as it is deployed.
    public var isFrozen: Bool

    /// What is added to variances.
    public var epsilon: Float

    /// Creates the method.
    public init(
        weightBits: Int? = 8, isPerChannel: Bool = true, isFrozen: Bool = false,
        epsilon: Float = 1e-3
    ) {
        self.weightBits = weightBits
        self.isPerChannel = isPerChannel
        self.isFrozen = isFrozen
        self.epsilon = epsilon
    }
}

extension CNNWhitepaper {
    /// A batch norm after a convolution.
    public struct Norm: Sendable {
        /// `[outChannels]`.
        public var gain: Tensor
        /// `[outChannels]`.
        public var offset: Tensor
        /// The running mean, `[outChannels]`.
        public var mean: Tensor
        /// The running variance, biased, `[outChannels]`.
        public var variance: Tensor

        /// Collects the parts.
        public init(gain: Tensor, offset: Tensor, mean: Tensor, variance: Tensor) {
            self.gain = gain
            self.offset = offset
            self.mean = mean
            self.variance = variance
        }
    }

    /// What a folded convolution gives.
    public struct Output: Sendable {
        /// `[batch, outChannels, …]`.
        public let value: Tensor
        /// The batch's mean and biased variance, `[outChannels]`, for the running statistics; nil
        /// when frozen.
        public let statistics: (mean: Tensor, variance: Tensor)?
    }

    /// The deviation that weights are folded with, `√(running variance + epsilon)`.
    public func deviation(_ norm: Norm) -> Tensor {
        (norm.variance.stopGradient() + epsilon).squareRoot()
    }

    /// The weights of the deployed model before rounding: weight · gain / deviation.
    ///
    /// - Parameters:
    ///   - weight: `[outChannels, …]`.
    ///   - norm: The batch norm behind the convolution.
    public func folded(_ weight: Tensor, _ norm: Norm) -> Tensor {
        let shape = [weight.shape[0]] + [Int](repeating: 1, count: weight.rank - 1)
        return weight * (norm.gain / deviation(norm)).reshaped(shape)
    }

    /// The bias of the deployed model: offset − gain · mean / deviation.
    public func foldedBias(_ norm: Norm) -> Tensor {
        norm.offset - norm.gain * norm.mean.stopGradient() / deviation(norm)
    }

    /// Rounded weights, with the gradient of the identity.
    ///
    /// - Parameter weight: `[outChannels, …]`, folded.
    public func rounded(_ weight: Tensor) -> Tensor {
        guard let weightBits else { return weight }
        let codes = CodeRange.symmetric(bits: weightBits)
        let step = weight.symmetricStep(codes, axis: isPerChannel ? 0 : nil)
        return weight.simulated(step: step, codes: codes, rule: StraightThrough())
    }

    /// The convolution and its batch norm.
    ///
    /// Before freezing, with `c = deviation of the batch / running deviation`:
    /// `conv(x, Q(folded)) / c + offset − gain · batch mean / batch deviation`, which without a
    /// quantizer is batch norm itself; frozen: `conv(x, Q(folded)) + bias`.
    ///
    /// - Parameters:
    ///   - x: `[batch, inChannels, …]`.
    ///   - weight: `[outChannels, …]`.
    ///   - norm: The batch norm behind the convolution.
    ///   - convolve: The convolution of its first argument by its second; called twice with a
    ///     quantizer before freezing, else once.
    public func convolution(
        _ x: Tensor, weight: Tensor, norm: Norm, convolve: (Tensor, Tensor) -> Tensor
    ) -> Output {
        let each = [weight.shape[0]] + [Int](repeating: 1, count: x.rank - 2)
        guard !isFrozen else {
            let product = convolve(x, rounded(folded(weight, norm)))
            return Output(value: product + foldedBias(norm).reshaped(each), statistics: nil)
        }
        let plain = convolve(x, weight)
        // Without a quantizer the product by folded weights is known already.
        let product =
            weightBits == nil
            ? plain * (norm.gain / deviation(norm)).reshaped(each)
            : convolve(x, rounded(folded(weight, norm)))
        let axes = plain.shape.indices.filter { $0 != 1 }
        let mean = plain.mean(axes: axes)
        let variance = (plain - mean.reshaped(each)).squared().mean(axes: axes)
        let deviations = (variance + epsilon).squareRoot()
        let correction = deviation(norm) / deviations
        let bias = norm.offset - norm.gain * mean / deviations
        return Output(
            value: product * correction.reshaped(each) + bias.reshaped(each),
            statistics: (mean.stopGradient(), variance.stopGradient()))
    }
}
