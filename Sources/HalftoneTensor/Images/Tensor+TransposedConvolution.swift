import HalftoneKernels

extension Tensor {
    /// The transposed convolution of images with a weight: the gradient of a convolution with
    /// respect to its images, as an operation of its own.
    ///
    /// Each input pixel adds the weight's window, times itself, to the output. The result does not
    /// depend on the number of threads. Gradients flow to the images, the weight and the bias.
    ///
    /// - Parameters:
    ///   - weight: `[channels, outChannels / groups, rows, columns]`.
    ///   - bias: `[outChannels]`; nil means none.
    ///   - stride: Steps of the output from one input to the next.
    ///   - padding: What is cut off around the output.
    ///   - outputPadding: Rows and columns more at the end of the output, below the stride, which
    ///     several lengths of the convolution's images lead to.
    ///   - dilation: Steps of the output from one tap to the next.
    ///   - groups: Runs of channels that do not see each other; a divisor of both channels.
    /// - Returns: `[batch, outChannels, rows, columns]` with
    ///   `rows = (inputRows − 1)·stride − top − bottom + (taps − 1)·dilation + 1 + outputPadding`.
    public func transposedConvolved2D(
        _ weight: Tensor, bias: Tensor? = nil, stride: AxisPair = 1, padding: ImagePadding = 0,
        outputPadding: AxisPair = 0, dilation: AxisPair = 1, groups: Int = 1
    ) -> Tensor {
        precondition(rank == 4 && weight.rank == 4, "images and weights have 4 dimensions")
        precondition(
            shape[1] == weight.shape[0],
            "weight \(weight.shape) does not take \(shape[1]) channels")
        let vertical = Window(
            taps: weight.shape[2], stride: stride.vertical, dilation: dilation.vertical,
            before: padding.top, after: padding.bottom)
        let horizontal = Window(
            taps: weight.shape[3], stride: stride.horizontal, dilation: dilation.horizontal,
            before: padding.left, after: padding.right)
        precondition(
            outputPadding.vertical < stride.vertical
                && outputPadding.horizontal < stride.horizontal,
            "output padding is below the stride")
        func length(_ window: Window, _ input: Int, _ more: Int) -> Int {
            (input - 1) * window.stride - window.before - window.after + window.extent + more
        }
        // The convolution that this is the transpose of: from the output here to the input.
        let lengths = ConvolutionShape(
            batch: shape[0], inChannels: weight.shape[1] * groups, outChannels: shape[1],
            groups: groups, height: length(vertical, shape[2], outputPadding.vertical),
            width: length(horizontal, shape[3], outputPadding.horizontal), vertical: vertical,
            horizontal: horizontal)
        precondition(
            lengths.outHeight == shape[2] && lengths.outWidth == shape[3],
            "the padding leaves no output of images \(shape)")
        let (x, w) = (elements, weight.elements)
        let convolution = Convolution(lengths, pool: .current)
        let value = FloatArray(count: lengths.inputCount) {
            convolution.inputGradient(output: x.span, weight: w.span, into: &$0)
        }
        let result = [lengths.batch, lengths.inChannels, lengths.height, lengths.width]
        let product = Self.recorded(result, value, from: [self, weight]) { step in
            let convolution = Convolution(lengths, pool: .current)
            let upstream = step.takeUpstream()
            if step.isWanted(0) {
                let images = FloatArray(count: lengths.outputCount) {
                    convolution.forward(input: upstream.span, weight: w.span, into: &$0)
                }
                step.add(images, to: 0)
            }
            if step.isWanted(1) {
                var unused = FloatArray(repeating: 0, count: lengths.outChannels)
                let gradient = FloatArray(count: lengths.weightCount) {
                    var bias = unused.mutableSpan
                    convolution.weightGradient(
                        input: upstream.span, output: x.span, into: &$0, bias: &bias)
                }
                step.add(gradient, to: 1)
            }
        }
        guard let bias else { return product }
        precondition(
            bias.shape == [lengths.inChannels],
            "a bias has one number for each of \(lengths.inChannels) channels")
        return product + bias.reshaped([lengths.inChannels, 1, 1])
    }

    /// The transposed convolution of sequences with a weight; see
    /// ``transposedConvolved2D(_:bias:stride:padding:outputPadding:dilation:groups:)``.
    ///
    /// - Parameters:
    ///   - weight: `[channels, outChannels / groups, taps]`.
    ///   - bias: `[outChannels]`; nil means none.
    ///   - stride: Steps of the output from one input to the next.
    ///   - padding: How many positions are cut off before and after.
    ///   - outputPadding: Positions more at the end, below the stride.
    ///   - dilation: Steps of the output from one tap to the next.
    ///   - groups: Runs of channels that do not see each other.
    /// - Returns: `[batch, outChannels, length]` of sequences `[batch, channels, length]`.
    public func transposedConvolved1D(
        _ weight: Tensor, bias: Tensor? = nil, stride: Int = 1,
        padding: (before: Int, after: Int) = (0, 0), outputPadding: Int = 0, dilation: Int = 1,
        groups: Int = 1
    ) -> Tensor {
        unsqueezed(2).transposedConvolved2D(
            weight.unsqueezed(2), bias: bias, stride: AxisPair(1, stride),
            padding: ImagePadding(top: 0, bottom: 0, left: padding.before, right: padding.after),
            outputPadding: AxisPair(0, outputPadding), dilation: AxisPair(1, dilation),
            groups: groups
        ).squeezed(2)
    }
}
