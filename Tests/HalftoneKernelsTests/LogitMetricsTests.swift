import Foundation
import HalftoneKernels
import Testing

struct LogitMetricsTests {
    private func rows(_ count: Int, _ width: Int, _ phase: Double) -> [Float] {
        (0..<count * width).map { Float(4 * sin(Double($0 * $0 % 1009) * 0.37 + phase)) }
    }

    private func logProbabilities(_ logits: ArraySlice<Float>) -> [Double] {
        let values = logits.map(Double.init)
        let top = values.max() ?? 0
        let total = log(values.reduce(0) { $0 + exp($1 - top) }) + top
        return values.map { $0 - total }
    }

    @Test(arguments: [1, 7, 8, 9, 31, 33, 1023, 2049])
    func lossesAndDivergencesEqualTheirDefinition(width: Int) {
        let pool = WorkerPool(threads: 2)
        let p = rows(5, width, 0)
        let q = rows(5, width, 0.3)
        let targets = (0..<5).map { Int32($0 % width) }
        let losses = LogitMetrics.losses(p, vocabularySize: width, targets: targets, pool: pool)
        let divergences = LogitMetrics.divergences(
            p, q, rows: 5, vocabularySize: width, pool: pool)
        let best = LogitMetrics.mostLikely(p, rows: 5, vocabularySize: width, pool: pool)
        for row in 0..<5 {
            let first = logProbabilities(p[row * width..<(row + 1) * width])
            let second = logProbabilities(q[row * width..<(row + 1) * width])
            let divergence = zip(first, second).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
            // Logits of 4 in float32 carry 5e-7; the sums add a few rounding errors more.
            #expect(abs(losses[row] + first[Int(targets[row])]) < 4e-6)
            #expect(abs(divergences[row] - divergence) < 4e-6)
            #expect(first[Int(best[row])] == first.max())
        }
    }

    @Test(arguments: [9, 500, 4096])
    func smallDivergencesKeepTheirDigits(width: Int) {
        let pool = WorkerPool(threads: 1)
        let p = rows(4, width, 0.2)
        // Logits that end in 8 zero bits take the shift without rounding.
        let coarse = p.map { Float(bitPattern: $0.bitPattern & ~0xFF) }
        let q = coarse.enumerated().map { $1 + ($0 % 2 == 0 ? 0x1p-12 : -0x1p-12) }
        let found = LogitMetrics.divergences(coarse, q, rows: 4, vocabularySize: width, pool: pool)
        for row in 0..<4 {
            let first = logProbabilities(coarse[row * width..<(row + 1) * width])
            let second = logProbabilities(q[row * width..<(row + 1) * width])
            let expected = zip(first, second).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
            // About 3e-8, where p·(log p − log q) alone would be off by 1e-6. The weights are off
            // by 2⁻²² of themselves and the differences by 2⁻²³ · 8 of 2⁻¹².
            #expect(expected > 1e-9)
            #expect(abs(found[row] - expected) < 0.01 * expected)
        }
    }

    @Test func equalRowsHaveNoDivergence() {
        let pool = WorkerPool(threads: 1)
        let p = rows(3, 500, 1)
        let divergences = LogitMetrics.divergences(p, p, rows: 3, vocabularySize: 500, pool: pool)
        #expect(divergences == [0, 0, 0])
    }
}
