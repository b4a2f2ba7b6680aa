import HalftoneKernels
import HalftoneNN
import HalftoneTensor

extension LlamaNetwork {
    /// A network with the parameters of a model, so that it can be trained further or asked for
    /// gradients.
    ///
    /// - Parameter weights: Of a Llama, in any form that decodes.
    /// - Throws: ``ModelError/unsupported(key:value:hint:)`` for models with other parts.
    public convenience init(_ weights: DecoderWeights) throws(ModelError) {
        let spec = weights.spec
        let shape = try Shape(spec)
        var generator = SeededGenerator(seed: 1)
        self.init(shape, using: &generator)
        var tensors: [String: Tensor] = [:]
        for slot in spec.slots {
            let value: Tensor
            if slot.shape.count == 2 {
                value = Tensor(
                    shape: slot.shape, elements: weights.matrix(slot.role).decodedFloats())
            } else {
                value = Tensor(shape: slot.shape, elements: weights.vector(slot.role) ?? [])
            }
            tensors[Self.path(of: slot.role)] = value
        }
        do {
            try restore(tensors)
        } catch {
            throw .unsupported(key: "model", value: "\(error)", hint: "networks are plain Llamas")
        }
    }

    /// The path of a parameter, which is what checkpoints call it.
    public static func path(of role: Role) -> String { LlamaSkeleton.huggingFace(role).names[0] }
}

extension LlamaNetwork.Shape {
    /// The sizes of a model.
    fileprivate init(_ spec: DecoderSpec) throws(ModelError) {
        guard let block = spec.blocks.first, spec.blocks.allSatisfy({ $0 == block }),
            spec.architecture == "llama", let rope = block.attention.rope,
            rope == RopeSpec(dimensions: block.attention.headDim, theta: rope.theta),
            block.attention.heads * block.attention.headDim == spec.width,
            block.mlp.isGated, block.mlp.activation == .silu
        else {
            throw .unsupported(
                key: "model_type", value: spec.architecture,
                hint: "networks that can be trained are Llamas with unscaled rotary positions")
        }
        self.init(
            vocabularySize: spec.vocabularySize, width: spec.width, layers: spec.blocks.count,
            heads: block.attention.heads, keyHeads: block.attention.keyHeads,
            hiddenWidth: block.mlp.hiddenWidth, contextLength: spec.contextLength,
            ropeTheta: rope.theta, normEpsilon: spec.finalNorm.epsilon,
            isHeadTied: spec.isHeadTied)
    }
}
