import Foundation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneQuantization

/// The way to a model whose codes, coded, take the bytes of a budget.
///
/// One number rules the steps of all rows of all matrices (`RateDistortionGPTQ.distortion`), and bytes
/// fall with it by about half a bit for each doubling. How often each code would be the nearest tells it
/// nearly; then all windows are read with it. What that leaves of the budget, or has too much, goes to
/// the tables, for whose codes no text is read; only where that is more than two fifths of a bit for each
/// weight of theirs are all windows read once more. Tables of a width that is asked for have the bytes of it,
/// by a number of their own, and make up for the last percent of layers alone.
struct CodedSearch {
    /// Bytes that packed matrices may take.
    var byteCount: Int
    /// Elements of them.
    let weightCount: Int

    /// The share of the bytes that is aimed at.
    private static let aim = 0.998

    /// The least share that will do.
    private static let least = 0.995

    /// Turns with all windows, at most.
    static let turns = 4

    /// Turns of the tables beside each of those.
    static let tableTurns = 3

    /// A number, and the bytes that matrices take with it.
    private typealias Point = (distortion: Double, bytes: Int)

    /// The last that was tried.
    private var last: Point?

    /// About what matrices take with a distortion; nil where nothing is known of that.
    private let expected: (Double) -> Int?

    /// - Parameters:
    ///   - byteCount: Bytes that packed matrices may take.
    ///   - weightCount: Elements of them.
    ///   - expected: About what they take with a distortion; nil where nothing is known of that.
    init(
        byteCount: Int, weightCount: Int,
        expecting expected: @escaping (Double) -> Int? = { _ in nil }
    ) {
        (self.byteCount, self.weightCount) = (byteCount, weightCount)
        self.expected = expected
    }

    /// The next to try: what was tried may differ from what was expected, and all are expected to as much.
    ///
    /// - Complexity: What is expected is asked for up to nine times.
    func next() -> Double {
        var factor = 1.0
        if let last, let known = expected(last.distortion), known > 0 {
            factor = Double(last.bytes) / Double(known)
        }
        var place = last
        for _ in 0..<8 where !isNear(place) {
            let distortion = distortion(after: place)
            guard let bytes = expected(distortion) else { break }
            place = (distortion, Int(factor * Double(bytes)))
        }
        return distortion(after: place)
    }

    private func distortion(after place: Point?) -> Double {
        let wanted = Self.aim * bits(byteCount)
        // What SmolLM2-135M has at 2.6 bits, to begin with.
        guard let place else { return 1.3e-8 * pow(4, 2.6 - wanted) }
        return place.distortion * pow(4, bits(place.bytes) - wanted)
    }

    /// Whether the next after that is the last one, nearly.
    private func isNear(_ place: Point?) -> Bool {
        place.map { abs(bits($0.bytes) - Self.aim * bits(byteCount)) < 0.002 } ?? false
    }

    /// Notes what a distortion takes, of how much.
    mutating func note(_ distortion: Double, _ bytes: Int, of byteCount: Int) {
        last = (distortion, bytes)
        self.byteCount = byteCount
    }

    /// Whether so many bytes keep the budget.
    func fits(_ bytes: Int) -> Bool { bytes <= byteCount }

    /// Whether so many bytes keep the budget and use it.
    func isFound(_ bytes: Int) -> Bool {
        fits(bytes) && Double(bytes) >= Self.least * Double(byteCount)
    }

    /// Whether so many bytes keep the budget, and leave so little that others than what is ruled may take it.
    func isNearlyFound(_ bytes: Int) -> Bool {
        fits(bytes) && Double(bytes) >= 0.99 * Double(byteCount)
    }

    /// What the tables are to have for all matrices together to take what is aimed at; nil where it is
    /// far from what they have.
    ///
    /// Tables and layers are no longer worth the same then: SmolLM2-135M at 62.4 MB, where layers take 0.9 %
    /// more bytes than foretold, has a divergence of 0.080 ± 0.002 so, and of 0.079 after another turn.
    ///
    /// - Parameters:
    ///   - distortion: What the tables have.
    ///   - bytes: What all matrices take with that.
    ///   - tableWeights: Elements of the tables.
    func tableDistortion(_ distortion: Double, bytes: Int, tableWeights: Int) -> Double? {
        let missing = 8 * (Self.aim * Double(byteCount) - Double(bytes)) / Double(tableWeights)
        return missing.magnitude < 0.4 ? distortion * pow(4, -missing) : nil
    }

