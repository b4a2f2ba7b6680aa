import Foundation
import HalftoneAllocation
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
import Synchronization
import Testing

/// From a number of bits or bytes to a model.
struct BudgetedCompressionTests {
    static let pool = WorkerPool(threads: 2)

    func tokens(_ model: LanguageModel, count: Int = 640) -> [Int32] {
        (0..<count).map { Int32(($0 * 131 + $0 * $0 * 17) % model.spec.vocabularySize) }
    }

    var settings: BudgetSettings {
        var settings = BudgetSettings(effort: .fast)
        settings.groups = [.group(16), .channel]
        settings.length = 32
        settings.order = .automatic
        return settings
    }

    func job(
        _ model: LanguageModel, _ budget: ModelBudget, _ settings: BudgetSettings? = nil
    ) throws -> BudgetedCompression {
        try BudgetedCompression(
            model, budget: budget, settings: settings ?? self.settings, tokens: tokens(model),
            opening: nil, pool: Self.pool)
    }

    /// Scores every position of windows.
    private func evaluator(length: Int) -> Evaluator {
        var windows = EvaluationWindows()
        windows.length = length
        windows.scoring = .all
        windows.firstToken = nil
        return Evaluator(windows: windows, pool: Self.pool)
    }

    func bytes(_ model: CompressedModel) throws -> [UInt8] {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID())").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try ModelFolderWriter(model).write(to: path, replaces: false)
        let file = URL(filePath: path).appending(path: "model.safetensors")
        return Array(try Data(contentsOf: file))
    }

    /// Bytes and time at once: both are kept, and each costs something.
    @Test func severalLimitsAreKeptAtOnce() throws {
        let model = try modelFixture("llama2")
        let measured = try job(model, .bitsPerWeight(8)).run().costs
        let settings = settings
        let times = try TokenTimes(model.weights, packings: settings.packings, pool: Self.pool)
        let sizes = measured.byteRange
        let bytes = (sizes.lowerBound + sizes.upperBound) / 2
        // Kernels of tiny matrices need not be faster with fewer bits: the most is the free plan's.
        let free = try measured.plan(byteCount: bytes)
        let fastest = try measured.leastNanoseconds(byteCount: bytes, times)
        let most = (fastest + measured.nanoseconds(free, times)) / 2
        let limit = StorageCosts.TimeLimit(times, nanoseconds: most)
        let plan = try measured.plan(byteCount: bytes, within: limit)
        #expect(plan.byteCount <= bytes && measured.nanoseconds(plan, times) <= most)
        #expect(plan.cost >= free.cost && plan.gap < 1e-3)
        let least = try measured.leastByteCount(within: limit)
        #expect(least >= sizes.lowerBound && least <= bytes)
        #expect(throws: AllocationError.self) {
            let tooShort = StorageCosts.TimeLimit(times, nanoseconds: fastest - 1)
            _ = try measured.plan(byteCount: bytes, within: tooShort)
        }
        if let uniform = measured.uniformPlan(byteCount: bytes, within: limit) {
            #expect(measured.nanoseconds(uniform, times) <= most)
            #expect(uniform.cost >= plan.cost * (1 - 1e-4))
        }
    }

    /// However a busy machine's measurements differ, a layer takes some time.
    @Test func noLayerTakesNoTime() throws {
        let model = try modelFixture("llama2")
        let packing = WeightPacking.codes(
            WeightScheme(format: IntegerFormat(bits: 4, symmetric: false)))
        let measured = try TokenTimes(
            model.weights, packings: { role, _ in role.block == nil ? [] : [packing] },
            pool: Self.pool)
        var fields = try #require(
            JSONSerialization.jsonObject(with: JSONEncoder().encode(measured)) as? [String: Any])
        var layers = try #require(fields["layers"] as? [[String: Any]])
        layers[0]["nanoseconds"] = -1e6
        fields["layers"] = layers
        let times = try JSONDecoder().decode(
            TokenTimes.self, from: JSONSerialization.data(withJSONObject: fields))
        let role = Role(.query, block: 0)
        #expect(times != measured)
        #expect(times.nanoseconds(of: role, weightCount: 4096, as: packing) == 1)
    }

    /// Memory is bytes of the file beside keys and values, which floats take.
    @Test func memoryLimitsTheFile() throws {
        let model = try modelFixture("llama2")
        let spec = model.spec
        let plain = try job(model, .bitsPerWeight(4)).run()
        let cache = Decoder(model.weights, pool: Self.pool).cacheByteCount(capacity: 40)
        let numbers = spec.blocks.reduce(0) { $0 + $1.attention.keyHeads * $1.attention.headDim }
        #expect(cache >= 2 * 4 * 40 * numbers)
        var budget = ModelBudget()
        budget.memory = ModelBudget.Memory(
            bytes: plain.fileBytes + cache + 1000, context: 40, programBytes: 1000)
        let outcome = try job(model, budget).run()
        #expect(outcome.fileBytes <= plain.fileBytes)
        #expect(outcome.fileBytes + cache + 1000 == outcome.expectedMemoryBytes)
        // A job that goes on has the program's memory that it began with.
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID())").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let first = try job(model, budget).run(keepingAt: path)
        budget.memory?.programBytes += 4000
        let again = try job(model, budget).run(keepingAt: path)
        #expect(first.plan == again.plan && first.candidates == again.candidates)
        #expect(first.plan == outcome.plan)
        budget.memory?.bytes = cache
        #expect(throws: CompressionError.self) { _ = try job(model, budget).run() }
    }

    /// The smallest model whose perplexity is near enough, within a size.
    @Test func perplexityIsLimited() throws {
        let model = try modelFixture("llama2")
        var budget = ModelBudget()
        budget.perplexityRise = 0.02
        let outcome = try job(model, budget).run()
        let chosen = try #require(outcome.candidates.last)
        #expect(chosen.perplexity <= 1.02 * outcome.floatPerplexity)
        #expect(!outcome.trials.isEmpty && outcome.trials.count <= settings.trials)
        #expect(outcome.plan.byteCount < outcome.costs.byteRange.upperBound)
        // The fewest bits are not that near.
        let least = try outcome.costs.plan(byteCount: outcome.costs.byteRange.lowerBound)
        budget.fileBytes =
            outcome.fileBytes - outcome.plan.byteCount + least.byteCount
            + least.byteCount / 100
        budget.perplexityRise = 1e-9
        #expect(throws: CompressionError.self) { _ = try job(model, budget).run() }
    }

    /// 48 budgets over the whole range, the file written for each: never a byte more, and as near
    /// as the next choice of a matrix allows.
    @Test func filesKeepTheirBudgets() throws {
        let model = try modelFixture("llama3")
        let rewritten = model.rewritten(as: model.weights)
        let text = CalibrationText(sequences: [Array(tokens(model).prefix(32))])
        let costs = try StorageCosts(
            model.weights, packings: settings.packings, method: RoundToNearest(weighsInputs: true),
            measure: .error, calibration: text, pool: Self.pool)
        let all = costs.byteRange
        // No allocation is nearer than the step from one choice to the next.
        let step =
            costs.units.map { unit in
                let sizes = Set(unit.choices.map(\.byteCount)).sorted()
                return zip(sizes, sizes.dropFirst()).map { $1 - $0 }.max() ?? 0
            }.max() ?? 0
        for place in 0..<48 {
            let budget = all.lowerBound + (all.upperBound - all.lowerBound) * place / 47
            let plan = try costs.plan(byteCount: budget)
            #expect(plan.byteCount <= budget && plan.byteCount >= budget - step)
            #expect(plan.gap < 0.001)
            let compressed = try CompressedModel(
                rewritten, recipe: plan.recipe, method: RoundToNearest(), pool: Self.pool)
            let predicted = try ModelFolderWriter.weightFileByteCount(
                of: rewritten, recipe: plan.recipe)
            #expect(try bytes(compressed).count == predicted)
            #expect(try ModelFolderWriter(compressed).packedByteCount() == plan.byteCount)
            if let uniform = costs.uniformPlan(byteCount: budget) {
                #expect(uniform.byteCount <= budget && uniform.cost >= plan.cost * (1 - 1e-9))
                let filled = try costs.filled(uniform, byteCount: budget)
                #expect(filled.byteCount <= budget && filled.cost <= uniform.cost)
                #expect(filled.cost >= plan.cost * (1 - 1e-9))
                #expect(filled.packings == uniform.packings || filled.cost < uniform.cost)
            }
        }
    }

    /// Some rows tell what all do, nearly: 24 or more of each matrix here.
    @Test func someRowsTellWhatAllDo() throws {
        let model = try modelFixture("llama3")
        let text = CalibrationText(
            sequences: (0..<4).map { Array(tokens(model)[$0 * 32..<($0 + 1) * 32]) })
        let curvature = try OutputCurvature(of: model.weights, text: text)
        func costs(_ rowStep: Int) throws -> StorageCosts {
            try StorageCosts(
                model.weights, packings: settings.packings, method: GPTQ(),
                measure: .curvature(curvature), tables: curvature, calibration: text,
                rowStep: rowStep, leastRows: 16, pool: Self.pool)
        }
        let (all, some) = (try costs(1), try costs(2))
        #expect(some.units.map(\.role) == all.units.map(\.role))
        #expect(some.byteRange == all.byteRange && some.weightCount == all.weightCount)
        for place in all.units[0].choices.indices {
            func sum(_ costs: StorageCosts) -> Double {
                costs.units.reduce(0) { $0 + ($1.role.block == nil ? 0 : $1.choices[place].cost) }
            }
            let ratio = sum(some) / sum(all)
            #expect(ratio > 0.7 && ratio < 1.4, "\(ratio) of what all rows cost")
        }
    }

    /// Error compensation costs more on text that it was not made for: some tokens of a wide matrix
    /// fit by heart.
    @Test func costsAreJudgedOnOtherText() throws {
        let model = try modelFixture("llama3")
        let windows = (0..<4).map { Array(tokens(model)[$0 * 32..<($0 + 1) * 32]) }
        let packing = WeightPacking.codes(
            WeightScheme(
                format: IntegerFormat(bits: 3, symmetric: false), granularity: .group(16),
                search: .absmax))
        func costs(_ windows: ArraySlice<[Int32]>, judges: Int) throws -> [Double] {
            try StorageCosts(
                model.weights, packings: { role, _ in role.block == nil ? [] : [packing] },
                method: GPTQ(), measure: .error,
                calibration: CalibrationText(sequences: Array(windows)), judges: judges,
                pool: Self.pool
            ).units.map { $0.choices[0].cost }
        }
        let own = try costs(windows[0..<2], judges: 0)
        let other = try costs(windows[0..<4], judges: 2)
        #expect(own.count == other.count)
        #expect(other.reduce(0, +) > 1.2 * own.reduce(0, +))
        // The same text in both places is as if it were not parted.
        let same = try costs(windows[0..<2] + windows[0..<2], judges: 2)
        for (one, two) in zip(own, same) { #expect(abs(one - two) <= 1e-3 * one) }
    }

    @Test func fileBudgetsCountEverything() throws {
        let model = try modelFixture("llama3")
        for budget in [45_000, 55_000, 65_000] {
            let outcome = try job(model, .fileBytes(budget)).run()
            let size = try bytes(outcome.model).count
            #expect(size <= budget && size == outcome.fileBytes)
            #expect(Double(size) > 0.9 * Double(budget), "\(size) of \(budget)")
        }
    }

    @Test func tooSmallABudgetIsRefused() throws {
        let model = try modelFixture("llama3")
        #expect(throws: CompressionError.self) {
            _ = try job(model, .bitsPerWeight(0.5)).run()
        }
        #expect(throws: CompressionError.self) {
            _ = try BudgetedCompression(
                model, budget: .bitsPerWeight(3), settings: settings,
                tokens: Array(tokens(model).prefix(40)), opening: nil, pool: Self.pool)
        }
    }

    /// The expected cost of small errors is the divergence that is measured.
    @Test(arguments: ["llama2", "llama3", "qwen2"])
    func curvatureForetellsDivergence(name: String) throws {
        let model = try modelFixture(name)
        let sequences = (0..<8).map { part in
            Array(tokens(model)[part * 64..<(part + 1) * 64])
        }
        let text = CalibrationText(sequences: sequences)
        let curvature = try OutputCurvature(of: model.weights, text: text)
        let schemes = [4, 6].map { bits in
            WeightScheme(
                format: IntegerFormat(bits: bits, symmetric: true), granularity: .group(16),
                search: .absmax)
        }
        let costs = try StorageCosts(
            model.weights, packings: { _, _ in schemes.map(WeightPacking.codes) },
            method: RoundToNearest(),
            measure: .curvature(curvature), calibration: text, pool: Self.pool)
        let evaluator = evaluator(length: 64)
        let reference = try evaluator.reference(
            Decoder(model.weights, pool: Self.pool), tokens: sequences.flatMap(\.self))
        for (place, scheme) in schemes.enumerated() {
            var (expected, found) = (0.0, 0.0)
            for unit in costs.units {
                let packed = try RoundToNearest().quantize(
                    model.weights.matrix(unit.role), scheme: scheme, inputs: nil, pool: Self.pool)
                var weights = model.weights
                weights.replace(unit.role, with: packed.matrix)
                expected += unit.choices[place].cost
                found += try evaluator.compare(
                    Decoder(weights, pool: Self.pool), with: reference
                ).divergence.mean
            }
            // One draw of 512 tokens, and errors that are not independent from token to token.
            #expect(expected > 0.5 * found && expected < 2 * found, "\(expected), \(found)")
        }
    }

    /// A table that is looked up and is the head loses less when its columns make up for each
    /// other than rounded to nearest, about as much as costs foretell.
    @Test func tablesMakeUpForTheirErrors() throws {
        let model = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        #expect(model.spec.isHeadTied)
        let story = StoryText(seed: 1).text(byteCount: 40_000, of: .heldOut)
        let tokens = try #require(model.tokenizer).encode(story, parseSpecial: true)
        let windows = (0..<16).map { Array(tokens[$0 * 128..<($0 + 1) * 128]) }
        let text = CalibrationText(sequences: Array(windows.prefix(8)))
        let packing = WeightPacking.codes(
            WeightScheme(
                format: IntegerFormat(bits: 4, symmetric: false), granularity: .group(32),
                search: .leastError))
        let curvature = try OutputCurvature(of: model.weights, text: text)
        let costs = try StorageCosts(
            model.weights, packings: { role, _ in role.block == nil ? [packing] : [] },
            method: GPTQ(), measure: .curvature(curvature), tables: curvature,
            calibration: text, pool: Self.pool)
        let table = try #require(costs.tables.first)
        #expect(costs.tables.count == 1 && table.role == Role(.embedding))

        let evaluator = evaluator(length: 128)
        let reference = try evaluator.reference(
            Decoder(model.weights, pool: Self.pool), tokens: windows.suffix(8).flatMap(\.self))
        func divergence(_ inputs: InputStatistics?) throws -> Double {
            var weights = model.weights
            let packed = try GPTQ().packed(
                weights.matrix(table.role), as: packing, inputs: inputs, pool: Self.pool)
            weights.replace(table.role, with: packed.matrix)
            return try evaluator.compare(
                Decoder(weights, pool: Self.pool), with: reference
            ).divergence.mean
        }
        let (plain, compensated) = (try divergence(nil), try divergence(table.statistics))
        #expect(compensated < 0.9 * plain, "\(compensated), rounded to nearest \(plain)")
        let expected = costs.units[0].choices[0].cost
        #expect(expected > compensated / 2 && expected < compensated * 2, "\(expected)")
        let kept = try JSONDecoder().decode(
            StorageCosts.self, from: JSONEncoder().encode(costs))
        #expect(kept.tables == costs.tables)
    }

    /// What a page shows of a plan adds up to it, and smaller choices are smaller and cost more.
    @Test func smallerChoicesAreWorthWhatTheySave() throws {
        let outcome = try job(modelFixture("llama2"), .bitsPerWeight(4)).run()
        let chosen = outcome.costs.choices(of: outcome.plan)
        #expect(chosen.values.reduce(0) { $0 + $1.byteCount } == outcome.plan.byteCount)
        let steps = outcome.costs.steps(below: outcome.plan)
        #expect(!steps.isEmpty)
        for (step, next) in zip(steps, steps.dropFirst()) {
            #expect(step.addedCost >= next.addedCost && step.savedBytes > 0)
            let unit = try #require(outcome.costs.units.first { $0.role == step.role })
            let rivals = unit.choices.filter { $0.byteCount < step.chosen.byteCount }
            #expect(rivals.allSatisfy { $0.cost >= step.smaller.cost })
        }
    }

    /// What is written is never further from the float model than all layers alike at its bytes.
    @Test(arguments: ["llama2", "qwen2", "smollm2"])
    func neverWorseThanUniform(name: String) throws {
        let model = try modelFixture(name)
        for bits in [2.75, 4.0, 5.5] {
            let outcome = try job(model, .bitsPerWeight(bits)).run()
            let chosen = try #require(outcome.candidates.last)
            #expect(outcome.candidates.allSatisfy { $0.divergence >= chosen.divergence })
            #expect(outcome.model.size.bitsPerWeight <= bits)
        }
    }

    /// What was found out is read from the folder again, and adds up to what was expected.
    @Test func whatWasFoundOutIsKept() throws {
        let outcome = try job(try modelFixture("llama2"), .bitsPerWeight(4)).run()
        let note = outcome.note
        let sum = note.damage.values.reduce(0, +)
        // The same terms in another order.
        #expect(abs(sum - outcome.plan.cost) <= 1e-12 * outcome.plan.cost)
        #expect(note.damage.count == outcome.plan.packings.count)
        #expect(note.candidates.filter(\.isChosen).count == 1)
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID())").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try ModelFolderWriter(outcome.model).write(to: path, replaces: false)
        #expect(try CompressionNote(of: LanguageModel(path: path)) == nil)
        try note.write(toFolder: path)
        #expect(try CompressionNote(of: LanguageModel(path: path)) == note)
    }

    /// Plans that are tried with all their matrices keep the budget; a job that goes on takes the one
    /// that was found.
    @Test func plansAreTried() throws {
        let model = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        let text = StoryText(seed: 3).text(byteCount: 40_000, of: .training)
        var settings = BudgetSettings(effort: .fast)
        (settings.evolution, settings.evolutionWindows) = (EvolutionarySearch(), 2)
        settings.evolution?.generations = 3
        settings.order = .automatic
        let job = try BudgetedCompression(
            model, budget: .bitsPerWeight(2.5), settings: settings,
            tokens: try #require(model.tokenizer).encode(text, parseSpecial: true), opening: nil,
            pool: Self.pool)
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID())").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let outcome = try job.run(keepingAt: path)
        #expect(outcome.candidates.count { $0.kind == .evolved } == 1)
        #expect(outcome.model.size.bitsPerWeight <= 2.5)
        let titles = Mutex<[String]>([])
        let again = try job.run(keepingAt: path) { title, _, _ in
            titles.withLock { $0.append(title) }
            return nil
        }
        #expect(try bytes(again.model) == bytes(outcome.model))
        #expect(!titles.withLock { $0.contains("Trying plans") })
    }

    /// Wider layers read more text.
    @Test func wideLayersReadMore() throws {
        var spec = try modelFixture("llama2").spec
        let settings = BudgetSettings()
        #expect(settings.reading(for: spec) == settings)
        for index in spec.blocks.indices { spec.blocks[index].mlp.hiddenWidth = 4608 }
        let wide = settings.reading(for: spec)
        #expect(wide.costWindows == 3 * settings.costWindows)
        #expect(wide.calibrationWindows == settings.calibrationWindows, "they are enough")
        for index in spec.blocks.indices { spec.blocks[index].mlp.hiddenWidth = 15360 }
        let wider = settings.reading(for: spec)
        #expect(wider.costWindows == 10 * settings.costWindows)
        #expect(wider.calibrationWindows == wider.costWindows)
    }

    /// More effort is foretold to take longer, costs that are known save their time, and a job that
    /// limits the loss takes several.
    @Test func whatAJobTakesIsForetold() throws {
        let model = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        let tokens = (0..<30_000).map { place in Int32(place * 131 % 500) }
        func forecast(
            _ effort: BudgetSettings.Effort, _ budget: ModelBudget = .bitsPerWeight(3)
        ) throws -> JobForecast {
            let job = try BudgetedCompression(
                model, budget: budget, settings: BudgetSettings(effort: effort), tokens: tokens,
                opening: nil, pool: WorkerPool(threads: 2))
            // Beside other tests a machine is slower at one moment than at the next.
            let forecasts = (0..<5).map { _ in job.forecast() }
            return try #require(forecasts.min { $0.seconds < $1.seconds })
        }
        let (fast, usual, best) = try (forecast(.fast), forecast(.standard), forecast(.best))
        #expect(fast.seconds > 0 && 2 * fast.seconds < usual.seconds)
        #expect(usual.seconds < best.seconds)
        #expect(fast.memoryBytes > 0 && fast.memoryBytes <= usual.memoryBytes)
        #expect(try forecast(.standard, .divergence(0.1)).seconds > 2 * usual.seconds)
    }

    /// Biases, stretched positions and normalized heads do not keep a model from being tuned.
    @Test(arguments: ["llama3", "qwen2", "qwen3"])
    func theFamilyIsTuned(name: String) throws {
        var settings = settings
        settings.tuning = PredictionTuning()
        settings.tuning?.steps = 4
        let outcome = try job(modelFixture(name), .bitsPerWeight(4), settings).run()
        #expect(outcome.candidates.count { $0.kind == .tuned } == 1)
        #expect(outcome.candidates.allSatisfy { ($0.expected == nil) == ($0.kind == .tuned) })
    }

    /// A model that gradients cannot be taken of is measured by the error of outputs, and not tuned.
    @Test func otherArchitecturesHaveBudgetsToo() throws {
        let model = try modelFixture("gpt2")
        let outcome = try job(model, .bitsPerWeight(4), BudgetSettings(effort: .fast)).run()
        #expect(outcome.candidates.allSatisfy { $0.expected == nil && $0.kind != .tuned })
    }
}
