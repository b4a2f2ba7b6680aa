import Foundation
import HalftoneAllocation
import HalftoneCompression
import HalftoneData
import HalftoneEvaluation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneNN
import HalftoneQuantization
import HalftoneRuntime
import HalftoneTensor
import HalftoneText
import Testing

/// Measures of sensitivity, each held to what it says computed another way.
struct SensitivityTests {
    private static let pool = WorkerPool(threads: 2)

    private func windows(_ model: LanguageModel, count: Int = 4, length: Int = 32) -> [[Int32]] {
        (0..<count).map { part in
            (0..<length).map {
                let place = part * length + $0
                return Int32((place * 131 + place * place * 17) % model.spec.vocabularySize)
            }
        }
    }

    private func scheme(_ bits: Int) -> WeightScheme {
        WeightScheme(
            format: IntegerFormat(bits: bits, symmetric: false), granularity: .group(16),
            search: .absmax)
    }

    private func packed(_ matrix: any WeightMatrix, bits: Int = 3) throws -> PackedWeight {
        .codes(
            try RoundToNearest().quantize(
                matrix, scheme: scheme(bits), inputs: nil, pool: Self.pool))
    }

    /// A change of a whole matrix.
    private func change(
        _ role: Role, of model: LanguageModel, bits: Int = 3, moments: Tensor? = nil
    ) throws -> WeightChange {
        let matrix = model.weights.matrix(role)
        return WeightChange(
            WeightSite(role, matrix, moments: moments), try packed(matrix, bits: bits))
    }

    /// The mean of `x·xᵀ` that a stage of a block reads, summed in double precision.
    private func moments(
        _ model: LanguageModel, _ stage: BlockStage, block: Int, _ text: [[Int32]]
    ) throws -> [[Double]] {
        let run = try StagedRun(model.weights, sequences: text, pool: Self.pool)
        for _ in 0..<block { run.run() }
        var sum: [[Double]] = []
        var tokens = 0.0
        run.run(
            observing: { at, inputs in
                guard at == stage else { return }
                let (width, values) = (inputs.width, inputs.values)
                if sum.isEmpty {
                    sum = .init(repeating: .init(repeating: 0, count: width), count: width)
                }
                tokens += Double(inputs.count)
                for row in 0..<inputs.count {
                    for i in 0..<width {
                        for j in 0..<width {
                            sum[i][j] +=
                                Double(values[row * width + i]) * Double(values[row * width + j])
                        }
                    }
                }
            }, replacing: { _ in [:] })
        return sum.map { $0.map { $0 / tokens } }
    }

    private func tensor(_ values: [[Double]]) -> Tensor {
        Tensor(shape: [values.count, values[0].count], elements: values.joined().map { Float($0) })
    }

    /// `d·M·dᵀ` of each row.
    private func squares(_ rows: Tensor, _ moments: [[Double]]) -> [Double] {
        (0..<rows.shape[0]).map { row in
            var sum = 0.0
            for i in moments.indices {
                for j in moments.indices {
                    sum += Double(rows[row, i]) * moments[i][j] * Double(rows[row, j])
                }
            }
            return sum
        }
    }

    private func evaluator(_ length: Int) -> Evaluator {
        var windows = EvaluationWindows()
        windows.length = length
        windows.scoring = .all
        return Evaluator(windows: windows, pool: Self.pool)
    }
}

