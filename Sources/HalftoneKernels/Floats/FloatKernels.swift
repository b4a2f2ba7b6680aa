import _HalftoneShims

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The float operations on memory, for kernels: nothing is checked and nothing is allocated.
///
/// ``FloatOps`` has the same operations on arrays, and says what each computes. The two do not
/// share names of one type because an array passed `inout` converts to a pointer by itself.
package enum FloatKernels {
    /// Replaces `count` values by `e^x` over the sum of all; a row of only −∞ becomes zeros.
    ///
    /// - Returns: `log Σ e^x`.
    @unsafe @discardableResult
    package static func softmax(_ x: UnsafeMutablePointer<Float>, count: Int) -> Float {
        let maximum = unsafe FloatRun.maximum(x, count: count)
        guard maximum > -.infinity else {
            // Nothing is allowed, or something is NaN and must not be hidden.
            let sum = unsafe exponentials(x, count: count, less: 0)
            unsafe x.update(repeating: sum.isNaN ? .nan : 0, count: count)
            return sum.isNaN ? .nan : -.infinity
        }
        let sum = unsafe exponentials(x, into: x, count: count, less: maximum)
        let factor = 1 / sum
        unsafe FloatRun.map(x, count: count) { $0 * factor }
        return maximum + logf(sum)
    }

    /// `log Σ e^x` of `count` values; −∞ for none.
    @unsafe
    package static func logSumExp(_ x: UnsafePointer<Float>, count: Int) -> Float {
        let (maximum, rest) = unsafe logSumExpParts(x, count: count)
        return maximum + rest
    }

    /// `log Σ e^x` as the largest value and the logarithm of the other factor, which together keep
    /// digits that their sum rounds away.
    @unsafe
    package static func logSumExpParts(
        _ x: UnsafePointer<Float>, count: Int
    ) -> (maximum: Float, rest: Float) {
        let maximum = unsafe FloatRun.maximum(x, count: count)
        guard maximum > -.infinity else {
            let sum = unsafe exponentials(x, count: count, less: 0)
            return (sum.isNaN ? .nan : -.infinity, 0)
        }
        let sum = unsafe exponentials(x, count: count, less: maximum)
        return (maximum, logf(sum))
    }

    /// `Σ e^(x − shift)` in two times eight partial sums.
    ///
    /// - Parameters:
    ///   - output: Receives the terms when there is one; may be `x`.
    ///   - shift: Not infinite.
    ///   - factor: What each term is multiplied by that is written.
    @inline(__always) @unsafe
    static func exponentials(
        _ x: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>? = nil, count: Int,
        less shift: Float, times factor: Float = 1
    ) -> Float {
        unsafe halftone_exponentials(Processor.features, x, shift, factor, output, Int64(count))
    }

    /// Replaces each gate `g` by `g / (1 + e^(−g)) · u`.
    @unsafe
    package static func siluMultiply(
        gate: UnsafeMutablePointer<Float>, up: UnsafePointer<Float>, count: Int
    ) {
        unsafe halftone_map_multiply(
            Processor.features, Int32(HALFTONE_SILU), gate, up, gate, Int64(count))
    }

    /// Replaces each value by its Gaussian error linear unit.
    @unsafe
    package static func gelu(_ x: UnsafeMutablePointer<Float>, count: Int, form: GELUForm) {
        unsafe halftone_map(Processor.features, number(form), x, x, Int64(count))
    }

    /// Replaces each gate by its Gaussian error linear unit times its partner.
    @unsafe
    package static func geluMultiply(
        gate: UnsafeMutablePointer<Float>, up: UnsafePointer<Float>, count: Int, form: GELUForm
    ) {
        unsafe halftone_map_multiply(
            Processor.features, number(form), gate, up, gate, Int64(count))
    }

    /// The function's number among the kernels in C.
    static func number(_ form: GELUForm) -> Int32 {
        switch form {
        case .tanh: Int32(HALFTONE_GELU_TANH)
        case .erf: Int32(HALFTONE_GELU_ERROR)
        }
    }

    /// Replaces each value by `cap · tanh(x / cap)`.
    @unsafe
    package static func softcap(_ x: UnsafeMutablePointer<Float>, count: Int, cap: Float) {
        unsafe FloatRun.map(x, count: count) { VectorMath.tanh($0 / cap) * cap }
    }

    /// Adds `scale · y` to `x`.
    @unsafe
    package static func addScaled(
        _ x: UnsafeMutablePointer<Float>, _ y: UnsafePointer<Float>, scale: Float, count: Int
    ) {
        unsafe FloatRun.map(x, with: y, count: count) { $0 + $1 * scale }
    }

    /// Multiplies each value by `factor`.
    @unsafe
    package static func scale(_ x: UnsafeMutablePointer<Float>, by factor: Float, count: Int) {
        unsafe FloatRun.map(x, count: count) { $0 * factor }
    }

    /// `Σ x·y`, in two times eight partial sums.
    @unsafe
    package static func dot(
        _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, count: Int
    ) -> Float {
        var even = SIMD8<Float>.zero
        var odd = SIMD8<Float>.zero
        var index = 0
        while index &+ 16 <= count {
            unsafe even += FloatRun.load(x + index) * FloatRun.load(y + index)
            unsafe odd += FloatRun.load(x + index + 8) * FloatRun.load(y + index + 8)
            index &+= 16
        }
        if index &+ 8 <= count {
            unsafe even += FloatRun.load(x + index) * FloatRun.load(y + index)
            index &+= 8
        }
        var result = VectorMath.sum(even + odd)
        while index < count {
            unsafe result += x[index] * y[index]
            index &+= 1
        }
        return result
    }

    /// The sums of each run of 16 values, `(count + 15) / 16` of them, for ``PreparedVector``.
    @unsafe
    package static func sumsOf16(
        _ x: UnsafePointer<Float>, count: Int, into output: UnsafeMutablePointer<Float>
    ) {
        var index = 0
        while index &+ 16 <= count {
            let sum = unsafe FloatRun.load(x + index) + FloatRun.load(x + index + 8)
            unsafe output[index / 16] = VectorMath.sum(sum)
            index &+= 16
        }
        if index < count {
            unsafe output[index / 16] = FloatRun.sum(x + index, count: count - index) { $0 }
        }
    }

    /// One row of ``FloatOps/rmsNorm(_:rows:width:gain:epsilon:into:)``; `output` may be `x`.
    @unsafe
    package static func rmsNorm(
        _ x: UnsafePointer<Float>, width: Int, gain: UnsafePointer<Float>, epsilon: Float,
        into output: UnsafeMutablePointer<Float>
    ) {
        let square = unsafe FloatRun.sum(x, count: width) { $0 * $0 }
        let factor = 1 / (square / Float(width) + epsilon).squareRoot()
        var index = 0
        while index &+ 8 <= width {
            let value = unsafe FloatRun.load(x + index) * factor * FloatRun.load(gain + index)
            unsafe FloatRun.store(value, to: output + index)
            index &+= 8
        }
        while index < width {
            unsafe output[index] = x[index] * factor * gain[index]
            index &+= 1
        }
    }

    /// One row of ``FloatOps/layerNorm(_:rows:width:gain:bias:epsilon:into:)``; `output` may be `x`.
    @unsafe
    package static func layerNorm(
        _ x: UnsafePointer<Float>, width: Int, gain: UnsafePointer<Float>,
        bias: UnsafePointer<Float>?, epsilon: Float, into output: UnsafeMutablePointer<Float>
    ) {
        let mean = unsafe FloatRun.sum(x, count: width) { $0 } / Float(width)
        let square = unsafe FloatRun.sum(x, count: width, padding: mean) {
            ($0 - mean) * ($0 - mean)
        }
        let factor = 1 / (square / Float(width) + epsilon).squareRoot()
        var index = 0
        while index &+ 8 <= width {
            var value =
                unsafe (FloatRun.load(x + index) - mean) * factor * FloatRun.load(gain + index)
            if let bias = unsafe bias { unsafe value += FloatRun.load(bias + index) }
            unsafe FloatRun.store(value, to: output + index)
            index &+= 8
        }
        while index < width {
            var value = unsafe (x[index] - mean) * factor * gain[index]
            if let bias = unsafe bias { unsafe value += bias[index] }
            unsafe output[index] = value
            index &+= 1
        }
    }

    /// `x · sigmoid(2u)`, which equals the formula with tanh and keeps the small values exact.
    @inline(__always)
    static func geluTanh(_ x: SIMD8<Float>) -> SIMD8<Float> {
        let inner = x * (1 + x * x * 0.044_715)
        return x / (1 + VectorMath.exp(inner * -1.595_769_1))
    }

    /// `x − x/2 · erfc(x/√2)` for positive `x`, `x/2 · erfc(−x/√2)` for negative.
    @inline(__always)
    static func geluError(_ x: SIMD8<Float>) -> SIMD8<Float> {
        let tail = VectorMath.complementaryError(VectorMath.magnitude(x) * 0.707_106_77)
        let part = x * 0.5 * tail
        let isNegative = VectorMath.ones(whereNegative: VectorMath.signed(VectorMath.bits(x)))
        let bits = VectorMath.select(
            VectorMath.bits(part), VectorMath.bits(x - part), isNegative)
        return VectorMath.floats(bits)
    }
}
