import HalftoneKernels

extension Tensor {
    /// What batch norm gives while training.
    public typealias BatchNormResult = (value: Tensor, mean: Tensor, variance: Tensor)

    /// Brings each channel to mean 0 and variance 1 over all items, then multiplies by a gain and
    /// adds a bias: batch norm while training.
    ///
    /// `(x − mean) / √(variance + epsilon) · gain + bias` of `[items, channels, …]`; Ioffe and
    /// Szegedy, arXiv:1502.03167. The sum and the rectifier that follow in many networks are taken
    /// in the same pass over memory where that can be, with the same result.
    ///
    /// - Parameters:
    ///   - gain: One number per channel.
    ///   - bias: One number per channel.
    ///   - epsilon: Added to the variance before its root.
    ///   - other: Added to the result, in its shape; nil for nothing.
    ///   - rectifies: Whether the rectifier ``relu()`` comes last.
    /// - Returns: The result, and mean and variance of each channel for running averages; the
    ///   variance divides by the number of elements, and neither is tracked.
    public func batchNorm(
        gain: Tensor, bias: Tensor, epsilon: Float = 1e-5, adding other: Tensor? = nil,
        rectifies: Bool = false
    ) -> BatchNormResult {
        checkChannels(gain, bias)
        precondition(
            other == nil || other!.shape == shape,
            "what is added to shape \(shape) has that shape, not \(other?.shape ?? [])")
        if case .channelsLast = order {
            return channelsLastNorm(gain, bias, epsilon, other, rectifies)
        }
        var (result, mean, variance) = channelNorm(gain, bias, epsilon)
        if let other { result = result + other }
        return (rectifies ? result.relu() : result, mean, variance)
    }

    /// Batch norm with given statistics, as it is used after training.
    ///
    /// - Parameters:
    ///   - gain: One number per channel, as are the others.
    ///   - bias: Added to each channel.
    ///   - mean: Taken away from each element.
    ///   - variance: At least 0.
    ///   - epsilon: Added to the variance before its root.
    public func batchNorm(
        gain: Tensor, bias: Tensor, mean: Tensor, variance: Tensor, epsilon: Float = 1e-5
    ) -> Tensor {
        checkChannels(gain, bias)
        let factor = gain * (variance + epsilon).reciprocalSquareRoot()
        let channels = [shape[1]] + [Int](repeating: 1, count: rank - 2)
        return self * factor.reshaped(channels) + (bias - mean * factor).reshaped(channels)
    }

    private func checkChannels(_ gain: Tensor, _ bias: Tensor) {
        precondition(
            rank >= 2 && gain.shape == [shape[1]] && bias.shape == gain.shape,
            "gain \(gain.shape) and bias \(bias.shape) do not fit the channels of \(shape)")
    }
}

extension Tensor {
    /// The norm of elements that lie row by row.
    private func channelNorm(
        _ gain: Tensor, _ bias: Tensor, _ epsilon: Float
    ) -> BatchNormResult {
        let norm = ChannelNorm(
            items: shape[0], channels: shape[1], length: shape[2...].reduce(1, *))
        let (x, gains) = (elements, gain.elements)
        let (means, variances) = norm.statistics(x)
        let factors = FloatArray(variances.map { 1 / ($0 + epsilon).squareRoot() })
        let value = norm(x, means: means, factors: factors, gain: gains, bias: bias.elements)
        let result = Self.recorded(shape, value, from: [self, gain, bias]) { step in
            var gradient = step.takeUpstream()
            let sums = norm.pullback(&gradient, x, means: means, factors: factors, gain: gains)
            step.add(gradient, to: 0)
            step.add(sums.gain, to: 1)
            step.add(sums.bias, to: 2)
        }
        return (
            result, Tensor(shape: [shape[1]], elements: means),
            Tensor(shape: [shape[1]], elements: variances)
        )
    }

    /// The norm of elements whose channels lie together, with what follows it.
    private func channelsLastNorm(
        _ gain: Tensor, _ bias: Tensor, _ epsilon: Float, _ other: Tensor?, _ rectifies: Bool
    ) -> BatchNormResult {
        let channels = shape[1]
        let norm = ChannelsLastNorm(
            rows: channels == 0 ? 0 : count / channels, channels: channels, rectifies: rectifies)
        let (x, order) = (storage, order)
        let (means, variances) = norm.statistics(x)
        let parameters = ChannelsLastNorm.Parameters(
            means: means, factors: FloatArray(variances.map { 1 / ($0 + epsilon).squareRoot() }),
            gains: gain.elements, biases: bias.elements)
        let value = norm(x, parameters, adding: other?.storage(in: order))
        let (hasOther, kept) = (other != nil, other != nil && rectifies ? value : nil)
        let result = Self.recorded(
            shape, value, order: order, from: [self, gain, bias] + (other.map { [$0] } ?? [])
        ) { step in
            var gradient = step.takeUpstream(in: order)
            if hasOther, kept == nil { step.add(gradient, in: order, to: 3) }
            let sums = norm.pullback(&gradient, x, parameters, result: kept)
            step.add(gradient, in: order, to: 0)
            step.add(sums.gain, to: 1)
            step.add(sums.bias, to: 2)
            if let addend = sums.addend { step.add(addend, in: order, to: 3) }
        }
        return (
            result, Tensor(shape: [channels], elements: means),
            Tensor(shape: [channels], elements: variances)
        )
    }
}
