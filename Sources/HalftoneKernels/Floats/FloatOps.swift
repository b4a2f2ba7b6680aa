/// Which formula of the Gaussian error linear unit a model was trained with.
public enum GELUForm: Sendable, Hashable {
    /// `x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³)))`.
    case tanh
    /// `x/2 · (1 + erf(x/√2))`.
    case erf
}

/// The float operations of a decoder between its matrix products, on runs of float arrays.
///
/// Ranges that leave an array are a mistake of the caller. Code that holds memory already uses
/// `FloatKernels`.
package enum FloatOps {
    /// Replaces a run by its softmax, `e^x` over the sum of all; only −∞ becomes zeros.
    ///
    /// - Parameters:
    ///   - x: The array; other elements stay.
    ///   - offset: Where the run starts.
    ///   - count: Its length. One NaN or +∞ makes all of it NaN.
    package static func softmax(_ x: inout [Float], offset: Int, count: Int) {
        unsafe withRun(&x, offset, count) { unsafe FloatKernels.softmax($0, count: count) }
    }

    /// `log Σ e^x` of a run; −∞ for an empty one.
    package static func logSumExp(_ x: [Float], offset: Int, count: Int) -> Float {
        unsafe withRun(x, offset, count) { unsafe FloatKernels.logSumExp($0, count: count) }
    }

    /// Replaces each value of a run by `e^x`, within 1.5 ulp where the result is normal.
    package static func exp(_ x: inout [Float], offset: Int, count: Int) {
        unsafe withRun(&x, offset, count) {
            unsafe Functions.Exponential().mapRun($0, $0, count)
        }
    }

    /// Replaces each value of a run by its hyperbolic tangent, within 3 ulp.
    package static func tanh(_ x: inout [Float], offset: Int, count: Int) {
        unsafe withRun(&x, offset, count) {
            unsafe Functions.HyperbolicTangent().mapRun($0, $0, count)
        }
    }

    /// Replaces the first `count` gates `g` by `g / (1 + e^(−g)) · u` with the partners `u`.
    package static func siluMultiply(gate: inout [Float], up: [Float], count: Int) {
        unsafe withRun(&gate, 0, count) { gate in
            unsafe withRun(up, 0, count) {
                unsafe FloatKernels.siluMultiply(gate: gate, up: $0, count: count)
            }
        }
    }

    /// Replaces a run by its Gaussian error linear unit, of finite values.
    package static func gelu(_ x: inout [Float], offset: Int, count: Int, form: GELUForm) {
        unsafe withRun(&x, offset, count) { unsafe FloatKernels.gelu($0, count: count, form: form) }
    }

    /// Replaces the first `count` gates by `gelu(gate) · up`.
    package static func geluMultiply(gate: inout [Float], up: [Float], count: Int, form: GELUForm) {
        unsafe withRun(&gate, 0, count) { gate in
            unsafe withRun(up, 0, count) {
                unsafe FloatKernels.geluMultiply(gate: gate, up: $0, count: count, form: form)
            }
        }
    }

    /// Replaces a run by `cap · tanh(x / cap)`, which lies within `−cap ... cap`.
    ///
    /// - Parameters:
    ///   - x: The numbers, changed in place.
    ///   - offset: Where the run begins.
    ///   - count: Numbers of the run.
    ///   - cap: Above 0.
    package static func softcap(_ x: inout [Float], offset: Int, count: Int, cap: Float) {
        precondition(cap > 0, "a cap is positive")
        unsafe withRun(&x, offset, count) {
            unsafe FloatKernels.softcap($0, count: count, cap: cap)
        }
    }

    /// Adds `scale · y` to the first `count` elements of `x`.
    package static func addScaled(_ x: inout [Float], _ y: [Float], scale: Float, count: Int) {
        unsafe withRun(&x, 0, count) { x in
            unsafe withRun(y, 0, count) {
                unsafe FloatKernels.addScaled(x, $0, scale: scale, count: count)
            }
        }
    }

    /// Multiplies a run by `factor`.
    package static func scale(_ x: inout [Float], offset: Int, count: Int, by factor: Float) {
        unsafe withRun(&x, offset, count) {
            unsafe FloatKernels.scale($0, by: factor, count: count)
        }
    }

    /// `Σ x·y` over the first `count` elements, in float32 with sixteen partial sums.
    package static func dot(_ x: [Float], _ y: [Float], count: Int) -> Float {
        unsafe withRun(x, 0, count) { x in
            unsafe withRun(y, 0, count) { unsafe FloatKernels.dot(x, $0, count: count) }
        }
    }

    /// Divides each row by its root mean square and multiplies it by a gain per column.
    ///
    /// `y = x / √(Σx²/width + epsilon) · gain`; Zhang and Sennrich, arXiv:1910.07467, with the
    /// epsilon that implementations add.
    ///
    /// - Parameters:
    ///   - x: `[rows, width]`, row after row; longer is allowed.
    ///   - rows: Rows of `x`.
    ///   - width: Numbers of a row.
    ///   - gain: `width` values.
    ///   - epsilon: Added to the mean square or variance before its root.
    ///   - output: Room for `rows · width` values.
    package static func rmsNorm(
        _ x: [Float], rows: Int, width: Int, gain: [Float], epsilon: Float,
        into output: inout [Float]
    ) {
        checkRows(x.count, output.count, rows, width)
        precondition(gain.count >= width, "the gain has a value per column")
        unsafe withRun(&output, 0, rows * width) { output in
            unsafe withRun(x, 0, rows * width) { x in
                unsafe withRun(gain, 0, width) { gain in
                    for start in stride(from: 0, to: rows * width, by: width) {
                        unsafe FloatKernels.rmsNorm(
                            x + start, width: width, gain: gain, epsilon: epsilon,
                            into: output + start)
                    }
                }
            }
        }
    }

    /// Brings each row to mean 0 and variance 1, then multiplies by a gain and adds a bias.
    ///
    /// `y = (x − mean) / √(variance + epsilon) · gain + bias` with the variance over `width`
    /// values; Ba, Kiros and Hinton, arXiv:1607.06450.
    ///
    /// - Parameters:
    ///   - x: `[rows, width]`, row after row; longer is allowed.
    ///   - rows: Rows of `x`.
    ///   - width: Numbers of a row.
    ///   - gain: `width` values.
    ///   - bias: `width` values, or nil for none.
    ///   - epsilon: Added to the mean square or variance before its root.
    ///   - output: Room for `rows · width` values.
    package static func layerNorm(
        _ x: [Float], rows: Int, width: Int, gain: [Float], bias: [Float]?, epsilon: Float,
        into output: inout [Float]
    ) {
        checkRows(x.count, output.count, rows, width)
        precondition(gain.count >= width, "the gain has a value per column")
        let shift = bias ?? [Float](repeating: 0, count: width)
        precondition(shift.count >= width, "the bias has a value per column")
        unsafe withRun(&output, 0, rows * width) { output in
            unsafe withRun(x, 0, rows * width) { x in
                unsafe withRun(gain, 0, width) { gain in
                    unsafe withRun(shift, 0, width) { shift in
                        for start in stride(from: 0, to: rows * width, by: width) {
                            unsafe FloatKernels.layerNorm(
                                x + start, width: width, gain: gain, bias: shift,
                                epsilon: epsilon, into: output + start)
                        }
                    }
                }
            }
        }
    }

    private static func checkRows(_ input: Int, _ output: Int, _ rows: Int, _ width: Int) {
        precondition(
            rows >= 0 && width > 0 && input >= rows * width && output >= rows * width,
            "the arrays hold rows · width values")
    }

    @inline(__always) @unsafe
    private static func withRun(
        _ x: inout [Float], _ offset: Int, _ count: Int,
        _ body: (UnsafeMutablePointer<Float>) -> Void
    ) {
        checkRun(x.count, offset, count)
        unsafe x.withUnsafeMutableBufferPointer { buffer in
            guard count > 0, let base = buffer.baseAddress else { return }
            unsafe body(base + offset)
        }
    }

    @inline(__always) @unsafe
    private static func withRun<Result>(
        _ x: [Float], _ offset: Int, _ count: Int, _ body: (UnsafePointer<Float>) -> Result
    ) -> Result {
        checkRun(x.count, offset, count)
        return unsafe x.withUnsafeBufferPointer { buffer in
            // An empty array may have no address; nothing is read then.
            guard let base = buffer.baseAddress else {
                return unsafe withUnsafePointer(to: Float.zero) { unsafe body($0) }
            }
            return unsafe body(base + offset)
        }
    }

    private static func checkRun(_ available: Int, _ offset: Int, _ count: Int) {
        precondition(
            offset >= 0 && count >= 0 && offset <= available && count <= available - offset,
            "the run lies within the array")
    }
}
