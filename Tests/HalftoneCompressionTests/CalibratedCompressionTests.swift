import Foundation
import HalftoneCompression
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import HalftoneRuntime
import Synchronization
import Testing

/// Models quantized for the inputs that a text gives their layers.
struct CalibratedCompressionTests {
    private static let pool = WorkerPool(threads: 2)

    private func sequences(_ model: LanguageModel, seed: Int) -> [[Int32]] {
        (0..<12).map { row in
            (0..<24).map { Int32((row * 131 + $0 * $0 * 17 + seed) % model.spec.vocabularySize) }
        }
    }

    private func hidden(_ weights: DecoderWeights, _ tokens: [[Int32]]) throws -> [Float] {
        let run = try StagedRun(weights, sequences: tokens, pool: Self.pool)
        for _ in weights.spec.blocks { run.run() }
        return tokens.indices.flatMap { run.hidden(ofSequence: $0) }
    }

    private func distance(_ first: [Float], _ second: [Float]) -> Double {
        precondition(first.count == second.count, "as many numbers")
        return zip(first, second).reduce(0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
    }

    @Test(arguments: ["smollm2", "gemma3", "gpt2", "gpt_neox", "phi3", "qwen2"])
    func compensationKeepsHiddenStates(name: String) throws {
        let model = try modelFixture(name)
        let recipe = CompressionRecipe(
            body: WeightScheme(
                format: IntegerFormat(bits: 3, symmetric: false), granularity: .group(32)),
            embedding: nil)
        let text = CalibrationText(sequences: sequences(model, seed: 1))
        let plain = try CompressedModel(model, recipe: recipe, pool: Self.pool)
        let compensated = try CompressedModel(
            model, recipe: recipe, method: GPTQ(), calibration: text, pool: Self.pool)
        #expect(compensated.quantized.keys == plain.quantized.keys)
        #expect(compensated.size == plain.size)
        let expected = try hidden(model.weights, text.sequences)
        let without = distance(try hidden(plain.weights, text.sequences), expected)
        let with = distance(try hidden(compensated.weights, text.sequences), expected)
        #expect(with < 0.9 * without, "\(with) against \(without)")
    }

    /// As many threads, the same bits, whoever takes which piece.
    @Test func againGivesTheSame() throws {
        let model = try modelFixture("llama3")
        let recipe = CompressionRecipe(bits: 3, group: .group(16))
        let text = CalibrationText(sequences: sequences(model, seed: 2))
        let runs = try (0..<2).map { _ in
            try CompressedModel(
                model, recipe: recipe, method: GPTQ(), calibration: text,
                pool: WorkerPool(threads: 3))
        }
        for (role, matrix) in runs[0].quantized {
            let other = try #require(runs[1].quantized[role])
            #expect(matrix.parts.codes.array == other.parts.codes.array, "\(role)")
            #expect(matrix.parts.scales.array == other.parts.scales.array, "\(role)")
            #expect(matrix.parts.zeroPoints?.array == other.parts.zeroPoints?.array, "\(role)")
        }
    }

    @Test func needsAText() throws {
        let model = try modelFixture("llama2")
        #expect(throws: CompressionError.noCalibration) {
            try CompressedModel(
                model, recipe: CompressionRecipe(bits: 4), method: GPTQ(), pool: Self.pool)
        }
        let outside = CalibrationText(sequences: [[Int32(model.spec.vocabularySize)]])
        #expect(throws: CompressionError.self) {
            try CompressedModel(
                model, recipe: CompressionRecipe(bits: 4), method: GPTQ(), calibration: outside,
                pool: Self.pool)
        }
    }

    /// A job that is broken off goes on behind the last whole block, to the same bytes.
    @Test(arguments: [0, 4, 9])
    func goesOnWhereItStopped(matrices: Int) throws {
        let model = try modelFixture("llama3")
        let recipe = CompressionRecipe(bits: 3, group: .group(16))
        let text = CalibrationText(sequences: sequences(model, seed: 3))
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID().uuidString).run").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        func journal(_ text: CalibrationText) throws -> CompressionJournal {
            try CompressionJournal(
                at: path, model: model, recipe: recipe, method: "gptq", calibration: text,
                threads: 2)
        }
        func compress(
            _ method: any WeightMethod, _ journal: CompressionJournal?
        ) throws -> CompressedModel {
            try CompressedModel(
                model, recipe: recipe, method: method, calibration: text, journal: journal,
                pool: Self.pool)
        }
        let whole = try compress(GPTQ(), nil)
        #expect(throws: CompressionError.self) {
            try compress(BreaksOff(after: matrices + 1), try journal(text))
        }
        let finished = try journal(text).finishedBlocks
        // The embedding comes first, then seven matrices of each block.
        #expect(finished == matrices / 7)
        #expect(throws: RunError.self) {
            try journal(CalibrationText(sequences: [[1, 2]]))
        }
        let counting = BreaksOff(after: .max)
        let resumed = try compress(counting, try journal(text))
        #expect(counting.count == whole.quantized.count - 7 * finished)
        #expect(resumed.quantized.count == whole.quantized.count)
        for (role, matrix) in whole.quantized {
            let other = try #require(resumed.quantized[role])
            #expect(matrix.parts.codes.array == other.parts.codes.array, "\(role)")
            #expect(matrix.parts.scales.array == other.parts.scales.array, "\(role)")
            #expect(matrix.parts.zeroPoints?.array == other.parts.zeroPoints?.array, "\(role)")
        }
        try journal(text).remove()
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}

/// GPTQ that refuses to go on after a number of matrices.
private final class BreaksOff: WeightMethod {
    private let limit: Int
    private let done = Mutex(0)

    init(after limit: Int) { self.limit = limit }

    var count: Int { done.withLock { $0 } }
    var inputDetail: InputStatistics.Detail { .gram }

    func quantize(
        _ weight: any WeightMatrix, scheme: WeightScheme, inputs: InputStatistics?,
        pool: WorkerPool
    ) throws(QuantizationError) -> QuantizedTensor {
        let isOver = done.withLock { done in
            done += 1
            return done > limit
        }
        guard !isOver else { throw .badStatistics("no further") }
        return try GPTQ().quantize(weight, scheme: scheme, inputs: inputs, pool: pool)
    }
}
