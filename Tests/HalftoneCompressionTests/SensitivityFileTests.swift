import Foundation
import HalftoneCompression
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import Synchronization
import Testing

/// Costs that were measured before.
struct SensitivityFileTests {
    private static let pool = WorkerPool(threads: 2)

    private var settings: BudgetSettings {
        var settings = BudgetSettings(effort: .fast)
        settings.groups = [.group(16)]
        settings.length = 32
        return settings
    }

    private func tokens(_ model: LanguageModel) -> [Int32] {
        (0..<640).map { Int32(($0 * 131 + $0 * $0 * 17) % model.spec.vocabularySize) }
    }

    private func study(_ model: LanguageModel) throws -> SensitivityStudy {
        SensitivityStudy(
            model.weights, settings: settings,
            text: try CalibrationText(tokens: tokens(model), opening: nil, length: 32, count: 20),
            pool: Self.pool)
    }

    private func withFile<Value>(_ body: (String) throws -> Value) throws -> Value {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID()).json").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(path)
    }

    private func reason(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch let error as CompressionError {
            guard case .badSensitivity(let reason) = error else { return "" }
            return reason
        } catch {
            return ""
        }
    }

    /// What is read is what was written, and a budget is spent by it without measuring anew.
    @Test func costsAreReused() throws {
        let model = try modelFixture("llama2")
        let costs = try withFile { path in
            let file = SensitivityFile(.costs(try study(model).costs()), of: try study(model))
            try file.write(to: path)
            let read = try SensitivityFile(path: path)
            #expect(read.map == file.map && read.measure == .curvature)
            return try read.costs(for: model.weights, settings: settings)
        }
        #expect(!costs.tables.isEmpty)
        let job = try BudgetedCompression(
            model, budget: .bitsPerWeight(4.25), settings: settings, tokens: tokens(model),
            opening: nil, costs: costs, pool: Self.pool)
        let titles = Mutex<[String]>([])
        let outcome = try job.run { title, _, _ in
            titles.withLock { $0.append(title) }
            return nil
        }
        #expect(!titles.withLock { $0 }.contains { $0.contains("worth") })
        let direct = try costs.plan(
            byteCount: Int(4.25 * Double(costs.weightCount) / 8))
        #expect(outcome.plan == direct || outcome.candidates.last?.kind == .uniform)
        #expect(outcome.candidates.allSatisfy { $0.expected != nil })
    }

    /// A folder of a job is of its costs and of no others.
    @Test func costsBelongToAJob() throws {
        let model = try modelFixture("llama2")
        let study = try study(model)
        let costs = try SensitivityFile(.costs(study.costs()), of: study)
            .costs(for: model.weights, settings: settings)
        try withFile { path in
            func job(_ costs: StorageCosts?) throws -> BudgetedCompression {
                try BudgetedCompression(
                    model, budget: .bitsPerWeight(4.25), settings: settings,
                    tokens: tokens(model), opening: nil, costs: costs, pool: Self.pool)
            }
            _ = try job(costs).run(keepingAt: path)
            #expect(throws: (any Error).self) { _ = try job(nil).run(keepingAt: path) }
        }
    }

    /// Bits are allocated by any measure; what is no divergence foretells none.
    @Test(arguments: [SensitivityMeasure.kl, .loss, .error, .lim])
    func budgetsAreAllocatedByAnyMeasure(measure: SensitivityMeasure) throws {
        let model = try modelFixture("llama2")
        var settings = settings
        settings.sensitivity = measure
        settings.trialTokens = 64
        let outcome = try BudgetedCompression(
            model, budget: .bitsPerWeight(4), settings: settings, tokens: tokens(model),
            opening: nil, pool: Self.pool
        ).run()
        #expect(outcome.model.size.bitsPerWeight <= 4)
        #expect(outcome.costs.unit == measure.unit && !outcome.costs.tables.isEmpty)
        let isForetold = outcome.candidates.allSatisfy { $0.expected != nil }
        #expect(isForetold == (measure == .kl))
    }

    @Test func otherModelsAndOtherPartsAreRefused() throws {
        let model = try modelFixture("llama2")
        let study = try study(model)
        let file = SensitivityFile(.costs(try study.costs()), of: study)
        let other = try modelFixture("llama3")
        #expect(
            reason { _ = try file.costs(for: other.weights, settings: settings) }
                .contains("other weights"))
        let map = SensitivityFile(.map(try study.map(by: .layer)), of: study)
        #expect(
            reason { _ = try map.costs(for: model.weights, settings: settings) }
                .contains("layers"))
        var gguf = settings
        gguf.target = .gguf
        #expect(
            reason { _ = try file.costs(for: model.weights, settings: gguf) }
                .contains("--target"))
    }

    @Test func filesThatLieAreRefused() throws {
        let model = try modelFixture("llama2")
        let study = try study(model)
        let file = SensitivityFile(.costs(try study.costs()), of: study)
        let good = String(decoding: try JSONEncoder().encode(file), as: UTF8.self)
        func read(_ text: String) throws -> String {
            try withFile { path in
                try Data(text.utf8).write(to: URL(filePath: path))
                return reason {
                    _ = try SensitivityFile(path: path)
                        .costs(for: model.weights, settings: settings)
                }
            }
        }
        #expect(try read(good) == "")
        #expect(try read("{}").contains("holds no sensitivities"))
        #expect(try read(String(good.prefix(good.count / 2))).contains("holds no sensitivities"))
        #expect(
            try read(good.replacing("\"version\":1", with: "\"version\":9")).contains("version 9"))
        let lied = good.replacing(/"byteCount":\d+/, with: "\"byteCount\":-5")
        #expect(try read(lied).contains("bytes; it takes"))
        // Nothing is computed with formats and sizes that no model has.
        for (from, to) in [
            ("\"bits\":4", "\"bits\":0"), ("\"bits\":4", "\"bits\":100000"),
            ("\"width\":32", "\"width\":-1"), ("\"width\":32", "\"width\":16777217"),
            ("\"granularity\":\"16\"", "\"granularity\":\"0\""),
        ] {
            #expect(good.contains(from), "\(from)")
            #expect(try read(good.replacing(from, with: to)) != "", "\(to)")
        }
        #expect(
            reason { _ = try SensitivityFile(path: "/nowhere/at.all") }.contains("cannot be read"))
    }
}
