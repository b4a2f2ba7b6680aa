import Foundation
import HalftoneCompression
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import HalftoneRuntime
import Testing

/// Statistics of a float model that are kept on disk.
@Suite struct CalibrationStatisticsTests {
    private static let pool = WorkerPool(threads: 2)

    private func text(_ model: LanguageModel) -> CalibrationText {
        CalibrationText(
            sequences: (0..<6).map { row in
                (0..<20).map { Int32((row * 131 + $0 * $0 * 17) % model.spec.vocabularySize) }
            })
    }

    @Test(arguments: ["smollm2", "gpt2", "phi3"])
    func whatIsKeptIsWhatThePassSees(name: String) throws {
        let model = try modelFixture(name)
        let scratch = try ConversionScratch()
        let statistics = try CalibrationStatistics(
            collecting: scratch.file("moments"), of: model, text: text(model), pool: Self.pool)
        let pass = try CalibrationPass(
            model.weights, text(model), detail: .gram, pool: Self.pool)
        for _ in model.spec.blocks {
            try pass.nextBlock { _, roles, inputs throws(any Error) in
                for role in roles {
                    let kept = try #require(try statistics.inputs(of: role, in: model.spec))
                    #expect(kept.tokenCount == inputs.tokenCount && kept.width == inputs.width)
                    #expect(kept.features == inputs.features, "\(role)")
                    #expect(kept.gram?.symmetric() == inputs.gram?.symmetric(), "\(role)")
                }
                return [:]
            }
        }
        #expect(try statistics.inputs(of: Role(.embedding), in: model.spec) == nil)
    }

    /// What reads the embeddings is quantized for the same inputs either way.
    @Test func compressionsTakeThem() throws {
        let model = try modelFixture("smollm2")
        let scratch = try ConversionScratch()
        let path = scratch.file("moments")
        _ = try CalibrationStatistics(
            collecting: path, of: model, text: text(model), pool: Self.pool)
        #expect(CalibrationStatistics.exist(at: path))
        #expect(!CalibrationStatistics.exist(at: scratch.file("nothing")))
        let statistics = try CalibrationStatistics(contentsOf: path, of: model)
        var recipe = CompressionRecipe(bits: 3, group: .group(16))
        recipe.embedding = nil
        let read = try CompressedModel(
            model, recipe: recipe, method: GPTQ(), calibration: text(model), pool: Self.pool)
        let kept = try CompressedModel(model, recipe: recipe, method: GPTQ(), pool: Self.pool) {
            try statistics.inputs(of: $0, in: model.spec)
        }
        #expect(kept.quantized.keys == read.quantized.keys)
        func codes(_ model: CompressedModel, _ role: Role) -> [UInt8]? {
            model.quantized[role]?.parts.codes.array
        }
        let (first, later) = (Role(.query, block: 0), Role(.down, block: 1))
        #expect(codes(kept, first) == codes(read, first))
        #expect(codes(kept, later) != codes(read, later))
        #expect(throws: CompressionError.self) {
            try CalibrationStatistics(contentsOf: path, of: try modelFixture("llama3"))
        }
    }

    @Test func collectingGoesOn() throws {
        let model = try modelFixture("smollm2")
        let scratch = try ConversionScratch()
        let path = scratch.file("moments")
        func collect(_ text: CalibrationText) throws -> CalibrationStatistics {
            try CalibrationStatistics(collecting: path, of: model, text: text, pool: Self.pool)
        }
        func bytes() throws -> Data {
            try Data(
                contentsOf: URL(filePath: path + "/units/done/block%201/statistics.safetensors"))
        }
        _ = try collect(text(model))
        let before = try bytes()
        // As a job leaves it that was killed in its last block.
        try FileManager.default.removeItem(atPath: path + "/units/done/block%201")
        try FileManager.default.createDirectory(
            atPath: path + "/units/pending/block%201", withIntermediateDirectories: false)
        #expect(throws: CompressionError.self) {
            try CalibrationStatistics(contentsOf: path, of: model)
        }
        _ = try collect(text(model))
        #expect(try bytes() == before)
        #expect(throws: RunError.self) { try collect(CalibrationText(sequences: [[1, 2]])) }
    }
}
