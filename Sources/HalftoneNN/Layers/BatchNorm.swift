import HalftoneTensor

/// Normalizes each channel by the mean and variance of the batch, or by running ones.
///
/// In training the variance that divides is biased, and the running statistics move by `momentum`
/// towards the batch's mean and unbiased variance; they change when the context's updates are
/// applied. Elsewhere the running statistics are used.
///
/// Source: S. Ioffe and C. Szegedy, "Batch Normalization", arXiv:1502.03167, Algorithms 1 and 2.
/// Checkpoint names: `weight`, `bias`, `running_mean`, `running_var`, all `[channels]`.
public final class BatchNorm: Layer {
    /// The gains.
    public let weight: Parameter
    /// The offsets.
    public let bias: Parameter
    /// The running mean.
    public let runningMean: Buffer
    /// The running variance.
    public let runningVariance: Buffer
    /// Added to the variance.
    public let epsilon: Float
    /// Share by which the running statistics move.
    public var momentum: Float
    /// Whether the running statistics are used, and kept, in training too.
    public var isFrozen = false

    /// A norm with gains of 1, offsets of 0, means of 0 and variances of 1.
    public init(channels: Int, epsilon: Float = 1e-5, momentum: Float = 0.1) {
        weight = Parameter(.filled([channels], with: 1))
        bias = Parameter(.zeros([channels]))
        runningMean = Buffer(.zeros([channels]))
        runningVariance = Buffer(.filled([channels], with: 1))
        self.epsilon = epsilon
        self.momentum = momentum
    }

    /// The names of checkpoints.
    public var parts: Parts {
        [
            "weight": weight, "bias": bias, "running_mean": runningMean,
            "running_var": runningVariance,
        ]
    }

    /// `[batch, channels, …]`, kept.
    public func forward(_ x: Tensor, _ context: ForwardContext) -> Tensor {
        normalized(x, context)
    }

    /// The norm's output plus another tensor, through the rectifier: `relu(norm(x) + other)`.
    ///
    /// Takes all of it in one pass over memory where it can; hooks, when there are any, see the
    /// norm's own input and output.
    ///
    /// - Parameters:
    ///   - x: `[batch, channels, …]`.
    ///   - other: In the shape of the input; nil for nothing.
    ///   - context: Whether there is training, and its hooks.
    public func rectified(
        _ x: Tensor, adding other: Tensor? = nil, _ context: ForwardContext
    ) -> Tensor {
        guard context.hasHooks else {
            return normalized(x, adding: other, rectifies: true, context)
        }
        let y = self(x, context)
        return (other.map { y + $0 } ?? y).relu()
    }

    private func normalized(
        _ x: Tensor, adding other: Tensor? = nil, rectifies: Bool = false,
        _ context: ForwardContext
    ) -> Tensor {
        let (gain, offset) = (context.value(of: weight), context.value(of: bias))
        guard context.isTraining, !isFrozen else {
            var y = x.batchNorm(
                gain: gain, bias: offset, mean: context.value(of: runningMean),
                variance: context.value(of: runningVariance), epsilon: epsilon)
            if let other { y = y + other }
            return rectifies ? y.relu() : y
        }
        let (result, mean, variance) = x.batchNorm(
            gain: gain, bias: offset, epsilon: epsilon, adding: other, rectifies: rectifies)
        let number = Float(x.count / x.shape[1])
        move(runningMean, towards: mean, context)
        move(runningVariance, towards: variance * (number / (number - 1)), context)
        return result
    }

    private func move(_ buffer: Buffer, towards value: Tensor, _ context: ForwardContext) {
        let old = context.value(of: buffer)
        context.update(buffer, to: old * (1 - momentum) + value * momentum)
    }
}