extension SensitivityTests {
    /// Changing one matrix costs what a model with just that matrix changed is away from the float
    /// model, wherever the matrix is; and so do two at once.
    @Test(arguments: ["llama2", "smollm2", "gpt2", "gemma2"])
    func measuredChangesAreThoseOfWholeModels(name: String) throws {
        let model = try modelFixture(name)
        let text = windows(model)
        let roles = model.spec.slots.map(\.role).filter(\.isPackable)
        let divergence = try PredictionChange(
            of: model.weights, text: CalibrationText(sequences: text), pool: Self.pool)
        let loss = try PredictionChange(
            of: model.weights, text: CalibrationText(sequences: text), unit: .loss,
            pool: Self.pool)
        let evaluator = evaluator(32)
        let reference = try evaluator.reference(
            Decoder(model.weights, pool: Self.pool), tokens: text.flatMap(\.self))
        let ends = [roles[0], roles[roles.count - 1]]
        for some in roles.map({ [$0] }) + [ends] {
            var weights = model.weights
            let changes = try some.map { try change($0, of: model) }
            for change in changes { weights.replace(change.site.role, with: change.matrix) }
            let found = try evaluator.compare(
                Decoder(weights, pool: Self.pool), with: reference)
            let added = found.candidate.loss.mean - found.reference.loss.mean
            // Sums in another order: 1e-6 of logits of about 1.
            let (one, two) = (try divergence.cost(of: changes), try loss.cost(of: changes))
            #expect(abs(one - found.divergence.mean) <= 1e-3 * one + 1e-9, "\(some)")
            #expect(abs(two - added) <= 1e-3 * abs(added) + 1e-6, "\(some)")
            #expect(one > 0)
        }
        #expect(divergence.unit == .divergence && loss.unit == .loss)
    }

    /// The change of outputs, summed in double precision.
    @Test func theErrorIsThatOfOutputs() throws {
        let model = try modelFixture("llama2")
        let moments = try moments(model, .perceptronOutput, block: 1, windows(model))
        let change = try change(
            Role(.down, block: 1), of: model, moments: tensor(moments))
        let all = squares(change.site.original, moments).reduce(0, +)
        let lost = squares(change.difference, moments).reduce(0, +)
        #expect(abs(OutputError().cost(of: change) / (lost / all) - 1) <= 1e-4)
    }

    /// The curvature by output times the change of outputs, also where some rows stand for all.
    @Test func curvatureCountsOutputs() throws {
        let model = try modelFixture("llama2")
        let text = windows(model)
        let role = Role(.query, block: 1)
        let curvature = try OutputCurvature(
            of: model.weights, text: CalibrationText(sequences: text))
        let moments = try moments(model, .attentionInput, block: 1, text)
        let change = try change(role, of: model, moments: tensor(moments))
        let counts = try #require(curvature.outputs[role])
        let rows = squares(change.difference, moments)
        let expected = zip(counts, rows).reduce(0) { $0 + 0.5 * Double($1.0) * $1.1 }
        #expect(abs(curvature.cost(of: change) / expected - 1) <= 1e-4)
        // What stands for all counts as much as all.
        let site = WeightSite(
            role, model.weights.matrix(role), rowStep: 2, moments: tensor(moments))
        let half = WeightChange(site, try packed(site.matrix))
        let taken = stride(from: 0, to: counts.count, by: 2)
        let (some, whole) = (taken.reduce(0) { $0 + counts[$1] }, counts.reduce(0, +))
        let sampled = taken.reduce(0) { $0 + 0.5 * Double(counts[$1]) * rows[$1] }
        let ratio = curvature.cost(of: half) / (sampled * Double(whole / some))
        #expect(abs(ratio - 1) <= 1e-4)
    }

    /// The expected square of every gradient of one token, by as many passes as there are tokens to
    /// draw, beside the mean over some thousand draws.
    @Test func fisherIsTheExpectedSquareOfGradients() throws {
        let model = try modelFixture("llama2")
        let token: Int32 = 7
        let draws = 4000
        let fisher = try FisherDiagonal(
            of: model.weights,
            text: CalibrationText(sequences: .init(repeating: [token], count: draws)))
        let network = try LlamaNetwork(model.weights)
        network.freeze()
        for role in [Role(.down, block: 0), Role(.head), Role(.embedding)] {
            let parameter = try #require(network.parameter(role))
            parameter.isTrainable = true
            let read = IndexTensor(shape: [1, 1], elements: [token])
            let chances = network(read, ForwardContext(network)).softmax().elements.map(\.self)
            let change = try change(role, of: model)
            var expected = 0.0
            for (next, chance) in chances.enumerated() {
                let pass = ForwardContext(network, recordsGradients: true)
                let loss = network(read, pass).crossEntropy(
                    IndexTensor(shape: [1, 1], elements: [Int32(next)])
                ).sum()
                let gradient = try #require(pass.gradients(of: loss)[parameter])
                expected +=
                    0.5 * Double(chance)
                    * Double((gradient.squared() * change.difference.squared()).sum().item)
            }
            parameter.isTrainable = false
            let found = fisher.cost(of: change)
            // The draws' mean has a standard error of about √(2 / draws) of it.
            #expect(abs(found / expected - 1) <= 0.1, "\(role): \(found), \(expected)")
        }
    }

