import Foundation
import HalftoneCompression
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import Testing

/// Folders whose packed matrices lie in panels: written, mapped, run, and damaged.
struct PanelFolderTests {
    private static let pool = WorkerPool(threads: 2)

    private func logits(_ weights: DecoderWeights, _ activations: Activations) throws -> [Float] {
        let decoder = Decoder(weights, pool: Self.pool, activations: activations)
        let state = decoder.makeState()
        var output: [Float] = []
        for token in 0..<4 {
            output += try decoder.logits(after: [Int32(token * 11 + 3)], state: state)
        }
        output += try decoder.logits(after: (0..<20).map { $0 * 3 + 1 }, state: state)
        return output
    }

    @Test(
        arguments: ["llama2", "gemma3", "gpt2", "gpt_neox", "phi3", "qwen3", "smollm2"],
        [2, 4, 5])
    func aFolderOfPanelsRunsAsTheModelInMemory(name: String, bits: Int) throws {
        let original = try modelFixture(name)
        var recipe = CompressionRecipe(bits: bits, group: .group(32))
        let scales: [Int: ScaleFormat] = [2: .unsignedFloat8, 4: .float8]
        recipe.body.scaleFormat = scales[bits] ?? .float16
        let compressed = try CompressedModel(original, recipe: recipe, pool: Self.pool)
        try withWrittenFolder(compressed, order: .panels) { path in
            let again = try LanguageModel(path: path)
            #expect(again.packing?.entries.values.allSatisfy { $0.layout == .panels } == true)
            // The same bytes in the same order.
            #expect(
                try logits(again.weights, .int8) == logits(compressed.weights, .int8))
            // The same values in another order of float32 sums: a few ulp per layer.
            let found = try logits(again.weights, .float32)
            let expected = try logits(compressed.weights, .float32)
            let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
            let size = expected.map(\.magnitude).max() ?? 0
            #expect(worst <= 2e-5 * max(size, 1), "off by \(worst) of \(size)")

            let archive = try SafetensorsFile(contentsOf: path + "/model.safetensors")
            let panels = archive.tensors.filter { $0.name.hasSuffix(".panels") }
            #expect(panels.count == compressed.quantized.count)
            let file = try Data(contentsOf: URL(filePath: path + "/model.safetensors"))
            let header = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            #expect((8 + header) % 64 == 0, "the data begin at a multiple of 64")
            #expect(panels.allSatisfy { $0.bytes.count % 64 == 0 })
            #expect(archive.tensors.prefix(panels.count).map(\.name) == panels.map(\.name))

            let factors = archive.tensors.filter { $0.name.hasSuffix(PackedManifest.Suffix.factor) }
            #expect(factors.isEmpty == (bits == 5))
            let bytes = (panels + factors).reduce(0) { $0 + $1.bytes.count }
            #expect(try ModelFolderWriter(compressed, order: .panels).packedByteCount() == bytes)
            #expect(
                CompressedSize(of: original.spec, recipe: compressed.recipe, order: .panels)
                    .packedByteCount == bytes)
            let inspected = compressed.quantized.keys.reduce(0) {
                $0 + again.weights.matrix($1).byteCount
            }
            #expect(inspected == bytes)
        }
    }

    @Test func aFolderOfPanelsBecomesAFolderOfFloats() throws {
        let compressed = try CompressedModel(
            try modelFixture("llama3"), recipe: CompressionRecipe(bits: 4, group: .group(32)),
            pool: Self.pool)
        try withWrittenFolder(compressed, order: .panels) { path in
            let again = try LanguageModel(path: path)
            let half = path + "-half"
            defer { try? FileManager.default.removeItem(atPath: half) }
            try ModelFolderWriter(again, matrixType: .float32).write(to: half, replaces: false)
            let float = try LanguageModel(path: half)
            for (role, packed) in compressed.quantized {
                #expect(float.weights.matrix(role).decoded() == packed.matrix.decoded())
            }
            // GGUF has queries and keys in another order of rows.
            for (role, packed) in compressed.quantized {
                let order = Array((0..<packed.rows).reversed()) + [0]
                #expect(
                    again.weights.matrix(role).gatheringRows(order).decoded()
                        == packed.matrix.gatheringRows(order).decoded())
            }
        }
    }

    /// Panels only where they cost little.
    @Test func automaticOrderWeighsBytes() throws {
        func scheme(_ format: String, _ group: Granularity, _ scale: ScaleFormat) throws
            -> WeightScheme
        {
            WeightScheme(
                format: try #require(IntegerFormat(named: format)), granularity: group,
                scaleFormat: scale)
        }
        func isInPanels(
            _ format: String, _ group: Granularity = .group(64), _ scale: ScaleFormat = .float16,
            rows: Int = 64, columns: Int = 2048
        ) throws -> Bool {
            try scheme(format, group, scale).panels(.automatic, rows: rows, columns: columns)
                != nil
        }
        #expect(try isInPanels("int4"))
        #expect(try isInPanels("uint4"))
        #expect(try isInPanels("uint3") && isInPanels("uint2"))
        #expect(try !isInPanels("uint1") && !isInPanels("uint2", .group(32)))
        #expect(try isInPanels("int4", .group(64), .float8))
        #expect(try isInPanels("uint2", .group(32), .unsignedFloat8, rows: 576, columns: 576))
        #expect(try !isInPanels("int4", .group(24)))
        // One row of sixteen, one column of 32.
        #expect(try !isInPanels("int4", rows: 65))
        #expect(try isInPanels("int4", rows: 1025))
        let uint4 = try scheme("uint4", .group(64), .float16)
        #expect(
            uint4.byteCount(.panels, rows: 64, columns: 2048)
                == uint4.byteCount(rows: 64, columns: 2048))
    }

    @Test func aFactorOfScalesIsANumber() throws {
        var recipe = CompressionRecipe(bits: 4, group: .group(32))
        recipe.body.scaleFormat = .float8
        let compressed = try CompressedModel(
            try modelFixture("llama2"), recipe: recipe, pool: Self.pool)
        try withWrittenFolder(compressed, order: .panels) { path in
            let url = URL(filePath: path + "/model.safetensors")
            var bytes = try Data(contentsOf: url)
            let length = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            let header = try #require(
                JSONSerialization.jsonObject(with: bytes[8..<8 + length]) as? [String: Any])
            let entry = try #require(
                header.first { $0.key.hasSuffix(PackedManifest.Suffix.factor) }?.value
                    as? [String: Any])
            let begin = 8 + length + (try #require(entry["data_offsets"] as? [Int]))[0]
            _ = try LanguageModel(path: path)
            bytes[begin + 2] = 0x80
            bytes[begin + 3] = 0x7F  // infinite
            try bytes.write(to: url)
            #expect(throws: ModelError.self) { try LanguageModel(path: path) }
        }
    }

    @Test func damagedFoldersAreRefused() throws {
        let compressed = try CompressedModel(
            try modelFixture("llama2"), recipe: CompressionRecipe(bits: 4, group: .group(32)),
            pool: Self.pool)
        try withWrittenFolder(compressed, order: .panels) { path in
            let url = URL(filePath: path + "/config.json")
            let text = try String(contentsOf: url, encoding: .utf8)
            func refuses(_ old: String, _ new: String) throws {
                #expect(text.contains(old))
                try text.replacingOccurrences(of: old, with: new).write(
                    to: url, atomically: true, encoding: .utf8)
                #expect(throws: ModelError.self, "\(new)") { try LanguageModel(path: path) }
            }
            try refuses("panels-1", "panels-9")
            try refuses("\"panels-1\"", "7")
            try refuses("\"version\": 2", "\"version\": 4")
            try refuses("uint4", "uint5")
            try refuses("\"group\": \"32\"", "\"group\": \"24\"")
            try refuses("\"scale\": \"f16\"", "\"scale\": \"f8\"")
            try text.write(to: url, atomically: true, encoding: .utf8)

            // Any other bytes run, to whatever numbers.
            let file = URL(filePath: path + "/model.safetensors")
            var bytes = try Data(contentsOf: file)
            let header = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
            let panels = compressed.quantized.count * 64
            var state: UInt64 = 7
            for index in (8 + header)..<(8 + header + panels) {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes[index] = UInt8(truncatingIfNeeded: state >> 56)
            }
            try bytes.write(to: file)
            let model = try LanguageModel(path: path)
            for activations in Activations.allCases {
                #expect(try logits(model.weights, activations).isEmpty == false)
            }
        }
    }
}
