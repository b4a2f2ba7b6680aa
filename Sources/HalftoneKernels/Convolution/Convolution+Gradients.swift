import _HalftoneConvolution

extension Convolution {
    /// Computes the gradient with respect to the input; as a product of its own, the transposed
    /// convolution.
    ///
    /// - Parameters:
    ///   - output: The gradient of the output, `[batch, outChannels, outHeight, outWidth]`.
    ///   - weight: `[outChannels, inChannels / groups, vertical taps, horizontal taps]`.
    ///   - input: `[batch, inChannels, height, width]`, overwritten.
    public func inputGradient(
        output: Span<Float>, weight: Span<Float>, into input: inout MutableSpan<Float>
    ) {
        precondition(weight.count == shape.weightCount)
        precondition(output.count == shape.outputCount && input.count == shape.inputCount)
        unsafe input.withUnsafeMutableBufferPointer { input in
            guard !shape.isEmpty else {
                unsafe input.update(repeating: 0)
                return
            }
            unsafe output.withUnsafeBufferPointer { output in
                unsafe weight.withUnsafeBufferPointer { weight in
                    unsafe gradients(
                        input: nil, output.baseAddress!, weight.baseAddress!,
                        inputGradient: input.baseAddress!, weightGradient: nil, biasGradient: nil)
                }
            }
        }
    }

    /// Computes the gradients with respect to weight and bias.
    ///
    /// - Parameters:
    ///   - input: `[batch, inChannels, height, width]`.
    ///   - output: The gradient of the output, `[batch, outChannels, outHeight, outWidth]`.
    ///   - weight: Of the weight's shape, overwritten.
    ///   - bias: `[outChannels]`, overwritten.
    public func weightGradient(
        input: Span<Float>, output: Span<Float>, into weight: inout MutableSpan<Float>,
        bias: inout MutableSpan<Float>
    ) {
        precondition(weight.count == shape.weightCount && bias.count == shape.outChannels)
        precondition(output.count == shape.outputCount && input.count == shape.inputCount)
        unsafe weight.withUnsafeMutableBufferPointer { weight in
            unsafe bias.withUnsafeMutableBufferPointer { bias in
                guard !shape.isEmpty else {
                    unsafe weight.update(repeating: 0)
                    unsafe sumChannels(of: output, into: bias)
                    return
                }
                unsafe output.withUnsafeBufferPointer { output in
                    unsafe input.withUnsafeBufferPointer { input in
                        unsafe gradients(
                            input: input.baseAddress!, output.baseAddress!, nil,
                            inputGradient: nil, weightGradient: weight.baseAddress!,
                            biasGradient: bias.baseAddress!)
                    }
                }
            }
        }
    }

    /// Computes all gradients at once, which changes the layout of the output's gradient once.
    ///
    /// - Parameters:
    ///   - input: `[batch, inChannels, height, width]`.
    ///   - output: The gradient of the output, `[batch, outChannels, outHeight, outWidth]`.
    ///   - weight: `[outChannels, inChannels / groups, vertical taps, horizontal taps]`.
    ///   - inputGradient: Of the input's shape, overwritten.
    ///   - weightGradient: Of the weight's shape, overwritten.
    ///   - biasGradient: `[outChannels]`, overwritten.
    public func gradients(
        input: Span<Float>, output: Span<Float>, weight: Span<Float>,
        intoInput inputGradient: inout MutableSpan<Float>,
        weight weightGradient: inout MutableSpan<Float>,
        bias biasGradient: inout MutableSpan<Float>
    ) {
        guard !shape.isEmpty else {
            self.inputGradient(output: output, weight: weight, into: &inputGradient)
            self.weightGradient(
                input: input, output: output, into: &weightGradient, bias: &biasGradient)
            return
        }
        precondition(weight.count == shape.weightCount && biasGradient.count == shape.outChannels)
        precondition(output.count == shape.outputCount && input.count == shape.inputCount)
        precondition(inputGradient.count == input.count && weightGradient.count == weight.count)
        unsafe inputGradient.withUnsafeMutableBufferPointer { dx in
            unsafe weightGradient.withUnsafeMutableBufferPointer { dw in
                unsafe biasGradient.withUnsafeMutableBufferPointer { db in
                    unsafe input.withUnsafeBufferPointer { x in
                        unsafe output.withUnsafeBufferPointer { dy in
                            unsafe weight.withUnsafeBufferPointer { w in
                                unsafe gradients(
                                    input: x.baseAddress!, dy.baseAddress!, w.baseAddress!,
                                    inputGradient: dx.baseAddress!,
                                    weightGradient: dw.baseAddress!,
                                    biasGradient: db.baseAddress!)
                            }
                        }
                    }
                }
            }
        }
    }

