import HalftoneModels

/// A place in a model where activations are read by products.
public struct ActivationPlace: Sendable, Hashable, Comparable, Codable {
    /// The block.
    public var block: Int
    /// What reads the activations.
    public var stage: BlockStage

    /// Names a place.
    public init(block: Int, stage: BlockStage) {
        self.block = block
        self.stage = stage
    }

    /// The order of computation.
    public static func < (one: Self, other: Self) -> Bool {
        (one.block, one.stage.rawValue) < (other.block, other.stage.rawValue)
    }
}

/// Divides the channels of activations by factors, and multiplies the weights that read them.
///
/// What computes the activations takes up the division: the gain of a normalization, the rows of
/// `up` beside a gate, the rows of values. Values that several query heads read can only be divided
/// alike for all of them.
///
/// Source: G. Xiao et al., "SmoothQuant", arXiv:2211.10438, equation 3; J. Lin et al., "AWQ",
/// arXiv:2306.00978, section 3.2.
public struct ChannelScaling: ModelTransform {
    /// What the channels of some places are divided by: finite and not 0.
    public var factors: [ActivationPlace: [Float]]

    /// Creates the transform.
    public init(_ factors: [ActivationPlace: [Float]]) { self.factors = factors }

    /// Whether channels of a stage can be divided at all.
    public static func applies(to stage: BlockStage, of block: BlockSpec) -> Bool {
        stage != .perceptronOutput || block.mlp.isGated
    }

    /// Channels that have to be divided alike, each group's channels in ascending order; nil where
    /// every channel has its own factor.
    ///
    /// Query heads that share values read copies of the same channels.
    public static func sharedChannels(of stage: BlockStage, in block: BlockSpec) -> [[Int]]? {
        let attention = block.attention
        guard stage == .attentionOutput, attention.heads != attention.keyHeads else { return nil }
        let group = attention.heads / attention.keyHeads
        return (0..<attention.keyHeads * attention.headDim).map { channel in
            let (head, place) = (channel / attention.headDim, channel % attention.headDim)
            return (head * group..<(head + 1) * group).map { $0 * attention.headDim + place }
        }
    }

    /// Divides and multiplies.
    public func applied(to weights: DecoderWeights) throws(TransformError) -> DecoderWeights {
        // In the order of computation: products of factors are rounded alike each time.
        let ordered = factors.sorted { $0.key < $1.key }
        for (place, values) in ordered { try check(place, values, weights.spec) }
        var result = weights
        for (place, values) in ordered {
            let block = weights.spec.blocks[place.block]
            for part in place.stage.parts(of: block) {
                result.scaleColumns(Role(part, block: place.block), by: values)
            }
            switch place.stage {
            case .attentionInput: divide(.attentionNorm, place.block, values, &result)
            case .perceptronInput: divide(.mlpNorm, place.block, values, &result)
            case .attentionOutput:
                let shared = Self.sharedChannels(of: place.stage, in: block)
                result.divideRows(
                    block.valueRows(block: place.block),
                    by: shared?.map { values[$0[0]] } ?? values)
            case .perceptronOutput:
                if let rows = block.linearHiddenRows(block: place.block) {
                    result.divideRows(rows, by: values)
                }
            }
        }
        return result
    }

    private func divide(
        _ norm: Role.Part, _ block: Int, _ values: [Float], _ weights: inout DecoderWeights
    ) {
        for isBias in [false, true] {
            weights.editVector(Role(norm, block: block, isBias: isBias)) { gain in
                for (index, value) in values.enumerated() { gain[index] /= value }
            }
        }
    }

    private func check(
        _ place: ActivationPlace, _ values: [Float], _ spec: DecoderSpec
    ) throws(TransformError) {
        guard spec.blocks.indices.contains(place.block) else {
            throw .badValues("there is no block \(place.block)")
        }
        let block = spec.blocks[place.block]
        let width = place.stage.width(of: block, in: spec)
        guard values.count == width else {
            throw .badValues(
                "block \(place.block), \(place.stage): \(values.count) factors for \(width)")
        }
        guard values.allSatisfy({ $0.isFinite && $0 != 0 && (1 / $0).isFinite }) else {
            throw .badValues("block \(place.block), \(place.stage): a factor is 0 or not finite")
        }
        guard Self.applies(to: place.stage, of: block) else {
            throw .unsupported(
                transform: "scaling of hidden channels",
                reason: "they are behind a nonlinearity without a gate")
        }
        for channels in Self.sharedChannels(of: place.stage, in: block) ?? []
        where channels.contains(where: { values[$0] != values[channels[0]] }) {
            throw .badValues(
                "block \(place.block): channels \(channels) are the same value and have to be "
                    + "divided alike")
        }
    }
}
