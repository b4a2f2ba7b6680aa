import HalftoneAllocation
import HalftoneMethods
import HalftoneNN
import HalftoneTensor
import Testing

/// Widths drawn layer by layer, and the program that chooses among them.
struct HessianAwareSamplingTests {
    private let widths = [8, 6, 4, 2]

    @Test func widthsAreDrawnAsStated() {
        // The mean of the traces is 4: the first layer lies below, the others do not.
        let sampling = HessianAwareSampling(widths: widths, traces: [1, 4, 7], finalShare: 0.6)
        #expect(sampling.isSensitive == [false, true, true])
        #expect(sampling.share(epoch: 0, of: 10) == 0.06)
        #expect(abs(sampling.share(epoch: 9, of: 10) - 0.6) < 1e-15)
        var random = SeededGenerator(seed: 3)
        let number = 40_000
        func counts(_ sampling: HessianAwareSampling, _ share: Double) -> [[Int: Double]] {
            var counts = [[Int: Double]](repeating: [:], count: 3)
            for _ in 0..<number {
                let drawn = sampling.draw(around: 4, share: share, using: &random)
                for (layer, width) in drawn.enumerated() {
                    counts[layer][width, default: 0] += 1 / Double(number)
                }
            }
            return counts
        }
        func check(_ found: [Int: Double], _ expected: [Int: Double]) {
            for (width, share) in expected {
                // Five standard deviations of a count.
                let bound = 5 * (share * (1 - share) / Double(number)).squareRoot()
                #expect(abs(found[width, default: 0] - share) <= bound, "\(width)")
            }
        }
        // Evenly, or as the width over 20; the turn's own width on top.
        let found = counts(sampling, 0.5)
        check(found[0], [8: 0.125, 6: 0.125, 4: 0.625, 2: 0.125])
        for layer in 1...2 { check(found[layer], [8: 0.2, 6: 0.15, 4: 0.6, 2: 0.05]) }
        for layer in counts(sampling.withoutHessian, 0.5) {
            check(layer, [8: 0.125, 6: 0.125, 4: 0.625, 2: 0.125])
        }
        #expect(sampling.draw(around: 6, share: 0, using: &random) == [6, 6, 6])
    }

    @Test func sensitiveLayersGetTheBits() throws {
        // Errors fall fourfold a bit; trace over count is 4, 1 and 1/4 for as many weights.
        let traces = [400.0, 100, 25]
        let sampling = HessianAwareSampling(widths: widths, traces: traces)
        let errors = traces.map { _ in
            widths.map { bits in (0..<bits).reduce(1.0) { error, _ in error / 4 } }
        }
        let problem = sampling.problem(
            traces: traces, weightCounts: [100, 100, 100], errors: errors, meanBits: 4)
        #expect(problem.budget == 12)
        let found = try ExactAllocator().allocate(problem)
        // By hand: 4·4⁻⁴ + 4⁻⁴ + 4⁻⁵ = 0.0205 at 4, 4, 4; 4·4⁻⁶ + 4⁻⁴ + 4⁻³ = 0.0205 at 6, 4, 2.
        // Sixteen times the weight, and the first wins.
        #expect([[2, 2, 2], [1, 2, 3]].contains(found.choices))
        let steep = sampling.problem(
            traces: [6400, 100, 25], weightCounts: [100, 100, 100], errors: errors, meanBits: 4)
        #expect(try ExactAllocator().allocate(steep).choices == [1, 2, 3])
        // As many weights make one weight matter less.
        let many = sampling.problem(
            traces: [6400, 100, 25], weightCounts: [6400, 50, 1], errors: errors, meanBits: 4)
        #expect(try ExactAllocator().allocate(many).choices == [3, 2, 1])
    }

    @Test func everyPairOfWidthsHasANorm() {
        let (before, own) = (BitWidth([8, 4]), BitWidth([8, 4]))
        let norm = TransitionNorm(channels: 3, previous: before, width: own)
        #expect(norm.norms.count == 4)
        for (index, norm) in norm.norms.enumerated() {
            norm.weight.set(.filled([3], with: Float(index + 1)))
        }
        let x = Tensor.normal([2, 3, 4, 4], seed: 1)
        let one = norm.norms[0](x, ForwardContext())
        for (first, i) in [(8, 0), (4, 1)] {
            for (second, j) in [(8, 0), (4, 1)] {
                (before.bits, own.bits) = (first, second)
                let y = norm(x, ForwardContext())
                #expect(y == norm.norms[2 * i + j](x, ForwardContext()))
                #expect((y - one * Float(2 * i + j + 1)).abs().max().item <= 1e-5)
            }
        }
    }
}
