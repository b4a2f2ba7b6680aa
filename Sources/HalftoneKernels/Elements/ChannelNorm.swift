/// Normalization of each channel of `[items, channels, length]` over items and length: batch norm.
package struct ChannelNorm: Sendable {
    let items: Int
    let channels: Int
    let length: Int

    /// Describes the array.
    package init(items: Int, channels: Int, length: Int) {
        self.items = items
        self.channels = channels
        self.length = length
    }

    /// The mean and the mean squared distance from it of each channel.
    ///
    /// A run along `length` is summed in sixteen parts of float32, the runs in Double.
    package func statistics(_ x: FloatArray) -> (means: FloatArray, variances: FloatArray) {
        check(x)
        var means = FloatArray(uninitializedCount: channels)
        var variances = FloatArray(uninitializedCount: channels)
        let source = unsafe Shared(x.pointer)
        let meanOutput = unsafe SharedMutable(means.mutablePointer)
        let varianceOutput = unsafe SharedMutable(variances.mutablePointer)
        let number = Double(items * length)
        unsafe eachChannel { channel in
            var sum = 0.0
            for item in 0..<items {
                let run = unsafe source.pointer + (item * channels + channel) * length
                sum += unsafe Double(FloatRun.sum(run, count: length) { $0 })
            }
            let mean = Float(sum / number)
            var square = 0.0
            for item in 0..<items {
                let run = unsafe source.pointer + (item * channels + channel) * length
                square += unsafe Double(
                    FloatRun.sum(run, count: length, padding: mean) {
                        ($0 - mean) * ($0 - mean)
                    })
            }
            unsafe meanOutput.pointer[channel] = mean
            unsafe varianceOutput.pointer[channel] = Float(square / number)
        }
        return (means, variances)
    }

    /// `(x − mean) · factor · gain + bias`, each per channel.
    package func callAsFunction(
        _ x: FloatArray, means: FloatArray, factors: FloatArray, gain: FloatArray,
        bias: FloatArray
    ) -> FloatArray {
        check(x)
        precondition([means, factors, gain, bias].allSatisfy { $0.count == channels })
        var result = FloatArray(uninitializedCount: x.count)
        let source = unsafe Shared(x.pointer)
        let output = unsafe SharedMutable(result.mutablePointer)
        unsafe eachChannel { channel in
            let (mean, shift) = (means[channel], bias[channel])
            let factor = factors[channel] * gain[channel]
            for item in 0..<items {
                let start = (item * channels + channel) * length
                unsafe FloatRun.map(
                    source.pointer + start, into: output.pointer + start, count: length
                ) { ($0 - mean) * factor + shift }
            }
        }
        return result
    }

    /// The gradients of the array, the gain and the bias from that of the result, the statistics
    /// being those of the array itself.
    ///
    /// With the normalized array `n`: `factor · gain · (g − mean(g) − n · mean(g·n))`, `Σ g·n` and
    /// `Σ g`.
    ///
    /// - Parameter upstream: Becomes the gradient of the array.
    package func pullback(
        _ upstream: inout FloatArray, _ x: FloatArray, means: FloatArray, factors: FloatArray,
        gain: FloatArray
    ) -> (gain: FloatArray, bias: FloatArray) {
        check(x)
        check(upstream)
        var gains = FloatArray(uninitializedCount: channels)
        var biases = FloatArray(uninitializedCount: channels)
        let source = unsafe Shared(x.pointer)
        let gainOutput = unsafe SharedMutable(gains.mutablePointer)
        let biasOutput = unsafe SharedMutable(biases.mutablePointer)
        let number = Double(items * length)
        unsafe upstream.rewrite { g, output in
            unsafe eachChannel { channel in
                let (mean, factor) = (means[channel], factors[channel])
                var (sum, dot) = (0.0, 0.0)
                for item in 0..<items {
                    let start = (item * channels + channel) * length
                    let (g, x) = unsafe (g.pointer + start, source.pointer + start)
                    sum += unsafe Double(FloatRun.sum(g, count: length) { $0 })
                    dot += unsafe Double(Self.centeredDot(g, x, mean, length))
                }
                dot *= Double(factor)
                unsafe gainOutput.pointer[channel] = Float(dot)
                unsafe biasOutput.pointer[channel] = Float(sum)
                let shift = Float(sum / number)
                let slope = Float(dot / number) * factor
                let scale = factor * gain[channel]
                for item in 0..<items {
                    let start = (item * channels + channel) * length
                    unsafe FloatRun.map(
                        g.pointer + start, source.pointer + start, into: output.pointer + start,
                        count: length
                    ) { ($0 - shift - ($1 - mean) * slope) * scale }
                }
            }
        }
        return (gains, biases)
    }

    /// `Σ g · (x − mean)`.
    @inline(__always) @unsafe
    private static func centeredDot(
        _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ mean: Float, _ count: Int
    ) -> Float {
        var sum = SIMD8<Float>.zero
        var index = 0
        while index &+ 8 <= count {
            unsafe sum += FloatRun.load(g + index) * (FloatRun.load(x + index) - mean)
            index &+= 8
        }
        if index < count {
            let rest = count - index
            unsafe sum +=
                FloatRun.load(g + index, count: rest, padding: 0)
                * (FloatRun.load(x + index, count: rest, padding: mean) - mean)
        }
        return VectorMath.sum(sum)
    }

    @inline(__always) @unsafe
    private func eachChannel(_ body: (Int) -> Void) {
        let grain = max(1, Elements.grain / max(1, items * length))
        WorkerPool.current.each(channels, grain: grain) { range in
            for channel in range { body(channel) }
        }
    }

    private func check(_ x: FloatArray) { precondition(x.count == items * channels * length) }
}
