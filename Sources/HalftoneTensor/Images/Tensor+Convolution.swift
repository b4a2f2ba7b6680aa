import HalftoneKernels

extension Tensor {
    /// The convolution of images with a weight, as the field has it: the window is not flipped.
    ///
    /// `y[n, o, i, j] = bias[o] + Σ weight[o, c, k, l] · x[n, c, i·stride + k·dilation − padding, …]`
    ///
    /// The result does not depend on the number of threads. Gradients flow to the images, the
    /// weight and the bias.
    ///
    /// - Parameters:
    ///   - weight: `[outChannels, channels / groups, rows, columns]`.
    ///   - bias: `[outChannels]`; nil means none.
    ///   - stride: Steps of the images from one output to the next.
    ///   - padding: What is added around the images.
    ///   - mode: What the added pixels are.
    ///   - dilation: Steps of the images from one tap to the next.
    ///   - groups: Runs of channels that do not see each other; a divisor of both channels.
    /// - Returns: `[batch, outChannels, rows, columns]` of images `[batch, channels, rows,
    ///   columns]`. A window that does not fit is a mistake of the caller.
    public func convolved2D(
        _ weight: Tensor, bias: Tensor? = nil, stride: AxisPair = 1, padding: ImagePadding = 0,
        mode: Padding = .constant(0), dilation: AxisPair = 1, groups: Int = 1
    ) -> Tensor {
        if mode != .constant(0), padding != 0 {
            return padded([(padding.top, padding.bottom), (padding.left, padding.right)], mode)
                .convolved2D(weight, bias: bias, stride: stride, dilation: dilation, groups: groups)
        }
        precondition(rank == 4, "images have 4 dimensions, not shape \(shape)")
        precondition(weight.rank == 4, "a weight has 4 dimensions, not shape \(weight.shape)")
        precondition(
            shape[1] == weight.shape[1] * groups,
            "\(groups) groups of weight \(weight.shape) do not take \(shape[1]) channels")
        let lengths = ConvolutionShape(
            batch: shape[0], inChannels: shape[1], outChannels: weight.shape[0], groups: groups,
            height: shape[2], width: shape[3],
            vertical: Window(
                taps: weight.shape[2], stride: stride.vertical, dilation: dilation.vertical,
                before: padding.top, after: padding.bottom),
            horizontal: Window(
                taps: weight.shape[3], stride: stride.horizontal, dilation: dilation.horizontal,
                before: padding.left, after: padding.right))
        return convolved(lengths, weight, bias)
    }

    private func convolved(
        _ lengths: ConvolutionShape, _ weight: Tensor, _ bias: Tensor?
    ) -> Tensor {
        precondition(
            bias == nil || bias!.shape == [lengths.outChannels],
            "a bias has one number for each of \(lengths.outChannels) channels")
        let isOrdered = Convolution.prefersChannelsLast(lengths)
        let convolution = Convolution(lengths, pool: .current, channelsLast: isOrdered)
        let result = [lengths.batch, lengths.outChannels, lengths.outHeight, lengths.outWidth]
        let orders = (
            input: isOrdered ? ElementOrder.channelsLast(shape) : .rowMajor,
            output: isOrdered ? ElementOrder.channelsLast(result) : .rowMajor
        )
        let (x, w) = (storage(in: orders.input), weight.elements)
        let value = FloatArray(count: lengths.outputCount) { output in
            if let bias {
                convolution.forward(
                    input: x.span, weight: w.span, bias: bias.elements.span, into: &output)
            } else {
                convolution.forward(input: x.span, weight: w.span, into: &output)
            }
        }
        let hasBias = bias != nil
        return Self.recorded(
            result, value, order: orders.output, from: [self, weight] + (bias.map { [$0] } ?? [])
        ) { step in
            let upstream = step.takeUpstream(in: orders.output)
            let convolution = Convolution(lengths, pool: .current, channelsLast: isOrdered)
            convolution.addGradients(
                of: upstream, to: &step, input: x, order: orders.input, weight: w,
                hasBias: hasBias)
        }
    }

    /// The convolution of sequences with a weight; see
    /// ``convolved2D(_:bias:stride:padding:mode:dilation:groups:)``.
    ///
    /// - Parameters:
    ///   - weight: `[outChannels, channels / groups, taps]`.
    ///   - bias: `[outChannels]`; nil means none.
    ///   - stride: Steps of the sequence from one output to the next.
    ///   - padding: How many positions are added before and after; `(taps − 1, 0)` makes a causal
    ///     convolution.
    ///   - mode: What they are.
    ///   - dilation: Steps of the sequence from one tap to the next.
    ///   - groups: Runs of channels that do not see each other.
    /// - Returns: `[batch, outChannels, length]` of sequences `[batch, channels, length]`.
    public func convolved1D(
        _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1,
        padding: (before: Int, after: Int) = (0, 0), mode: Padding = .constant(0),
        dilation: Int = 1, groups: Int = 1
    ) -> Tensor {
        unsqueezed(2).convolved2D(
            weight.unsqueezed(2), bias: bias, stride: AxisPair(1, stride),
            padding: ImagePadding(top: 0, bottom: 0, left: padding.before, right: padding.after),
            mode: mode, dilation: AxisPair(1, dilation), groups: groups
        ).squeezed(2)
    }
}

extension Convolution {
    /// Adds the gradients of a convolution to its inputs: the images, the weight, the bias.
    fileprivate func addGradients(
        of upstream: FloatArray, to step: inout GradientStep, input: FloatArray,
        order: ElementOrder, weight: FloatArray, hasBias: Bool
    ) {
        let wantsWeight = step.isWanted(1) || (hasBias && step.isWanted(2))
        guard wantsWeight else {
            if step.isWanted(0) {
                let gradient = FloatArray(count: shape.inputCount) {
                    inputGradient(output: upstream.span, weight: weight.span, into: &$0)
                }
                step.add(gradient, in: order, to: 0)
            }
            return
        }
        var bias = FloatArray(repeating: 0, count: shape.outChannels)
        var images: FloatArray?
        let gradient = FloatArray(count: shape.weightCount) { slopes in
            var biasGradient = bias.mutableSpan
            if step.isWanted(0) {
                images = FloatArray(count: shape.inputCount) { inputGradient in
                    gradients(
                        input: input.span, output: upstream.span, weight: weight.span,
                        intoInput: &inputGradient, weight: &slopes, bias: &biasGradient)
                }
            } else {
                self.weightGradient(
                    input: input.span, output: upstream.span, into: &slopes,
                    bias: &biasGradient)
            }
        }
        if let images { step.add(images, in: order, to: 0) }
        step.add(gradient, to: 1)
        if hasBias { step.add(bias, to: 2) }
    }
}
