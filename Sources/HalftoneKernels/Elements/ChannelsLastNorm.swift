import _HalftoneShims

/// Batch norm of `[rows, channels]`, with a sum and a rectifier behind it if wanted.
///
/// `y = (x − mean) · factor · gain + bias`, then `y + other`, then zeros for what is not above 0.
/// Rows are cut into parts by their number alone, whose sums are added in order in float64.
package struct ChannelsLastNorm: Sendable {
    let rows: Int
    let channels: Int
    /// Whether numbers that are not above 0 become 0 at the end.
    let rectifies: Bool
    /// The instruction sets to use; the results do not depend on them.
    let features: UInt32

    /// Describes the array.
    package init(
        rows: Int, channels: Int, rectifies: Bool = false, features: UInt32 = Processor.features
    ) {
        self.rows = rows
        self.channels = channels
        self.rectifies = rectifies
        self.features = features
    }

    /// The numbers of each channel that the norm computes with.
    package struct Parameters: Sendable {
        /// The means.
        package var means: FloatArray
        /// One over the standard deviations.
        package var factors: FloatArray
        /// What is multiplied after that.
        package var gains: FloatArray
        /// What is added at the end.
        package var biases: FloatArray

        /// Four arrays of as many channels.
        package init(
            means: FloatArray, factors: FloatArray, gains: FloatArray, biases: FloatArray
        ) {
            self.means = means
            self.factors = factors
            self.gains = gains
            self.biases = biases
        }
    }

    /// The mean and the mean squared distance from it of each channel.
    package func statistics(_ x: FloatArray) -> (means: FloatArray, variances: FloatArray) {
        precondition(x.count == rows * channels)
        let source = unsafe Shared(x.pointer)
        let sums = unsafe totals(3) { range, sums in
            unsafe halftone_norm_statistics(
                features, source.pointer + range.lowerBound * channels,
                Int64(range.count), Int64(channels), sums)
        }
        let number = Double(rows)
        let means = FloatArray((0..<channels).map { Float(sums[$0] / number) })
        let variances = FloatArray(
            (0..<channels).map { channel in
                // Between the blocks and within them.
                let sum = sums[channel]
                let between = sums[channels + channel] - sum * (sum / number)
                return Float((max(between, 0) + sums[2 * channels + channel]) / number)
            })
        return (means, variances)
    }

    /// The normalized array, with another added.
    package func callAsFunction(
        _ x: FloatArray, _ parameters: Parameters, adding other: FloatArray? = nil
    ) -> FloatArray {
        precondition(x.count == rows * channels && (other == nil || other!.count == x.count))
        var result = FloatArray(uninitializedCount: x.count)
        let source = unsafe Shared(x.pointer)
        let addend = unsafe other.map { unsafe Shared($0.pointer) }
        let output = unsafe SharedMutable(result.mutablePointer)
        unsafe withNorm(parameters) { norm in
            eachPart { range in
                let start = range.lowerBound * channels
                unsafe halftone_norm_value(
                    features, source.pointer + start,
                    addend.map { unsafe $0.pointer + start }, Int64(range.count),
                    Int64(channels), norm.pointer, rectifies ? 1 : 0, output.pointer + start)
            }
        }
        return result
    }

    /// The gradients of the array, the gain and the bias from that of the result, the statistics
    /// being those of the array itself; and that of what was added.
    ///
    /// With the normalized array `n`: `factor · gain · (g − mean(g) − n · mean(g·n))`, `Σ g·n` and
    /// `Σ g`.
    ///
    /// - Parameters:
    ///   - upstream: Becomes the gradient of the array.
    ///   - result: What came out, when something was added before the rectifier.
    /// - Returns: The gradient of what was added is nil unless `result` is given: then it is the
    ///   upstream gradient itself.
    package func pullback(
        _ upstream: inout FloatArray, _ x: FloatArray, _ parameters: Parameters,
        result: FloatArray? = nil
    ) -> (gain: FloatArray, bias: FloatArray, addend: FloatArray?) {
        precondition(x.count == rows * channels && upstream.count == x.count)
        precondition(result == nil || result!.count == x.count && rectifies)
        let sums = gradientSums(&upstream, x, parameters, result)
        let number = Double(rows)
        let dots = (0..<channels).map {
            sums[channels + $0] * Double(parameters.factors[$0])
        }
        let shifts = FloatArray((0..<channels).map { Float(sums[$0] / number) })
        let slopes = FloatArray(
            (0..<channels).map { Float(dots[$0] / number) * parameters.factors[$0] })
        let addend = result == nil ? nil : upstream
        let recomputes = rectifies && result == nil
        let source = unsafe Shared(x.pointer)
        unsafe upstream.rewrite { g, output in
            unsafe withNorm(parameters, shifts, slopes) { norm in
                eachPart { range in
                    let start = range.lowerBound * channels
                    unsafe halftone_norm_gradient(
                        features, g.pointer + start, source.pointer + start,
                        Int64(range.count), Int64(channels), norm.pointer, recomputes ? 1 : 0,
                        output.pointer + start)
                }
            }
        }
        return (
            gain: FloatArray(dots.map { Float($0) }),
            bias: FloatArray(sums[..<channels].map { Float($0) }), addend: addend
        )
    }

    /// `Σ g` and `Σ g · (x − mean)`, and the gradient held back by the rectifier where its result
    /// is given.
    private func gradientSums(
        _ upstream: inout FloatArray, _ x: FloatArray, _ parameters: Parameters,
        _ result: FloatArray?
    ) -> [Double] {
        let source = unsafe Shared(x.pointer)
        guard let result else {
            let g = unsafe Shared(upstream.pointer)
            return unsafe withNorm(parameters) { norm in
                unsafe totals(2) { range, sums in
                    let start = range.lowerBound * channels
                    unsafe halftone_norm_gradient_sums(
                        features, g.pointer + start, source.pointer + start, nil,
                        Int64(range.count), Int64(channels), norm.pointer, rectifies ? 1 : 0, nil,
                        sums)
                }
            }
        }
        let output = unsafe Shared(result.pointer)
        var sums: [Double] = []
        unsafe upstream.rewrite { g, kept in
            sums = unsafe withNorm(parameters) { norm in
                unsafe totals(2) { range, sums in
                    let start = range.lowerBound * channels
                    unsafe halftone_norm_gradient_sums(
                        features, g.pointer + start, source.pointer + start,
                        output.pointer + start, Int64(range.count), Int64(channels), norm.pointer,
                        1, kept.pointer + start, sums)
                }
            }
        }
        return sums
    }
}

