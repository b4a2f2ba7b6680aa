import Foundation
import HalftoneCompression
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import Testing

/// Importance matrices as llama.cpp writes them, read and used.
@Suite struct ImportanceMatrixTests {
    private func temporaryPath() -> String {
        FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID().uuidString).gguf").path(percentEncoded: false)
    }

    /// Writes sums of squares and counts.
    private func write(
        _ entries: [(name: String, sums: [Float], count: Float)], type: String = "imatrix",
        to path: String
    ) throws {
        var writer = GGUFWriter()
        writer.metadata["general.type"] = .string(type)
        for (name, sums, count) in entries {
            for (suffix, values) in [(".in_sum2", sums), (".counts", [count])] {
                try writer.add(
                    TensorSource(
                        name: name + suffix, shape: [1, values.count], encoding: .blocks(.f32)
                    ) { sink in
                        try sink.write(BlockCodec.encode(.f32, values, columns: values.count))
                    })
            }
        }
        try writer.write(to: path)
    }

    @Test func meanSquaresAreRead() throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try write([("a.weight", [2, 6, 0], 4), ("b.weight", [1, 1], 0)], to: path)
        let matrix = try ImportanceMatrix(contentsOf: path)
        // A matrix that no text passed has no importance.
        #expect(matrix.meanSquares == ["a.weight": [0.5, 1.5, 0]])
    }

    @Test func whatIsWrittenIsRead() throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let matrix = ImportanceMatrix(
            entries: [
                "blk.0.attn_q.weight": .init(squareSums: [1, 0, 3.5], count: 7),
                "blk.1.ffn_down.weight": .init(squareSums: [2], count: 1),
            ], datasets: ["a text.txt"], chunkCount: 3, chunkSize: 512)
        try matrix.write(to: path)
        #expect(try ImportanceMatrix(contentsOf: path) == matrix)
    }

    /// Bytes as `llama-imatrix` wrote them before it wrote GGUF: a mean times the number of calls.
    @Test func theOlderKindIsRead() throws {
        func word(_ value: Int32) -> [UInt8] {
            (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        func float(_ value: Float) -> [UInt8] { word(Int32(bitPattern: value.bitPattern)) }
        let name = Array("blk.0.attn_q.weight".utf8)
        let bytes =
            word(1) + word(Int32(name.count)) + name + word(4) + word(2) + float(2) + float(6)
            + word(9) + word(3) + Array("abc".utf8)
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(bytes).write(to: URL(filePath: path))
        let matrix = try ImportanceMatrix(contentsOf: path)
        #expect(matrix.meanSquares == ["blk.0.attn_q.weight": [0.5, 1.5]])
        #expect(matrix.chunkCount == 9 && matrix.datasets == ["abc"])
        // Every file that ends before the last float lacks something.
        for count in 0..<(bytes.count - 11) {
            try Data(bytes[..<count]).write(to: URL(filePath: path))
            #expect(throws: FileError.self) { try ImportanceMatrix(contentsOf: path) }
        }
        // No count of values makes the reader look behind the end, or take memory for it.
        for value in [Int32(-1), .max] {
            var changed = bytes
            changed.replaceSubrange(31..<35, with: word(value))
            try Data(changed).write(to: URL(filePath: path))
            #expect(throws: FileError.self) { try ImportanceMatrix(contentsOf: path) }
        }
    }

    @Test(arguments: ["smollm2", "gpt_neox", "phi3"])
    func whatLayersReadIsCollected(name: String) throws {
        let model = try modelFixture(name)
        let size = model.spec.vocabularySize
        let text = CalibrationText(
            sequences: (0..<3).map { row in (0..<20).map { Int32(($0 * $0 * 7 + row) % size) } })
        let pool = WorkerPool(threads: 2)
        let matrix = try ImportanceMatrix(model, text: text, dataset: "test", pool: pool)
        let statistics = try matrix.statistics(for: model)
        let linear = model.spec.slots.filter { $0.role.isLinear && $0.role.block != nil }
        #expect(Set(statistics.keys) == Set(linear.map(\.role)))
        let run = try StagedRun(model.weights, sequences: text.sequences, pool: pool)
        for (index, block) in model.spec.blocks.enumerated() {
            var sums: [BlockStage: [Double]] = [:]
            run.run { stage, inputs in
                var own = sums[stage] ?? [Double](repeating: 0, count: inputs.width)
                for (place, value) in inputs.values.enumerated() {
                    own[place % inputs.width] += Double(value) * Double(value)
                }
                sums[stage] = own
            } replacing: { _ in
                [:]
            }
            for (stage, sums) in sums {
                for part in stage.parts(of: block) {
                    let role = Role(part, block: index)
                    let found = try #require(statistics[role]).meanSquares
                    for (value, sum) in zip(found, sums) {
                        // 60 tokens; sums of float32 squares.
                        #expect(abs(Double(value) - sum / 60) <= 1e-5 * sum / 60, "\(role)")
                    }
                }
            }
        }
        #expect(throws: CompressionError.self) {
            try matrix.statistics(for: modelFixture("llama3"))
        }
    }

    @Test func whatIsNoImportanceIsRefused() throws {
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        for (sums, count) in [([-1, 2], 1), ([.nan, 2], 1), ([1, 2], -1)] as [([Float], Float)] {
            try write([("a.weight", sums, count)], to: path)
            #expect(throws: FileError(path: path, .badImportance(matrix: "a.weight"))) {
                try ImportanceMatrix(contentsOf: path)
            }
        }
        try write([], type: "model", to: path)
        #expect(throws: FileError(path: path, .noImportanceMatrix)) {
            try ImportanceMatrix(contentsOf: path)
        }
    }

    /// A feature that counts a thousand times as much as the others has the smaller error.
    @Test func exportsUseIt() throws {
        let model = try modelFixture("llama3")
        let slot = try #require(
            model.spec.slots.first { $0.shape.count == 2 && $0.role.part != .embedding })
        let columns = slot.shape[1]
        let paths = (0..<3).map { _ in temporaryPath() }
        defer { for path in paths { try? FileManager.default.removeItem(atPath: path) } }
        try GGUFExport(model, type: .q4_0).write(to: paths[0], replaces: false)
        let plain = try GGUFFile(contentsOf: paths[0])
        let role = try LanguageModel(path: paths[0])
        let name = role.architecture.gguf(slot.role, in: role.spec).names[0]
        let sums = (0..<columns).map { Float($0 % 8 == 0 ? 1000 : 1) }
        try write([(name, sums, 1)], to: paths[1])
        let importance = try ImportanceMatrix(contentsOf: paths[1])
        try GGUFExport(model, type: .q4_0, importance: importance)
            .write(to: paths[2], replaces: false)
        let weighted = try GGUFFile(contentsOf: paths[2])
        let wanted = model.weights.matrix(slot.role).decoded()
        func error(_ path: String) throws -> Double {
            let values = try LanguageModel(path: path).weights.matrix(slot.role).decoded()
            return zip(values, wanted).enumerated().reduce(0.0) {
                let distance = Double($1.element.0) - Double($1.element.1)
                return $0 + Double(sums[$1.offset % columns]) * distance * distance
            }
        }
        #expect(try error(paths[2]) < 0.8 * error(paths[0]))
        // Matrices without importance are as before.
        for tensor in plain.tensors where tensor.name != name {
            #expect(weighted.tensor(named: tensor.name)?.bytes.array == tensor.bytes.array)
        }
    }

    @Test func importanceOfAnotherWidthIsRefused() throws {
        let model = try modelFixture("llama3")
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try write([("blk.0.attn_q.weight", [1, 2, 3], 1)], to: path)
        let importance = try ImportanceMatrix(contentsOf: path)
        #expect(throws: CompressionError.self) {
            try GGUFExport(model, type: .q4_0, importance: importance)
        }
    }
}
