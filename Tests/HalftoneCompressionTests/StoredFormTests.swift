import Foundation
import HalftoneCompression
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import Testing

/// Matrices in forms of their own, in the folder of a model.
@Suite struct StoredFormTests {
    private static let forms: [MatrixForm] = {
        let nf4 = MatrixForm.scaled(.nf4, .group(32), .quantized(.e4m3, group: 16))
        let binary = MatrixForm.scaled(.binary, .channel, .plain(.bfloat16))
        return [
            nf4, .scaled(.e4m3, .column, .plain(.float8)), .blocks(.nvfp4),
            .blocks(.blockFloat(bits: 4)), .gguf(.q8_0), .dualBinary(.group(24)), .complexUnits,
            .affineSigns,
            .vectors(dimension: 3, count: 20), .outlierColumns(3, base: binary),
            .columnClasses([
                .init(columns: 8, form: .scaled(.int(8), .channel, .plain(.float16))),
                .init(columns: 56, form: nf4),
            ]),
            .columnLevels(
                [.init(levels: 6, columns: 50), .init(levels: 1, columns: 14)], group: nil),
            .columnLevels(
                [.init(levels: 6, columns: 50), .init(levels: 1, columns: 14)], group: 16),
            .lowRank(2, base: binary), .residual([binary, binary]), .sparse(9, base: nf4),
            .residual([.signedLowRank(3), .signedLowRank(3)]),
            .scaled(.lqnf3, .group(32), .offset(bits: 5, group: 16, .bfloat16)),
            .scaled(
                NumberFormat(.integer(IntegerFormat(levels: 5, symmetric: false))), .group(20),
                .plain(.float16)),
            .scaled(
                NumberFormat(.integer(IntegerFormat(bits: 3, symmetric: false))), .group(20),
                .affine(.float16)),
        ]
    }()

    @Test("names of forms in JSON read back")
    func formsHaveNames() throws {
        for form in Self.forms {
            let text = try form.json().serialized()
            #expect(try MatrixForm(json: JSONParser.parse(text)) == form, "\(text)")
        }
        for text in [
            "{}", "{\"kind\":\"other\"}", "{\"kind\":\"low-rank\",\"rank\":-1}",
            "{\"kind\":\"low-rank\",\"rank\":1}", "{\"kind\":\"gguf\",\"type\":\"Q9\"}",
            "{\"kind\":\"scaled\",\"format\":\"nf4\",\"group\":\"0\",\"scale\":\"f16\"}",
            "{\"kind\":\"scaled\",\"format\":\"nf4\",\"group\":\"8\",\"scale\":{\"group\":8}}",
        ] {
            #expect(throws: ModelError.self, "\(text)") {
                try MatrixForm(json: JSONParser.parse(text))
            }
        }
        let deep = String(repeating: "{\"kind\":\"sparse\",\"count\":0,\"base\":", count: 20)
        #expect(throws: ModelError.self) {
            try MatrixForm(
                json: JSONParser.parse(deep + "{}" + String(repeating: "}", count: 20)))
        }
        #expect(throws: ModelError.self) {
            try MatrixForm.scaled(
                NumberFormat(.codebook(.dualBinary(first: 1, second: 2))), .tensor,
                .plain(.float32)
            ).json()
        }
    }

    @Test("a folder with matrices in every form reads back as it was, in the bytes predicted")
    func foldersReadBack() throws {
        let original = try modelFixture("smollm2")
        var stored: [Role: StoredMatrix] = [:]
        var next = 0
        for slot in original.spec.slots where slot.shape.count == 2 && slot.role.isPackable {
            let (rows, columns) = (slot.shape[0], slot.shape[1])
            // Those whose sizes the shape does not have are passed over.
            for _ in Self.forms {
                let form = Self.forms[next % Self.forms.count]
                next += 1
                guard (try? form.layout(rows: rows, columns: columns)) != nil else { continue }
                stored[slot.role] = try StoredMatrix(
                    original.weights.matrix(slot.role).decoded(), rows: rows, columns: columns,
                    form: form)
                break
            }
        }
        #expect(Set(stored.values.map(\.form)).count >= 8)
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID().uuidString)").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let writer = ModelFolderWriter(original, stored: stored)
        let predicted = try writer.weightFileByteCount()
        try writer.write(to: path, replaces: false)
        let file = path + "/model.safetensors"
        let size = try FileManager.default.attributesOfItem(atPath: file)[.size] as? Int
        #expect(size == predicted)
        let again = try LanguageModel(path: path)
        let archive = try SafetensorsFile(contentsOf: file)
        for (role, matrix) in stored {
            let name = original.architecture.huggingFace(role, in: original.spec).names[0]
            let bytes = archive.tensors.filter { $0.name.hasPrefix(name + ".") }
                .reduce(0) { $0 + $1.bytes.count }
            #expect(
                bytes == (try matrix.form.byteCount(rows: matrix.rows, columns: matrix.columns)),
                "\(matrix.form)")
            let read = again.weights.matrix(role)
            #expect(try read.decoded() == matrix.decoded(), "\(matrix.form)")
            #expect(read.byteCount == bytes)
            // Those with kernels of their own leave out how scales are stored.
            #expect(!read.formatName.isEmpty)
            #expect(matrix.form.description.hasPrefix(read.formatName))
        }
    }

    @Test("plans by texts give the bytes predicted, and folders that read back")
    func plansMakeFolders() throws {
        let original = try modelFixture("smollm2")
        for (body, embedding) in [
            ("e3m2/32", "nf4/32/e4m3:16"), ("columns=5%+ternary/32", "mxfp6e2m3"),
            ("rank=2+int3@50%,int2", "e4m3/channel/f32"), ("sparse=1%+binary/16+binary/16", nil),
        ] {
            let plan = FormPlan(
                body: try FormRecipe(body), embedding: try embedding.map { try FormRecipe($0) })
            let size = try CompressedSize(of: original.spec, plan: plan)
            let model = try StoredModel(original, plan: plan, pool: WorkerPool(threads: 2))
            let found = model.stored.values.reduce(0) { $0 + $1.byteCount }
            #expect(found == size.packedByteCount, "\(body)")
            #expect(model.stored[Role(.embedding)] == nil || embedding != nil)
            let path = FileManager.default.temporaryDirectory
                .appending(path: "halftone-\(UUID().uuidString)").path(percentEncoded: false)
            defer { try? FileManager.default.removeItem(atPath: path) }
            let writer = ModelFolderWriter(original, stored: model.stored)
            try writer.write(to: path, replaces: false)
            let file =
                try FileManager.default.attributesOfItem(
                    atPath: path + "/model.safetensors")[.size] as? Int
            #expect(file == (try writer.weightFileByteCount()), "\(body)")
            let again = try LanguageModel(path: path)
            for (role, matrix) in model.stored {
                #expect(try again.weights.matrix(role).decoded() == matrix.decoded(), "\(body)")
            }
        }
        #expect(throws: CompressionError.self) {
            try CompressedSize(
                of: original.spec,
                plan: FormPlan(body: try FormRecipe("columns=65+int4"), embedding: nil))
        }
    }
}
