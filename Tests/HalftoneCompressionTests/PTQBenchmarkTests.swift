import HalftoneCompression
import HalftoneEvaluation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import Testing

/// The protocol under which methods are compared.
@Suite struct PTQBenchmarkTests {
    private static let pool = WorkerPool(threads: 2)

    private func study() throws -> ComparisonStudy {
        let model = try modelFixture("smollm2")
        var windows = EvaluationWindows()
        windows.length = 16
        let evaluator = Evaluator(windows: windows, pool: Self.pool)
        let size = model.spec.vocabularySize
        let tokens = (0..<64).map { Int32(($0 * $0 * 13 + 5) % size) }
        let texts = (0..<2).map { seed in
            CalibrationText(
                sequences: (0..<6).map { row in
                    (0..<24).map { Int32((row * 131 + $0 * $0 * 17 + seed * 7) % size) }
                })
        }
        return ComparisonStudy(
            model, group: .group(16), calibration: texts,
            reference: try evaluator.reference(
                Decoder(model.weights, pool: Self.pool), tokens: tokens),
            evaluator: evaluator, pool: Self.pool)
    }

    private static let names =
        ["rtn"] + PTQBenchmark.Class.allCases.map(\.representative) + PTQBenchmark.combinations

    @Test func everyClassIsAPipelineOfItsOwn() throws {
        let pipelines = try Self.names.map { try CompressionPipeline(parsing: $0) }
        #expect(Set(pipelines).count == pipelines.count)
        #expect(pipelines.filter { $0.method == .gptq }.count == 3)
    }

    /// Equal bytes for all, and what reads another text finds other codes.
    @Test(arguments: names)
    func methodsAreMeasuredAlike(name: String) throws {
        let study = try study()
        let pipeline = try CompressionPipeline(parsing: name)
        let first = try study.measure(.init(pipeline, bits: 3, seed: 0))
        // Three bits, a float16 scale and a 3-bit zero point for 16 weights; rows of 48 and 64
        // columns are padded to whole runs of 32 codes.
        let plain = try study.measure(.init(CompressionPipeline(), bits: 3, seed: 0))
        #expect(
            first.bitsPerWeight == plain.bitsPerWeight && first.packedBytes == plain.packedBytes)
        #expect(
            first.addedBytes
                == (name.contains("rotation") ? 2 * study.model.spec.vocabularySize * 48 : 0))
        #expect(first.divergence > 0 && first.divergence.isFinite)
        var again = try study.measure(.init(pipeline, bits: 3, seed: 0))
        again.seconds = first.seconds
        #expect(again == first, "the same text, the same codes")
        let other = try study.measure(.init(pipeline, bits: 3, seed: 1))
        #expect((other.divergence != first.divergence) == pipeline.readsText)
    }

    /// Methods with forms of their own under the same protocol, every byte of what they store counted.
    @Test(arguments: ["baq", "rotation+baq", "db-llm"])
    func publishedMethodsAreMeasured(name: String) throws {
        let study = try study()
        let pipeline = try CompressionPipeline(parsing: name)
        let published = try #require(pipeline.published)
        let bits = published.hasOneWidth ? published.bits[0] : 3
        let cell = ComparisonStudy.Cell(pipeline, bits: bits, seed: 0)
        let first = try study.measure(cell)
        let rewritten = try pipeline.transformed(
            study.model, recipe: study.recipe(cell), calibration: study.calibration[0],
            pool: Self.pool)
        let stored = try StoredModel(
            rewritten, method: published.method(bits: bits, groupSize: study.groupSize),
            embedding: nil, calibration: study.calibration[0], pool: Self.pool)
        #expect(first.packedBytes == stored.stored.values.reduce(0) { $0 + $1.byteCount })
        #expect(first.method == name && first.bits == bits)
        #expect(first.divergence > 0 && first.divergence.isFinite)
        #expect((first.addedBytes > 0) == name.contains("rotation"))
        var again = try study.measure(cell)
        again.seconds = first.seconds
        #expect(again == first, "the same text, the same matrices")
    }

    @Test func theFloatModelIsMeasuredToo() throws {
        let study = try study()
        let float = try study.measureFloat()
        #expect(float.divergence == 0 && float.sameTopToken == 1 && float.bits == 32)
        #expect(float.perplexity > 1)
    }
}
