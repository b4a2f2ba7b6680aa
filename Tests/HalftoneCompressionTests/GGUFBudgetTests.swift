import Foundation
import HalftoneAllocation
import HalftoneCompression
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import Synchronization
import Testing

/// From a number of bytes to a GGUF file whose types are chosen matrix by matrix.
struct GGUFBudgetTests {
    private static let pool = WorkerPool(threads: 2)

    private var settings: BudgetSettings {
        var settings = BudgetSettings(effort: .fast)
        settings.target = .gguf
        settings.length = 32
        return settings
    }

    private func tokens(_ model: LanguageModel, count: Int = 640) -> [Int32] {
        (0..<count).map { Int32(($0 * 131 + $0 * $0 * 17) % model.spec.vocabularySize) }
    }

    private func job(
        _ model: LanguageModel, _ budget: ModelBudget, _ settings: BudgetSettings? = nil
    ) throws -> BudgetedCompression {
        try BudgetedCompression(
            model, budget: budget, settings: settings ?? self.settings, tokens: tokens(model),
            opening: nil, pool: Self.pool)
    }

    private func withFile<Value>(
        _ model: CompressedModel, _ body: (String) throws -> Value
    ) throws -> Value {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID()).gguf").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try GGUFExport(model).write(to: path, replaces: false)
        return try body(path)
    }

    /// 40 budgets over the whole range: the file has the bytes that were foretold, never one more
    /// than allowed, and as few less as the next choice of a matrix allows.
    @Test(arguments: ["llama3", "smollm2"])
    func filesKeepTheirBudgets(name: String) throws {
        let model = try modelFixture(name)
        let text = CalibrationText(sequences: [Array(tokens(model).prefix(32))])
        let costs = try StorageCosts(
            model.weights, packings: settings.packings, method: RoundToNearest(),
            measure: .error, calibration: text, pool: Self.pool)
        let all = costs.byteRange
        let step =
            costs.units.map { unit in
                let sizes = Set(unit.choices.map(\.byteCount)).sorted()
                return zip(sizes, sizes.dropFirst()).map { $1 - $0 }.max() ?? 0
            }.max() ?? 0
        for place in 0..<20 {
            let budget = all.lowerBound + (all.upperBound - all.lowerBound) * place / 19
            let plan = try costs.plan(byteCount: budget)
            #expect(plan.byteCount <= budget && plan.byteCount >= budget - step)
            let compressed = try CompressedModel(
                model, recipe: plan.recipe, method: RoundToNearest(), pool: Self.pool)
            let predicted = try GGUFExport.fileByteCount(of: model, recipe: plan.recipe)
            try withFile(compressed) { path in
                let size = try Data(contentsOf: URL(filePath: path)).count
                #expect(size == predicted)
                let file = try GGUFFile(contentsOf: path)
                for (role, packing) in plan.packings {
                    let name = model.architecture.gguf(role, in: model.spec).names[0]
                    let tensor = try #require(file.tensors.first { $0.name == name })
                    guard case .blocks(let type) = packing else {
                        Issue.record("\(role) is \(packing)")
                        continue
                    }
                    #expect(tensor.encoding == .blocks(type))
                }
            }
        }
    }

    /// What is read back computes with the same numbers, tuned gains and scales included, and the
    /// file is within its budget and no further from the float model than all layers alike.
    @Test(arguments: ["llama3", "qwen2"])
    func whatIsWrittenIsWhatWasMeasured(name: String) throws {
        var settings = settings
        settings.tuning = PredictionTuning()
        settings.tuning?.steps = 4
        let model = try modelFixture(name)
        // Between what blocks of 4.5 and of 8.5 bits take.
        let least = try GGUFExport(model, type: .iq4_NL).fileByteCount()
        let most = try GGUFExport(model, type: .q8_0).fileByteCount()
        for share in [0.3, 0.7] {
            let budget = least + Int(share * Double(most - least))
            let outcome = try job(model, .fileBytes(budget), settings).run()
            let chosen = try #require(outcome.candidates.last)
            #expect(outcome.candidates.count { $0.kind == .tuned } == 1)
            #expect(outcome.candidates.allSatisfy { $0.divergence >= chosen.divergence })
            try withFile(outcome.model) { path in
                let size = try Data(contentsOf: URL(filePath: path)).count
                #expect(size == outcome.fileBytes && size <= budget)
                #expect(Double(size) > 0.9 * Double(budget), "\(size) of \(budget)")
                let again = try LanguageModel(path: path)
                for slot in model.spec.slots {
                    if slot.shape.count == 1 {
                        let (one, other) = (again.weights, outcome.model.weights)
                        #expect(one.vector(slot.role) == other.vector(slot.role))
                    } else if slot.role.isPackable {
                        let one = again.weights.matrix(slot.role).decoded()
                        #expect(one == outcome.model.weights.matrix(slot.role).decoded())
                    }
                }
            }
        }
    }

    /// Widths that 32 does not divide keep 16 bits; widths that 256 does not divide have no K-quants.
    @Test func blocksFitTheirWidths() {
        let settings = settings
        let body = Role(.query, block: 0)
        func types(_ role: Role, _ columns: Int) -> [WeightPacking] {
            settings.packings(for: role, columns: columns)
        }
        #expect(types(body, 48) == [.blocks(.f16)])
        #expect(types(body, 576).contains(.blocks(.iq4_NL)))
        for columns in [48, 576, 768] {
            for role in [body, Role(.embedding)] {
                #expect(types(role, columns).allSatisfy { $0.fits(columns: columns) })
            }
        }
        #expect(types(body, 768).contains(.blocks(.q2_K)))
        #expect(!types(Role(.embedding), 768).contains(.blocks(.q2_K)))
    }

    /// Blocks are kept in the folder of a job and in this package's own folders.
    @Test func blocksAreKept() throws {
        let model = try modelFixture("llama2")
        let job = try job(model, .bitsPerWeight(6))
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID())").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let first = try job.run(keepingAt: path + ".run")
        defer { try? FileManager.default.removeItem(atPath: path + ".run") }
        let again = try job.run(keepingAt: path + ".run")
        #expect(again.candidates == first.candidates)
        let writer = ModelFolderWriter(first.model)
        let predicted = try ModelFolderWriter.weightFileByteCount(
            of: first.model.original, recipe: first.model.recipe)
        #expect(try writer.weightFileByteCount() == predicted)
        try writer.write(to: path, replaces: false)
        let folder = try LanguageModel(path: path)
        for (role, matrix) in first.model.matrices {
            #expect(folder.weights.matrix(role).decoded() == matrix.matrix.decoded())
            #expect(again.model.matrices[role]?.matrix.decoded() == matrix.matrix.decoded())
        }
    }
}

