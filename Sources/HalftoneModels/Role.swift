/// The place of a parameter in a ``DecoderSpec``, independent of what a file calls it.
public struct Role: Sendable, Hashable, Codable {
    /// The parts of a decoder that have parameters.
    public enum Part: String, Sendable, Hashable, CaseIterable, Codable {
        case embedding, positions
        case attentionNorm, query, key, value, qkv, attentionOutput, queryNorm, keyNorm
        case attentionPostNorm
        case mlpNorm, gate, up, gateUp, down, mlpPostNorm
        case finalNorm, head
    }

    /// The block, or nil outside the blocks.
    public var block: Int?
    /// The part.
    public var part: Part
    /// Whether this is the part's bias rather than its weight.
    public var isBias: Bool

    /// Names a parameter.
    public init(_ part: Part, block: Int? = nil, isBias: Bool = false) {
        self.part = part
        self.block = block
        self.isBias = isBias
    }

    /// Whether the parameter multiplies activations as a matrix, as opposed to tables that are
    /// looked up and vectors.
    public var isLinear: Bool {
        guard !isBias else { return false }
        switch part {
        case .query, .key, .value, .qkv, .attentionOutput, .gate, .up, .gateUp, .down, .head:
            return true
        default: return false
        }
    }

    /// Whether the parameter is a matrix that the quantizers may pack: linear layers and the
    /// embedding.
    public var isPackable: Bool { isLinear || (part == .embedding && !isBias) }
}

extension Role: CustomStringConvertible {
    /// A path such as `blocks.3.query.weight`.
    public var description: String {
        let owner = block.map { "blocks.\($0).\(part.rawValue)" } ?? part.rawValue
        return owner + (isBias ? ".bias" : ".weight")
    }
}

/// A parameter that a spec calls for.
public struct ParameterSlot: Sendable, Equatable {
    /// Where it belongs.
    public var role: Role
    /// `[out, in]` for matrices, `[rows, width]` for tables, `[width]` for vectors.
    public var shape: [Int]
}

extension DecoderSpec {
    /// Every parameter of the model in the order of computation; a tied head has none.
    public var slots: [ParameterSlot] {
        var slots = [ParameterSlot(role: Role(.embedding), shape: [vocabularySize, width])]
        if let learnedPositions {
            slots.append(ParameterSlot(role: Role(.positions), shape: [learnedPositions, width]))
        }
        for (index, block) in blocks.enumerated() { slots += self.slots(of: block, index) }
        slots += norm(.finalNorm, finalNorm, nil)
        if !isHeadTied {
            slots.append(ParameterSlot(role: Role(.head), shape: [vocabularySize, width]))
        }
        return slots
    }

    private func slots(of block: BlockSpec, _ index: Int) -> [ParameterSlot] {
        let attention = block.attention
        let queries = attention.heads * attention.headDim
        let keys = attention.keyHeads * attention.headDim
        var slots = norm(.attentionNorm, block.attentionNorm, index)
        func linear(_ part: Role.Part, _ out: Int, _ input: Int, bias: Bool) {
            slots.append(ParameterSlot(role: Role(part, block: index), shape: [out, input]))
            if bias {
                slots.append(
                    ParameterSlot(role: Role(part, block: index, isBias: true), shape: [out]))
            }
        }
        if attention.isFused {
            linear(.qkv, queries + 2 * keys, width, bias: attention.hasInputBias)
        } else {
            linear(.query, queries, width, bias: attention.hasInputBias)
            linear(.key, keys, width, bias: attention.hasInputBias)
            linear(.value, keys, width, bias: attention.hasInputBias)
        }
        if attention.headNormEpsilon != nil {
            for part in [Role.Part.queryNorm, .keyNorm] {
                slots.append(
                    ParameterSlot(role: Role(part, block: index), shape: [attention.headDim]))
            }
        }
        linear(.attentionOutput, width, queries, bias: attention.hasOutputBias)
        if let post = block.postNorm { slots += norm(.attentionPostNorm, post, index) }
        slots += norm(.mlpNorm, block.mlpNorm, index)
        let mlp = block.mlp
        if mlp.isGated && mlp.isFused {
            linear(.gateUp, 2 * mlp.hiddenWidth, width, bias: mlp.hasBias)
        } else {
            if mlp.isGated { linear(.gate, mlp.hiddenWidth, width, bias: mlp.hasBias) }
            linear(.up, mlp.hiddenWidth, width, bias: mlp.hasBias)
        }
        linear(.down, width, mlp.hiddenWidth, bias: mlp.hasBias)
        if let post = block.postNorm { slots += norm(.mlpPostNorm, post, index) }
        return slots
    }

    private func norm(_ part: Role.Part, _ spec: NormSpec, _ block: Int?) -> [ParameterSlot] {
        let weight = ParameterSlot(role: Role(part, block: block), shape: [width])
        guard spec.kind == .layer else { return [weight] }
        return [
            weight, ParameterSlot(role: Role(part, block: block, isBias: true), shape: [width]),
        ]
    }
}
