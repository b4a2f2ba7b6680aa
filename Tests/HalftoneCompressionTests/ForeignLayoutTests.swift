import Foundation
import HalftoneCheckpoints
import HalftoneCompression
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import Testing

/// Models written in layouts of other programs, and models that those packed.
struct ForeignLayoutTests {
    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures")

    private static let pool = WorkerPool(threads: 2)

    private func fixture(_ name: String) throws -> LanguageModel {
        try LanguageModel(path: Self.fixtures.appending(path: name).path(percentEncoded: false))
    }

    private func logits(_ weights: DecoderWeights) throws -> [Float] {
        let decoder = Decoder(weights, pool: Self.pool)
        let state = decoder.makeState()
        var output = try decoder.logits(after: [5], state: state)
        output += try decoder.logits(after: (0..<12).map { $0 * 3 + 1 }, state: state)
        return output
    }

    private func temporaryPath() -> String {
        FileManager.default.temporaryDirectory
            .appending(path: "halftone-foreign-\(UUID().uuidString)").path(percentEncoded: false)
    }

    private func compressed(
        _ name: String, symmetric: Bool = true, group: Granularity = .group(32)
    ) throws -> CompressedModel {
        let scheme = WeightScheme(
            format: IntegerFormat(bits: 4, symmetric: symmetric), granularity: group)
        return try CompressedModel(
            fixture("Models/" + name), recipe: CompressionRecipe(body: scheme, embedding: nil),
            pool: Self.pool)
    }

    /// Llama, a fused layer whose rows change places, and weights stored `[in, out]`.
    @Test(
        arguments: ["llama2", "gpt_neox", "gpt2"],
        [ExportLayout.compressedTensors, .gptq, .gptq2])
    func aFolderReadsBackAsItWas(name: String, layout: ExportLayout) throws {
        let compressed = try compressed(name, symmetric: layout != .gptq2)
        let writer = ModelFolderWriter(compressed, layout: layout)
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        if name == "gpt2", layout == .compressedTensors {
            #expect(throws: CheckpointError.self) { try writer.write(to: path, replaces: false) }
            #expect(!FileManager.default.fileExists(atPath: path))
            return
        }
        let predicted = try writer.weightFileByteCount()
        try writer.write(to: path, replaces: false)
        let size =
            try FileManager.default.attributesOfItem(
                atPath: path + "/model.safetensors")[.size] as? Int
        #expect(size == predicted)
        let again = try LanguageModel(path: path)
        #expect(again.foreignLayout != nil && again.packing == nil)
        #expect(try logits(again.weights) == logits(compressed.weights))
        // What was predicted of packed matrices is what they say they take.
        let packed = compressed.quantized.keys.reduce(0) {
            $0 + again.weights.matrix($1).byteCount
        }
        #expect(try writer.packedByteCount() == packed || name == "gpt_neox")
    }

    @Test func embeddingsStayFloat() throws {
        let scheme = WeightScheme(format: IntegerFormat(bits: 4, symmetric: true))
        let compressed = try CompressedModel(
            fixture("Models/llama2"), recipe: CompressionRecipe(body: scheme, embedding: scheme),
            pool: Self.pool)
        let writer = ModelFolderWriter(compressed, layout: .gptq)
        #expect(throws: CheckpointError.self) { try writer.weightFileByteCount() }
    }

    @Test func aSchemeWithoutAPlaceIsRefused() throws {
        let compressed = try compressed("llama2", group: .tensor)
        #expect(throws: CheckpointError.self) {
            try ModelFolderWriter(compressed, layout: .compressedTensors).weightFileByteCount()
        }
    }

    /// What another program packed, written as floats: codes are not copied under the name of the
    /// weight, and the settings do not stay.
    @Test(arguments: ["gptq", "awq", "compressed-tensors", "bitsandbytes", "mlx"])
    func packedModelsBecomeFloat(name: String) throws {
        let model = try fixture("Checkpoints/" + name)
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try ModelFolderWriter(model, matrixType: .float32).write(to: path, replaces: false)
        let again = try LanguageModel(path: path)
        #expect(again.foreignLayout == nil && again.packing == nil)
        for slot in model.spec.slots where slot.shape.count == 2 {
            #expect(
                again.weights.matrix(slot.role).decoded()
                    == model.weights.matrix(slot.role).decoded(), "\(slot.role)")
        }
    }
}
