import Foundation
import HalftoneCompression
import HalftoneData
import HalftoneEvaluation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import HalftoneTensor
import HalftoneText
import Testing

/// What costs foretell of allocations, held to what models then lose on another text.
@Suite struct AllocationForecastTests {
    private static let pool = WorkerPool(threads: 2)

    /// A model file to be measured too, as `HALFTONE_FORECAST_MODEL` says, on the text of
    /// `HALFTONE_FORECAST_TEXT`.
    private static let other: (model: String, text: String)? = {
        let environment = ProcessInfo.processInfo.environment
        guard let model = environment["HALFTONE_FORECAST_MODEL"],
            let text = environment["HALFTONE_FORECAST_TEXT"]
        else { return nil }
        return (model, text)
    }()

    @Test func damageIsForetold() throws {
        let model = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        let text = StoryText(seed: 1).text(byteCount: 80_000, of: .heldOut)
        let tokens = try #require(model.tokenizer).encode(text, parseSpecial: true)
        let found = try correlation(model, tokens, length: 128)
        #expect(found >= 0.8, "rank correlation \(found)")
    }

    @Test(.enabled(if: other != nil, "needs HALFTONE_FORECAST_MODEL and HALFTONE_FORECAST_TEXT"))
    func damageOfAnotherModelIsForetold() throws {
        let other = try #require(Self.other)
        let model = try LanguageModel(path: other.model)
        let text = try String(contentsOfFile: other.text, encoding: .utf8)
        let found = try correlation(
            model, try #require(model.tokenizer).encode(text), length: 256)
        print("rank correlation \(found)")
        #expect(found >= 0.8, "rank correlation \(found)")
    }

    /// Spearman's correlation of expected and measured divergence over 40 allocations that give
    /// every matrix any of five widths, codes found for what each reads in the float model.
    private func correlation(
        _ model: LanguageModel, _ tokens: [Int32], length: Int
    ) throws -> Double {
        let widths = [3, 4, 5, 6, 8]
        func packing(_ bits: Int) -> WeightPacking {
            .codes(
                WeightScheme(
                    format: IntegerFormat(bits: bits, symmetric: false), granularity: .group(64),
                    scaleFormat: .float16, search: .leastError))
        }
        let windows = (0..<28).map { Array(tokens[$0 * length..<($0 + 1) * length]) }
        let (text, judging) = (windows[..<16], windows[16..<20])
        let costs = try StorageCosts(
            model.weights, packings: { role, _ in role.block == nil ? [] : widths.map(packing) },
            method: GPTQ(),
            measure: .curvature(
                try OutputCurvature(
                    of: model.weights, text: CalibrationText(sequences: Array(judging)))),
            calibration: CalibrationText(sequences: Array(text + judging)), judges: judging.count,
            pool: Self.pool)
        let scratch = try ConversionScratch()
        let statistics = try CalibrationStatistics(
            collecting: scratch.file("moments"), of: model,
            text: CalibrationText(sequences: Array(text)), pool: Self.pool)
        // All codes once; allocations put them together.
        let models = try widths.map { bits in
            var recipe = CompressionRecipe(bits: bits, group: .group(64))
            recipe.embedding = nil
            for unit in costs.units { recipe.overrides[unit.role] = packing(bits) }
            return try CompressedModel(model, recipe: recipe, method: GPTQ(), pool: Self.pool) {
                try statistics.inputs(of: $0, in: model.spec)
            }
        }
        var scoring = EvaluationWindows()
        scoring.length = length
        scoring.firstToken = nil
        let evaluator = Evaluator(windows: scoring, pool: Self.pool)
        let reference = try evaluator.reference(
            Decoder(model.weights, pool: Self.pool),
            tokens: windows[20...].flatMap(\.self))
        var generator = SeededGenerator(seed: 1)
        var (expected, found): ([Double], [Double]) = ([], [])
        for _ in 0..<40 {
            var weights = model.weights
            var cost = 0.0
            for unit in costs.units {
                let place = Int.random(in: widths.indices, using: &generator)
                cost += unit.choices[place].cost
                guard let packed = models[place].matrices[unit.role] else { continue }
                weights.replace(unit.role, with: packed.matrix)
            }
            let measured = try evaluator.compare(
                Decoder(weights, pool: Self.pool), with: reference)
            expected.append(cost)
            found.append(measured.divergence.mean)
        }
        return RankCorrelation.spearman(expected, found)
    }
}