/// From a divergence to the smallest model that is as near.
struct DivergenceBudgetTests {
    private func job(_ nats: Double, _ target: BudgetTarget = .folder) throws -> BudgetedCompression
    {
        let model = try modelFixture("llama2")
        var settings = BudgetSettings(effort: .fast)
        settings.groups = [.group(16), .channel]
        settings.length = 32
        settings.target = target
        return try BudgetedCompression(
            model, budget: .divergence(nats), settings: settings,
            tokens: (0..<640).map { Int32(($0 * 131 + $0 * $0 * 17) % model.spec.vocabularySize) },
            opening: nil, pool: WorkerPool(threads: 2))
    }

    /// Less divergence takes more bytes; what was too far was smaller than what was found.
    @Test(arguments: BudgetTarget.allCases)
    func theSmallestIsFound(target: BudgetTarget) throws {
        var sizes: [Int] = []
        for nats in [4e-3, 1e-3] {
            let job = try job(nats, target)
            let outcome = try job.run()
            let chosen = try #require(outcome.candidates.last)
            #expect(chosen.divergence <= nats)
            #expect((1...job.settings.trials).contains(outcome.trials.count))
            let enough = outcome.trials.filter { $0.divergence <= nats }.map(\.packedBytes).min()
            let least = try #require(enough)
            // Layers alike may be as near in fewer bytes.
            #expect(chosen.packedBytes <= least)
            #expect(outcome.trials.allSatisfy { $0.divergence <= nats || $0.packedBytes < least })
            sizes.append(chosen.packedBytes)
        }
        #expect(sizes[0] < sizes[1])
    }

    /// A job that finds its trials done goes on from them.
    @Test func trialsAreNotRepeated() throws {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID())").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let first = try job(1e-3).run(keepingAt: path)
        let titles = Mutex<[String]>([])
        let again = try job(1e-3).run(keepingAt: path) { title, _, _ in
            titles.withLock { $0.append(title) }
            return nil
        }
        #expect(again.trials == first.trials && again.candidates == first.candidates)
        #expect(!titles.withLock { $0 }.contains { $0.contains("worth") })
        for (role, matrix) in first.model.quantized {
            let other = try #require(again.model.quantized[role])
            #expect(other.parts.codes.array == matrix.parts.codes.array)
        }
    }

    /// What no size reaches is refused, saying what is reached.
    @Test func whatCannotBeReachedIsRefused() throws {
        do {
            _ = try job(1e-12).run()
            Issue.record("1e-12 nats are not reached in 8 bits")
        } catch CompressionError.unreachable(let loss, let least, let bytes) {
            #expect(loss.contains("1e-12 nats") && least.contains("divergence") && bytes > 0)
        }
    }
}
