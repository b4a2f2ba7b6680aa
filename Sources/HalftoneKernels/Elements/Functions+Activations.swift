import _HalftoneShims

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension Functions {
    /// `tanh x`.
    package struct HyperbolicTangent: ElementFunction {
        package init() {}
        package static var kernel: ElementKernel? { .init(HALFTONE_TANH) }
        package static var keeps: Kept { .output }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { VectorMath.tanh(x) }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> {
            g * ((1 - y) * (1 + y))
        }
    }

    /// `1 / (1 + e^(−x))`.
    package struct Sigmoid: ElementFunction {
        package init() {}
        package static var kernel: ElementKernel? { .init(HALFTONE_SIGMOID) }
        package static var keeps: Kept { .output }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { sigmoid(x) }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> {
            g * (y * (1 - y))
        }
    }

    /// `x` above 0, `slope · x` elsewhere.
    package struct LeakyRectifier: ElementFunction {
        let slope: Float
        package init(slope: Float) { self.slope = slope }
        package static var keeps: Kept { .input }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> {
            x.kept(where: x .> 0, else: x * slope)
        }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> {
            g.kept(where: x .> 0, else: g * slope)
        }
    }

    /// `x` above 0, 0 elsewhere; NaN stays.
    package struct Rectifier: ElementFunction {
        package init() {}
        package static var keeps: Kept { .output }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> {
            SIMD8<Float>.zero.kept(where: x .<= 0, else: x)
        }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> {
            g.kept(where: y .> 0)
        }
    }

    /// `x · sigmoid(x)`.
    package struct SigmoidLinearUnit: ElementFunction {
        package init() {}
        package static var kernel: ElementKernel? { .init(HALFTONE_SILU, hasSlope: true) }
        package static var keeps: Kept { .input }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { silu(x) }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> {
            let s = sigmoid(x)
            return g * (s * (1 + x * (1 - s)))
        }
    }

    /// `log(1 + e^x)`, without overflow.
    package struct Softplus: ElementFunction {
        package init() {}
        package static var keeps: Kept { .input }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> {
            let tail = VectorMath.exp(-VectorMath.magnitude(x)).lanes(log1pf)
            // At most 0 is NaN's place too, which the tail has kept.
            return x.kept(where: x .> 0) + tail
        }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> {
            g * sigmoid(x)
        }
    }

    /// `x/2 · (1 + erf(x/√2))`.
    package struct GaussianErrorUnit: ElementFunction {
        package init() {}
        package static var kernel: ElementKernel? { .init(HALFTONE_GELU_ERROR, hasSlope: true) }
        package static var keeps: Kept { .input }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { FloatKernels.geluError(x) }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> {
            // Φ(x) + x·φ(x), with Φ from its smaller tail.
            let density = VectorMath.exp(x * x * -0.5)
            let scaled = VectorMath.scaledComplementaryError(
                VectorMath.magnitude(x) * 0.707_106_77)
            let tail = scaled * density * 0.5
            let share = tail.kept(where: x .< 0, else: 1 - tail)
            return g * (share + x * 0.398_942_3 * density)
        }
    }

    /// `x/2 · (1 + tanh(√(2/π)·(x + 0.044715·x³)))`.
    package struct GaussianTanhUnit: ElementFunction {
        package init() {}
        package static var kernel: ElementKernel? { .init(HALFTONE_GELU_TANH, hasSlope: true) }
        package static var keeps: Kept { .input }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { FloatKernels.geluTanh(x) }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> {
            // x · s(2u) has the slope s + x · s · (1 − s) · 2u′.
            let square = x * x
            let s = sigmoid(x * (1 + square * 0.044_715) * 1.595_769_1)
            let slope = (1 + square * 0.134_145) * 1.595_769_1
            return g * (s + x * slope * (s * (1 - s)))
        }
    }

    @inline(__always)
    static func sigmoid(_ x: SIMD8<Float>) -> SIMD8<Float> { 1 / (1 + VectorMath.exp(-x)) }

    @inline(__always)
    static func silu(_ x: SIMD8<Float>) -> SIMD8<Float> { x / (1 + VectorMath.exp(-x)) }
}
