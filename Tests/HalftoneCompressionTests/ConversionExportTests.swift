import Foundation
import HalftoneCompression
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import Testing

/// GGUF files of the model fixtures, read back by this package.
struct ConversionExportTests {
    private let tokens: [Int32] = [1, 17, 42, 3, 88, 5, 61, 90, 2, 33, 7, 12, 71, 54]

    /// Fixtures, and what to change in those whose settings GGUF has no keys for.
    private static let cases: [(name: String, changes: JSONObject)] = [
        ("llama2", [:]), ("llama3", [:]), ("llama-linear", [:]), ("llama-yarn", [:]),
        ("smollm2", [:]), ("mistral", [:]), ("qwen2", [:]), ("qwen3", [:]), ("phi3", [:]),
        ("gpt2", [:]), ("gpt_neox", [:]), ("gpt_neox-sequential", [:]),
        ("gemma2", ["query_pre_attn_scalar": 16]),
        (
            "gemma3",
            [
                "query_pre_attn_scalar": 16, "sliding_window_pattern": 6,
                "_sliding_window_pattern": 6, "layer_types": .null,
            ]
        ),
    ]

    private func export(_ path: String, _ type: BlockType, to output: String) throws {
        try GGUFExport(LanguageModel(path: path), type: type).write(to: output, replaces: false)
    }

    @Test(arguments: cases.indices)
    func theFileComputesWhatTheFolderDoes(index: Int) throws {
        let (name, changes) = Self.cases[index]
        let scratch = try ConversionScratch()
        let folder = try scratch.model(name, changes: changes)
        try export(folder, .f32, to: scratch.file("model.gguf"))
        let original = try LanguageModel(path: folder)
        let converted = try LanguageModel(path: scratch.file("model.gguf"))
        let expected = try logits(of: original, after: tokens)
        let found = try logits(of: converted, after: tokens)
        // The same floats in the same order of operations; only Llama 3's frequencies go through
        // float32 divisors: 2 ulp of an angle of at most 14 move logits of rms 8 by under 1e-4.
        #expect(worstDifference(expected, found) <= (name == "llama3" ? 1e-4 : 0), "\(name)")
        #expect(converted.spec.contextLength == original.spec.contextLength)
        #expect(converted.tokenizer == nil)
    }

