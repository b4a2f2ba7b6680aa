import Foundation
import HalftoneCompression
import HalftoneData
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import Testing

/// Folders whose codes an entropy coder made small: written, run, damaged, and made for a budget.
struct CodedFolderTests {
    private static let pool = WorkerPool(threads: 2)

    @Test(
        arguments: ["llama2", "gpt2", "qwen3", "smollm2"],
        [(2, ScaleFormat.unsignedFloat8), (3, .float16), (8, .float32)])
    func aCodedFolderRunsAsTheModelInMemory(
        name: String, form: (bits: Int, scale: ScaleFormat)
    ) throws {
        let original = try modelFixture(name)
        var recipe = CompressionRecipe(bits: form.bits, group: .group(32))
        recipe.body.scaleFormat = form.scale
        let compressed = try CompressedModel(original, recipe: recipe, pool: Self.pool)
        try withWrittenFolder(compressed, order: .coded) { path in
            let again = try LanguageModel(path: path)
            #expect(again.packing?.entries.values.allSatisfy { $0.layout == .coded } == true)
            for (role, packed) in compressed.quantized {
                #expect(again.weights.matrix(role).decoded() == packed.matrix.decoded())
            }
            let logits = try [again.weights, compressed.weights].map { weights in
                let decoder = Decoder(weights, pool: Self.pool, activations: .int8)
                return try decoder.logits(after: [1, 2, 3], state: decoder.makeState())
            }
            #expect(logits[0] == logits[1])
            // What is counted is what the file has.
            let archive = try SafetensorsFile(contentsOf: path + "/model.safetensors")
            let suffixes = [
                PackedManifest.Suffix.coded, PackedManifest.Suffix.scales,
                PackedManifest.Suffix.factor, PackedManifest.Suffix.zeros,
            ]
            let bytes = archive.tensors.filter { tensor in
                suffixes.contains { tensor.name.hasSuffix($0) }
            }.reduce(0) { $0 + $1.bytes.count }
            #expect(try ModelFolderWriter(compressed, order: .coded).packedByteCount() == bytes)
            let inspected = compressed.quantized.keys.reduce(0) {
                $0 + again.weights.matrix($1).byteCount
            }
            #expect(inspected == bytes)
        }
    }

