import HalftoneModels

/// Moves the gains and biases of normalizations into the layers that read them, which leaves gains
/// of 1 and biases of 0.
///
/// What a quantizer sees then is what activations are multiplied with. A tied head gets a matrix of
/// its own when the last gain is folded into it.
///
/// Source: S. Ashkboos et al., "SliceGPT", arXiv:2401.15024, section 3.2 (there as a step before
/// rotations).
public struct NormFolding: ModelTransform {
    /// Whether the normalization before the head is folded as well.
    public var foldsHead: Bool

    /// Creates the transform.
    public init(foldsHead: Bool = false) { self.foldsHead = foldsHead }

    /// Folds all gains and biases.
    public func applied(to weights: DecoderWeights) throws(TransformError) -> DecoderWeights {
        var result = weights
        for (index, block) in weights.spec.blocks.enumerated() {
            try fold(.attentionNorm, into: .attentionInput, index, block, &result)
            try fold(.mlpNorm, into: .perceptronInput, index, block, &result)
        }
        guard foldsHead else { return result }
        let norm = Role(.finalNorm)
        if weights.vector(norm.bias)?.contains(where: { $0 != 0 }) == true {
            throw .unsupported(
                transform: "folding into the head",
                reason: "the last normalization has a bias and the head has none")
        }
        guard let gain = weights.vector(norm) else { return result }
        result.untieHead()
        result.scaleColumns(Role(.head), by: gain)
        result.replace(norm, with: [Float](repeating: 1, count: gain.count))
        return result
    }

    private func fold(
        _ norm: Role.Part, into stage: BlockStage, _ index: Int, _ block: BlockSpec,
        _ weights: inout DecoderWeights
    ) throws(TransformError) {
        let norm = Role(norm, block: index)
        guard let gain = weights.vector(norm) else { return }
        let readers = stage.parts(of: block).map { Role($0, block: index) }
        if let bias = weights.vector(norm.bias), bias.contains(where: { $0 != 0 }) {
            for reader in readers {
                guard weights.vector(reader.bias) != nil else {
                    throw .unsupported(
                        transform: "folding normalizations",
                        reason: "\(norm) has a bias and \(reader) has none to take it up")
                }
                weights.addProduct(of: reader, with: bias)
            }
            weights.replace(norm.bias, with: [Float](repeating: 0, count: bias.count))
        }
        for reader in readers { weights.scaleColumns(reader, by: gain) }
        weights.replace(norm, with: [Float](repeating: 1, count: gain.count))
    }
}
