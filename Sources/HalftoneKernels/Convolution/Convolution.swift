import _HalftoneConvolution

/// Convolution of one shape and its gradients, spread over a pool of threads.
///
/// As in all of the field, it is a cross-correlation: the window is not flipped.
///
///     output[n, o, y, x] = bias[o] + Σ_(c, i, j) weight[o, c, i, j] ·
///         input[n, g·C + c, y·stride − before + i·dilation, …]
///
/// with zeros outside of the input, `C = inChannels / groups` and `g` the group of `o`. The work
/// is cut by the shape alone and sums are taken in a fixed order, so that the result does not
/// depend on the number of threads.
public struct Convolution: Sendable {
    /// The lengths.
    public let shape: ConvolutionShape
    /// The threads to use.
    public let pool: WorkerPool
    /// Whether images, their gradients and outputs are `[batch, rows, columns, channels]`, the
    /// channels of one place together.
    public let channelsLast: Bool

    /// Describes a convolution on a pool.
    public init(_ shape: ConvolutionShape, pool: WorkerPool, channelsLast: Bool = false) {
        self.shape = shape
        self.pool = pool
        self.channelsLast = channelsLast
    }

    /// Images that one call of the library takes: their input and output stay in the cache
    /// between the change of layout and the product, and there are parts for eight threads.
    var chunk: Int {
        let fitting = (1 << 18) / max(1, shape.imageCount + shape.outImageCount)
        return max(1, min(fitting, (shape.batch + 7) / 8))
    }

    /// The parts into which the batch is cut.
    var chunks: Int { (shape.batch + chunk - 1) / chunk }

    /// The images of a part.
    func images(_ part: Int) -> Range<Int> {
        part * chunk..<min((part + 1) * chunk, shape.batch)
    }
}

extension Convolution {
    /// Computes the output.
    ///
    /// - Parameters:
    ///   - input: `[batch, inChannels, height, width]`.
    ///   - weight: `[outChannels, inChannels / groups, vertical taps, horizontal taps]`.
    ///   - bias: `[outChannels]`; nil means none.
    ///   - output: `[batch, outChannels, outHeight, outWidth]`, overwritten.
    /// - Complexity: O(outputs · weights per output channel).
    public func forward(
        input: Span<Float>, weight: Span<Float>, bias: Span<Float>? = nil,
        into output: inout MutableSpan<Float>
    ) {
        precondition(input.count == shape.inputCount && weight.count == shape.weightCount)
        precondition(output.count == shape.outputCount)
        if let bias { precondition(bias.count == shape.outChannels) }
        unsafe output.withUnsafeMutableBufferPointer { output in
            guard let y = output.baseAddress, output.count > 0 else { return }
            unsafe input.withUnsafeBufferPointer { input in
                unsafe weight.withUnsafeBufferPointer { weight in
                    guard let x = input.baseAddress, let w = weight.baseAddress, !shape.isEmpty
                    else {
                        unsafe fill(y, with: bias)
                        return
                    }
                    if let bias {
                        unsafe bias.withUnsafeBufferPointer {
                            unsafe forward(x, w, $0.baseAddress, y)
                        }
                    } else {
                        unsafe forward(x, w, nil, y)
                    }
                }
            }
        }
    }

    /// The output of an input without channels.
    @unsafe
    private func fill(_ y: UnsafeMutablePointer<Float>, with bias: Span<Float>?) {
        let area = shape.outHeight * shape.outWidth
        for index in 0..<shape.outputCount {
            let channel = channelsLast ? index : index / area
            unsafe y[index] = bias?[channel % shape.outChannels] ?? 0
        }
    }