    @Test func damagedCodesAreNamed() throws {
        let compressed = try CompressedModel(
            try modelFixture("llama3"), recipe: CompressionRecipe(bits: 3), pool: Self.pool)
        try withWrittenFolder(compressed, order: .coded) { path in
            let file = path + "/model.safetensors"
            let archive = try SafetensorsFile(contentsOf: file)
            let coded = try #require(
                archive.tensors.first { $0.name.hasSuffix(PackedManifest.Suffix.coded) })
            var bytes = try Data(contentsOf: URL(filePath: file))
            let place = try #require(bytes.range(of: Data(coded.bytes.array))).upperBound - 1
            bytes[place] ^= 0x55
            try bytes.write(to: URL(filePath: file))
            let error = #expect(throws: (any Error).self) { _ = try LanguageModel(path: path) }
            #expect("\(try #require(error))".contains(coded.name))
        }
    }

    /// A budget of bits for the model that comes along, on a text of no meaning.
    private func job(
        bits: Double, order: StorageOrder? = nil, tableWidth: Int? = nil
    ) throws -> BudgetedCompression {
        var settings = BudgetSettings(effort: .fast)
        if let tableWidth { settings.tableWidths = [tableWidth] }
        settings.length = 64
        settings.order = order
        let tokens: [Int32] = (0..<1280).map { (place: Int) -> Int32 in
            Int32((place * 131 + place * place * 17) % 1000)
        }
        return try BudgetedCompression(
            LanguageModel(path: ShippedModels.path(of: ShippedModels.stories)),
            budget: .bitsPerWeight(bits), settings: settings, tokens: tokens, opening: nil,
            pool: Self.pool)
    }

    /// Runs a job in a folder that is gone afterwards.
    private func withFolder<Value>(_ body: (String) throws -> Value) rethrows -> Value {
        let path = FileManager.default.temporaryDirectory
            .appending(path: "halftone-\(UUID().uuidString)").path(percentEncoded: false)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(path)
    }

    /// Never above the budget, and within half a percent of it.
    @Test(arguments: [1.7, 2.2, 3.1, 4.4])
    func codedBudgetsAreKept(bits: Double) throws {
        let found = try job(bits: bits).run()
        let budget = Int(bits * Double(found.costs.weightCount) / 8)
        #expect(found.plan.byteCount <= budget)
        #expect(Double(found.plan.byteCount) >= 0.995 * Double(budget))
        let kinds: [BudgetedCompression.Candidate.Kind] = [.uniform, .coded]
        #expect(found.candidates.map { $0.kind } == kinds)
        #expect(
            try ModelFolderWriter(found.model, order: .coded).weightFileByteCount()
                == found.fileBytes)
        // Those of the last turn, tables included.
        try withWrittenFolder(found.model, order: .coded) { path in
            let again = try LanguageModel(path: path)
            for (role, packed) in found.model.quantized {
                #expect(again.weights.matrix(role).decoded() == packed.matrix.decoded())
            }
        }
    }

    /// Tables have the bytes of the width that is asked for, and layers what is left; tables that cannot take
    /// so many leave more.
    @Test(arguments: [(3.4, 4), (4.1, 6), (5.0, 8)])
    func tablesHaveTheirWidth(bits: Double, tableWidth: Int) throws {
        let found = try job(bits: bits, tableWidth: tableWidth).run()
        let budget = Int(bits * Double(found.costs.weightCount) / 8)
        #expect(found.plan.byteCount <= budget)
        #expect(Double(found.plan.byteCount) >= 0.995 * Double(budget))
        let tables = found.costs.units.filter { $0.role.block == nil }
        let (weights, bytes) = tables.reduce((0, 0)) {
            ($0.0 + $1.weightCount, $0.1 + $1.choices[0].byteCount)
        }
        let asked = (Double(tableWidth) + 0.25) * Double(weights) / 8
        // And the last percent of layers.
        #expect(Double(bytes) <= asked + 0.0101 * (Double(budget) - asked))
        #expect(Double(bytes) >= (tableWidth < 8 ? 0.985 : 0.7) * asked)
        let again = try job(bits: bits, tableWidth: tableWidth)
        let curve = try #require(again.curves(of: found).first { $0.kind == .coded })
        #expect(curve.points.allSatisfy { $0.packedBytes > bytes })
    }

    /// Fewer bits than layers alike can have are enough; below one for each weight what there is is said.
    @Test func fewBitsAreKept() throws {
        let found = try job(bits: 1.4).run()
        #expect(found.candidates.map { $0.kind } == [.coded])
        let bits = 8 * Double(found.plan.byteCount) / Double(found.costs.weightCount)
        #expect(1.4 * 0.995 <= bits && bits <= 1.4)
        for (bits, tableWidth) in [(0.9, nil), (1.7, 6)] {
            let error = #expect(throws: CompressionError.self) {
                _ = try job(bits: bits, tableWidth: tableWidth).run()
            }
            #expect("\(try #require(error))".contains("possible"))
        }
    }

    /// Bytes and bits alone are spent on coded codes, unless something asks for an allocation.
    @Test func codesAreCodedWhereBytesAreAllThatCounts() throws {
        let model = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        func order(
            _ model: LanguageModel, _ budget: ModelBudget,
            _ change: (inout BudgetSettings) -> Void = { _ in }
        ) throws -> StorageOrder? {
            var settings = BudgetSettings()
            change(&settings)
            return try BudgetedCompression(
                model, budget: budget, settings: settings,
                tokens: [Int32](repeating: 1, count: 2048), opening: nil, pool: Self.pool
            ).settings.order
        }
        #expect(try order(model, .bitsPerWeight(3)) == .coded)
        #expect(try order(model, .fileBytes(500_000)) == .coded)
        #expect(try order(model, .divergence(0.1)) == .automatic)
        var both = ModelBudget.fileBytes(500_000)
        both.tokensPerSecond = 10
        #expect(try order(model, both) == .automatic)
        for change: (inout BudgetSettings) -> Void in [
            { $0.order = .automatic }, { $0.target = .gguf }, { $0.sensitivity = .fisher },
            { $0.tuning?.codeRate = 0.02 }, { $0.tableWidths = [4, 6] },
        ] {
            #expect(try order(model, .bitsPerWeight(3), change) == .automatic)
        }
        for widths in [[], [6]] {
            #expect(try order(model, .bitsPerWeight(3)) { $0.tableWidths = widths } == .coded)
        }
        #expect(try order(modelFixture("gpt2"), .bitsPerWeight(4)) == .automatic)
    }

    /// What other sizes are expected to lose goes through what was measured, and is less with more bytes.
    @Test(arguments: [StorageOrder.coded, .automatic])
    func curvesGoThroughWhatWasMeasured(order: StorageOrder) throws {
        let job = try job(bits: 3.4, order: order)
        let found = try job.run()
        let curves = job.curves(of: found)
        #expect(curves.contains { $0.kind == (order == .coded ? .coded : .allocated) })
        for curve in curves {
            let candidate = try #require(found.candidates.last { $0.kind == curve.kind })
            let steps = Array(zip(curve.points, curve.points.dropFirst()))
            #expect(steps.allSatisfy { $0.packedBytes <= $1.packedBytes })
            #expect(steps.allSatisfy { $0.divergence >= $1.divergence })
            #expect(
                steps.contains { less, more in
                    less.packedBytes <= candidate.packedBytes
                        && candidate.packedBytes <= more.packedBytes
                        && more.divergence <= candidate.divergence * 1.0001
                        && candidate.divergence <= less.divergence * 1.0001
                }, "\(curve) misses \(candidate)")
        }
    }

    /// Where nothing tells what rows are worth there are no such steps.
    @Test func otherArchitecturesAreRefused() throws {
        var settings = BudgetSettings(effort: .fast)
        settings.length = 32
        settings.order = .coded
        let job = try BudgetedCompression(
            modelFixture("gpt2"), budget: .bitsPerWeight(4), settings: settings,
            tokens: [Int32](repeating: 1, count: 320), opening: nil, pool: Self.pool)
        let error = #expect(throws: CompressionError.self) { _ = try job.run() }
        #expect("\(try #require(error))".contains("automatic order"))
    }

    /// Codes take other bytes than was foretold; the table makes up for that, without another turn.
    @Test func theTableTakesWhatIsLeft() throws {
        let found = try [3.4, 3.7, 4.0, 4.3].map { bits in
            try withFolder { path in
                _ = try job(bits: bits).run(keepingAt: path)
                return try FileManager.default.contentsOfDirectory(atPath: path + "/units/done")
            }
        }
        #expect(found.allSatisfy { $0.contains("coded%201") && !$0.contains("coded%202") })
        #expect(found.contains { $0.contains("coded%201%2C%20tables%201") })
    }

    /// A job that was killed in any of its steps, or among the blocks of layers alike, goes on and writes the
    /// same codes.
    @Test(arguments: [
        ["coded"], ["tables"], ["coded", "lessons"], ["coded", "lessons", "uniform"],
    ])
    func aKilledJobGoesOn(undoing steps: [String]) throws {
        func reopen(_ run: String, where isWanted: (String) -> Bool) throws {
            let done = try FileManager.default.contentsOfDirectory(atPath: run + "/units/done")
            let undone = done.filter(isWanted)
            #expect(!undone.isEmpty)
            for unit in undone {
                try FileManager.default.moveItem(
                    atPath: run + "/units/done/" + unit, toPath: run + "/units/pending/" + unit)
            }
        }
        try withFolder { path in
            let job = try job(bits: 2.2)
            let first = try job.run(keepingAt: path)
            for step in steps { try reopen(path) { $0.contains(step) } }
            if steps.contains("uniform") {
                try reopen(path + "/uniform") { $0.contains("block") && !$0.hasSuffix("0") }
            }
            let again = try job.run(keepingAt: path)
            #expect(again.candidates == first.candidates && again.fileBytes == first.fileBytes)
            for (role, matrix) in first.model.quantized {
                #expect(
                    again.model.quantized[role]?.parts.codes.array == matrix.parts.codes.array)
            }
        }
    }
}
