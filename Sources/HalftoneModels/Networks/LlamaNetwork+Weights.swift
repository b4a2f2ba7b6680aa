import HalftoneKernels
import HalftoneNN
import HalftoneTensor

extension DecoderSpec {
    /// Whether a ``LlamaNetwork`` computes what a decoder of this architecture computes, so that
    /// gradients can be taken.
    public var hasGradients: Bool { (try? LlamaNetwork.Shape(self)) != nil }
}

extension LlamaNetwork {
    /// A network that computes what a decoder of these parameters computes, and can be trained.
    ///
    /// Matrices are decoded to float32.
    ///
    /// - Throws: ``ModelError/unsupported(key:value:hint:)`` for a decoder outside the Llama
    ///   family: other activations or normalizations, joined projections, windows.
    public convenience init(_ weights: DecoderWeights) throws(ModelError) {
        var generator = SeededGenerator(seed: 0)
        self.init(try Shape(weights.spec), deviation: 0, using: &generator)
        for slot in weights.spec.slots {
            let values =
                slot.shape.count == 2
                ? weights.matrix(slot.role).decoded() : weights.vector(slot.role) ?? []
            guard let parameter = parameter(slot.role) else {
                throw .unsupported(
                    key: "role", value: "\(slot.role)", hint: "a Llama has no such part")
            }
            parameter.set(Tensor(shape: slot.shape, elements: values))
        }
    }

    /// The layer of a linear role of a block, or nil when there is none.
    public func linear(_ role: Role) -> Linear? {
        guard !role.isBias, let index = role.block, blocks.indices.contains(index) else {
            return role == Role(.head) ? head : nil
        }
        return blocks[index].linear(role.part)
    }

    /// The parameter of a role, or nil when there is none.
    public func parameter(_ role: Role) -> Parameter? {
        if let linear = linear(Role(role.part, block: role.block)) {
            return role.isBias ? linear.bias : linear.weight
        }
        guard !role.isBias, let index = role.block, blocks.indices.contains(index) else {
            switch role {
            case Role(.embedding): return embedding.weight
            case Role(.finalNorm): return norm.weight
            default: return nil
            }
        }
        return blocks[index].norm(role.part)?.weight
    }
}

extension LlamaBlock {
    /// The linear layer of a part, or nil when the block has none.
    public func linear(_ part: Role.Part) -> Linear? {
        switch part {
        case .query: attention.queryProjection
        case .key: attention.keyProjection
        case .value: attention.valueProjection
        case .attentionOutput: attention.outputProjection
        case .gate: perceptron.gate
        case .up: perceptron.up
        case .down: perceptron.down
        default: nil
        }
    }

    /// The normalization of a part, or nil when the block has none.
    public func norm(_ part: Role.Part) -> RMSNorm? {
        switch part {
        case .attentionNorm: attentionNorm
        case .queryNorm: attention.queryNorm as? RMSNorm
        case .keyNorm: attention.keyNorm as? RMSNorm
        case .mlpNorm: perceptronNorm
        default: nil
        }
    }
}

extension LlamaNetwork.Shape {
    /// The sizes of a decoder of the Llama family.
    ///
    /// - Throws: ``ModelError/unsupported(key:value:hint:)`` for every other one.
    public init(_ spec: DecoderSpec) throws(ModelError) {
        let problem = ModelError.unsupported(
            key: "architecture", value: spec.architecture,
            hint: "only the Llama family becomes a network: RMSNorm, SiLU, equal blocks, rotary "
                + "positions of whole heads, a matrix for each projection and no windows")
        guard let block = spec.blocks.first, let rope = block.attention.rope else { throw problem }
        let (attention, mlp) = (block.attention, block.mlp)
        self.init(
            vocabularySize: spec.vocabularySize, width: spec.width, layers: spec.blocks.count,
            heads: attention.heads, keyHeads: attention.keyHeads, hiddenWidth: mlp.hiddenWidth,
            contextLength: spec.contextLength, ropeTheta: rope.theta,
            normEpsilon: spec.finalNorm.epsilon, isHeadTied: spec.isHeadTied,
            headDim: attention.headDim, ropeScaling: rope.scaling,
            hasInputBias: attention.hasInputBias, hasOutputBias: attention.hasOutputBias,
            hasMLPBias: mlp.hasBias, headNormEpsilon: attention.headNormEpsilon)
        guard spec == self.spec(architecture: spec.architecture) else { throw problem }
    }

    /// What a network of these sizes computes.
    func spec(architecture: String) -> DecoderSpec {
        let norm = NormSpec(.rootMeanSquare, epsilon: normEpsilon)
        let block = BlockSpec(
            attention: AttentionSpec(
                heads: heads, keyHeads: keyHeads, headDim: headDim,
                scale: 1 / Float(headDim).squareRoot(), hasInputBias: hasInputBias,
                hasOutputBias: hasOutputBias, headNormEpsilon: headNormEpsilon, rope: rope),
            mlp: MLPSpec(
                hiddenWidth: hiddenWidth, activation: .silu, isGated: true, hasBias: hasMLPBias),
            attentionNorm: norm, mlpNorm: norm)
        return DecoderSpec(
            architecture: architecture, vocabularySize: vocabularySize, width: width,
            contextLength: contextLength, blocks: [BlockSpec](repeating: block, count: layers),
            finalNorm: norm, isHeadTied: isHeadTied)
    }
}
