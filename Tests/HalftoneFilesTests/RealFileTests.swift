import Foundation
import HalftoneFiles
import HalftoneKernels
import Testing

/// Folders and files that other programs wrote.
struct RealFileTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/Models").path

    private static let folders =
        ((try? FileManager.default.contentsOfDirectory(atPath: fixtures)) ?? []).sorted()

    private static let modelsFolder = ProcessInfo.processInfo.environment["HALFTONE_MODELS"]

    private static let models: [String] = {
        guard let modelsFolder else { return [] }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: modelsFolder)) ?? []
        return names.filter { $0.hasSuffix(".gguf") || $0.hasSuffix(".safetensors") }.sorted()
            .map { modelsFolder + "/" + $0 }
    }()

    @Test(arguments: folders)
    func fixtureFoldersOpen(name: String) throws {
        let model = try openModelFile(Self.fixtures + "/" + name)
        guard case .folder(let folder, let weights) = model else {
            Issue.record("\(name) was not taken as a folder")
            return
        }
        #expect(folder.config["model_type"]?.string?.isEmpty == false)
        #expect(weights.tensors.count > 3 && weights.warnings == [])
        #expect(weights.files.count == (name == "llama2" ? 2 : 1))
        for tensor in weights.tensors {
            let count = try CheckedShape(tensor.shape).byteCount(tensor.encoding)
            #expect(tensor.bytes.count == count)
        }
        let expected = try SafetensorsFile(
            contentsOf: Self.fixtures + "/" + name + "/expected.safetensors")
        #expect(expected.tensors.count > 0)
    }

    @Test(
        .enabled(if: !models.isEmpty, "needs model files (set HALFTONE_MODELS to their folder)"),
        arguments: models)
    func modelFilesOpen(path: String) throws {
        let model = try openModelFile(path)
        #expect(model.archive.tensors.count > 0)
        guard case .gguf(let file) = model else { return }
        #expect(file.metadata["general.architecture"]?.string != nil)
        #expect(file.trailingByteCount == 0)
        let tokens = try #require(file.metadata["tokenizer.ggml.tokens"]?.strings)
        let embedding = try #require(file.tensor(named: "token_embd.weight"))
        #expect(embedding.shape.count == 2 && embedding.shape[0] >= tokens.count)
        #expect(tokens.allSatisfy { $0.utf8.count < 1000 })
    }
}