    private func bits(_ bytes: Int) -> Double { 8 * Double(bytes) / Double(max(weightCount, 1)) }
}

extension CodedSearch {
    /// How matrices are stored: a scale for each row, and codes of a byte before they are coded.
    static let scheme = WeightScheme(
        format: IntegerFormat(bits: 8, symmetric: true), granularity: .channel,
        scaleFormat: .float16)

    /// What rows are worth whose outputs have a curvature.
    ///
    /// Curvature is measured on few tokens, and is no more than the second order: a tenth of the mean is
    /// added to all, and rows of a table, of which most stand for tokens that the text has seldom, count
    /// by the square root of it. SmolLM2-135M at about 2.6 bits, untuned, has a divergence of 0.54 on
    /// held-out text when rows of the table count alike, and of 0.49 with the square root; by the
    /// curvature itself it has 1.3 at 3.0 bits, where rare tokens are lost.
    static func worth(_ curvature: [Float], isTable: Bool) -> [Float] {
        let mean = curvature.reduce(0, +) / Float(max(curvature.count, 1))
        guard mean > 0 else { return curvature.map { _ in 1 } }
        // The second moments of a table hold the sum of all rows.
        return isTable
            ? curvature.map { ($0 / mean + 0.1).squareRoot() / Float(curvature.count) }
            : curvature.map { 0.5 * ($0 + 0.1 * mean) }
    }
}

/// What coded matrices take.
struct CodedSizes: Codable {
    /// Each of them.
    var matrices: [Role: Int]
    /// With all else that the file holds.
    var file: Int

    init(_ model: CompressedModel) throws {
        let writer = ModelFolderWriter(model, order: .coded)
        matrices = writer.quantizedByteCounts
        file = try writer.weightFileByteCount()
    }

    /// All matrices.
    var packed: Int { matrices.values.reduce(0, +) }
}

/// A model whose codes are coded, and what that takes.
struct CodedModel {
    var sizes: CodedSizes
    var model: () throws -> CompressedModel
}

extension StorageCosts {
    /// Elements of embedding and head.
    var tableWeightCount: Int {
        units.filter(\.isTable).reduce(0) { $0 + $1.weightCount }
    }

    /// The one way that coded matrices are stored in; what each costs alone is not known.
    func coded(_ sizes: [Role: Int]) -> StorageCosts {
        StorageCosts(
            unit,
            units.map { unit in
                var one = unit
                one.choices = [
                    Choice(
                        packing: .codes(CodedSearch.scheme), cost: 0,
                        byteCount: sizes[unit.role] ?? 0)
                ]
                return one
            }, tables)
    }
}

extension BudgetedCompression {
    /// The recipe of a model whose codes are coded.
    func codedRecipe(_ costs: StorageCosts) -> CompressionRecipe {
        var recipe = CompressionRecipe(bits: 8)
        recipe.embedding = nil
        for unit in costs.units { recipe.overrides[unit.role] = .codes(CodedSearch.scheme) }
        return recipe
    }

    /// What layers alike tell of codes that are to be coded.
    ///
    /// - Parameters:
    ///   - alike: A model of those, whose codes were found for the same text.
    ///   - costs: What is packed.
    ///   - curvature: Of outputs; nil where nothing is known of that.
    ///   - isNear: Whether what its head reads is about what that of the float model does.
    func lessons(
        of alike: CompressedModel, _ costs: StorageCosts, _ curvature: OutputCurvature?,
        isNear: Bool
    ) throws(CompressionError) -> StorageCosts.Lessons {
        let tables = isNear ? try tableInputs(behind: alike, costs, curvature) : []
        var errors = alike.columnErrors
        for table in tables {
            let inputs = table.statistics
            do throws(QuantizationError) {
                errors[table.role] = try GPTQ()
                    .prepared(for: inputs, pool: pool).columnErrors.map {
                        RateDistortionGPTQ.ExpectedErrors($0, tokens: inputs.tokenCount)
                    }
            } catch {
                throw .cannotQuantize(matrix: "\(table.role)", reason: error.description)
            }
        }
        return StorageCosts.Lessons(columnErrors: errors, tables: tables)
    }

