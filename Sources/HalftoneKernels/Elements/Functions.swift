import _HalftoneShims

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The functions of one number that tensors offer; `Tensor` says what each computes.
package enum Functions {}

extension SIMD8<Float> {
    /// A function of the C library for each of the eight, where no own form exists.
    @inline(__always)
    func lanes(_ function: (Float) -> Float) -> Self {
        var result = self
        for lane in 0..<8 { result[lane] = function(self[lane]) }
        return result
    }

    /// This where a comparison holds, 0 elsewhere, even for NaN and infinity.
    @inline(__always)
    func kept(where mask: SIMDMask<SIMD8<Int32>>) -> Self {
        let mask = unsafe unsafeBitCast(mask, to: SIMD8<UInt32>.self)
        return VectorMath.floats(VectorMath.bits(self) & mask)
    }

    /// This where a comparison holds, another elsewhere.
    @inline(__always)
    func kept(where mask: SIMDMask<SIMD8<Int32>>, else other: Self) -> Self {
        let mask = unsafe unsafeBitCast(mask, to: SIMD8<UInt32>.self)
        return VectorMath.floats(
            VectorMath.select(VectorMath.bits(self), VectorMath.bits(other), mask))
    }
}

extension Functions {
    /// `factor · x + offset`.
    package struct Linear: ElementFunction {
        let factor: Float
        let offset: Float
        package init(factor: Float = 1, offset: Float = 0) {
            self.factor = factor
            self.offset = offset
        }
        package static var keeps: Kept { .nothing }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x * factor + offset }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ kept: SIMD8<Float>) -> SIMD8<Float> {
            g * factor
        }
    }

    /// `c / x`.
    package struct Reciprocal: ElementFunction {
        let numerator: Float
        package init(numerator: Float = 1) { self.numerator = numerator }
        package static var keeps: Kept { .input }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { numerator / x }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> {
            -g * numerator / (x * x)
        }
    }

    /// `e^x`.
    package struct Exponential: ElementFunction {
        package init() {}
        package static var kernel: ElementKernel? { .init(HALFTONE_EXP) }
        package static var keeps: Kept { .output }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { VectorMath.exp(x) }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> { g * y }
    }

    /// `log x`.
    package struct Logarithm: ElementFunction {
        package init() {}
        package static var keeps: Kept { .input }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { VectorMath.log(x) }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> { g / x }
    }

    /// `√x`.
    package struct SquareRoot: ElementFunction {
        package init() {}
        package static var keeps: Kept { .output }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x.squareRoot() }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> {
            g * 0.5 / y
        }
    }

    /// `1 / √x`.
    package struct ReciprocalSquareRoot: ElementFunction {
        package init() {}
        package static var keeps: Kept { .output }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { 1 / x.squareRoot() }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> {
            g * -0.5 * (y * y * y)
        }
    }

    /// `x²`.
    package struct Square: ElementFunction {
        package init() {}
        package static var keeps: Kept { .input }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x * x }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> { g * (x + x) }
    }

    /// `x^exponent` by the C library.
    package struct Power: ElementFunction {
        let exponent: Float
        package init(exponent: Float) { self.exponent = exponent }
        package static var keeps: Kept { .input }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x.lanes { powf($0, exponent) } }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> {
            exponent == 0 ? .zero : g * exponent * x.lanes { powf($0, exponent - 1) }
        }
    }

    /// `|x|`; its slope at 0 is taken as 0.
    package struct Magnitude: ElementFunction {
        package init() {}
        package static var keeps: Kept { .input }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { VectorMath.magnitude(x) }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> {
            g.kept(where: x .> 0) - g.kept(where: x .< 0)
        }
    }

    /// `x` within two bounds; nothing flows back where a bound was put in its place.
    package struct Clamp: ElementFunction {
        let lower: SIMD8<Float>
        let upper: SIMD8<Float>
        package init(_ range: ClosedRange<Float>) {
            lower = SIMD8(repeating: range.lowerBound)
            upper = SIMD8(repeating: range.upperBound)
        }
        package static var keeps: Kept { .input }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> {
            // NaN is neither below nor above, and stays.
            upper.kept(where: x .> upper, else: lower.kept(where: x .< lower, else: x))
        }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> {
            g.kept(where: x .>= lower).kept(where: x .<= upper)
        }
    }

    /// A step function: nothing flows back.
    package struct Step: ElementFunction {
        package enum Kind: Sendable { case sign, nearest, down, up }
        let kind: Kind
        package init(_ kind: Kind) { self.kind = kind }
        package static var keeps: Kept { .nothing }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> {
            switch kind {
            case .sign:
                let one = SIMD8<Float>(repeating: 1)
                let sign = one.kept(where: x .> 0) - one.kept(where: x .< 0)
                return sign.kept(where: x .== x, else: x)
            case .nearest: return x.rounded(.toNearestOrEven)
            case .down: return x.rounded(.down)
            case .up: return x.rounded(.up)
            }
        }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> { .zero }
    }

    /// `sin x` by the C library.
    package struct Sine: ElementFunction {
        package init() {}
        package static var keeps: Kept { .input }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x.lanes(sinf) }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> {
            g * x.lanes(cosf)
        }
    }

    /// `cos x` by the C library.
    package struct Cosine: ElementFunction {
        package init() {}
        package static var keeps: Kept { .input }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { x.lanes(cosf) }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> {
            -g * x.lanes(sinf)
        }
    }

    /// `erf x`; the slope is `2/√π · e^(−x²)`.
    package struct Error: ElementFunction {
        package init() {}
        package static var keeps: Kept { .input }
        @inline(__always)
        package func value(_ x: SIMD8<Float>) -> SIMD8<Float> { VectorMath.error(x) }
        @inline(__always)
        package func pullback(_ g: SIMD8<Float>, _ x: SIMD8<Float>) -> SIMD8<Float> {
            g * 1.128_379_2 * VectorMath.exp(-(x * x))
        }
    }
}
