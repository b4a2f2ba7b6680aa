import HalftoneCompression
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import Synchronization
import Testing

/// Published methods with a form of their own, from a model to a folder and back.
@Suite struct FormMethodTests {
    private static let pool = WorkerPool(threads: 2)

    /// Every method at every width that it has.
    private static let all: [(id: String, bits: Int)] = FormMethod.all.flatMap { published in
        published.bits.map { (published.id, $0) }
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
            model, method: method, embedding: try FormRecipe(published.embedding(bits: bits)),
            calibration: text(model), pool: Self.pool)
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
        // Plain baselines have no record, as gptq and awq have none.
        for published in FormMethod.all where published.id != "hqq" {
            #expect(MethodCatalogue.record(published.id) != nil, "\(published.id)")
        }
        #expect(FormMethod.named("gptq") == nil)
    }

    @Test func widthsAreThoseThatThereAre() throws {
        let (several, one) = (
            try #require(FormMethod.named("lq-lora")), try #require(FormMethod.named("db-llm"))
        )
        #expect(try several.width(3) == 3 && one.width(nil) == 2)
        for (method, bits) in [(several, 5), (several, nil), (one, 2), (one, 3)] {
            let error = #expect(throws: CompressionError.self) { try method.width(bits) }
            let text = error?.description ?? ""
            #expect(text.hasPrefix(method.id + " ") && text.contains("--bits"), "\(text)")
        }
    }

    /// Steps before a published method rewrite the model that it stores.
    @Test(arguments: ["rotation+baq", "awq+baq", "rotation+awq+bitstack"])
    func stepsEndWithAPublishedMethod(steps: String) throws {
        let pipeline = try CompressionPipeline(parsing: steps)
        let published = try #require(pipeline.published)
        let model = try modelFixture("smollm2")
        let rewritten = try pipeline.transformed(
            model, recipe: CompressionRecipe(bits: 8, group: .group(16)),
            calibration: text(model), pool: Self.pool)
        let stored = try StoredModel(
            rewritten, method: published.method(bits: 8), embedding: nil,
            calibration: text(model), pool: Self.pool)
        let scratch = try ConversionScratch()
        let folder = scratch.file("out")
        try ModelFolderWriter(stored.original, stored: stored.stored)
            .write(to: folder, replaces: false)
        let read = try LanguageModel(path: folder)
        #expect(read.spec == pipeline.spec(of: model.spec))
        let tokens: [Int32] = [1, 5, 9, 2]
        let (before, after) = (
            try logits(of: model, after: tokens), try logits(of: read, after: tokens)
        )
        let square = before.reduce(0) { $0 + $1 * $1 }
        let change = zip(before, after).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        // 8 bits of baq as in `rewrittenModelsAreWrittenAndRead`. Sixteen blocks of a stack leave
        // little of a matrix, too: a model put together wrongly is off by its whole size.
        #expect(change < 0.01 * square, "\(change) of \(square)")
    }

    /// A job that is broken off goes on behind the last whole block, to the same bytes.
    @Test(arguments: [0, 7, 10, 14])
    func goesOnWhereItStopped(matrices: Int) throws {
        let model = try modelFixture("smollm2")
        let scratch = try ConversionScratch()
        func journal(_ method: String = "baq") throws -> CompressionJournal {
            try CompressionJournal(
                at: scratch.file("run"), model: model, embedding: nil, method: method,
                calibration: text(model), threads: 2)
        }
        func stored(
            _ method: BreaksOff, _ journal: CompressionJournal?
        ) throws -> [Role: StoredMatrix] {
            try StoredModel(
                model, method: method, embedding: nil, calibration: text(model), journal: journal,
                pool: Self.pool
            ).stored
        }
        let whole = try stored(BreaksOff(after: .max), nil)
        let isDone = matrices >= whole.count
        if !isDone {
            #expect(throws: CompressionError.self) {
                try stored(BreaksOff(after: matrices), try journal())
            }
        } else {
            _ = try stored(BreaksOff(after: matrices), try journal())
        }
        let finished = try journal().finishedBlocks
        #expect(finished == matrices / 7)
        #expect(throws: RunError.self) { try journal("hqq") }
        let counting = BreaksOff(after: .max)
        let resumed = try stored(counting, try journal())
        #expect(counting.count == whole.count - 7 * finished)
        #expect(resumed.keys == whole.keys)
        for (role, matrix) in whole {
            let other = try #require(resumed[role])
            #expect(other.form == matrix.form)
            #expect(other.parts.map(\.bytes.array) == matrix.parts.map(\.bytes.array), "\(role)")
        }
    }
}

/// BAQ that refuses to go on after a number of matrices.
private final class BreaksOff: MatrixMethod {
    private let method = BAQ(bits: 3, groupSize: 16)
    private let limit: Int
    private let done = Mutex(0)

    init(after limit: Int) { self.limit = limit }

    var count: Int { done.withLock { $0 } }
    var inputDetail: InputStatistics.Detail { method.inputDetail }

    func stored(
        _ weight: any WeightMatrix, inputs: InputStatistics?, pool: WorkerPool
    ) throws(QuantizationError) -> StoredMatrix {
        let isOver = done.withLock { done in
            done += 1
            return done > limit
        }
        guard !isOver else { throw .badStatistics("no further") }
        return try method.stored(weight, inputs: inputs, pool: pool)
    }
}
