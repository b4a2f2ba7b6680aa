import Foundation
import HalftoneEvaluation
import Testing

struct MeanEstimateTests {
    @Test func meanAndErrorAreTheTextbookOnes() {
        let estimate = MeanEstimate([1, 2, 3, 4])
        #expect(estimate.mean == 2.5)
        // Sample variance 5/3, divided by four measurements.
        #expect(abs(estimate.standardError - (5.0 / 12).squareRoot()) < 1e-15)
        #expect(abs(estimate.interval95 - 1.96 * estimate.standardError) < 1e-15)
    }

    @Test func oneMeasurementHasNoError() {
        #expect(MeanEstimate([3]).standardError.isNaN)
    }

    @Test func perplexityFollowsFromTheLoss() {
        let result = PerplexityResult(loss: MeanEstimate([1, 3]), windows: 1)
        #expect(abs(result.perplexity - exp(2)) < 1e-12)
        #expect(abs(result.standardError - exp(2) * 1) < 1e-12)
    }
}
