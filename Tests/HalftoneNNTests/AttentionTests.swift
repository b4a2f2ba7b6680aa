import HalftoneFiles
import HalftoneKernels
import HalftoneNN
import HalftoneTensor
import HalftoneTesting
import Testing

/// The general core of attention, and what only it can do.
struct AttentionTests {
    @Test func generalCoreAgreesWithPyTorch() throws {
        let fixture = try TrainingFixture("operations")
        let cases = try #require(fixture.json["cases"]?.array)
        var compared = 0
        for entry in cases where entry["operation"]?.string == "attention" {
            let item = try #require(StoredOperation(entry, fixture))
            let output = try #require(StoredOperation.attention(item, isGeneral: true))
            try item.check(output, "output")
            let leaves = item.names.map { item[$0] }
            let gradients = output.gradients(for: leaves, upstream: try item.stored("upstream"))
            for (name, gradient) in zip(item.names, gradients) where item.hasGradient(name) {
                try item.check(gradient, "gradient.\(name)")
            }
            compared += 1
        }
        #expect(compared == 8)
    }

    @Test func onlyTheLargestScoresCount() {
        let x = Tensor.normal([1, 6, 2, 4], seed: 3)
        var options = AttentionOptions.causal()
        options.largest = 2
        var shares: Tensor?
        _ = options(queries: x, keys: x, values: x) {
            shares = $0
            return $0
        }
        let rows = shares!.elements.array
        for row in 0..<12 {
            let share = rows[row * 6..<row * 6 + 6]
            let place = row % 6
            #expect(share.count { $0 > 0 } == min(2, place + 1))
            // A sum of at most two numbers, each rounded once.
            #expect((share.reduce(0, +) - 1).magnitude < 3e-7)
        }
    }

    @Test func sharesOverQueriesSumToOnePerKey() {
        let x = Tensor.normal([1, 5, 1, 4], seed: 3)
        var options = AttentionOptions()
        options.normalizesOverQueries = true
        _ = options(queries: x, keys: x, values: x) { shares in
            let sums = shares.sum(axes: [-2]).elements.array
            // Five numbers below 1, each rounded once, and their sum.
            #expect(checkClose(sums, [1, 1, 1, 1, 1], within: 1e-6).isEmpty)
            return shares
        }
    }
}
