import Foundation
import HalftoneCompression
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
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
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fixtures/Models/llama3")
        let model = try LanguageModel(path: root.path(percentEncoded: false))
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
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Fixtures/Models/llama3")
        let model = try LanguageModel(path: root.path(percentEncoded: false))
        let path = temporaryPath()
        defer { try? FileManager.default.removeItem(atPath: path) }
        try write([("blk.0.attn_q.weight", [1, 2, 3], 1)], to: path)
        let importance = try ImportanceMatrix(contentsOf: path)
        #expect(throws: CompressionError.self) {
            try GGUFExport(model, type: .q4_0, importance: importance)
        }
    }
}
