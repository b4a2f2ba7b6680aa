import Foundation
import HalftoneCheckpoints
import HalftoneFiles
import HalftoneKernels
import HalftoneModels
import HalftoneRuntime
import Testing

/// Tiny models that other programs packed, held to the logits of transformers in float32 with the
/// weights that those programs read in them.
///
/// Made by `Tests/Reference/packed_checkpoints.py models`.
struct PackedCheckpointTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Fixtures/Checkpoints")

    private static let names = ["gptq", "awq", "compressed-tensors", "bitsandbytes", "mlx"]

    private func worst(_ first: [Float], _ second: [Float]) -> Float {
        first.count == second.count
            ? zip(first, second).map { abs($0 - $1) }.max() ?? .infinity : .infinity
    }

    @Test(arguments: names)
    func logitsEqualThoseOfTransformers(name: String) throws {
        let folder = Self.root.appending(path: name)
        let model = try LanguageModel(path: folder.path())
        let layout = try #require(model.foreignLayout)
        #expect(layout.summary.hasPrefix(name))
        let expected = try SafetensorsFile(
            contentsOf: folder.appending(path: "expected.safetensors").path())
        let ids = try #require(expected.tensor(named: "input_ids"))
        let logits = try #require(expected.tensor(named: "logits")).floats()
        let tokens = (0..<ids.elementCount).map {
            Int32(ids.bytes.load(Int64.self, at: $0 * 8))
        }
        let decoder = Decoder(model.weights, pool: WorkerPool(threads: 1))
        let size = decoder.spec.vocabularySize
        // Once with products of many tokens, once with those of one.
        for together in [true, false] {
            var found = [Float](repeating: .nan, count: logits.count)
            let state = decoder.makeState()
            if together {
                try decoder.read(tokens, state: state) { hidden, rows in
                    decoder.logits(of: hidden, from: 0, count: rows, into: &found)
                }
            } else {
                for (index, token) in tokens.enumerated() {
                    let row = try decoder.logits(after: [token], state: state)
                    found.replaceSubrange(index * size..<(index + 1) * size, with: row)
                }
            }
            // As for float models: float32 sums differ by less than 1e-4 here, and a wrong code,
            // scale or order moves logits by more than 1e-2.
            #expect(worst(found, logits) < 1e-4, "together: \(together)")
        }
    }

    /// Everything of a folder is used, and its bytes are those of the file.
    @Test(arguments: names)
    func bytesAreThoseOfTheFile(name: String) throws {
        let folder = Self.root.appending(path: name)
        let model = try LanguageModel(path: folder.path())
        let file = try SafetensorsCheckpoint(contentsOf: folder.path())
        // Vectors count as float32 in a model, and have 16 bits in the file.
        let vectors = model.spec.slots.filter { $0.shape.count == 1 }
            .reduce(0) { $0 + 2 * $1.shape[0] }
        #expect(model.weights.byteCount - vectors == file.tensorByteCount)
    }

    @Test func missingPartsAreNamed() throws {
        let folder = NSTemporaryDirectory() + "halftone-packed-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let source = Self.root.appending(path: "gptq")
        var writer = SafetensorsWriter()
        for tensor in try SafetensorsCheckpoint(contentsOf: source.path()).tensors
        where tensor.name != "model.layers.0.mlp.up_proj.scales" {
            try writer.add(TensorSource(tensor))
        }
        try writer.write(to: folder + "/model.safetensors")
        try FileManager.default.copyItem(
            atPath: source.appending(path: "config.json").path(), toPath: folder + "/config.json")
        #expect(
            throws: ModelError.checkpoint(
                .missingTensor("model.layers.0.mlp.up_proj.scales"))
        ) { try LanguageModel(path: folder) }
    }
}
