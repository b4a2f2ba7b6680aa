import HalftoneAllocation
import HalftoneTensor
import Testing

struct HessianTraceTests {
    @Test func aDiagonalHessianIsFoundWithOneSample() throws {
        // Σ a·w⁴ + Σ b·v²: second derivatives 12·a·w² and 2·b, and none between.
        let (a, w) = (
            Tensor.uniform([3, 4], in: 0.5...1, seed: 1), Tensor.uniform([3, 4], seed: 2)
        )
        let (b, v) = (Tensor.uniform([5], in: 1...2, seed: 3), Tensor.uniform([5], seed: 4))
        var random = SeededGenerator(seed: 5)
        let found = HessianTrace(samples: 1).estimates(at: [w, v], using: &random) { weights in
            let (w, v) = (weights[0].tracked(), weights[1].tracked())
            let loss = (a * w.squared().squared()).sum() + (b * v.squared()).sum()
            return loss.gradients(for: [w, v])
        }
        let expected = [
            zip(a.elements, w.elements).reduce(0) { $0 + 12 * Double($1.0 * $1.1 * $1.1) },
            b.elements.reduce(0) { $0 + 2 * Double($1) },
        ]
        for (found, expected) in zip(found, expected) {
            // Gradients of size 4 round by 2⁻²⁴ each, over steps of 2.3e-3: 1e-4 a weight, of
            // random sign; the fourth power adds 4·a·ε² a weight, 2e-5.
            #expect(abs(found.trace - expected) <= 2e-3, "\(found.trace), not \(expected)")
            #expect(found.standardError == 0)
        }
    }

    @Test func aFullHessianIsFoundWithinItsStatedError() {
        // ½·wᵀ·A·w with a symmetric A of known trace.
        let half = Tensor.uniform([12, 12], seed: 6)
        let a = half + half.transposed()
        let trace = (0..<12).reduce(0.0) { $0 + Double(a[$1, $1]) }
        var random = SeededGenerator(seed: 7)
        let found = HessianTrace(samples: 400).estimates(
            at: [Tensor.uniform([12, 1], seed: 8)], using: &random
        ) { [a.matmul($0[0])] }
        #expect(found[0].standardError > 0)
        // The variance of vᵀ·A·v is 2·Σ a² off the diagonal.
        let square = a.squared().sum().item
        let diagonal = (0..<12).reduce(Float(0)) { $0 + a[$1, $1] * a[$1, $1] }
        let deviation = (2 * Double(square - diagonal) / 400).squareRoot()
        #expect(abs(found[0].standardError / deviation - 1) < 0.2)
        #expect(abs(found[0].trace - trace) < 4 * deviation)
    }
}