    /// What errors of the tables cost where the head reads what layers give whose codes were found for the
    /// text of coded ones.
    private func tableInputs(
        behind layers: CompressedModel, _ costs: StorageCosts, _ curvature: OutputCurvature?
    ) throws(CompressionError) -> [TableInputs] {
        let text = few(settings.codedWindows)
        let walk = SiteWalk(
            weights: model.weights, calibration: text, judges: 0, rowStep: settings.costRowStep,
            leastRows: settings.costRows, tables: curvature, pool: pool)
        return walk.inputs(
            of: costs.tables.map(\.role), reading: try layers.headInputs(reading: text, pool: pool))
    }

    /// Finds codes that take so many bytes when they are coded; nil when a few turns do not come to
    /// that.
    ///
    /// - Parameters:
    ///   - bytes: About what matrices may take.
    ///   - curvature: Of outputs.
    ///   - costs: What is packed, and what errors of tables cost.
    ///   - display: Makes displays.
    ///   - limit: What matrices may take whose file has these sizes.
    ///   - journal: Keeps the blocks of the turn that it is named by.
    ///   - step: Does what it is named by, if that is not done.
    func coded(
        within bytes: Int, _ curvature: OutputCurvature, _ costs: StorageCosts,
        _ display: @escaping Display, limit: (CodedSizes) -> Int,
        journal: @escaping (String) throws -> CompressionJournal?,
        step: (String, @escaping () throws -> CompressedModel) throws -> CodedModel
    ) throws -> CodedModel? {
        var rates = CodedRates(self, curvature, costs)
        var search = rates.search(bytes)
        var tableSearch = rates.tableSearch
        for turn in 1...CodedSearch.turns {
            let distortion = search.next()
            var tables = tableSearch?.next() ?? distortion
            var found = try step("coded \(turn)") {
                try coded(
                    distortion, rates.worth(ofTables: distortion / tables), costs,
                    journal: journal("coded \(turn)"), display)
            }
            var whole = CodedSearch(byteCount: limit(found.sizes), weightCount: costs.weightCount)
            let (ruled, others) = rates.parts(of: found.sizes)
            rates.note(tables: others)
            search.note(distortion, ruled, of: rates.ruledBytes(of: whole.byteCount))
            tableSearch?.note(tables, others, of: rates.tableByteCount ?? 0)
            let isLast = turn == CodedSearch.turns
            guard tableSearch == nil || search.isNearlyFound(ruled) || isLast else { continue }
            let layers = found.model
            for again in 1...CodedSearch.tableTurns where !whole.isFound(found.sizes.packed) {
                guard
                    let next = whole.tableDistortion(
                        tables, bytes: found.sizes.packed, tableWeights: costs.tableWeightCount)
                else { break }
                tables = next
                found = try step("coded \(turn), tables \(again)") {
                    let layers = try layers()
                    let inputs = try tableInputs(behind: layers, costs, curvature)
                    return try Self.shown(
                        "Fitting tables", display, total: costs.tableWeightCount, unit: "weights"
                    ) {
                        try layers.requantizing(
                            inputs.statistics, by: RateDistortionGPTQ(distortion: next),
                            worth: rates.worth, pool: pool, progress: $0)
                    }
                }
                whole.byteCount = limit(found.sizes)
            }
            // The codes of a byte may be fewer bytes than the budget has, however fine the steps.
            guard
                whole.isFound(found.sizes.packed) || isLast && whole.fits(found.sizes.packed)
            else { continue }
            return found
        }
        return nil
    }

    /// Finds codes that are to be coded.
    ///
    /// - Parameters:
    ///   - distortion: What rules the steps.
    ///   - worth: What a squared change of each output costs.
    ///   - costs: What is packed, and what errors of tables cost.
    private func coded(
        _ distortion: Double, _ worth: [Role: [Float]], _ costs: StorageCosts,
        journal: CompressionJournal?, _ display: Display
    ) throws -> CompressedModel {
        try Self.shown(
            "Quantizing to be coded", display, total: costs.weightCount, unit: "weights"
        ) {
            try CompressedModel(
                model, recipe: codedRecipe(costs),
                method: RateDistortionGPTQ(distortion: distortion),
                calibration: few(settings.codedWindows),
                tables: costs.tables.statistics, worth: worth,
                journal: journal, pool: pool, progress: $0)
        }
    }
}