    /// Traces from second differences of the loss along drawn signs, in double precision but for the
    /// model itself.
    @Test func hessianTracesAreSecondDifferencesOfTheLoss() throws {
        let model = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        let story = StoryText(seed: 1).text(byteCount: 4000, of: .heldOut)
        let tokens = try #require(model.tokenizer).encode(story, parseSpecial: true)
        let text = [Array(tokens.prefix(128))]
        let role = Role(.value, block: 0)
        let hessian = try HessianWeightedError(
            of: model.weights, text: CalibrationText(sequences: text),
            estimate: .init(samples: 32))
        let change = try change(role, of: model)
        let size = Double(change.difference.squared().sum().item)
        let matrix = model.weights.matrix(role)
        let values = matrix.decoded()
        let count = Double(values.count)
        let length = 0.1 * (values.reduce(0) { $0 + Double($1 * $1) } / count).squareRoot()
        let loss = try PredictionChange(
            of: model.weights, text: CalibrationText(sequences: text), unit: .loss,
            pool: Self.pool)
        var generator = SeededGenerator(seed: 3)
        var samples: [Double] = []
        for _ in 0..<64 {
            let signs = values.map { _ in Float(Bool.random(using: &generator) ? length : -length) }
            func added(_ sign: Float) throws -> Double {
                let moved = zip(values, signs).map { $0 + sign * $1 }
                let site = WeightSite(role, matrix)
                return try loss.cost(
                    of: WeightChange(
                        site,
                        .blocks(
                            try BlockMatrix(
                                type: .f32, rows: matrix.rows, columns: matrix.columns,
                                bytes: Bytes(
                                    BlockCodec.encode(.f32, moved, columns: matrix.columns))))))
            }
            samples.append((try added(1) + added(-1)) / (length * length))
        }
        let trace = MeanEstimate(samples)
        let found = hessian.cost(of: change) / size * 2 * count
        // The estimate has about the same spread from half as many samples.
        let error = 3 * trace.standardError * 3.0.squareRoot()
        #expect(abs(found - trace.mean) <= error, "\(found), \(trace)")
        #expect(trace.mean > 2 * trace.standardError, "the check sees a trace: \(trace)")
    }

    /// Scores of blocks and of matrices, each times the weights that are lost.
    @Test func scoresCountRelativeErrors() throws {
        let model = try modelFixture("llama2")
        let text = CalibrationText(sequences: windows(model))
        let role = Role(.up, block: 1)
        let change = try change(role, of: model)
        func squares(_ values: [Float]) -> Double { values.reduce(0) { $0 + Double($1 * $1) } }
        let original = model.weights.matrix(role).decoded()
        let lost = zip(original, change.matrix.decoded()).map { $0 - $1 }
        let all = model.spec.slots.filter { $0.role.isPackable }.reduce(0) {
            $0 + $1.shape.reduce(1, *)
        }
        let share =
            squares(lost) / squares(original) * Double(original.count) / Double(all)
        for score in LayerwiseQuant.Score.allCases {
            let importance = try LayerwiseQuant(score: score).importance(
                of: model.weights, reading: text.sequences, pool: Self.pool)
            let measure = try ScoredError(score, of: model.weights, text: text, pool: Self.pool)
            #expect(abs(measure.cost(of: change) / ((1 + importance[1]) * share) - 1) <= 1e-4)
            let mean = importance.reduce(2) { $0 + $1 } / 2
            #expect(abs((measure.scores[Role(.head)] ?? 0) - mean) <= 1e-9)
        }
        let entropy = try ScoredError(entropyOf: model.weights, pool: Self.pool)
        var counts: [Int: Int] = [:]
        let columns = model.weights.matrix(role).columns
        for first in stride(from: 0, to: original.count, by: columns) {
            let row = original[first..<first + columns]
            let codes = try RoundToNearest().quantize(
                Tensor(shape: [1, columns], elements: Array(row)),
                scheme: WeightScheme(
                    format: IntegerFormat(bits: 4, symmetric: true), granularity: .channel,
                    scaleFormat: .float32, search: .absmax))
            for value in codes.dequantized().elements {
                counts[Int((value / codes.matrix.scales[0]).rounded()), default: 0] += 1
            }
        }
        let bits = counts.values.reduce(0.0) {
            let chance = Double($1) / Double(original.count)
            return $0 - chance * log2(chance)
        }
        #expect(counts.count > 8 && abs((entropy.scores[role] ?? 0) - bits) <= 1e-9)
        #expect(abs(entropy.cost(of: change) / (bits * share) - 1) <= 1e-4)
    }

