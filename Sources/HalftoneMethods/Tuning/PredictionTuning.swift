import HalftoneKernels
import HalftoneModels
import HalftoneNN
import HalftoneQuantization
import HalftoneRuntime
import HalftoneTensor

/// Trains a packed model to predict what the float model does: the scales of groups or blocks, the gains
/// of normalizations, and integer codes if they are to be trained.
///
/// The loss is the divergence of the float model's predictions from the packed model's, mean over
/// all positions of a text, or another ``PredictionLoss``. Formats and zero points stay, so that a tuned
/// matrix takes the bytes that it took before. A scale moves by a factor that starts at 1, which
/// makes one rate serve scales of all sizes.
///
/// Where ``codeRate`` says so, a latent stands behind each integer code: a float that starts on it and
/// moves against the gradient, divided by the size that row and column let expect. The code is the
/// nearest to it, and the gradient that of the code (the straight-through estimator). Codes of GGUF
/// blocks, and of rows that groups do not divide, stay.
///
/// Source: scales alone are trained end to end in M. Chen et al., "EfficientQAT: Efficient
/// Quantization-Aware Training for Large Language Models", arXiv:2407.11062, section 3.3, there on
/// the text's own tokens; codes with the float model's predictions as the target in Z. Liu et al.,
/// "LLM-QAT: Data-Free Quantization Aware Training for Large Language Models", arXiv:2305.17888,
/// section 2.2, there from rounded weights and with Adam's steps.
public struct PredictionTuning: Sendable, Hashable, Codable {
    /// What is made small.
    public var loss = PredictionLoss.divergence

    /// Steps of Adam, each on one window.
    public var steps = 192

    /// Tokens of a step at most: the beginning of a window.
    ///
    /// For as many tokens more steps are worth more: SmolLM2-135M at 51 MB comes to 0.398 with 192 steps of
    /// 256 tokens and to 0.406 with 96 of 512.
    public var length = 256

    /// The rate for the factors of scales, which falls to 0 as a cosine.
    ///
    /// It suits 2 and 3 bits; ``slowed(for:)`` gives that for more.
    public var rate = 2e-3

    /// The rate for the gains of normalizations, as shares of their root mean square.
    public var normRate = 2e-3

    /// How far a latent moves in a step, in codes, where its gradient is as large as expected, which
    /// falls to 0 as a cosine; 0 leaves codes as they are.
    ///
    /// It pays where windows have much to say about each weight: a model of 260,000 weights at 2.6 bits
    /// has a divergence of 1.04 without and of 0.53 with 0.02. Of SmolLM2-135M at 2.1 bits the first 22 of
    /// 40 steps, all that was measured, read windows whose divergence is up to 4 % lower with 0.015 than
    /// without; with 0.03 it is up to 18 % higher, as noise changes codes before gradients agree.
    public var codeRate = 0.0

    /// Draws the order of the windows.
    public var seed: UInt64 = 1

    /// The usual settings.
    public init() {}

    /// The same with rates for a model that diverges by so much, in nats per token, before it is
    /// tuned.
    ///
    /// The nearer a model is, the less its scales are wrong, and the more harm does what Adam's
    /// steps of equal size leave: rates fall in proportion below 0.2 nats. For SmolLM2 off its
    /// lattice at 4.57 bits, 0.052 nats on held-out text, a quarter of the usual rates comes to
    /// 0.046, and the usual ones to 0.059.
    public func slowed(for divergence: Double) -> PredictionTuning {
        var slowed = self
        let share = min(max(divergence, 0) / 0.2, 1)
        slowed.rate *= share
        slowed.normRate *= share
        slowed.codeRate *= share
        return slowed
    }

    /// A step that is done.
    public struct Step {
        /// Its number, from 0.
        public let number: Int
        /// The loss before it, in nats per token for a divergence.
        public let loss: Float
        /// Makes what a tuning needs to go on behind it.
        public let state: () -> SavedState
    }

