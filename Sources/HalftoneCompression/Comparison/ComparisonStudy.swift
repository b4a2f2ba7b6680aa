import HalftoneEvaluation
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import HalftoneQuantization
import HalftoneRuntime
import Synchronization

/// Several ways to quantize one model, measured under one protocol: the same groups, the same
/// calibration text, the same text to measure on, every byte counted.
///
/// Source: the protocol of J. Zhao et al., "Benchmarking Post-Training Quantization in LLMs",
/// arXiv:2502.13178, section 3, with equal groups for all methods.
public struct ComparisonStudy: Sendable {
    /// One measurement: a way to quantize, at a width, on the calibration text of a seed.
    public struct Cell: Sendable, Hashable {
        /// What is done to the model.
        public var pipeline: CompressionPipeline
        /// Bits of a code.
        public var bits: Int
        /// The number of the calibration text.
        public var seed: Int

        /// Names a measurement.
        public init(_ pipeline: CompressionPipeline, bits: Int, seed: Int) {
            self.pipeline = pipeline
            self.bits = bits
            self.seed = seed
        }

        /// A name that no other cell of a study has.
        public var name: String { "\(pipeline), \(bits) bits, seed \(seed)" }
    }

    /// What was measured.
    public struct Result: Sendable, Equatable, Codable {
        /// The steps.
        public var method: String
        /// Bits of a code.
        public var bits: Int
        /// The number of the calibration text.
        public var seed: Int
        /// Bits per weight of the blocks' linear layers, every byte counted.
        public var bitsPerWeight: Double
        /// Bytes of those layers.
        public var packedBytes: Int
        /// Bytes of what the steps add beside them: a head that was the embedding.
        public var addedBytes: Int
        /// Perplexity and its standard error.
        public var perplexity: Double
        /// The standard error of the perplexity.
        public var perplexityError: Double
        /// KL to the float model per token in nats.
        public var divergence: Double
        /// The standard error of the divergence.
        public var divergenceError: Double
        /// The share of positions with the same most likely token.
        public var sameTopToken: Double
        /// Answers to questions, by the name of their file.
        public var answers: [String: ChoiceResult]
        /// Seconds that quantizing took; without transforms that another cell had made before.
        public var seconds: Double
        /// The most memory that was resident while this was measured, the float model with it; nil
        /// where the operating system does not tell, and until someone asks it.
        public var peakMemoryBytes: Int?
    }

    /// The float model.
    public let model: LanguageModel
    /// Weights that share a scale, for all methods.
    public let group: Granularity
    /// The calibration texts by number.
    public let calibration: [CalibrationText]
    /// What the float model computes for the text that is measured on.
    public let reference: ReferenceStates
    /// How the text is measured.
    public let evaluator: Evaluator
    /// Questions by the name of their file.
    public let questions: [String: [ChoiceQuestion]]
    /// The threads to use.
    public let pool: WorkerPool
    private let rewritten = RewrittenModel()

    /// Sets up a study.
    ///
    /// - Parameters:
    ///   - model: The float model.
    ///   - group: Weights that share a scale.
    ///   - calibration: A text for each seed; none is needed where no cell reads any.
    ///   - reference: What the float model computes.
    ///   - evaluator: With the windows of the reference.
    ///   - questions: To be answered by every candidate.
    ///   - pool: The threads to use.
    public init(
        _ model: LanguageModel, group: Granularity, calibration: [CalibrationText],
        reference: ReferenceStates, evaluator: Evaluator,
        questions: [String: [ChoiceQuestion]] = [:], pool: WorkerPool
    ) {
        self.model = model
        self.group = group
        self.calibration = calibration
        self.reference = reference
        self.evaluator = evaluator
        self.questions = questions
        self.pool = pool
    }

    /// What the blocks' linear layers are stored as; embedding, head and vectors stay float.
    ///
    /// Published methods choose forms of their own instead, with the same groups where they have
    /// any; embedding and head stay float there,
    /// too. `rtn` takes the smallest scale that covers a group, as plain rounding does; all others
    /// choose scales of least error.
    public func recipe(_ cell: Cell) -> CompressionRecipe {
        var recipe = CompressionRecipe(bits: cell.bits, group: group)
        recipe.embedding = nil
        if cell.pipeline.consists(of: .rtn) { recipe.body.search = .absmax }
        return recipe
    }

    /// Columns that share a scale in the forms of published methods; nil for their own choice.
    public var groupSize: Int? { if case .group(let size) = group { size } else { nil } }

