import Foundation
import HalftoneAllocation
import HalftoneCompression
import HalftoneData
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuns
import HalftoneText
import Synchronization
import Testing

/// What a model loses over a range of budgets.
struct QualityFrontierTests {
    private func frontier(
        _ bits: [Double], presets: [GGUFPreset] = [],
        controls: [ControlAllocator.Kind] = [], tunes: Bool = false,
        order: StorageOrder? = .automatic
    ) throws -> QualityFrontier {
        let model = try modelFixture("llama2")
        var settings = BudgetSettings(effort: .fast)
        settings.order = order
        settings.groups = [.group(16), .channel]
        settings.length = 32
        if tunes {
            settings.tuning = PredictionTuning()
            settings.tuning?.steps = 2
        }
        return try QualityFrontier(
            model, bitsPerWeight: bits, presets: presets, controls: controls, settings: settings,
            tokens: (0..<640).map { Int32(($0 * 131 + $0 * $0 * 17) % model.spec.vocabularySize) },
            opening: nil, pool: WorkerPool(threads: 2))
    }

    /// Every candidate keeps its budget, and more bytes lose less.
    @Test func budgetsAreKept() throws {
        let outcome = try frontier([2.5, 4, 6], tunes: true).run()
        #expect(outcome.points.map(\.bitsPerWeight) == [2.5, 4, 6])
        for point in outcome.points {
            #expect(point.candidates.map(\.kind) == [.uniform, .allocated, .tuned])
            for candidate in point.candidates {
                #expect(outcome.bitsPerWeight(candidate) <= point.bitsPerWeight)
            }
        }
        let allocated = outcome.points.map { $0.candidates[1] }
        for (less, more) in zip(allocated, allocated.dropFirst()) {
            #expect(less.packedBytes < more.packedBytes && less.divergence > more.divergence)
        }
    }

    /// Codes that are coded stand beside the others, tuned where anything is, where a budget would be spent
    /// on them.
    @Test func codedCodesAreMeasured() throws {
        let outcome = try frontier([2.5, 4], tunes: true, order: nil).run()
        for point in outcome.points {
            #expect(point.candidates.map(\.kind) == [.uniform, .allocated, .coded, .tuned])
            let coded = outcome.bitsPerWeight(point.candidates[2])
            #expect(0.98 * point.bitsPerWeight <= coded && coded <= point.bitsPerWeight)
            #expect(point.candidates[3].packedBytes == point.candidates[2].packedBytes)
        }
    }

    /// Mixtures stand beside the budgets, with what their blocks take.
    @Test func presetsAreCompared() throws {
        let outcome = try frontier([4], presets: [.q5_KMedium, .q8_0]).run()
        #expect(outcome.presets.map(\.preset) == [.q5_KMedium, .q8_0])
        let (five, eight) = (outcome.presets[0].candidate, outcome.presets[1].candidate)
        #expect(five.kind == .preset && five.packedBytes < eight.packedBytes)
        #expect(five.divergence > eight.divergence && eight.divergence > 0)
        #expect(abs(outcome.bitsPerWeight(eight) - 8.5) < 1e-9)
    }

    /// Controls keep the budget too, and are foretold to lose more.
    @Test func controlsAreCompared() throws {
        let outcome = try frontier([3.5], controls: [.random, .reversed]).run()
        let found = outcome.points[0].candidates
        #expect(found.map(\.kind) == [.uniform, .allocated, .random, .reversed])
        #expect(found.allSatisfy { outcome.bitsPerWeight($0) <= 3.5 })
        let expected = found.compactMap(\.expected)
        #expect(expected.count == 4 && expected[1] < expected[2] && expected[1] < expected[3])
    }

    /// 20 budgets of a trained model: coded codes are never worse than layers alike at as many bytes, on
    /// text that no step has read, and bits where they are worth most are seldom, by more than the error of
    /// the measurement. (Where they are, a compression takes the others.)
    @Test func allocatedIsSeldomWorseThanUniform() throws {
        let model = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        let text = StoryText(seed: 2).text(byteCount: 120_000, of: .heldOut)
        let outcome = try QualityFrontier(
            model, bitsPerWeight: (0..<20).map { 2 + 0.2 * Double($0) },
            settings: BudgetSettings(effort: .fast),
            tokens: try #require(model.tokenizer).encode(text, parseSpecial: true),
            opening: nil, pool: WorkerPool(threads: 2)
        ).run()
        #expect(outcome.points.count == 20)
        let worse = outcome.points.filter { point in
            let (uniform, allocated) = (point.candidates[0], point.candidates[1])
            #expect(uniform.kind == .uniform && allocated.kind == .allocated)
            let coded = point.candidates[2]
            #expect(coded.kind == .coded && coded.divergence < uniform.divergence)
            #expect(coded.divergence < allocated.divergence)
            return allocated.divergence - uniform.divergence
                > hypot(allocated.divergenceError, uniform.divergenceError)
        }
        #expect(worse.count <= 4, "\(worse)")
    }

    /// A measurement that stopped goes on, repeats nothing, and ends with the same numbers.
    @Test func whatIsDoneIsKept() throws {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID())").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let frontier = try frontier([3, 4.5])
        let whole = try frontier.run()
        #expect(try frontier.run(keepingAt: path) == whole)
        // As after a kill in the last measurement: its unit waits again.
        let units = path + "/units"
        let done = try FileManager.default.contentsOfDirectory(atPath: units + "/done")
        let last = try #require(done.first { $0.contains("allocated") && $0.contains("4.5") })
        try FileManager.default.moveItem(
            atPath: "\(units)/done/\(last)", toPath: "\(units)/pending/\(last)")
        let titles = Mutex<[String]>([])
        let again = try frontier.run(keepingAt: path) { title, _, _ in
            titles.withLock { $0.append(title) }
            return nil
        }
        #expect(again == whole)
        #expect(titles.withLock { $0 } == ["Reading held-out text", "Measuring 1 plans"])
    }

    @Test func tooSmallABudgetIsRefusedBeforeAnythingIsQuantized() throws {
        #expect(throws: AllocationError.self) { _ = try frontier([0.5, 4]).run() }
    }
}
