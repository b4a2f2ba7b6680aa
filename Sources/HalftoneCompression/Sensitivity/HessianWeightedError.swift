import HalftoneAllocation
import HalftoneModels
import HalftoneNN
import HalftoneTensor

/// The mean second derivative of a text's loss by the weights of a matrix, times their squared
/// change: `½ · Tr(H) / n · Σ d²`.
///
/// A trace that is estimated below 0 counts as 0.
///
/// Source: Z. Dong et al., "HAWQ-V2: Hessian Aware trace-Weighted Quantization of Neural Networks",
/// arXiv:1911.03852, equation 11; here with the ½ of the series, so that the cost has the loss's
/// unit. Traces are those of `HessianTrace`.
public struct HessianWeightedError: Sensitivity {
    /// `Tr(H) / n` of each matrix.
    private let curvatures: [Role: Double]

    /// Measures a model.
    ///
    /// - Parameters:
    ///   - weights: A model of the Llama family, as `LlamaNetwork` takes it.
    ///   - text: What is read; the loss is that of its own tokens.
    ///   - estimate: How traces are estimated.
    ///   - seed: Draws the directions.
    ///   - progress: Called after each gradient with how many are done, of `2 · samples`.
    /// - Throws: `ModelError` for another architecture.
    /// - Complexity: `2 · samples` passes back and forth; some float32 copies of the matrices are in
    ///   memory.
    public init(
        of weights: DecoderWeights, text: CalibrationText,
        estimate: HessianTrace = HessianTrace(samples: 4), seed: UInt64 = 1,
        progress: (Int) -> Void = { _ in }
    ) throws(ModelError) {
        let network = try LlamaNetwork(weights)
        network.freeze()
        let all = weights.spec.slots.filter { $0.role.isPackable }.compactMap { slot in
            network.parameter(slot.role).map { (slot.role, $0) }
        }
        for (_, parameter) in all { parameter.isTrainable = true }
        var generator = SeededGenerator(seed: seed)
        var done = 0
        let traces = estimate.estimates(at: all.map(\.1.value), using: &generator) { values in
            for ((_, parameter), value) in zip(all, values) { parameter.set(value) }
            let gradients = Self.gradients(of: network, all.map(\.1), text)
            done += 1
            progress(done)
            return gradients
        }
        curvatures = Dictionary(
            uniqueKeysWithValues: zip(all, traces).map { pair, trace in
                (pair.0, max(trace.trace, 0) / Double(max(pair.1.value.count, 1)))
            })
    }

    /// The gradients of the mean loss of a text.
    private static func gradients(
        of network: LlamaNetwork, _ parameters: [Parameter], _ text: CalibrationText
    ) -> [Tensor] {
        var sums = parameters.map { Tensor.zeros($0.shape) }
        let tokens = text.sequences.reduce(0) { $0 + $1.count - 1 }
        for sequence in text.sequences {
            let pass = ForwardContext(network, recordsGradients: true)
            let length = sequence.count - 1
            let read = IndexTensor(shape: [1, length], elements: Array(sequence.prefix(length)))
            let next = IndexTensor(shape: [1, length], elements: Array(sequence.suffix(length)))
            let loss = network(read, pass).crossEntropy(next).sum() * (1 / Float(max(tokens, 1)))
            let found = pass.gradients(of: loss)
            for (place, parameter) in parameters.enumerated() {
                if let gradient = found[parameter] { sums[place] = sums[place] + gradient }
            }
        }
        return sums
    }

    /// The loss to second order.
    public var unit: CostUnit { .loss }

    /// What a change costs.
    public func cost(of change: WeightChange) -> Double {
        let site = change.site
        let squares = Double(change.difference.squared().sum().item) * Double(site.rowStep)
        return 0.5 * (curvatures[site.role] ?? 0) * squares
    }
}
