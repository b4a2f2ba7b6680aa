import HalftoneKernels

extension Tensor {
    /// Brings each row to mean 0 and variance 1, then multiplies by a gain and adds a bias.
    ///
    /// `(x − mean) / √(variance + epsilon) · gain + bias` along the last axis; Ba, Kiros and
    /// Hinton, arXiv:1607.06450.
    ///
    /// - Parameters:
    ///   - gain: One number per column, or nil for 1.
    ///   - bias: One number per column, or nil for 0; only with a gain.
    ///   - epsilon: Added to the mean square or variance before its root.
    public func layerNorm(gain: Tensor?, bias: Tensor?, epsilon: Float = 1e-5) -> Tensor {
        normalized(gain, bias, isCentered: true, epsilon)
    }

    /// Divides each row by its root mean square and multiplies it by a gain.
    ///
    /// `x / √(mean(x²) + epsilon) · gain` along the last axis; Zhang and Sennrich,
    /// arXiv:1910.07467.
    ///
    /// - Parameters:
    ///   - gain: One number per column, or nil for 1.
    ///   - epsilon: Added to the mean square or variance before its root.
    public func rmsNorm(gain: Tensor?, epsilon: Float = 1e-5) -> Tensor {
        normalized(gain, nil, isCentered: false, epsilon)
    }

    private func normalized(
        _ gain: Tensor?, _ bias: Tensor?, isCentered: Bool, _ epsilon: Float
    ) -> Tensor {
        precondition(rank > 0, "a number alone has no norm")
        precondition(bias == nil || gain != nil, "a bias comes with a gain")
        let width = shape[rank - 1]
        let norm = RowNorm(
            rows: shape.dropLast().reduce(1, *), width: width, isCentered: isCentered,
            epsilon: epsilon)
        let (x, factors) = (elements, gain?.elements)
        let (value, kept) = norm(x, gain: factors, bias: bias?.elements)
        return Self.recorded(
            shape, value, from: [self] + [gain, bias].compactMap { $0 }
        ) { [hasGain = gain != nil, hasBias = bias != nil] step in
            var gradient = step.takeUpstream()
            let wants = (hasGain && step.isWanted(1)) || (hasBias && step.isWanted(2))
            let sums = norm.pullback(&gradient, x, gain: factors, kept, wantsGain: wants)
            step.add(gradient, to: 0)
            guard let sums else { return }
            if hasGain { step.add(sums.gain, to: 1) }
            if hasBias { step.add(sums.bias, to: 2) }
        }
    }

    /// Brings groups of channels of each item to mean 0 and variance 1, then multiplies each
    /// channel by a gain and adds a bias.
    ///
    /// Of `[items, channels, …]`; Wu and He, arXiv:1803.08494. With as many groups as channels it
    /// is instance norm.
    ///
    /// - Parameters:
    ///   - groups: Divides the channels.
    ///   - gain: One number per channel, or nil for 1.
    ///   - bias: One number per channel, or nil for 0.
    ///   - epsilon: Added to the mean square or variance before its root.
    public func groupNorm(
        groups: Int, gain: Tensor?, bias: Tensor?, epsilon: Float = 1e-5
    ) -> Tensor {
        precondition(
            rank >= 2 && groups > 0 && shape[1] % groups == 0,
            "\(groups) groups do not divide the channels of shape \(shape)")
        let channels = [shape[1]] + [Int](repeating: 1, count: rank - 2)
        var result = reshaped([shape[0], groups, -1])
            .layerNorm(gain: nil, bias: nil, epsilon: epsilon).reshaped(shape)
        if let gain { result = result * gain.reshaped(channels) }
        if let bias { result = result + bias.reshaped(channels) }
        return result
    }
}
