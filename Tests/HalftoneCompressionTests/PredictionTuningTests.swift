import HalftoneCompression
import HalftoneEvaluation
import HalftoneFormats
import HalftoneKernels
import HalftoneMethods
import HalftoneModels
import HalftoneNN
import HalftoneQuantization
import HalftoneRuntime
import HalftoneTensor
import Testing

/// Training a packed model to predict what the float model does.
struct PredictionTuningTests {
    @Test(arguments: ["llama2", "llama3", "qwen2"], [0, 0.02])
    func tuningBringsPredictionsNearer(name: String, codeRate: Double) throws {
        let pool = WorkerPool(threads: 2)
        let model = try modelFixture(name)
        let texts = (0..<4).map { part in
            (0..<48).map { Int32(($0 * 29 + part * 7) % model.spec.vocabularySize) }
        }
        var recipe = CompressionRecipe(bits: 2, group: .group(16))
        recipe.embedding = nil
        let packed = try CompressedModel(model, recipe: recipe, pool: pool)
        var tuning = PredictionTuning()
        (tuning.steps, tuning.rate, tuning.codeRate) = (64, 5e-3, codeRate)
        var losses: [Float] = []
        let tuned = try packed.tuned(
            try tuning.tuned(
                packed.matrices, in: packed.weights, float: model.weights, texts: texts,
                pool: pool
            ) { losses.append($0.loss) })
        #expect(losses.count == 64)
        let (first, last) = (losses.prefix(4).reduce(0, +), losses.suffix(4).reduce(0, +))
        #expect(last < (codeRate > 0 ? 0.3 : 0.8) * first, "\(first), \(last)")
        #expect(tuned.size == packed.size)
        for (role, matrix) in packed.quantized {
            let other = try #require(tuned.quantized[role])
            let isSame = matrix.parts.codes.array == other.parts.codes.array
            #expect(isSame == (codeRate == 0), "\(role)")
        }
        // What was measured while training is what the stored model computes.
        var windows = EvaluationWindows()
        windows.length = 48
        windows.scoring = .all
        windows.firstToken = nil
        let evaluator = Evaluator(windows: windows, pool: pool)
        let reference = try evaluator.reference(
            Decoder(model.weights, pool: pool), tokens: texts.flatMap(\.self))
        func divergence(_ weights: DecoderWeights) throws -> Double {
            try evaluator.compare(Decoder(weights, pool: pool), with: reference).divergence.mean
        }
        #expect(try divergence(tuned.weights) < 0.9 * divergence(packed.weights))
    }