extension ChannelsLastNorm {
    /// Numbers that a part has at least.
    private static let part = 1 << 15

    /// How many parts the rows are cut into; at most 64, so that their sums stay small.
    private var parts: Int { min(64, max(1, rows * channels / Self.part)) }

    private func eachPart(_ body: (Range<Int>) -> Void) {
        let parts = parts
        WorkerPool.current.run(parts: parts) { part in
            body(part * rows / parts..<(part + 1) * rows / parts)
        }
    }

    /// Sums of each channel, added over the parts in their order.
    @unsafe
    private func totals(
        _ kinds: Int, _ body: (Range<Int>, UnsafeMutablePointer<Double>) -> Void
    ) -> [Double] {
        let (parts, count) = (parts, kinds * channels)
        var sums = [Double](repeating: 0, count: parts * count)
        unsafe sums.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            nonisolated(unsafe) let target = unsafe base
            WorkerPool.current.run(parts: parts) { part in
                unsafe body(
                    part * rows / parts..<(part + 1) * rows / parts, target + part * count)
            }
        }
        for part in 1..<max(parts, 1) {
            for index in 0..<count { sums[index] += sums[part * count + index] }
        }
        return Array(sums.prefix(count))
    }

    /// A pointer that several threads read.
    @unsafe
    private struct Norm: @unchecked Sendable {
        let pointer: UnsafePointer<halftone_norm>
    }

    @unsafe
    private func withNorm<Result>(
        _ parameters: Parameters, _ shifts: FloatArray? = nil, _ slopes: FloatArray? = nil,
        _ body: (Norm) -> Result
    ) -> Result {
        precondition(
            [parameters.means, parameters.factors, parameters.gains, parameters.biases]
                .allSatisfy { $0.count == channels })
        let factors = FloatArray(
            (0..<channels).map { parameters.factors[$0] * parameters.gains[$0] })
        return withExtendedLifetime((parameters, factors, shifts, slopes)) {
            var norm = unsafe halftone_norm(
                means: parameters.means.pointer, factors: factors.pointer,
                biases: parameters.biases.pointer, shifts: (shifts ?? factors).pointer,
                slopes: (slopes ?? factors).pointer)
            return unsafe withUnsafePointer(to: &norm) { unsafe body(Norm(pointer: $0)) }
        }
    }
}
