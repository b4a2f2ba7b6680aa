import HalftoneNN
import HalftoneTensor

/// Trains a module: batches, gradients, updates, averages.
///
/// A step depends on nothing but the parameters, the state of the optimizers, and its number:
/// batches are asked for by number, and the randomness of layers starts anew from the seed and the
/// step. That is what lets a training go on, after a stop, to the same bits.
///
///     let trainer = Trainer(model, [optimizer], options) { number in
///         batches[number % batches.count]
///     } loss: { batch, context in
///         Loss.crossEntropy(model(batch.inputs, context), batch.targets)
///     }
///     while trainer.stepCount < options.steps { print(try trainer.step().loss) }
public final class Trainer<Batch> {
    /// What is trained.
    public let model: any Module
    /// What changes the parameters; each parameter is in at most one.
    public let optimizers: [Optimizer]
    /// How the training goes.
    public let options: TrainingOptions
    /// Averages of the parameters, when they are kept.
    public let average: MovingAverage?
    /// Updates so far.
    public internal(set) var stepCount = 0
    /// Measures the model, with averages in the place of parameters when they are kept.
    public var evaluate: ((ForwardContext) throws -> [String: Double])?

    private let buffers: [(path: String, buffer: Buffer)]
    /// Gives the batch of a number.
    public let batch: (Int) throws -> Batch
    /// Gives the mean loss of a batch.
    public let loss: (Batch, ForwardContext) throws -> Tensor

    /// Prepares a training.
    ///
    /// - Parameters:
    ///   - model: What is trained.
    ///   - optimizers: What changes its parameters.
    ///   - options: How it goes.
    ///   - batch: Gives the batch of a number, counted from 0; asked in rising order.
    ///   - loss: Gives the mean loss of a batch, without dimensions.
    public init(
        _ model: any Module, _ optimizers: [Optimizer], _ options: TrainingOptions,
        batch: @escaping (Int) throws -> Batch,
        loss: @escaping (Batch, ForwardContext) throws -> Tensor
    ) {
        self.model = model
        self.optimizers = optimizers
        self.options = options
        self.batch = batch
        self.loss = loss
        buffers = model.namedBuffers
        average = options.averageDecay.map { MovingAverage(model, decay: $0) }
    }

    /// What a step measured.
    public struct StepResult: Sendable, Equatable {
        /// The mean loss of its batches, before the update.
        public var loss: Double
        /// The length of all gradients together, before clipping.
        public var gradientNorm: Double
        /// The rate of the first group of the first optimizer.
        public var rate: Double
    }

    /// Takes one step: as many batches as are accumulated, and one update.
    ///
    /// - Throws: ``TrainingError/notFinite(step:place:)`` when a loss or a gradient is not finite;
    ///   nothing was changed then. What batches and losses throw.
    public func step() throws -> StepResult {
        let rate = optimizers.first?.rates.first ?? 0
        let number = max(1, options.accumulation)
        var gradients = Gradients()
        var total = 0.0
        var previous: ForwardContext?
        for part in 0..<number {
            let batch = try batch(stepCount * number + part)
            let context = context(part)
            if let previous { context.adoptBufferUpdates(of: previous) }
            let loss = try loss(batch, context)
            let value = Double(loss.item)
            guard value.isFinite else { throw try failure(batch, part) }
            for (path, buffer) in buffers where !context.value(of: buffer).isFinite {
                throw TrainingError.notFinite(step: stepCount + 1, place: .buffer(path))
            }
            total += value
            let found = context.gradients(of: loss)
            if part == 0 { gradients = found } else { gradients += found }
            previous = context
            guard gradients.norm.isFinite else { throw try failure(batch, part) }
        }
        if number > 1 { gradients.scale(by: 1 / Float(number)) }
        let norm = options.clipNorm.map { gradients.clip(toNorm: $0) } ?? gradients.norm
        for optimizer in optimizers { optimizer.step(gradients) }
        previous?.applyBufferUpdates()
        average?.update()
        stepCount += 1
        return StepResult(loss: total / Double(number), gradientNorm: norm, rate: rate)
    }

    /// Measures the model as it is.
    public func evaluation() throws -> [String: Double] {
        guard let evaluate else { return [:] }
        let context = ForwardContext(model)
        guard let average else { return try evaluate(context) }
        return try average.withAverages { try evaluate(context) }
    }

    /// The context of a part of the step at hand.
    private func context(_ part: Int) -> ForwardContext {
        let number = UInt64(stepCount * max(1, options.accumulation) + part)
        let seed = options.seed &+ number &* 0x9E37_79B9_7F4A_7C15
        return ForwardContext(model, isTraining: true, generator: SeededGenerator(seed: seed))
    }

    /// Repeats a pass that went wrong and looks at everything that flows.
    private func failure(_ batch: Batch, _ part: Int) throws -> TrainingError {
        let context = context(part)
        let place = try NonFiniteSearch.place(in: model, context) { try loss(batch, context) }
        return .notFinite(step: stepCount + 1, place: place)
    }
}
