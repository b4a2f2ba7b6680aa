import _HalftoneShims

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The functions of two numbers that tensors offer; `Tensor` says what each computes.
package enum PairFunctions {
    /// `x + y`.
    package struct Sum: PairFunction {
        package init() {}
        @inline(__always)
        package func value(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> { x + y }
    }

    /// `x − y`.
    package struct Difference: PairFunction {
        package init() {}
        @inline(__always)
        package func value(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> { x - y }
    }

    /// `x · y`.
    package struct Product: PairFunction {
        package init() {}
        @inline(__always)
        package func value(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> { x * y }
        @inline(__always)
        package func first(
            _ g: SIMD8<Float>, _ x: SIMD8<Float>, _ y: SIMD8<Float>
        ) -> SIMD8<Float> { g * y }
        @inline(__always)
        package func second(
            _ g: SIMD8<Float>, _ x: SIMD8<Float>, _ y: SIMD8<Float>
        ) -> SIMD8<Float> { g * x }
    }

    /// `x / y`.
    package struct Quotient: PairFunction {
        package init() {}
        @inline(__always)
        package func value(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> { x / y }
        @inline(__always)
        package func first(
            _ g: SIMD8<Float>, _ x: SIMD8<Float>, _ y: SIMD8<Float>
        ) -> SIMD8<Float> { g / y }
        @inline(__always)
        package func second(
            _ g: SIMD8<Float>, _ x: SIMD8<Float>, _ y: SIMD8<Float>
        ) -> SIMD8<Float> { -g * (x / y) / y }
    }

    /// `x^y` by the C library.
    package struct Power: PairFunction {
        package init() {}
        @inline(__always)
        package func value(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> {
            var result = x
            for lane in 0..<8 { result[lane] = powf(x[lane], y[lane]) }
            return result
        }
        @inline(__always)
        package func first(
            _ g: SIMD8<Float>, _ x: SIMD8<Float>, _ y: SIMD8<Float>
        ) -> SIMD8<Float> {
            (g * y * value(x, y - 1)).kept(where: y .!= 0)
        }
        @inline(__always)
        package func second(
            _ g: SIMD8<Float>, _ x: SIMD8<Float>, _ y: SIMD8<Float>
        ) -> SIMD8<Float> {
            // 0 to any power above 0 is 0, however the power moves.
            let slope = g * value(x, y) * VectorMath.log(x)
            return slope.kept(where: x .!= 0, else: slope.kept(where: y .< 0))
        }
    }

    /// The smaller or the larger one; equal ones share the gradient, NaN wins.
    package struct Extreme: PairFunction {
        let isLargest: Bool
        package init(isLargest: Bool) { self.isLargest = isLargest }
        @inline(__always)
        package func value(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> {
            let chosen = x.kept(where: isLargest ? x .>= y : x .<= y, else: y)
            return x.kept(where: x .!= x, else: chosen)
        }
        @inline(__always)
        package func first(
            _ g: SIMD8<Float>, _ x: SIMD8<Float>, _ y: SIMD8<Float>
        ) -> SIMD8<Float> { share(g, x, y) }
        @inline(__always)
        package func second(
            _ g: SIMD8<Float>, _ x: SIMD8<Float>, _ y: SIMD8<Float>
        ) -> SIMD8<Float> { share(g, y, x) }
        @inline(__always)
        private func share(
            _ g: SIMD8<Float>, _ mine: SIMD8<Float>, _ other: SIMD8<Float>
        ) -> SIMD8<Float> {
            g.kept(where: isLargest ? mine .> other : mine .< other)
                + (g * 0.5).kept(where: mine .== other)
        }
    }

    /// 1 where a comparison holds, else 0; nothing flows back.
    package struct Comparison: PairFunction {
        package enum Kind: Sendable { case equal, notEqual, less, lessOrEqual }
        let kind: Kind
        package init(_ kind: Kind) { self.kind = kind }
        @inline(__always)
        package func value(_ x: SIMD8<Float>, _ y: SIMD8<Float>) -> SIMD8<Float> {
            let one = SIMD8<Float>(repeating: 1)
            switch kind {
            case .equal: return one.kept(where: x .== y)
            case .notEqual: return one.kept(where: x .!= y)
            case .less: return one.kept(where: x .< y)
            case .lessOrEqual: return one.kept(where: x .<= y)
            }
        }
    }

    /// The first where the second is not 0, else 0 or the other way round.
    package struct Masked: PairFunction {
        let keepsWhereZero: Bool
        package init(keepsWhereZero: Bool = false) { self.keepsWhereZero = keepsWhereZero }
        @inline(__always)
        package func value(_ x: SIMD8<Float>, _ mask: SIMD8<Float>) -> SIMD8<Float> {
            x.kept(where: keepsWhereZero ? mask .== 0 : mask .!= 0)
        }
        @inline(__always)
        package func first(
            _ g: SIMD8<Float>, _ x: SIMD8<Float>, _ mask: SIMD8<Float>
        ) -> SIMD8<Float> { value(g, mask) }
    }

    /// `silu(gate) · up`.
    package struct GatedSigmoidUnit: PairFunction {
        package init() {}
        @inline(__always)
        package func value(_ gate: SIMD8<Float>, _ up: SIMD8<Float>) -> SIMD8<Float> {
            Functions.silu(gate) * up
        }
        @inline(__always)
        package func first(
            _ g: SIMD8<Float>, _ gate: SIMD8<Float>, _ up: SIMD8<Float>
        ) -> SIMD8<Float> {
            let s = Functions.sigmoid(gate)
            return g * (s * (1 + gate * (1 - s))) * up
        }
        @inline(__always)
        package func second(
            _ g: SIMD8<Float>, _ gate: SIMD8<Float>, _ up: SIMD8<Float>
        ) -> SIMD8<Float> { g * Functions.silu(gate) }

        /// Whole arrays by the kernels in C.
        @unsafe
        package func run(
            _ part: PairPart, _ broadcast: Broadcast, _ range: Range<Int>,
            upstream: UnsafePointer<Float>, _ gate: UnsafePointer<Float>,
            _ up: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>
        ) {
            guard broadcast.firstIsWhole, broadcast.secondIsWhole else {
                unsafe runLoop(part, broadcast, range, upstream: upstream, gate, up, into: output)
                return
            }
            let (start, count) = (range.lowerBound, Int64(range.count))
            let (g, x) = unsafe (upstream + start, gate + start)
            let (y, result) = unsafe (up + start, output + start)
            let (features, silu) = (Processor.features, Int32(HALFTONE_SILU))
            switch part {
            case .value: unsafe halftone_map_multiply(features, silu, x, y, result, count)
            case .first:
                unsafe halftone_map_slope(features, silu, x, g, result, count)
                unsafe FloatRun.map(result, with: y, count: range.count) { $0 * $1 }
            case .second: unsafe halftone_map_multiply(features, silu, x, g, result, count)
            }
        }
    }
}