    @Test(arguments: [
        ("gemma2", "factor on attention scores"), ("gemma3", "attention window"),
        ("llama-bias", "perceptron"), ("gemma3-rope-parameters", "attention window"),
    ])
    func whatGGUFCannotSayIsRefused(name: String, reason: String) throws {
        let scratch = try ConversionScratch()
        let changes: JSONObject = name.hasPrefix("gemma3") ? ["query_pre_attn_scalar": 16] : [:]
        let model = try LanguageModel(path: scratch.model(name, changes: changes))
        #expect {
            try GGUFExport(model, type: .f32)
        } throws: { error in
            guard case CompressionError.notRepresentable(let text) = error else { return false }
            return text.contains(reason)
        }
    }

    @Test func keysSayWhatTheConfigurationSays() throws {
        let scratch = try ConversionScratch()
        try export(scratch.model("llama3"), .q8_0, to: scratch.file("a.gguf"))
        let file = try GGUFFile(contentsOf: scratch.file("a.gguf"))
        let integers = [
            "llama.vocab_size": 128, "llama.context_length": 512, "llama.embedding_length": 64,
            "llama.block_count": 2, "llama.feed_forward_length": 64,
            "llama.attention.head_count": 4, "llama.attention.head_count_kv": 2,
            "llama.attention.key_length": 16, "llama.rope.dimension_count": 16,
            "general.file_type": 7, "general.quantization_version": 2,
        ]
        for (key, value) in integers { #expect(file.metadata[key]?.integer == value, "\(key)") }
        #expect(file.metadata["general.architecture"] == .string("llama"))
        #expect(file.metadata["llama.rope.freq_base"] == .float32(10_000))
        #expect(file.metadata["llama.attention.layer_norm_rms_epsilon"] == .float32(1e-5))
        #expect(file.metadata["tokenizer.ggml.model"] == .string("none"))
        #expect(file.tensor(named: "blk.1.attn_k.weight")?.encoding == .blocks(.q8_0))
        #expect(file.tensor(named: "blk.1.attn_norm.weight")?.encoding == .blocks(.f32))
        #expect(file.tensor(named: "output.weight") == nil)
        let divisors = try #require(file.tensor(named: "rope_freqs.weight")).floats()
        // Pair 0 turns 10.2 times in 64 tokens and stays; the last turns 0.003 times: factor 8.
        #expect(divisors.count == 8)
        #expect(divisors.first == 1)
        #expect(abs((divisors.last ?? 0) - 8) < 1e-5)
    }

    @Test func mistralIsLlamaWithoutAWindow() throws {
        let scratch = try ConversionScratch()
        let windowed = try scratch.model("mistral")
        try export(windowed, .f32, to: scratch.file("a.gguf"))
        let first = try GGUFFile(contentsOf: scratch.file("a.gguf")).metadata
        #expect(first["general.architecture"] == .string("mistral"))
        #expect(first["mistral.attention.sliding_window"] == .uint32(8))
        try FileManager.default.removeItem(atPath: windowed)
        try export(
            scratch.model("mistral", changes: ["sliding_window": .null]), .f32,
            to: scratch.file("b.gguf"))
        let second = try GGUFFile(contentsOf: scratch.file("b.gguf")).metadata
        #expect(second["general.architecture"] == .string("llama"))
    }

    @Test(arguments: [BlockType.f16, .bf16, .q8_0, .q4_0, .q4_1, .q5_0, .q5_1, .mxfp4, .tq1_0])
    func theSizeIsKnownBefore(type: BlockType) throws {
        let scratch = try ConversionScratch()
        let export = try GGUFExport(LanguageModel(path: scratch.model("llama2")), type: type)
        try export.write(to: scratch.file("a.gguf"), replaces: false)
        let data = try Data(contentsOf: URL(filePath: scratch.file("a.gguf")))
        #expect(try export.fileByteCount() == data.count)
    }

    @Test func typesThatDoNotFitFallBack() throws {
        let scratch = try ConversionScratch()
        let llama = try scratch.model("llama2")
        try export(llama, .tq1_0, to: scratch.file("a.gguf"))
        let first = try GGUFFile(contentsOf: scratch.file("a.gguf"))
        #expect(first.tensor(named: "blk.0.attn_q.weight")?.encoding == .blocks(.q4_0))
        #expect(first.metadata["general.file_type"] == .uint32(2))
        // Phi's fixture is 48 wide, which no block divides.
        try export(scratch.model("phi3"), .q8_0, to: scratch.file("b.gguf"))
        let second = try GGUFFile(contentsOf: scratch.file("b.gguf"))
        #expect(second.tensor(named: "blk.0.attn_qkv.weight")?.encoding == .blocks(.f16))
        let model = try LanguageModel(path: llama)
        #expect(throws: CompressionError.self) { try GGUFExport(model, type: .iq2_S) }
    }

    @Test func aFileIsCopiedBitForBit() throws {
        let scratch = try ConversionScratch()
        try export(scratch.model("llama3"), .q5_1, to: scratch.file("a.gguf"))
        try export(scratch.file("a.gguf"), .q5_1, to: scratch.file("b.gguf"))
        let first = try GGUFFile(contentsOf: scratch.file("a.gguf"))
        let second = try GGUFFile(contentsOf: scratch.file("b.gguf"))
        #expect(first.metadata == second.metadata)
        #expect(Set(first.tensorNames) == Set(second.tensorNames))
        for tensor in first.tensors {
            let copy = try #require(second.tensor(named: tensor.name))
            #expect(copy.encoding == tensor.encoding)
            #expect(copy.bytes.array == tensor.bytes.array, "\(tensor.name)")
        }
        let onItself = try GGUFExport(LanguageModel(path: scratch.file("a.gguf")), type: .q8_0)
        #expect(throws: CompressionError.self) {
            try onItself.write(to: scratch.file("a.gguf"), replaces: true)
        }
        #expect(throws: CompressionError.outputExists(scratch.file("b.gguf"))) {
            try onItself.write(to: scratch.file("b.gguf"), replaces: false)
        }
    }

    @Test(arguments: [4, 5, 8], [Granularity.group(32), .group(64), .channel, .tensor])
    func packedCodesKeepTheirValues(bits: Int, granularity: Granularity) throws {
        let scratch = try ConversionScratch()
        let scheme = WeightScheme(
            format: IntegerFormat(bits: bits, symmetric: true), granularity: granularity)
        let compressed = try CompressedModel(
            LanguageModel(path: scratch.model("llama3")),
            recipe: CompressionRecipe(body: scheme, embedding: bits == 8 ? nil : scheme),
            pool: WorkerPool(threads: 1))
        try GGUFExport(compressed).write(to: scratch.file("a.gguf"), replaces: false)
        let converted = try LanguageModel(path: scratch.file("a.gguf"))
        for (role, packed) in compressed.quantized {
            #expect(converted.weights.matrix(role).decoded() == packed.matrix.decoded(), "\(role)")
        }
        let embedding = converted.weights.matrix(Role(.embedding))
        #expect(embedding.formatName == (bits == 8 ? "F32" : "Q\(bits)_0"))
        #expect(converted.weights.matrix(Role(.up, block: 0)).formatName == "Q\(bits)_0")
    }

    @Test(arguments: [
        WeightScheme(format: IntegerFormat(bits: 4, symmetric: false)),
        WeightScheme(format: IntegerFormat(bits: 3, symmetric: true)),
        WeightScheme(format: IntegerFormat(bits: 4, symmetric: true), granularity: .group(16)),
        WeightScheme(format: IntegerFormat(bits: 4, symmetric: true), scaleFormat: .float32),
    ])
    func schemesWithoutACounterpartAreRefused(scheme: WeightScheme) throws {
        let scratch = try ConversionScratch()
        let compressed = try CompressedModel(
            LanguageModel(path: scratch.model("llama2")),
            recipe: CompressionRecipe(body: scheme, embedding: nil), pool: WorkerPool(threads: 1))
        #expect {
            try GGUFExport(compressed)
        } throws: { error in
            guard case CompressionError.notRepresentable(let text) = error else { return false }
            return text.contains("Q4_0")
        }
    }
}
