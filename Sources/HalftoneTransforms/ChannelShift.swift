import HalftoneModels

/// Subtracts an offset from each channel of activations, and adds what that takes from the outputs
/// to the biases of the layers that read them.
///
/// The bias of a normalization takes up the offset, so only models with such biases have a place
/// for it.
///
/// Source: X. Wei et al., "Outlier Suppression+", arXiv:2304.09145, equations 4 and 5.
public struct ChannelShift: ModelTransform {
    /// What is subtracted from the channels of some places: inputs of attention or perceptron.
    public var offsets: [ActivationPlace: [Float]]

    /// Creates the transform.
    public init(_ offsets: [ActivationPlace: [Float]]) { self.offsets = offsets }

    /// Whether channels of a stage can be shifted.
    public static func applies(
        to stage: BlockStage, block: Int, of weights: DecoderWeights
    ) -> Bool {
        guard let norm = norm(of: stage, block: block) else { return false }
        return weights.vector(norm.bias) != nil
            && stage.parts(of: weights.spec.blocks[block]).allSatisfy {
                weights.vector(Role($0, block: block, isBias: true)) != nil
            }
    }

    /// Subtracts and adds.
    public func applied(to weights: DecoderWeights) throws(TransformError) -> DecoderWeights {
        let ordered = offsets.sorted { $0.key < $1.key }
        for (place, values) in ordered {
            guard weights.spec.blocks.indices.contains(place.block),
                values.count == weights.spec.width, values.allSatisfy(\.isFinite)
            else {
                throw .badValues(
                    "block \(place.block), \(place.stage): \(values.count) offsets for "
                        + "\(weights.spec.width) channels, or one that is not finite")
            }
            guard Self.applies(to: place.stage, block: place.block, of: weights) else {
                throw .unsupported(
                    transform: "shifting of channels",
                    reason: "block \(place.block), \(place.stage) is not between a normalization "
                        + "with a bias and layers with biases")
            }
        }
        var result = weights
        for (place, values) in ordered {
            guard let norm = Self.norm(of: place.stage, block: place.block) else { continue }
            for part in place.stage.parts(of: weights.spec.blocks[place.block]) {
                result.addProduct(of: Role(part, block: place.block), with: values)
            }
            result.editVector(norm.bias) { bias in
                for (index, value) in values.enumerated() { bias[index] -= value }
            }
        }
        return result
    }

    private static func norm(of stage: BlockStage, block: Int) -> Role? {
        switch stage {
        case .attentionInput: Role(.attentionNorm, block: block)
        case .perceptronInput: Role(.mlpNorm, block: block)
        case .attentionOutput, .perceptronOutput: nil
        }
    }
}
