/// Normalization of rows of `width` numbers: layer norm, or RMS norm when rows are not centred.
///
/// `y = (x − mean) / √(mean square + epsilon) · gain + bias`, the mean taken as 0 when rows are not
/// centred.
package struct RowNorm: Sendable {
    let rows: Int
    let width: Int
    let isCentered: Bool
    let epsilon: Float

    /// Rows whose contributions to the gradient of the gain are summed one after another.
    private static let chunk = 64

    /// Describes the rows.
    package init(rows: Int, width: Int, isCentered: Bool, epsilon: Float) {
        precondition(width > 0, "a row of no numbers has no norm")
        self.rows = rows
        self.width = width
        self.isCentered = isCentered
        self.epsilon = epsilon
    }

    /// What is kept for the way back.
    package struct Statistics: Sendable {
        /// The mean of each row; empty when rows are not centred.
        let means: FloatArray
        /// What each row was multiplied by.
        let factors: FloatArray
    }

    /// Normalizes all rows.
    package func callAsFunction(
        _ x: FloatArray, gain: FloatArray?, bias: FloatArray?
    ) -> (FloatArray, Statistics) {
        precondition(x.count == rows * width)
        precondition((gain?.count ?? width) == width && (bias?.count ?? width) == width)
        var result = FloatArray(uninitializedCount: x.count)
        var means = FloatArray(uninitializedCount: isCentered ? rows : 0)
        var factors = FloatArray(uninitializedCount: rows)
        let source = unsafe Shared(x.pointer)
        let output = unsafe SharedMutable(result.mutablePointer)
        let meanOutput = unsafe SharedMutable(means.mutablePointer)
        let factorOutput = unsafe SharedMutable(factors.mutablePointer)
        let gains = unsafe gain.map { unsafe Shared($0.pointer) }
        let biases = unsafe bias.map { unsafe Shared($0.pointer) }
        unsafe RowFunctions.eachRow(rows, width, cost: 1) { row in
            let from = unsafe source.pointer + row * width
            let to = unsafe output.pointer + row * width
            let mean =
                unsafe isCentered ? FloatRun.sum(from, count: width) { $0 } / Float(width) : 0
            let square = unsafe FloatRun.sum(from, count: width, padding: mean) {
                ($0 - mean) * ($0 - mean)
            }
            let factor = 1 / (square / Float(width) + epsilon).squareRoot()
            if isCentered { unsafe meanOutput.pointer[row] = mean }
            unsafe factorOutput.pointer[row] = factor
            if let gain = unsafe gains?.pointer {
                unsafe FloatRun.map(from, gain, into: to, count: width) {
                    ($0 - mean) * factor * $1
                }
            } else {
                unsafe FloatRun.map(from, into: to, count: width) { ($0 - mean) * factor }
            }
            if let bias = unsafe biases?.pointer {
                unsafe FloatRun.map(to, bias, into: to, count: width) { $0 + $1 }
            }
        }
        return (result, Statistics(means: means, factors: factors))
    }

    /// The gradients of the rows, the gain and the bias from that of the result.
    ///
    /// With `h = g · gain` and the normalized row `n`, a row's is
    /// `factor · (h − mean(h) − n · mean(h·n))`, without the first mean when rows are not centred;
    /// the gain's is `Σ g·n` and the bias's `Σ g` over the rows, in chunks of 64.
    ///
    /// - Parameters:
    ///   - upstream: Becomes the gradient of the rows.
    ///   - wantsGain: Whether the other two are wanted.
    /// - Returns: The gradients of the gain and of the bias, or nil.
    package func pullback(
        _ upstream: inout FloatArray, _ x: FloatArray, gain: FloatArray?, _ kept: Statistics,
        wantsGain: Bool
    ) -> (gain: FloatArray, bias: FloatArray)? {
        precondition(upstream.count == rows * width && x.count == rows * width)
        let chunks = (rows + Self.chunk - 1) / Self.chunk
        let size = wantsGain ? chunks * width : 0
        var gainParts = FloatArray(repeating: 0, count: size)
        var biasParts = FloatArray(repeating: 0, count: size)
        let source = unsafe Shared(x.pointer)
        let means = unsafe Shared(kept.means.pointer)
        let factors = unsafe Shared(kept.factors.pointer)
        let gains = unsafe gain.map { unsafe Shared($0.pointer) }
        let gainOutput = unsafe SharedMutable(gainParts.mutablePointer)
        let biasOutput = unsafe SharedMutable(biasParts.mutablePointer)
        unsafe upstream.rewrite { g, output in
            let grain = max(1, Elements.grain / (Self.chunk * width))
            WorkerPool.current.each(chunks, grain: grain) { range in
                for row in range.lowerBound * Self.chunk..<min(range.upperBound * Self.chunk, rows)
                {
                    let start = row * width
                    let mean = unsafe isCentered ? means.pointer[row] : 0
                    let factor = unsafe factors.pointer[row]
                    if wantsGain {
                        let part = row / Self.chunk * width
                        unsafe Self.addProducts(
                            g.pointer + start, source.pointer + start, mean, factor,
                            to: gainOutput.pointer + part, biasOutput.pointer + part, width)
                    }
                    unsafe pullbackRow(
                        g.pointer + start, source.pointer + start, gains?.pointer, mean, factor,
                        output.pointer + start)
                }
            }
        }
        guard wantsGain else { return nil }
        return (
            Reduction.sum(gainParts, outer: 1, length: chunks, inner: width),
            Reduction.sum(biasParts, outer: 1, length: chunks, inner: width)
        )
    }

    @inline(__always) @unsafe
    private static func addProducts(
        _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ mean: Float, _ factor: Float,
        to gain: UnsafeMutablePointer<Float>, _ bias: UnsafeMutablePointer<Float>, _ width: Int
    ) {
        unsafe FloatRun.map(g, into: gain, count: width) { g, index, rest in
            let x = unsafe FloatRun.load(x + index, upTo: rest, padding: 0)
            let sum = unsafe FloatRun.load(gain + index, upTo: rest, padding: 0)
            return sum + g * ((x - mean) * factor)
        }
        unsafe FloatRun.map(bias, g, into: bias, count: width) { $0 + $1 }
    }

    @inline(__always) @unsafe
    private func pullbackRow(
        _ g: UnsafePointer<Float>, _ x: UnsafePointer<Float>, _ gain: UnsafePointer<Float>?,
        _ mean: Float, _ factor: Float, _ output: UnsafeMutablePointer<Float>
    ) {
        if let gain = unsafe gain {
            unsafe FloatRun.map(g, gain, into: output, count: width) { $0 * $1 }
        } else if unsafe UnsafePointer(output) != g {
            unsafe output.update(from: g, count: width)
        }
        let sum = unsafe isCentered ? FloatRun.sum(output, count: width) { $0 } : 0
        var dot = unsafe FloatKernels.dot(output, x, count: width)
        dot = (dot - mean * sum) * factor
        let (shift, slope) = (sum / Float(width), dot / Float(width) * factor)
        unsafe FloatRun.map(output, x, into: output, count: width) {
            ($0 - shift - ($1 - mean) * slope) * factor
        }
    }
}