    /// Measures one cell.
    ///
    /// - Parameters:
    ///   - cell: Of a seed that there is a calibration text for.
    ///   - progress: Told what is being done.
    public func measure(_ cell: Cell, progress: (String) -> Void = { _ in }) throws -> Result {
        precondition(
            !cell.pipeline.readsText || calibration.indices.contains(cell.seed),
            "there is a text for the seed")
        let recipe = recipe(cell)
        let text = cell.pipeline.readsText ? calibration[cell.seed] : nil
        let start = ContinuousClock.now
        progress("\(cell.name): quantizing")
        let rewritten = try rewritten.model(cell) {
            try cell.pipeline.transformed(model, recipe: recipe, calibration: text, pool: pool)
        }
        let (weights, size) = try compressed(rewritten, cell, text)
        let seconds = (ContinuousClock.now - start).seconds
        progress("\(cell.name): measuring")
        let decoder = Decoder(weights, pool: pool)
        let measured = try evaluator.compare(decoder, with: reference)
        var answers: [String: ChoiceResult] = [:]
        for (name, asked) in questions {
            progress("\(cell.name): answering \(name)")
            answers[name] = try Self.ask(decoder, model, asked, evaluator)
        }
        let added =
            rewritten.spec.isHeadTied == model.spec.isHeadTied
            ? 0
            : 2 * rewritten.spec.vocabularySize * rewritten.spec.width
        return Result(
            method: cell.pipeline.description, bits: cell.bits, seed: cell.seed,
            bitsPerWeight: size.bitsPerWeight, packedBytes: size.packedByteCount, addedBytes: added,
            perplexity: measured.candidate.perplexity,
            perplexityError: measured.candidate.standardError,
            divergence: measured.divergence.mean,
            divergenceError: measured.divergence.standardError,
            sameTopToken: measured.sameTopToken, answers: answers, seconds: seconds)
    }

    /// Does the last step of a cell.
    private func compressed(
        _ model: LanguageModel, _ cell: Cell, _ text: CalibrationText?
    ) throws -> (weights: DecoderWeights, size: CompressedSize) {
        switch cell.pipeline.engine {
        case .codes(let method):
            let compressed = try CompressedModel(
                model, recipe: recipe(cell), method: method,
                calibration: method.inputDetail == .none ? nil : text, pool: pool)
            return (compressed.weights, compressed.size)
        case .forms(let published):
            let stored = try StoredModel(
                model, method: published.method(bits: cell.bits, groupSize: groupSize),
                embedding: nil, calibration: text, pool: pool)
            return (try stored.weights(), stored.size)
        }
    }

    /// Measures the float model itself: no divergence, 32 bits.
    public func measureFloat() throws -> Result {
        let decoder = Decoder(model.weights, pool: pool)
        let measured = evaluator.perplexity(of: reference)
        return Result(
            method: Self.floatName, bits: 32, seed: 0, bitsPerWeight: 32, packedBytes: 0,
            addedBytes: 0, perplexity: measured.perplexity,
            perplexityError: measured.standardError, divergence: 0, divergenceError: 0,
            sameTopToken: 1,
            answers: try questions.mapValues { try Self.ask(decoder, model, $0, evaluator) },
            seconds: 0)
    }

    /// What results of the float model have for a method.
    public static let floatName = "float"

    private static func ask(
        _ decoder: Decoder, _ model: LanguageModel, _ questions: [ChoiceQuestion],
        _ evaluator: Evaluator
    ) throws -> ChoiceResult {
        guard let tokenizer = model.tokenizer else {
            throw CompressionError.badCalibration(
                "the model has no tokenizer to read questions with")
        }
        return try evaluator.answers(of: decoder, tokenizer: tokenizer, questions: questions)
    }
}

/// The model that was rewritten last: cells that follow each other often have transforms in common.
private final class RewrittenModel: Sendable {
    private struct Key: Equatable {
        var transforms: [CompressionPipeline.Transform]
        var bits: Int
        var seed: Int
    }

    private let last = Mutex<(key: Key, model: LanguageModel)?>(nil)

    func model(
        _ cell: ComparisonStudy.Cell, _ make: () throws -> LanguageModel
    ) throws -> LanguageModel {
        let transforms = cell.pipeline.transforms
        // Rotations know neither bits nor text.
        let isFound = transforms.contains(.awq)
        let key = Key(
            transforms: transforms, bits: isFound ? cell.bits : 0, seed: isFound ? cell.seed : 0)
        if let known = last.withLock({ $0?.key == key ? $0?.model : nil }) { return known }
        let model = try make()
        last.withLock { $0 = (key, model) }
        return model
    }
}