    /// The last loss of training is that of the stored model, also where bytes round scales: a rate that
    /// ends at 0 leaves nothing between the two but that.
    @Test(
        arguments: [ScaleFormat.float16, .float8, .unsignedFloat8],
        [Granularity.group(16), .channel])
    func theLastLossIsTheStoredModels(scales: ScaleFormat, granularity: Granularity) throws {
        let pool = WorkerPool(threads: 2)
        let model = try modelFixture("llama2")
        let text = (0..<48).map { Int32(($0 * 29) % model.spec.vocabularySize) }
        var recipe = CompressionRecipe(bits: 2, group: granularity)
        recipe.body.scaleFormat = scales
        recipe.embedding = nil
        let packed = try CompressedModel(model, recipe: recipe, pool: pool)
        var tuning = PredictionTuning()
        (tuning.steps, tuning.rate) = (64, 5e-3)
        func losses(_ packed: CompressedModel) throws -> (CompressedModel, [Float]) {
            var losses: [Float] = []
            let parameters = try tuning.tuned(
                packed.matrices, in: packed.weights, float: model.weights, texts: [text],
                pool: pool
            ) { losses.append($0.loss) }
            return (try packed.tuned(parameters), losses)
        }
        let (tuned, found) = try losses(packed)
        tuning.steps = 1
        let (last, stored) = (try #require(found.last), try losses(tuned).1[0])
        #expect(abs(stored / last - 1) < 5e-4, "\(stored), \(last)")
    }

    /// A tuning that was stopped ends as one that was not, and another model's state is refused.
    @Test(arguments: [0, 0.05]) func tuningGoesOnBehindAState(codeRate: Double) throws {
        struct Stopped: Error {}
        let pool = WorkerPool(threads: 2)
        let model = try modelFixture("llama2")
        let texts = (0..<3).map { part in
            (0..<32).map { Int32(($0 * 29 + part * 7) % model.spec.vocabularySize) }
        }
        var tuning = PredictionTuning()
        (tuning.steps, tuning.rate, tuning.codeRate) = (8, 5e-3, codeRate)
        func tuned(
            group: Int = 16, from start: SavedState? = nil,
            done: (PredictionTuning.Step) throws -> Void = { _ in }
        ) throws -> TunedParameters {
            var recipe = CompressionRecipe(bits: 2, group: .group(group))
            recipe.body.scaleFormat = .unsignedFloat8
            recipe.embedding = nil
            let packed = try CompressedModel(model, recipe: recipe, pool: pool)
            return try tuning.tuned(
                packed.matrices, in: packed.weights, float: model.weights, texts: texts,
                pool: pool, from: start, done: done)
        }
        let whole = try tuned()
        #expect(whole.codes.isEmpty == (codeRate == 0))
        var state: SavedState?
        #expect(throws: Stopped.self) {
            _ = try tuned { step in
                guard step.number == 4 else { return }
                state = step.state()
                throw Stopped()
            }
        }
        var steps: [Int] = []
        #expect(try tuned(from: state) { steps.append($0.number) } == whole)
        #expect(steps == [5, 6, 7])
        #expect(throws: ModuleError.self) { _ = try tuned(group: 8, from: state) }
    }

    /// Rows have one factor where groups do not divide them.
    @Test func unevenGroupsAreScaledByRow() throws {
        let scheme = WeightScheme(
            format: IntegerFormat(bits: 4, symmetric: true), granularity: .group(16),
            scaleFormat: .float32)
        let weight = Tensor(shape: [2, 24], elements: (0..<48).map { Float($0 % 7) - 3 })
        let packed = try RoundToNearest().quantize(weight, scheme: scheme)
        let scaled = try packed.scalingGroups(by: [2, 0.5])
        let (before, after) = (packed.dequantized().elements, scaled.dequantized().elements)
        for place in 0..<48 {
            let factor: Float = place < 24 ? 2 : 0.5
            #expect(after[place] == before[place] * factor)
        }
        let byGroup = try packed.scalingGroups(by: [1, 2, 4, 8]).dequantized().elements
        for place in 0..<48 {
            let group = place / 24 * 2 + place % 24 / 16
            let expected = before[place] * Float(1 << group)
            #expect(byGroup[place] == expected)
        }
    }

    /// Tuning counts with the scales that 8 bits have, so that nothing is left to round.
    @Test(arguments: [ScaleFormat.float8, .unsignedFloat8])
    func scalesOfAByteAreTunedAsTheyAreStored(format: ScaleFormat) throws {
        let scheme = WeightScheme(
            format: IntegerFormat(bits: 3, symmetric: false), granularity: .group(16),
            scaleFormat: format)
        let weight = Tensor.normal([5, 64], seed: 3)
        let tensor = try RoundToNearest().quantize(weight, scheme: scheme)
        let packed = PackedWeight.codes(tensor)
        // The last ones lead beyond the largest 8-bit scale.
        for largest: Float in [1.06, 1.5, 9] {
            let wanted = (0..<20).map { 0.9 + (largest - 0.9) * Float($0) / 19 }
            let factors = try #require(packed.storable(wanted))
            for (found, exact) in zip(factors, wanted) {
                #expect(abs(found / exact - 1) <= (format == .float8 ? 0x1p-4 : 0x1p-6))
            }
            #expect(packed.storable(factors) == factors)
            let scaled = try tensor.scalingGroups(by: wanted)
            for (place, scale) in scaled.matrix.scales.enumerated() {
                let expected = tensor.matrix.scales[place] * factors[place]
                #expect(abs(scale / expected - 1) < 1e-6)
            }
        }
    }
}
