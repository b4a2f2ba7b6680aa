/// Discrete Fourier transforms of rows of complex numbers, spread over a pool of threads.
///
///     y[k] = scale · Σ_t x[t] · e^(∓2πi·k·t/n)
///
/// with minus for the forward transform. Complex numbers are pairs of real and imaginary part.
/// Each row is computed by itself, so that the result does not depend on the number of threads.
public struct FourierTransform: Sendable {
    /// Points of a row, at least 1; any length takes O(n log n).
    public let length: Int
    /// Whether the sign of the exponent is plus.
    public let isInverse: Bool
    /// The factor of the result.
    public let scale: Float
    /// The threads to use.
    public let pool: WorkerPool

    /// Describes transforms of rows of one length.
    public init(length: Int, isInverse: Bool = false, scale: Float = 1, pool: WorkerPool) {
        precondition(length >= 1, "a transform has at least one point")
        self.length = length
        self.isInverse = isInverse
        self.scale = scale
        self.pool = pool
    }

    /// Transforms rows.
    ///
    /// - Parameters:
    ///   - input: `[rows, length, 2]`.
    ///   - output: Of the same shape, overwritten.
    public func transform(_ input: Span<Float>, into output: inout MutableSpan<Float>) {
        let width = 2 * length
        precondition(input.count % width == 0 && output.count == input.count)
        let rows = input.count / width
        guard rows > 0 else { return }
        let plan = FourierPlan.plan(for: length)
        unsafe input.withUnsafeBufferPointer { input in
            unsafe output.withUnsafeMutableBufferPointer { output in
                nonisolated(unsafe) let (x, y) = (input.baseAddress!, output.baseAddress!)
                pool.split(rows, grain: max(1, 4096 / length)) { range in
                    var memory = Scratch([plan.scratchCount])
                    let scratch = unsafe memory.take(plan.scratchCount)
                    for row in range {
                        let target = unsafe y + row * width
                        unsafe plan.run(
                            x + row * width, into: target, isInverse: isInverse, scratch: scratch)
                        guard scale != 1 else { continue }
                        unsafe FloatRun.map(target, count: width) { $0 * scale }
                    }
                }
            }
        }
    }
}