    /// Losses of columns add up to those of the matrix, and fall by the decay with each bit.
    @Test func columnLossesAddUp() throws {
        let model = try modelFixture("llama2")
        let moments = try moments(model, .perceptronOutput, block: 0, windows(model))
        let role = Role(.down, block: 0)
        let matrix = model.weights.matrix(role)
        let inputs = InputStatistics(
            moments: GramSum(
                width: matrix.columns, elements: FloatArray(Array(tensor(moments).elements))),
            tokenCount: 1)
        let site = WeightSite(role, matrix, inputs: inputs, moments: tensor(moments))
        let measure = ColumnLosses(pool: Self.pool)
        let two = try packed(matrix, bits: 2)
        let whole = try measure.cost(of: WeightChange(site, two))
        let baq = BAQ()
        let pass = try baq.passes(
            matrix, inputs: inputs, engine: try baq.engine(for: inputs, pool: Self.pool),
            pool: Self.pool
        ).first
        let size = squares(site.original, moments).reduce(0, +)
        #expect(abs(whole / (pass.loss / size) - 1) <= 1e-4)
        var sum = 0.0
        for first in stride(from: 0, to: matrix.columns, by: 16) {
            let part = WeightChange(site, two, .columns(first..<first + 16))
            sum += try measure.cost(of: part)
        }
        #expect(abs(sum / whole - 1) <= 1e-9)
        sum = 0
        for first in stride(from: 0, to: matrix.rows, by: 8) {
            sum += try measure.cost(of: WeightChange(site, two, .rows(first..<first + 8)))
        }
        #expect(abs(sum / whole - 1) <= 1e-4)
        let three = try measure.cost(of: WeightChange(site, try packed(matrix, bits: 3)))
        #expect(abs(three / whole - exp2(-1.95)) <= 1e-9)
        #expect(throws: CompressionError.self) {
            _ = try measure.cost(of: WeightChange(site, two, .plane(0)))
        }
    }
}

