import HalftoneKernels
import HalftoneMethods
import HalftoneTensor
import Testing

/// What tuning makes small.
struct PredictionLossTests {
    static let losses: [PredictionLoss] = [
        .divergence, .topTokens(1), .topTokens(5), .topTokens(100), .ambiguity(floatShare: 0.5),
        .ambiguity(floatShare: 0),
    ]

    private func logits(_ seed: UInt64) -> Tensor {
        Tensor.normal([2, 3, 11], standardDeviation: 2, seed: seed)
    }

    /// Equal predictions lose nothing, and no change of them makes the loss smaller.
    @Test(arguments: losses) func equalPredictionsAreTheLeast(loss: PredictionLoss) {
        let float = logits(1)
        let (value, gradients) = Tensor.valueAndGradients(for: [float + 3]) {
            loss($0[0], float: float)
        }
        #expect(abs(value.item) < 1e-6)
        #expect(gradients[0].elements.allSatisfy { abs($0) < 1e-6 })
        for seed in UInt64(2)..<12 {
            #expect(loss(float + logits(seed) * 0.1, float: float).item > 0)
        }
    }

    /// Slopes are those of differences; an ambiguity is a weight that stays.
    @Test(arguments: losses.filter { if case .ambiguity = $0 { false } else { true } })
    func gradientsAreThoseOfDifferences(loss: PredictionLoss) {
        let (own, float) = (logits(3), logits(4))
        let gradient = Tensor.valueAndGradients(for: [own]) { loss($0[0], float: float) }
            .gradients[0].elements
        let step: Float = 1e-2
        for place in [0, 7, 20, 40, 65] {
            func value(_ change: Float) -> Float {
                var elements = Array(own.elements)
                elements[place] += change
                return loss(Tensor(shape: own.shape, elements: elements), float: float).item
            }
            let slope = (value(step) - value(-step)) / (2 * step)
            #expect(abs(slope - gradient[place]) < 2e-3 * max(abs(slope), 0.1))
        }
    }

    /// All tokens at the top, or ambiguities that are equal, leave the plain divergence.
    @Test func specialCasesAreTheDivergence() {
        let (own, float) = (logits(5), logits(6))
        let plain = PredictionLoss.divergence(own, float: float).item
        #expect(abs(PredictionLoss.topTokens(11)(own, float: float).item - plain) < 1e-5 * plain)
        let (first, other) = (own.sliced(axis: 1, 0..<1), float.sliced(axis: 1, 0..<1))
        let rows = (first.sliced(axis: 0, 0..<1), other.sliced(axis: 0, 0..<1))
        let one = PredictionLoss.divergence(rows.0, float: rows.1).item
        let weighed = PredictionLoss.ambiguity(floatShare: 0.5)(rows.0, float: rows.1).item
        #expect(abs(weighed - one) < 1e-5 * one)
    }

    /// What both find ambiguous counts more than what both are sure of.
    @Test func ambiguousTokensCountMore() {
        // One position is nearly sure, the other nearly even; the same change in both.
        let float = Tensor(shape: [2, 3], elements: [9, 0, 0, 0.1, 0, 0])
        let own = float + Tensor(shape: [2, 3], elements: [0, 0.5, 0, 0, 0.5, 0])
        let gradient = Tensor.valueAndGradients(for: [own]) {
            PredictionLoss.ambiguity(floatShare: 0.5)($0[0], float: float)
        }.gradients[0].elements
        let plain = Tensor.valueAndGradients(for: [own]) {
            PredictionLoss.divergence($0[0], float: float)
        }.gradients[0].elements
        #expect(abs(gradient[1]) < abs(plain[1]) && abs(gradient[4]) > abs(plain[4]))
    }

    @Test func namesAreRead() {
        for loss in Self.losses { #expect(PredictionLoss(named: "\(loss)") == loss) }
        #expect(PredictionLoss(named: "topkld") == .topTokens(40))
        #expect(PredictionLoss(named: "dad") == .ambiguity(floatShare: 0.5))
        for name in ["", "kl-3", "topkld-0", "topkld-x", "dad-2", "ce"] {
            #expect(PredictionLoss(named: name) == nil)
        }
    }
}
