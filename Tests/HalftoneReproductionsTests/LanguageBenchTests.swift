import HalftoneCompression
import HalftoneEvaluation
import HalftoneFormats
import HalftoneModels
import HalftoneQuantization
import HalftoneReproductions
import Testing

/// The bench that reproductions of post-training methods measure on.
@Suite struct LanguageBenchTests {
    private static let size = LanguageBench.Size(
        calibrationWindows: 2, evaluationWindows: 2, length: 64)

    private func bench() throws -> LanguageBench {
        try LanguageBench(Self.size, seed: 1, ReproductionContext(title: "test"))
    }

    @Test func fewerBitsLoseMore() throws {
        let bench = try bench()
        #expect(bench.float.divergence == 0 && bench.float.sameTopToken == 1)
        // The model's perplexity on its own stories is 2.29 ± 0.03; windows are few and short.
        #expect(bench.float.loss > 0.4 && bench.float.loss < 2)
        var last = 0.0
        for bits in [8, 4, 2] {
            let scheme = WeightScheme(
                format: IntegerFormat(bits: bits, symmetric: false), granularity: .group(64))
            let measured = try bench.measure(bench.compressed(RoundToNearest(), scheme).weights)
            #expect(measured.divergence > last, "\(bits) bits")
            last = measured.divergence
        }
    }

    @Test func changesOfActivationsAreMeasured() throws {
        let bench = try bench()
        let same = try bench.measure(bench.model.weights) { _, _, _, _ in }
        // The same arithmetic but for the order of sums.
        #expect(same.divergence < 1e-6)
        let noisy = try bench.measure(bench.model.weights) { _, _, values, _ in
            for index in values.indices { values[index] = (values[index] * 2).rounded() / 2 }
        }
        #expect(noisy.divergence > 1e-3)
    }

    @Test func seedsDrawOtherTexts() throws {
        let context = ReproductionContext(title: "test")
        let first = try LanguageBench(Self.size, seed: 1, context)
        let again = try LanguageBench(Self.size, seed: 1, context)
        let second = try LanguageBench(Self.size, seed: 2, context)
        #expect(first.calibration == again.calibration)
        #expect(first.reference.windows == again.reference.windows)
        #expect(first.calibration != second.calibration)
        #expect(first.reference.windows != second.reference.windows)
        #expect(first.calibration.sequences.allSatisfy { $0.count == 64 })
    }
}
