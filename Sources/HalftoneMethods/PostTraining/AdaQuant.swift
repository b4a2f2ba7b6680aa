import HalftoneAllocation
import HalftoneKernels
import HalftoneNN
import HalftoneTensor

/// Calibrates each layer on its own: weights, bias and the ranges of its quantizers move together
/// until the rounded layer's outputs are those of the float layer on a few hundred inputs.
///
/// An integer program over measured losses then gives each layer its width, para-normalization
/// restores the statistics that rounding shifted, and the biases may be tuned for the whole network.
///
/// Source: I. Hubara, Y. Nahshan, Y. Hanani, R. Banner and D. Soudry, "Improving Post Training
/// Neural Quantization: Layer-wise Calibration and Integer Programming", arXiv:2006.10518, sections
/// 3 and 4, and its program (`papers-submission/CalibTIP`). Departs from it in three places: the
/// statistics of para-normalization are means over batches, where the program keeps a moving
/// average with a momentum of 0.1; batches are drawn with replacement from the calibration inputs;
/// and a width that is not the highest costs at least ``leastLoss`` also in the sum of both.
public struct AdaQuant: Sendable {
    /// The catalogue entry.
    public static let record = MethodRecord(
        id: "adaquant", title: "AdaQuant",
        paper: Paper(
            title: "Improving Post Training Neural Quantization: Layer-wise Calibration and "
                + "Integer Programming",
            arXiv: "2006.10518", year: 2020),
        family: .postTraining, stage: .weightRounding,
        needs: [.pretrainedModel, .calibrationData, .gradients],
        claims: [
            MethodClaim(
                id: "layers-fit-better",
                "The outputs of calibrated layers are nearer to float ones than with the smallest "
                    + "and largest numbers as ranges, on inputs that were not calibrated on."),
            MethodClaim(
                id: "accuracy-recovers",
                "At 4 bits it wins back most of the accuracy that ranges of that kind lose.",
                published: PublishedFigure(
                    "ResNet-50, weights and activations of 4 bits in all layers but the two "
                        + "smallest: less than 1 % of top-1 lost", source: "abstract")),
            MethodClaim(
                id: "program-chooses-well",
                "Widths by the integer program are better than random ones of the same size.",
                published: PublishedFigure(
                    "ResNet-50, 4 and 8 bits at 13 % of the float size: less than 1 % lost",
                    source: "README of the program")),
            MethodClaim(
                id: "losses-add-up",
                "The sum of the layers' own losses predicts the loss of a mixture of widths."),
            MethodClaim(
                id: "para-normalization-helps",
                "Measuring the folded norms anew wins accuracy back without any training."),
            MethodClaim(
                id: "biases-help",
                "Tuning biases alone brings the network's outputs nearer to the float ones."),
        ])

    /// Adam's rate for weights.
    public var weightRate: Double

    /// Adam's rate for biases.
    public var biasRate: Double

    /// Adam's rate for the ranges of weights.
    public var weightRangeRate: Double

    /// Adam's rate for the range of the input.
    public var inputRangeRate: Double

    /// Steps of a layer.
    public var iterations: Int

    /// Inputs in a step, of layers and of biases.
    public var batchSize: Int

    /// SGD's rate when biases are tuned.
    public var tuningRate: Double

    /// Times that biases see all inputs.
    public var tuningEpochs: Int

    /// The least loss of a width below the highest, so that noise earns nothing.
    public var leastLoss: Double

    /// Creates the method with the paper's settings.
    public init(
        weightRate: Double = 1e-5, biasRate: Double = 1e-3, weightRangeRate: Double = 1e-3,
        inputRangeRate: Double = 0.1, iterations: Int = 100, batchSize: Int = 50,
        tuningRate: Double = 0.1, tuningEpochs: Int = 200, leastLoss: Double = 1e-6
    ) {
        precondition(
            iterations >= 0 && batchSize > 0 && tuningEpochs >= 0, "steps of inputs, or none")
        self.weightRate = weightRate
        self.biasRate = biasRate
        self.weightRangeRate = weightRangeRate
        self.inputRangeRate = inputRangeRate
        self.iterations = iterations
        self.batchSize = batchSize
        self.tuningRate = tuningRate
        self.tuningEpochs = tuningEpochs
        self.leastLoss = leastLoss
    }
}

