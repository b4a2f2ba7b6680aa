import HalftoneCompression
import HalftoneData
import HalftoneEvaluation
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import HalftoneText

/// A float language model with text to calibrate on and text to measure on.
///
/// The float model's states on the second text are kept, so that a measurement of what stands for
/// it takes one pass. Embedding, head and normalizations stay float: what is measured is the
/// blocks' linear layers.
package struct LanguageBench {
    /// Which model, and how much text.
    package struct Size: Sendable, Codable {
        package var model: Source
        package var calibrationWindows: Int
        package var evaluationWindows: Int
        package var length: Int
        /// Windows of the text that are passed over before the first that is measured.
        package var firstWindow = 0

        package init(
            _ model: Source = .stories, calibrationWindows: Int = 16, evaluationWindows: Int = 16,
            length: Int = 256
        ) {
            self.model = model
            self.calibrationWindows = calibrationWindows
            self.evaluationWindows = evaluationWindows
            self.length = length
        }
    }

    /// A model that reproductions measure.
    package enum Source: String, Sendable, Codable {
        /// The model that comes with Halftone, 1.4 million parameters, on stories of its
        /// generator that it was not trained on.
        case stories
        /// SmolLM2-135M; calibrated on what it writes itself, measured on the essays that come
        /// with Halftone.
        case smolLM = "smollm2-135m"
    }

    /// The float model.
    package let model: LanguageModel

    /// Windows that a method may look at.
    package let calibration: CalibrationText

    /// What the float model computes for the windows that are measured on.
    package let reference: ReferenceStates

    /// The float model's own figures.
    package let float: Measurement

    /// How texts are measured.
    package let evaluator: Evaluator

    /// The threads that measurements use.
    package let pool: WorkerPool

    /// Loads a model and draws texts.
    ///
    /// - Parameters:
    ///   - size: Which, and how much.
    ///   - seed: Draws the calibration text, and with `stories` the text that is measured on.
    ///   - context: Knows where models are.
    package init(_ size: Size, seed: UInt64, _ context: ReproductionContext) throws {
        let pool = WorkerPool.current
        self.pool = pool
        model = try LanguageModel(path: try context.path(ofModel: size.model.rawValue))
        let decoder = Decoder(model.weights, pool: pool)
        guard let tokenizer = model.tokenizer else {
            throw CompressionError.badCalibration("\(size.model.rawValue) has no tokenizer")
        }
        let measured: [Int32]
        var windows = EvaluationWindows()
        windows.length = size.length
        windows.limit = size.evaluationWindows
        switch size.model {
        case .stories:
            // Some four bytes to a token: about as many windows as are asked for, at most so many.
            let bytes = 4 * size.length * (size.firstWindow + size.evaluationWindows + 1)
            let own = StoryText(seed: 1000 + seed)
            measured = Array(
                tokenizer.encode(own.text(byteCount: bytes, of: .heldOut), parseSpecial: true)
                    .dropFirst(size.firstWindow * size.length))
            let text = own.text(
                byteCount: 8 * size.length * (size.calibrationWindows + 1), of: .training)
            let tokens = tokenizer.encode(text, parseSpecial: true)
            calibration = CalibrationText(
                sequences: (0..<size.calibrationWindows).map {
                    Array(tokens[$0 * size.length..<($0 + 1) * size.length])
                })
        case .smolLM:
            let opening = tokenizer.encode("", addSpecialTokens: true).first
            windows.firstToken = opening
            let text = tokenizer.encode(Essays.text, addSpecialTokens: true)
            measured = Array(text.dropFirst(size.firstWindow * size.length))
            let writer = Decoder(model.weights, pool: pool, activations: .int8)
            calibration = CalibrationText(
                sequences: try writer.sampledTexts(
                    opening: opening ?? 0, count: size.calibrationWindows, length: size.length,
                    seed: seed))
        }
        evaluator = Evaluator(windows: windows, pool: pool)
        reference = try evaluator.reference(decoder, tokens: measured)
        float = Measurement(try evaluator.compare(decoder, with: reference))
    }

    /// Loads a model and draws texts for one of several seeds.
    ///
    /// The text of SmolLM2 is the same for all of them, so each has other windows of it.
    init(
        _ size: Size, seed: UInt64, index: Int, _ context: ReproductionContext
    ) throws {
        var size = size
        if size.model == .smolLM { size.firstWindow = index * size.evaluationWindows }
        try self.init(size, seed: seed, context)
    }

    /// What a model lost.
    package struct Measurement: Sendable {
        /// Loss per token in nats.
        package let loss: Double
        /// KL(float ‖ model) per token in nats.
        package let divergence: Double
        /// The share of positions where both find the same token most likely.
        package let sameTopToken: Double

        init(_ comparison: ModelComparison) {
            loss = comparison.candidate.loss.mean
            divergence = comparison.divergence.mean
            sameTopToken = comparison.sameTopToken
        }
    }

    /// Measures weights in the float model's place.
    package func measure(_ weights: DecoderWeights) throws -> Measurement {
        try measure(Decoder(weights, pool: pool))
    }

    /// Measures a decoder, whatever its weights and its cache.
    package func measure(_ decoder: Decoder) throws -> Measurement {
        Measurement(try evaluator.compare(decoder, with: reference))
    }

    /// What the float model computes for another text, cut into windows like the bench's own.
    package func reference(reading tokens: [Int32]) throws -> ReferenceStates {
        try evaluator.reference(Decoder(model.weights, pool: pool), tokens: tokens)
    }

    /// Measures a decoder on another text.
    package func measure(
        _ decoder: Decoder, against reference: ReferenceStates
    ) throws -> Measurement {
        Measurement(try evaluator.compare(decoder, with: reference))
    }

    /// Measures weights whose inputs are changed on the way, as by their quantization.
    package func measure(
        _ weights: DecoderWeights, changing change: @escaping ActivationChange
    ) throws -> Measurement {
        let run = try StagedRun(
            weights, sequences: reference.windows, pool: pool, changing: change)
        for _ in weights.spec.blocks { run.run() }
        return Measurement(try evaluator.compare(run, with: reference))
    }

    /// The linear layers of the blocks, in the order of computation.
    package var linearRoles: [Role] {
        model.spec.slots.map(\.role).filter { $0.isLinear && $0.block != nil }
    }

    /// The float weights with matrices of the blocks replaced.
    ///
    /// - Parameter body: Gives what stands for a matrix; nil leaves it.
    package func weights(
        replacing body: (Role, any WeightMatrix) throws -> (any WeightMatrix)?
    ) rethrows -> DecoderWeights {
        var weights = model.weights
        for role in linearRoles {
            if let matrix = try body(role, weights.matrix(role)) {
                weights.replace(role, with: matrix)
            }
        }
        return weights
    }

    /// What a method for matrices makes of the blocks' linear layers on the calibration text.
    package func compressed(
        _ method: any WeightMethod, _ scheme: WeightScheme
    ) throws -> CompressedModel {
        try CompressedModel(
            model, recipe: CompressionRecipe(body: scheme, embedding: nil), method: method,
            calibration: method.inputDetail == .none ? nil : calibration, pool: pool)
    }

    /// A model whose blocks' linear layers are stored.
    package struct Stored: Sendable {
        /// The float weights with what is stored in its place.
        package let weights: DecoderWeights
        /// The matrices.
        package let matrices: [Role: StoredMatrix]
        /// Bits per weight, every byte of the matrices counted.
        package var bitsPerWeight: Double {
            CompressedSize(of: matrices.values).bitsPerWeight
        }
    }

    /// What methods make of the blocks' linear layers on the calibration text, each for the inputs
    /// that it has behind those before it.
    ///
    /// - Parameters:
    ///   - detail: What is collected of inputs; with `none` no text is read.
    ///   - weights: Float weights of the same model; nil for those of ``model``.
    ///   - method: Gives the method for a matrix and its inputs.
    package func stored(
        _ detail: InputStatistics.Detail, of weights: DecoderWeights? = nil,
        _ method: (Role, InputStatistics?) throws -> any MatrixMethod
    ) throws -> Stored {
        let stored = try StoredModel(
            weights.map { model.rewritten(as: $0) } ?? model, embedding: nil,
            calibration: calibration, detail: detail, pool: pool, method: method)
        return Stored(weights: try stored.weights(), matrices: stored.stored)
    }

    /// What one method makes of all the blocks' linear layers.
    ///
    /// - Parameters:
    ///   - method: Stores each of them.
    ///   - weights: Float weights of the same model; nil for those of ``model``.
    package func stored(
        _ method: any MatrixMethod, of weights: DecoderWeights? = nil
    ) throws -> Stored {
        try stored(method.inputDetail, of: weights) { _, _ in method }
    }
}