    /// The gradient of the bias where there is no input.
    @unsafe
    private func sumChannels(
        of output: Span<Float>, into bias: UnsafeMutableBufferPointer<Float>
    ) {
        let area = shape.outHeight * shape.outWidth
        unsafe bias.update(repeating: 0)
        for index in 0..<output.count {
            let channel = channelsLast ? index : index / area
            unsafe bias[channel % shape.outChannels] += output[index]
        }
    }

    /// Runs over chunks of the batch, in lanes of consecutive chunks that sum the weight's
    /// gradient each for itself; the lanes are summed in their order.
    @unsafe
    private func gradients(
        input x: UnsafePointer<Float>?, _ dy: UnsafePointer<Float>, _ w: UnsafePointer<Float>?,
        inputGradient dx: UnsafeMutablePointer<Float>?,
        weightGradient dw: UnsafeMutablePointer<Float>?,
        biasGradient db: UnsafeMutablePointer<Float>?
    ) {
        let work = GradientWork(self, wantsInput: unsafe dx != nil, wantsWeight: unsafe dw != nil)
        let packedCount = work.whole.data?.packedCount(.weight) ?? 0
        let laneCount = unsafe dw == nil ? 0 : work.laneCount
        var memory = Scratch([packedCount, laneCount * work.lanes])
        nonisolated(unsafe) let packedWeight = unsafe memory.take(packedCount)
        nonisolated(unsafe) let laneSums = unsafe memory.take(laneCount * work.lanes)
        nonisolated(unsafe) let (x, dy, dx) = unsafe (x, dy, dx)
        nonisolated(unsafe) var weight = unsafe w.map { unsafe UnsafeMutablePointer(mutating: $0) }
        if let data = work.whole.data, packedCount > 0 {
            var scratch = Scratch([data.scratchCount])
            unsafe data.pack(
                .weight, w!, into: packedWeight, scratch: scratch.take(data.scratchCount))
            unsafe weight = packedWeight
        }
        nonisolated(unsafe) let usedWeight = unsafe weight
        pool.run(parts: work.lanes) { lane in
            let parts = lane * chunks / work.lanes..<(lane + 1) * chunks / work.lanes
            for part in parts {
                let images = images(part)
                let plans = images.count == chunk ? work.whole : work.last
                unsafe plans.run(
                    x.map { unsafe $0 + images.lowerBound * shape.imageCount },
                    dy + images.lowerBound * shape.outImageCount, usedWeight,
                    dx.map { unsafe $0 + images.lowerBound * shape.imageCount },
                    sum: laneCount > 0 ? laneSums + lane * laneCount : nil,
                    isFirst: part == parts.lowerBound)
            }
        }
        if let dw = unsafe dw, let db = unsafe db, let plan = work.whole.weight {
            let count = work.laneCount
            for lane in 1..<max(1, work.lanes) {
                unsafe add(laneSums + lane * count, to: laneSums, count: count)
            }
            let biasOffset = work.biasOffset
            unsafe db.update(from: laneSums + biasOffset, count: shape.outChannels)
            if plan.packedCount(.weight) > 0 {
                var scratch = Scratch([plan.scratchCount])
                unsafe plan.unpack(
                    .weight, laneSums, into: dw, scratch: scratch.take(plan.scratchCount))
            } else {
                unsafe dw.update(from: laneSums, count: shape.weightCount)
            }
        }
    }
}

/// `y += x`.
@unsafe
private func add(
    _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>, count: Int
) {
    unsafe FloatRun.map(y, with: x, count: count) { $0 + $1 }
}

/// What the gradients of one convolution share.
private struct GradientWork {
    let whole: GradientPlans
    let last: GradientPlans
    /// Runs of chunks, each with its own sum of the weight's gradient.
    let lanes: Int

    init(_ convolution: Convolution, wantsInput: Bool, wantsWeight: Bool) {
        let shape = convolution.shape
        whole = GradientPlans(
            shape.with(batch: convolution.chunk), wantsInput: wantsInput, wantsWeight: wantsWeight,
            channelsLast: convolution.channelsLast)
        last = GradientPlans(
            shape.with(batch: convolution.images(convolution.chunks - 1).count),
            wantsInput: wantsInput, wantsWeight: wantsWeight,
            channelsLast: convolution.channelsLast)
        // Sums of at most 64 MiB together, as long as that leaves two of them.
        let fitting = wantsWeight ? max(2, (1 << 24) / max(1, shape.weightCount)) : .max
        lanes = min(convolution.chunks, wantsWeight ? 8 : .max, fitting)
    }