    /// Tunes a model.
    ///
    /// - Parameters:
    ///   - packed: Matrices of the model's blocks, as they are packed.
    ///   - weights: The model with the packed matrices in place, of the Llama family.
    ///   - float: The float model, with the same vocabulary.
    ///   - texts: Tokens to read, at least one window.
    ///   - pool: The threads to use.
    ///   - start: The state of an equal tuning that was stopped, to go on behind it; what comes of it
    ///     has the same bits.
    ///   - done: Called after each step; what it throws ends the tuning.
    /// - Returns: Codes, a factor for the scale of each group, and the gains; `packed` is left as it is.
    /// - Throws: `ModelError` for another architecture, `DecoderError` for tokens that the model
    ///   does not have, and `ModuleError` for the state of another tuning.
    /// - Complexity: A pass back and forth for each step; float32 copies of the matrices and of their
    ///   gradients, and what layers keep of one window, are in memory. Matrices whose rows have one
    ///   scale each need no gradients: a step of 256 tokens of SmolLM2-135M takes 2.6 s then, and 3.6 s
    ///   with groups.
    public func tuned(
        _ packed: [Role: PackedWeight], in weights: DecoderWeights, float: DecoderWeights,
        texts: [[Int32]], pool: WorkerPool, from start: SavedState? = nil,
        done: (Step) throws -> Void = { _ in }
    ) throws -> TunedParameters {
        precondition(!texts.isEmpty, "there is a text to read")
        let texts = texts.map { Array($0.prefix(length)) }
        let teacher = Teacher(float, texts: texts, pool: pool)
        let student = try LlamaNetwork(weights)
        student.freeze()
        var scales: [Role: GroupFactors] = [:]
        var codes: [Role: (trained: TrainedCodes, latents: Parameter)] = [:]
        for (role, matrix) in packed {
            guard let layer = student.linear(role), matrix.scalesPerRow > 0 else { continue }
            let factors = GroupFactors(matrix)
            scales[role] = factors
            if codeRate > 0, let trained = TrainedCodes(matrix, factors) {
                layer.weightTransform = trained
                layer.weight.set(trained.latents)
                layer.weight.isTrainable = true
                codes[role] = (trained, layer.weight)
            } else if matrix.scalesPerRow == 1 {
                layer.productRule = RowFactors(factors)
            } else {
                layer.weightTransform = factors
            }
        }
        let norms = weights.spec.slots.compactMap { slot in
            slot.shape.count == 1 && !slot.role.isBias
                ? student.parameter(slot.role).map { (slot.role, $0) } : nil
        }
        for (_, parameter) in norms { parameter.isTrainable = true }
        let schedule = Schedule.cosine(count: steps)
        var groups = [
            ParameterGroup(
                scales.map { ("\($0)", $1.factors) }, Adam(rate: rate), schedule: schedule),
            ParameterGroup(
                norms.map { ("\($0)", $1) }, Adam(rate: normRate * Self.size(norms.map(\.1))),
                schedule: schedule),
        ]
        groups += codes.map { role, part in
            ParameterGroup(
                [("\(role).codes", part.latents)], part.trained.rule(rate: codeRate),
                schedule: schedule)
        }
        let optimizer = Optimizer(groups)
        let trained = optimizer.groups.flatMap(\.parameters)
        if let start { try optimizer.restore(start, with: trained) }
        var generator = SeededGenerator(seed: seed)
        var order: [Int] = []
        for step in 0..<steps {
            if order.isEmpty { order = texts.indices.shuffled(using: &generator) }
            let window = order.removeFirst()
            // What was done draws the same windows, and no more.
            guard step >= optimizer.stepCount else { continue }
            let tokens = IndexTensor(shape: [1, texts[window].count], elements: texts[window])
            let pass = ForwardContext(student, isTraining: true)
            let found = loss(student(tokens, pass), float: try teacher.logits(window))
            optimizer.step(pass.gradients(of: found))
            try done(
                Step(number: step, loss: found.item) { optimizer.state(with: trained) })
        }
        return TunedParameters(
            codes: codes.mapValues { $0.trained.codes(of: $0.latents.value) },
            factors: scales.mapValues { Array($0.factors.value.elements) },
            vectors: Dictionary(
                uniqueKeysWithValues: norms.map { ($0, Array($1.value.elements)) }))
    }

    /// The root mean square of all numbers of some parameters.
    private static func size(_ parameters: [Parameter]) -> Double {
        let squares = parameters.reduce(0.0) { $0 + Double($1.value.squared().sum().item) }
        let count = parameters.reduce(0) { $0 + $1.value.count }
        return (squares / Double(max(count, 1))).squareRoot()
    }
}

extension Optimizer {
    /// What is kept, and the parameters as they are.
    fileprivate func state(with parameters: [(path: String, Parameter)]) -> SavedState {
        var all = SavedState(
            tensors: Dictionary(uniqueKeysWithValues: parameters.map { ($0, $1.value) }))
        all.merge(state, prefix: "optimizer.")
        return all
    }

    /// Goes on from a state with its parameters.
    fileprivate func restore(
        _ saved: SavedState, with parameters: [(path: String, Parameter)]
    ) throws(ModuleError) {
        for (path, parameter) in parameters {
            guard let value = saved.tensors[path], value.shape == parameter.shape else {
                throw .doesNotFit(["\(path): shape \(parameter.shape) is wanted"])
            }
            parameter.set(value)
        }
        try restore(saved.part("optimizer."))
    }
}

/// What tuning gives.
public struct TunedParameters: Sendable, Equatable {
    /// The codes of each matrix whose codes were trained, in the layout of `PackedCodes`.
    public var codes: [Role: [UInt8]]
    /// For each packed matrix a factor for the scale of each group or block, or of each row where
    /// groups do not divide it.
    public var factors: [Role: [Float]]
    /// Gains of normalizations.
    public var vectors: [Role: [Float]]

    /// States parameters.
    public init(
        codes: [Role: [UInt8]] = [:], factors: [Role: [Float]], vectors: [Role: [Float]]
    ) {
        self.codes = codes
        self.factors = factors
        self.vectors = vectors
    }
}

/// The float model's predictions for some windows, each read when it is first asked for: what its
/// head reads is kept, which takes less memory than a vocabulary for each token.
private final class Teacher {
    private let weights: DecoderWeights
    private let texts: [[Int32]]
    private let pool: WorkerPool
    private let head: Tensor
    private var hidden: [Int: Tensor] = [:]

    init(_ weights: DecoderWeights, texts: [[Int32]], pool: WorkerPool) {
        self.weights = weights
        self.texts = texts
        self.pool = pool
        let matrix = weights.matrix(Role(weights.spec.isHeadTied ? .embedding : .head))
        head = Tensor(shape: [matrix.rows, matrix.columns], elements: matrix.decoded())
    }

    /// `[1, length, vocabulary]`.
    func logits(_ window: Int) throws(DecoderError) -> Tensor {
        let states: Tensor
        if let known = hidden[window] { states = known } else { states = try read(window) }
        return states.matmul(head, transposingSecond: true)
    }

    private func read(_ window: Int) throws(DecoderError) -> Tensor {
        let run = try StagedRun(weights, sequences: [texts[window]], pool: pool)
        for _ in weights.spec.blocks { run.run() }
        let states = Tensor(
            shape: [1, texts[window].count, weights.spec.width],
            elements: run.hidden(ofSequence: 0))
        hidden[window] = states
        return states
    }
}