extension SensitivityTests {
    /// Parts of a change are the change, and nothing else.
    @Test func slicesMakeUpAMatrix() throws {
        let model = try modelFixture("llama2")
        let matrix = model.weights.matrix(Role(.gate, block: 0))
        let site = WeightSite(Role(.gate, block: 0), matrix)
        let codes = try RoundToNearest().quantize(
            matrix, scheme: scheme(3), inputs: nil, pool: Self.pool)
        let packed = PackedWeight.codes(codes)
        let whole = WeightChange(site, packed).difference
        let rows = WeightChange(site, packed, .rows(0..<10)).difference
        let rest = WeightChange(site, packed, .rows(10..<matrix.rows)).difference
        #expect((rows + rest).elements == whole.elements)
        #expect(rows.rows(10..<matrix.rows).squared().sum().item == 0)
        let columns = WeightChange(site, packed, .columns(3..<9))
        for row in 0..<matrix.rows {
            for column in 0..<matrix.columns {
                let expected = (3..<9).contains(column) ? whole[row, column] : 0
                #expect(columns.difference[row, column] == expected)
            }
        }
        let left = zip(columns.matrix.decoded(), site.original.elements).map { $1 - $0 }
        for (one, two) in zip(left, columns.difference.elements) { #expect(abs(one - two) <= 1e-7) }
        // Lost planes are `±half`, together a code's distance from the middle of all codes.
        let planes = (0..<3).map { WeightChange(site, packed, .plane($0)).difference }
        let sum = planes.reduce(Tensor.zeros(whole.shape)) { $0 + $1 }.elements.map(\.self)
        let values = codes.dequantized().elements.map(\.self)
        for place in values.indices {
            let group =
                place / matrix.columns * codes.matrix.groupsPerRow
                + place % matrix.columns / 16
            let scale = codes.matrix.scales[group]
            let zero = try #require(codes.matrix.zeroPoints)[group]
            #expect(abs(sum[place] - values[place] - scale * (zero - 3.5)) <= 1e-5 * scale)
            #expect(planes[2].elements[place].magnitude == 2 * scale)
        }
    }

    /// Every measure of every kind of parts says something finite, a wide part more than none.
    @Test(arguments: SensitivityMeasure.allCases)
    func everyMeasureMeasuresAllParts(measure: SensitivityMeasure) throws {
        let model = try modelFixture("llama2")
        var settings = BudgetSettings(effort: .fast)
        settings.sensitivity = measure
        settings.widths = [2, 4]
        settings.tableWidths = [2, 4]
        settings.groups = [.group(16)]
        settings.trialTokens = 64
        let study = SensitivityStudy(
            model.weights, settings: settings, text: CalibrationText(sequences: windows(model)),
            pool: Self.pool)
        #expect(study.measure == measure)
        let whole = SensitivityMap(try study.costs())
        #expect(whole.unit == measure.unit)
        #expect(whole.units.count == model.spec.slots.filter { $0.role.isPackable }.count)
        // Fewer bits cost more, of all matrices together; the loss on tokens that were drawn can fall.
        let sums = [0, 1].map { place in whole.units.reduce(0) { $0 + $1.choices[place].cost } }
        #expect(sums[0] > sums[1] || measure == .loss, "\(sums)")
        for partition in SensitivityMap.Partition.allCases where partition != .tensor {
            if measure == .columnLoss, partition == .planes { continue }
            let map = try study.map(by: partition, parts: 4) { $0.block != 0 }
            #expect(map.unit == measure.unit && !map.units.isEmpty)
            for unit in map.units {
                #expect(unit.choices.allSatisfy { $0.cost.isFinite }, "\(unit)")
                #expect(!unit.roles.contains { $0.block == 0 })
            }
            if partition == .layer {
                #expect(map.units.map(\.name).sorted() == ["block 1", "embedding", "head"])
                #expect(map.units.contains { $0.roles.count == 7 })
            }
        }
    }

    /// Measured divergence of each matrix of a trained model ranks as the curvature says.
    @Test func curvatureRanksMatricesAsTheyMatter() throws {
        let model = try LanguageModel(path: ShippedModels.path(of: ShippedModels.stories))
        let story = StoryText(seed: 1).text(byteCount: 40_000, of: .heldOut)
        let tokens = try #require(model.tokenizer).encode(story, parseSpecial: true)
        let text = CalibrationText(
            sequences: (0..<12).map { Array(tokens[$0 * 128..<($0 + 1) * 128]) })
        func costs(_ measure: SensitivityMeasure) throws -> [Double] {
            var settings = BudgetSettings(effort: .fast)
            settings.sensitivity = measure
            (settings.widths, settings.tableWidths) = ([3], [3])
            return try SensitivityStudy(
                model.weights, settings: settings, text: text, pool: Self.pool
            ).costs().units.map { $0.choices[0].cost }
        }
        let measured = try costs(.kl)
        for (measure, least) in [
            (.curvature, 0.85), (.fisher, 0.6), (.hessian, 0.4),
        ] as [(SensitivityMeasure, Double)] {
            let found = RankCorrelation.spearman(try costs(measure), measured)
            print("\(measure): rank correlation \(found)")
            #expect(found >= least, "\(measure): rank correlation \(found)")
        }
    }
}