    @unsafe
    private func forward(
        _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, _ b: UnsafePointer<Float>?,
        _ y: UnsafeMutablePointer<Float>
    ) {
        let cuts = channelCuts
        let part = shape.cut(into: cuts)
        let whole = ConvolutionPlan.plan(
            for: part.with(batch: chunk), .forward, hasBias: unsafe b != nil,
            channelsLast: channelsLast)
        let last = ConvolutionPlan.plan(
            for: part.with(batch: images(chunks - 1).count), .forward, hasBias: unsafe b != nil,
            channelsLast: channelsLast)
        // Each cut's weight in the library's layout, made once for all images.
        let packedWeight = whole.packedCount(.weight)
        var weights = Scratch([cuts * packedWeight])
        nonisolated(unsafe) let packed = unsafe weights.take(cuts * packedWeight)
        nonisolated(unsafe) let (x, w, b, y) = unsafe (x, w, b, y)
        if packedWeight > 0 {
            pool.run(parts: cuts) { cut in
                var scratch = Scratch([whole.scratchCount])
                unsafe whole.pack(
                    .weight, w + cut * part.weightCount, into: packed + cut * packedWeight,
                    scratch: scratch.take(whole.scratchCount))
            }
        }
        pool.run(parts: chunks * cuts) { index in
            let (images, cut) = (images(index / cuts), index % cuts)
            let plan = images.count == chunk ? whole : last
            let source = unsafe x + images.lowerBound * shape.imageCount
            let target = unsafe y + images.lowerBound * shape.outImageCount
            let weight =
                unsafe packedWeight > 0
                ? packed + cut * packedWeight
                : UnsafeMutablePointer(mutating: w + cut * part.weightCount)
            let bias = unsafe b.map {
                unsafe UnsafeMutablePointer(mutating: $0 + cut * part.outChannels)
            }
            let groupOffset = shape.groups > 1 ? cut * part.imageCount : 0
            unsafe forwardPart(
                plan, source + groupOffset, weight, bias, target + cut * part.outImageCount)
        }
    }

    @unsafe
    private func forwardPart(
        _ plan: ConvolutionPlan, _ x: UnsafePointer<Float>, _ w: UnsafeMutablePointer<Float>,
        _ b: UnsafeMutablePointer<Float>?, _ y: UnsafeMutablePointer<Float>
    ) {
        let inputCount = plan.packedCount(.input)
        let outputCount = plan.packedCount(.output)
        var memory = Scratch([inputCount, outputCount, plan.scratchCount])
        let packedInput = unsafe memory.take(inputCount)
        let packedOutput = unsafe memory.take(outputCount)
        let scratch = unsafe memory.take(plan.scratchCount)
        if inputCount > 0 { unsafe plan.pack(.input, x, into: packedInput, scratch: scratch) }
        unsafe plan.run(
            input: inputCount > 0 ? packedInput : UnsafeMutablePointer(mutating: x),
            weight: w, bias: b, output: outputCount > 0 ? packedOutput : y, scratch: scratch)
        if outputCount > 0 { unsafe plan.unpack(.output, packedOutput, into: y, scratch: scratch) }
    }

    /// Into how many runs of output channels a single image is cut, so that several threads have
    /// work.
    private var channelCuts: Int {
        guard shape.batch == 1, !channelsLast else { return 1 }
        let unit = shape.groups > 1 ? shape.groups : shape.outChannels / 16
        // The largest divisor up to eight, when the runs are whole vectors.
        for cuts in stride(from: 8, to: 1, by: -1) where unit > 0 {
            let divides =
                shape.groups > 1 ? shape.groups % cuts == 0 : shape.outChannels % cuts == 0
            if divides, shape.outChannels / cuts % 16 == 0 { return cuts }
        }
        return 1
    }
}

extension ConvolutionShape {
    /// One of several equal runs of output channels, with the groups that they see.
    func cut(into cuts: Int) -> ConvolutionShape {
        guard cuts > 1 else { return self }
        var part = self
        part.outChannels /= cuts
        if groups > 1 {
            part.groups /= cuts
            part.inChannels /= cuts
        }
        return part
    }
}
