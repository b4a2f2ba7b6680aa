import Foundation
import HalftoneCompression
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import Testing

/// Small random models, compressed, written, read back and run.
struct CompressionTests {
    private static let pool = WorkerPool(threads: 2)

    private func logits(_ weights: DecoderWeights) throws -> [Float] {
        let decoder = Decoder(weights, pool: Self.pool)
        let state = decoder.makeState()
        var output: [Float] = []
        // One token at a time goes through the packed products, a batch through decoded tiles.
        for token in 0..<6 {
            output += try decoder.logits(after: [Int32(token * 11 + 3)], state: state)
        }
        output += try decoder.logits(after: (0..<20).map { $0 * 3 + 1 }, state: state)
        return output
    }

    /// A model whose packed matrices are replaced by the floats that they stand for.
    private func simulated(_ compressed: CompressedModel) throws -> DecoderWeights {
        var weights = compressed.weights
        for role in compressed.quantized.keys {
            let matrix = compressed.weights.matrix(role)
            let values = matrix.decoded()
            let bytes = Bytes(
                values.flatMap { value in
                    (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
                })
            weights.replace(
                role,
                with: try BlockMatrix(
                    type: .f32, rows: matrix.rows, columns: matrix.columns, bytes: bytes))
        }
        return weights
    }

    private func temporaryPath(_ name: String) -> String {
        FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID().uuidString)-\(name)").path(percentEncoded: false)
    }

    @Test(
        arguments: 1...8,
        [Granularity.group(16), .group(24), .group(32), .group(48), .channel, .tensor])
    func packedEqualsSimulated(bits: Int, granularity: Granularity) throws {
        let original = try modelFixture("smollm2")
        for symmetric in [true, false] {
            let scheme = WeightScheme(
                format: IntegerFormat(bits: bits, symmetric: symmetric), granularity: granularity,
                scaleFormat: .float16, search: .leastError)
            let compressed = try CompressedModel(
                original, recipe: CompressionRecipe(body: scheme, embedding: scheme),
                pool: Self.pool)
            let packed = try logits(compressed.weights)
            let float = try logits(try simulated(compressed))
            let worst = zip(packed, float).map { abs($0 - $1) }.max() ?? .infinity
            let size = float.map(\.magnitude).max() ?? 0
            // Both sum the same float32 products in another order: a few ulp per layer.
            #expect(worst <= 2e-5 * max(size, 1), "\(scheme): off by \(worst) of \(size)")
        }
    }

    @Test(arguments: [
        "llama2", "gemma3", "gpt2", "gpt_neox", "phi3", "qwen2", "qwen3", "smollm2",
    ])
    func aFolderReadsBackAsItWas(name: String) throws {
        let original = try modelFixture(name)
        let compressed = try CompressedModel(
            original, recipe: CompressionRecipe(bits: 3, group: .group(32)), pool: Self.pool)
        let path = temporaryPath(name)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let writer = ModelFolderWriter(compressed, order: .rows)
        let predicted = try writer.weightFileByteCount()
        try writer.write(to: path, replaces: false)
        let file = path + "/model.safetensors"
        let size = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int
        #expect(size == predicted)
        let again = try LanguageModel(path: path)
        #expect(try logits(again.weights) == logits(compressed.weights))
        #expect(again.packing?.entries.count == compressed.quantized.count)
        #expect(throws: CompressionError.self) { try writer.write(to: path, replaces: false) }
        try writer.write(to: path, replaces: true)
    }

    @Test(arguments: ScaleFormat.allCases)
    func sizesArePredicted(scaleFormat: ScaleFormat) throws {
        let original = try modelFixture("llama2")
        let scheme = WeightScheme(
            format: IntegerFormat(bits: 5, symmetric: false), granularity: .group(48),
            scaleFormat: scaleFormat)
        let recipe = CompressionRecipe(body: scheme, embedding: scheme)
        let compressed = try CompressedModel(original, recipe: recipe, pool: Self.pool)
        let bytes = compressed.quantized.values.reduce(0) { $0 + $1.byteCount }
        #expect(compressed.size.packedByteCount == bytes)
        #expect(CompressedSize(of: original.spec, recipe: recipe) == compressed.size)
    }

    @Test func formatsWithoutACounterpartAreRefusedInGGUF() throws {
        let compressed = try CompressedModel(
            try modelFixture("smollm2"), recipe: CompressionRecipe(bits: 3), pool: Self.pool)
        #expect(throws: CompressionError.self) { try GGUFExport(compressed) }
    }

    @Test(arguments: [4, 5, 8])
    func exactCounterpartsInGGUFGiveTheSameLogits(bits: Int) throws {
        let scheme = WeightScheme(
            format: IntegerFormat(bits: bits, symmetric: true), granularity: .group(32),
            scaleFormat: .float16)
        let compressed = try CompressedModel(
            try modelFixture("llama3"), recipe: CompressionRecipe(body: scheme, embedding: scheme),
            pool: Self.pool)
        let path = temporaryPath("model.gguf")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let export = try GGUFExport(compressed)
        try export.write(to: path, replaces: false)
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        #expect(try size == export.fileByteCount())
        let again = try LanguageModel(path: path)
        let expected = try logits(compressed.weights)
        let worst = zip(try logits(again.weights), expected).map { abs($0 - $1) }.max()
        #expect(try #require(worst) < 1e-4)
    }
}
