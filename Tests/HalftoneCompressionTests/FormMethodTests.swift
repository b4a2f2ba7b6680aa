import HalftoneCompression
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import Testing

/// Published methods with a form of their own, from a model to a folder and back.
@Suite struct FormMethodTests {
    private static let pool = WorkerPool(threads: 2)

    /// Every method at every width that it offers; 0 where it offers none.
    private static let all: [(id: String, bits: Int)] = FormMethod.all.flatMap { published in
        (published.bits.isEmpty ? [0] : published.bits).map { (published.id, $0) }
    }

    private func text(_ model: LanguageModel) -> CalibrationText {
        CalibrationText(
            sequences: (0..<4).map { row in
                (0..<24).map { Int32((row * 131 + $0 * $0 * 17) % model.spec.vocabularySize) }
            })
    }

    @Test(arguments: all)
    func whatIsStoredIsWrittenAndRead(id: String, bits: Int) throws {
        let published = try #require(FormMethod.named(id))
        let method = published.method(bits: bits)
        let model = try modelFixture("smollm2")
        let stored = try StoredModel(
            model, embedding: try FormRecipe(published.embedding(bits: bits)),
            calibration: text(model), detail: method.inputDetail, pool: Self.pool
        ) { _, _ in method }
        #expect(Set(stored.stored.keys) == Set(model.spec.slots.map(\.role).filter(\.isPackable)))
        let scratch = try ConversionScratch()
        let folder = scratch.file("out")
        let writer = ModelFolderWriter(model, stored: stored.stored)
        try writer.write(to: folder, replaces: false)
        let read = try LanguageModel(path: folder)
        for (role, matrix) in stored.stored {
            let found = read.weights.matrix(role)
            #expect(found.byteCount == matrix.byteCount, "\(role)")
            #expect(try found.decoded() == matrix.matrix().decoded(), "\(role)")
        }
    }

    @Test func idsAreThoseOfRecords() {
        #expect(Set(FormMethod.all.map(\.id)).count == FormMethod.all.count)
        for published in FormMethod.all {
            #expect(MethodCatalogue.record(published.id) != nil, "\(published.id)")
        }
        #expect(FormMethod.named("gptq") == nil)
    }
}