    /// Where a lane's sum of the bias starts.
    var biasOffset: Int { whole.biasOffset }

    /// Floats of a lane's sums.
    var laneCount: Int { whole.laneCount }
}

/// The plans for the gradients of some images.
private struct GradientPlans {
    let data: ConvolutionPlan?
    let weight: ConvolutionPlan?
    private let shape: ConvolutionShape
    private let sharesOutput: Bool

    init(_ shape: ConvolutionShape, wantsInput: Bool, wantsWeight: Bool, channelsLast: Bool) {
        self.shape = shape
        func plan(_ site: ConvolutionSite, hasBias: Bool) -> ConvolutionPlan {
            .plan(for: shape, site, hasBias: hasBias, channelsLast: channelsLast)
        }
        data = wantsInput ? plan(.inputGradient, hasBias: false) : nil
        weight = wantsWeight ? plan(.weightGradient, hasBias: true) : nil
        if let data, let weight {
            sharesOutput = data.sharesLayout(weight, of: .output)
        } else {
            sharesOutput = false
        }
    }

    var biasOffset: Int {
        guard let weight else { return 0 }
        let packed = weight.packedCount(.weight)
        return ((packed > 0 ? packed : shape.weightCount) + 15) / 16 * 16
    }

    var laneCount: Int { biasOffset + (shape.outChannels + 15) / 16 * 16 }

    /// Computes the gradients of some images; adds the weight's to `sum` or starts it.
    @unsafe
    func run(
        _ x: UnsafePointer<Float>?, _ dy: UnsafePointer<Float>, _ w: UnsafeMutablePointer<Float>?,
        _ dx: UnsafeMutablePointer<Float>?, sum: UnsafeMutablePointer<Float>?, isFirst: Bool
    ) {
        let outputCount = max(data?.packedCount(.output) ?? 0, weight?.packedCount(.output) ?? 0)
        let inputCount = max(data?.packedCount(.input) ?? 0, weight?.packedCount(.input) ?? 0)
        let scratchCount = max(data?.scratchCount ?? 0, weight?.scratchCount ?? 0)
        let sumCount = unsafe sum != nil && !isFirst ? laneCount : 0
        var memory = Scratch([outputCount, inputCount, scratchCount, sumCount])
        let packedOutput = unsafe memory.take(outputCount)
        let packedInput = unsafe memory.take(inputCount)
        let scratch = unsafe memory.take(scratchCount)
        let fresh = unsafe memory.take(sumCount)
        var output = unsafe UnsafeMutablePointer(mutating: dy)
        if let weight, let x = unsafe x, let sum = unsafe sum {
            if weight.packedCount(.output) > 0 {
                unsafe weight.pack(.output, dy, into: packedOutput, scratch: scratch)
                unsafe output = packedOutput
            }
            var input = unsafe UnsafeMutablePointer(mutating: x)
            if weight.packedCount(.input) > 0 {
                unsafe weight.pack(.input, x, into: packedInput, scratch: scratch)
                unsafe input = packedInput
            }
            let target = unsafe isFirst ? sum : fresh
            unsafe weight.run(
                input: input, weight: target, bias: target + biasOffset, output: output,
                scratch: scratch)
            if !isFirst {
                // The gap before the bias holds nothing: it is left out of the sum.
                let packed = weight.packedCount(.weight)
                let count = packed > 0 ? packed : shape.weightCount
                unsafe add(fresh, to: sum, count: count)
                unsafe add(
                    fresh + biasOffset, to: sum + biasOffset, count: shape.outChannels)
            }
        }
        if let data, let w = unsafe w, let dx = unsafe dx {
            if !sharesOutput {
                unsafe output = UnsafeMutablePointer(mutating: dy)
                if data.packedCount(.output) > 0 {
                    unsafe data.pack(.output, dy, into: packedOutput, scratch: scratch)
                    unsafe output = packedOutput
                }
            }
            let isPacked = data.packedCount(.input) > 0
            unsafe data.run(
                input: isPacked ? packedInput : dx, weight: w, bias: nil, output: output,
                scratch: scratch)
            if isPacked {
                unsafe data.unpack(.input, packedInput, into: dx, scratch: scratch)
            }
        }
    }
}
