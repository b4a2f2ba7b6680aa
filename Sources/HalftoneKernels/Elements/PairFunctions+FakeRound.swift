extension PairFunctions {
    /// `step · codes(x / step)` of a number and a step: a quantizer and its inverse in one pass.
    ///
    /// The first derivative is that of the straight-through estimator, masked or not; the second
    /// is that of LSQ (S. Esser et al., arXiv:1902.08153, equation 3).
    package struct FakeRound: PairFunction {
        /// Where the gradient of the number passes.
        package enum Passage: Sendable {
            case everywhere
            /// Between the outermost codes, these included.
            case closedRange
            /// Between the outermost codes, these not included.
            case openRange
        }

        let lowest: SIMD8<Float>
        let highest: SIMD8<Float>
        let tiesUp: Bool
        let passage: Passage

        /// - Parameter codes: Integers of magnitudes up to 2²¹.
        package init(codes: ClosedRange<Int>, tiesUp: Bool, passage: Passage = .everywhere) {
            lowest = SIMD8(repeating: Float(codes.lowerBound))
            highest = SIMD8(repeating: Float(codes.upperBound))
            self.tiesUp = tiesUp
            self.passage = passage
        }

        package func value(_ x: SIMD8<Float>, _ step: SIMD8<Float>) -> SIMD8<Float> {
            codes(x / step) * step
        }

        package func first(
            _ g: SIMD8<Float>, _ x: SIMD8<Float>, _ step: SIMD8<Float>
        ) -> SIMD8<Float> {
            let scaled = x / step
            switch passage {
            case .everywhere: return g
            case .closedRange: return g.kept(where: (scaled .>= lowest) .& (scaled .<= highest))
            case .openRange: return g.kept(where: (scaled .> lowest) .& (scaled .< highest))
            }
        }

        package func second(
            _ g: SIMD8<Float>, _ x: SIMD8<Float>, _ step: SIMD8<Float>
        ) -> SIMD8<Float> {
            let scaled = x / step
            let codes = codes(scaled)
            let isInside = (scaled .> lowest) .& (scaled .< highest)
            return g * (codes - scaled.kept(where: isInside))
        }

        /// The nearest codes; NaN stays.
        @inline(__always)
        package func codes(_ scaled: SIMD8<Float>) -> SIMD8<Float> {
            let raised = lowest.kept(where: scaled .< lowest, else: scaled)
            let clamped = highest.kept(where: raised .> highest, else: raised)
            // Adding and taking away 1.5 · 2²³ rounds to even, below 2²².
            let even = (clamped + 0x1.8p23) - 0x1.8p23
            guard tiesUp else { return even }
            let half = SIMD8<Float>(repeating: 0.5)
            return even + SIMD8<Float>(repeating: 1).kept(where: (clamped - even) .== half)
        }
    }

    /// The codes of ``FakeRound`` without the step; nothing flows back.
    package struct RoundCodes: PairFunction {
        let rounding: FakeRound
        package init(codes: ClosedRange<Int>, tiesUp: Bool) {
            rounding = FakeRound(codes: codes, tiesUp: tiesUp)
        }
        package func value(_ x: SIMD8<Float>, _ step: SIMD8<Float>) -> SIMD8<Float> {
            rounding.codes(x / step)
        }
    }
}
