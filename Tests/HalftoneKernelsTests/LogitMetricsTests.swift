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

    @Test func equalRowsHaveNoDivergence() {
        let pool = WorkerPool(threads: 1)
        let p = rows(3, 500, 1)
        let divergences = LogitMetrics.divergences(p, p, rows: 3, vocabularySize: 500, pool: pool)
        #expect(divergences == [0, 0, 0])
    }
}