extension AdaQuant {
    /// Calibrates one layer, from the ranges that it has (equation 2).
    ///
    /// - Parameters:
    ///   - layer: With ``AffineLayer/bits``.
    ///   - inputs: What flows into it, `[inputs, …]`: of the float network when layers are calibrated
    ///     apart, behind the rounded layers before it when they are calibrated one after another.
    ///   - targets: What the float layer makes of the float network's inputs.
    ///   - seed: Draws the batches.
    public func calibrate(
        _ layer: AffineLayer, inputs: Tensor, targets: Tensor, seed: UInt64
    ) {
        precondition(inputs.shape[0] == targets.shape[0], "a target for each input")
        let optimizer = Optimizer([
            ParameterGroup([("weight", layer.weight)], Adam(rate: weightRate)),
            ParameterGroup([("bias", layer.bias)], Adam(rate: biasRate)),
            ParameterGroup(
                [("range", layer.weightRange), ("minimum", layer.weightMinimum)],
                Adam(rate: weightRangeRate)),
            ParameterGroup(
                [("input_range", layer.inputRange), ("input_minimum", layer.inputMinimum)],
                Adam(rate: inputRangeRate)),
        ])
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<iterations {
            let batch = batch(of: inputs.shape[0], using: &generator)
            let context = ForwardContext(recordsGradients: true)
            let loss = Loss.meanSquaredError(
                layer(inputs.selecting(batch), context), targets.selecting(batch))
            optimizer.step(context.gradients(of: loss))
        }
    }

    /// Measures the statistics behind all layers that had a norm, with the rounded network, and
    /// folds them: para-normalization.
    ///
    /// - Parameters:
    ///   - layers: Those without a norm stay as they are.
    ///   - batches: Inputs of the network.
    ///   - run: Passes a batch through the network.
    public func paraNormalize(
        _ layers: [AffineLayer], batches: [Tensor], run: (Tensor, ForwardContext) -> Void
    ) {
        for layer in layers { layer.insertNorm() }
        for (place, batch) in batches.enumerated() {
            for layer in layers { layer.norm?.momentum = 1 / Float(place + 1) }
            let context = ForwardContext(isTraining: true, recordsGradients: false)
            run(batch, context)
            context.applyBufferUpdates()
        }
        for layer in layers { layer.foldNorm() }
    }

    /// Tunes biases alone, so that the network's probabilities are those of the float network.
    ///
    /// - Parameters:
    ///   - layers: Whose biases move; nothing else does.
    ///   - inputs: Of the network, `[inputs, …]`.
    ///   - reference: The float network's logits, `[inputs, classes]`.
    ///   - seed: Draws the batches.
    ///   - run: The rounded network's logits.
    public func tuneBiases(
        _ layers: [AffineLayer], inputs: Tensor, reference: Tensor, seed: UInt64,
        run: (Tensor, ForwardContext) -> Tensor
    ) {
        let others = layers.flatMap { layer in
            layer.parameters.filter { $0 !== layer.bias && $0.isTrainable }
        }
        for parameter in others { parameter.isTrainable = false }
        defer { for parameter in others { parameter.isTrainable = true } }
        let biases = layers.enumerated().map { (path: "\($0).bias", parameter: $1.bias) }
        let optimizer = Optimizer([ParameterGroup(biases, SGD(rate: tuningRate))])
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<tuningEpochs * inputs.shape[0] / batchSize {
            let batch = batch(of: inputs.shape[0], using: &generator)
            let context = ForwardContext(recordsGradients: true)
            let logits = run(inputs.selecting(batch), context)
            let loss = Loss.klDivergence(logits, reference: reference.selecting(batch))
            optimizer.step(context.gradients(of: loss))
        }
    }

    private func batch(of count: Int, using generator: inout SeededGenerator) -> IndexTensor {
        IndexTensor(
            (0..<min(batchSize, count)).map { _ in Int.random(in: 0..<count, using: &generator) })
    }
}

extension AdaQuant {
    /// The integer program (a) of the paper: least sum of losses within a size.
    ///
    /// - Parameters:
    ///   - losses: For each layer and width the loss of the network in which that layer alone has
    ///     it, and all others the highest.
    ///   - base: The loss with the highest width everywhere.
    ///   - widths: In bits, the highest among them; it costs nothing.
    ///   - weightCounts: Of each layer.
    ///   - budgetInBits: For all weights together.
    public func problem(
        losses: [[Double]], base: Double, widths: [Int], weightCounts: [Int], budgetInBits: Int
    ) -> AllocationProblem {
        precondition(losses.count == weightCounts.count, "losses and a size for each layer")
        let highest = widths.max() ?? 0
        let units = zip(losses, weightCounts).enumerated().map { layer, pair in
            let choices = zip(widths, pair.0).map { bits, loss in
                AllocationChoice(
                    "\(bits) bits", cost: bits == highest ? 0 : max(loss - base, leastLoss),
                    size: bits * pair.1)
            }
            return AllocationUnit("layer \(layer)", choices: choices)
        }
        return AllocationProblem(units: units, budget: budgetInBits)
    }
}
