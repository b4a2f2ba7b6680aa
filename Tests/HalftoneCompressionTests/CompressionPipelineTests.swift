import HalftoneCompression
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import Testing

/// Steps on a model's way to fewer bits.
@Suite struct CompressionPipelineTests {
    private static let pool = WorkerPool(threads: 2)

    @Test(arguments: [
        "rtn", "gptq", "weighted-rtn", "awq", "rotation", "awq+gptq", "rotation+gptq",
        "rotation+awq+gptq", "awq+weighted-rtn", "baq", "rotation+baq", "awq+db-llm",
    ])
    func namesAreReadAsTheyAreWritten(name: String) throws {
        #expect(try CompressionPipeline(parsing: name).description == name)
    }

    @Test(arguments: [
        "", "gptq+awq", "awq+", "+gptq", "awq+awq", "sparse", "gptq+gptq", "baq+awq", "baq+gptq",
    ])
    func otherNamesAreRefused(name: String) {
        let error = #expect(throws: CompressionError.self) {
            try CompressionPipeline(parsing: name)
        }
        // The message names what there is, each where it may stand.
        let text = error?.description ?? ""
        #expect(text.contains("awq, rotation") && text.contains("rtn, weighted-rtn, gptq"))
        #expect(text.contains(FormMethod.names))
    }

    @Test func settingsOfOtherMethodsDoNotCount() {
        var pipeline = CompressionPipeline()
        pipeline.columnOrder = .natural
        pipeline.weighting = .uniform
        #expect(pipeline.consists(of: .rtn) && !pipeline.consists(of: .gptq))
        #expect(!CompressionPipeline([.awq]).consists(of: .rtn))
    }

    @Test func textIsReadByThoseThatNeedIt() throws {
        let read = try ["gptq", "awq", "weighted-rtn", "baq", "awq+lq-lora"].map {
            try CompressionPipeline(parsing: $0).readsText
        }
        #expect(read == [true, true, true, true, true])
        #expect(try !CompressionPipeline(parsing: "rotation").readsText)
        #expect(try !CompressionPipeline(parsing: "rotation+lq-lora").readsText)
        #expect(!CompressionPipeline().readsText)
    }

    private func text(_ model: LanguageModel) -> CalibrationText {
        CalibrationText(
            sequences: (0..<4).map { row in
                (0..<24).map { Int32((row * 131 + $0 * $0 * 17) % model.spec.vocabularySize) }
            })
    }

    /// What is written of a rewritten model is the rewritten model.
    @Test(arguments: ["rotation", "awq", "rotation+awq+gptq"], ["smollm2", "llama2", "qwen3"])
    func rewrittenModelsAreWrittenAndRead(steps: String, name: String) throws {
        let scratch = try ConversionScratch()
        let model = try modelFixture(name)
        let recipe = CompressionRecipe(
            body: WeightScheme(
                format: IntegerFormat(bits: 8, symmetric: true), granularity: .group(16)),
            embedding: nil)
        let pipeline = try CompressionPipeline(parsing: steps)
        let calibration = pipeline.readsText ? text(model) : nil
        let rewritten = try pipeline.transformed(
            model, recipe: recipe, calibration: calibration, pool: Self.pool)
        #expect(rewritten.isRewritten)
        #expect(rewritten.spec == pipeline.spec(of: model.spec))
        guard case .codes(let method) = pipeline.engine else {
            Issue.record("\(steps) finds codes")
            return
        }
        let compressed = try CompressedModel(
            rewritten, recipe: recipe, method: method,
            calibration: method.inputDetail == .none ? nil : calibration, pool: Self.pool)
        let folder = scratch.file("out")
        try ModelFolderWriter(compressed).write(to: folder, replaces: false)
        let read = try LanguageModel(path: folder)
        #expect(read.spec == rewritten.spec)
        let tokens: [Int32] = [1, 5, 9, 2]
        let (before, after) = (
            try logits(of: model, after: tokens), try logits(of: read, after: tokens)
        )
        #expect(before.count == after.count)
        let square = before.reduce(0) { $0 + $1 * $1 }
        let change = zip(before, after).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        // Eight bits move a weight by 1/250 of a group's largest at most, 1/435 in the mean square; a
        // few layers add up, and what stays float is stored in 16 bits. A model put together wrongly
        // is off by its whole size.
        #expect(change < 0.001 * square, "\(change) of \(square)")
    }
}
