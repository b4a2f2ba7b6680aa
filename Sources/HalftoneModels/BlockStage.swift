/// What reads the same activations of a block, in the order of computation.
public enum BlockStage: Int, Sendable, CaseIterable, Codable {
    /// Queries, keys and values.
    case attentionInput
    /// The projection of what attention gives.
    case attentionOutput
    /// The first layer of the perceptron, gates included.
    case perceptronInput
    /// The last layer of the perceptron.
    case perceptronOutput

    /// The matrices that read the stage's activations.
    public func parts(of block: BlockSpec) -> [Role.Part] {
        switch self {
        case .attentionInput: block.attention.isFused ? [.qkv] : [.query, .key, .value]
        case .attentionOutput: [.attentionOutput]
        case .perceptronInput:
            !block.mlp.isGated ? [.up] : block.mlp.isFused ? [.gateUp] : [.gate, .up]
        case .perceptronOutput: [.down]
        }
    }

    /// Features of the stage's activations.
    public func width(of block: BlockSpec, in spec: DecoderSpec) -> Int {
        switch self {
        case .attentionInput, .perceptronInput: spec.width
        case .attentionOutput: block.attention.heads * block.attention.headDim
        case .perceptronOutput: block.mlp.hiddenWidth
        }
    }
}
