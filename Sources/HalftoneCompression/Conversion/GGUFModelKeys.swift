import Foundation
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels

/// The architecture keys of a GGUF file that describe a spec, checked by reading them back.
struct GGUFModelKeys {
    /// Whose names and layouts the file uses.
    let architecture: any Architecture.Type
    /// `general.architecture` and the keys under its prefix.
    let metadata: GGUFMetadata
    /// The content of `rope_freqs.weight`, or nil when frequencies are not scaled one by one.
    let ropeDivisors: [Float]?

    /// Describes a model.
    ///
    /// Mistral is written as `llama`, as other programs expect, unless its window is shorter than
    /// its context; only this package reads `mistral`.
    ///
    /// - Throws: ``CompressionError/notRepresentable(_:)`` naming what GGUF has no key for.
    init(_ model: LanguageModel) throws {
        let architecture = model.architecture
        let candidates: [any Architecture.Type] =
            architecture == Mistral.self ? [Llama.self, architecture] : [architecture]
        var reason = ""
        for candidate in candidates {
            let keys = GGUFModelKeys(model.spec, candidate)
            guard let difference = try keys.difference(from: model.spec) else {
                self = keys
                return
            }
            reason = difference
        }
        throw CompressionError.notRepresentable(
            "GGUF has no keys for this model's \(reason); write a folder instead")
    }

    private init(_ spec: DecoderSpec, _ architecture: any Architecture.Type) {
        self.architecture = architecture
        let prefix = architecture.ggufName + "."
        var metadata: GGUFMetadata = ["general.architecture": .string(architecture.ggufName)]
        func set(_ key: String, _ value: Int) {
            metadata[prefix + key] = .uint32(UInt32(clamping: value))
        }
        func set(_ key: String, _ value: Float) { metadata[prefix + key] = .float32(value) }
        let block = spec.blocks[0]
        let attention = block.attention
        set("vocab_size", spec.vocabularySize)
        set("context_length", spec.contextLength)
        set("embedding_length", spec.width)
        set("block_count", spec.blocks.count)
        set("feed_forward_length", block.mlp.hiddenWidth)
        set("attention.head_count", attention.heads)
        set("attention.head_count_kv", attention.keyHeads)
        set("attention.key_length", attention.headDim)
        set("attention.value_length", attention.headDim)
        switch spec.finalNorm.kind {
        case .rootMeanSquare:
            set("attention.layer_norm_rms_epsilon", spec.finalNorm.epsilon)
        case .layer: set("attention.layer_norm_epsilon", spec.finalNorm.epsilon)
        }
        if architecture == GPTNeoX.self {
            metadata[prefix + "use_parallel_residual"] = .bool(block.isParallel)
        }
        let windows = spec.blocks.compactMap(\.attention.window)
        if let window = windows.first, window < spec.contextLength {
            set("attention.sliding_window", window)
        }
        if let cap = attention.softcap { set("attn_logit_softcapping", cap) }
        if let cap = spec.logitSoftcap { set("final_logit_softcapping", cap) }
        let full = spec.blocks.first { $0.attention.window == nil } ?? block
        var divisors: [Float]?
        if let rope = full.attention.rope {
            set("rope.dimension_count", rope.dimensions)
            set("rope.freq_base", Float(rope.theta))
            divisors = Self.divisors(rope)
            Self.addScaling(rope.scaling, prefix, &metadata)
        }
        let local = spec.blocks.first { $0.attention.window != nil }?.attention.rope
        if let local, local != full.attention.rope {
            set("rope.freq_base_swa", Float(local.theta))
        }
        self.metadata = metadata
        ropeDivisors = divisors
    }

    /// What each frequency is divided by, where the factors are not the same for all.
    private static func divisors(_ rope: RopeSpec) -> [Float]? {
        switch rope.scaling {
        case .llama3:
            let plain = RopeSpec(dimensions: rope.dimensions, theta: rope.theta)
            return zip(plain.frequencies(length: 1), rope.frequencies(length: 1)).map { $0 / $1 }
        case .divisors(let short, let long, _, _): return short == long ? short : nil
        case .none, .linear, .yarn: return nil
        }
    }

    private static func addScaling(
        _ scaling: RopeSpec.Scaling, _ prefix: String, _ metadata: inout GGUFMetadata
    ) {
        switch scaling {
        case .linear(let factor):
            metadata[prefix + "rope.scaling.type"] = .string("linear")
            metadata[prefix + "rope.scaling.factor"] = .float32(Float(factor))
        case .yarn(let factor, let original, _, _, _):
            metadata[prefix + "rope.scaling.type"] = .string("yarn")
            metadata[prefix + "rope.scaling.factor"] = .float32(Float(factor))
            metadata[prefix + "rope.scaling.original_context_length"] = .uint32(
                UInt32(clamping: Int(original)))
        case .none, .llama3, .divisors: break
        }
    }
}

extension GGUFModelKeys {
    /// What a reader of the keys would get wrong, or nil.
    private func difference(from spec: DecoderSpec) throws -> String? {
        let metadata = metadata
        let prefix = architecture.ggufName + "."
        let found = try architecture.configuration(
            gguf: GGUFModelMetadata(
                keys: ConfigurationReader { metadata[prefix + $0].flatMap(Self.json) },
                vocabularySize: spec.vocabularySize, hasHead: !spec.isHeadTied,
                hasAttentionBias: spec.blocks[0].attention.hasInputBias,
                ropeDivisors: ropeDivisors))
        return try SpecComparison(
            spec, architecture.spec(ConfigurationReader(.object(found)))
        ).difference
    }

    private static func json(_ value: GGUFValue) -> JSONValue? {
        if let string = value.string { return .string(string) }
        if let bool = value.bool { return .bool(bool) }
        if let integer = value.integer { return .integer(integer) }
        return value.double.map { .number($0) }
    }
}

/// Finds what two specs compute differently within the context of the first.
struct SpecComparison {
    /// The first difference in words, or nil.
    let difference: String?

    /// Compares two specs; the names of their architectures do not count.
    init(_ first: DecoderSpec, _ second: DecoderSpec) {
        guard first.blocks.count == second.blocks.count else {
            difference = "number of blocks"
            return
        }
        let context = first.contextLength
        for (index, pair) in zip(first.blocks, second.blocks).enumerated() {
            if let found = Self.difference(pair.0, pair.1, context: context) {
                difference = "\(found) in block \(index)"
                return
            }
        }
        var other = second
        other.blocks = first.blocks
        other.architecture = first.architecture
        if first.logitSoftcap != other.logitSoftcap {
            difference = "soft cap of the logits"
        } else if first.embeddingScale != other.embeddingScale {
            difference = "factor on embeddings"
        } else {
            difference = first == other ? nil : "normalization, context or tied head"
        }
    }

    private static func difference(
        _ first: BlockSpec, _ second: BlockSpec, context: Int
    ) -> String? {
        let (left, right) = (first.attention, second.attention)
        func window(_ size: Int?) -> Int? { size.flatMap { $0 < context ? $0 : nil } }
        if window(left.window) != window(right.window) { return "attention window" }
        if left.scale != right.scale { return "factor on attention scores" }
        if left.softcap != right.softcap { return "soft cap of attention scores" }
        if left.headNormEpsilon != right.headNormEpsilon { return "normalization of heads" }
        if left.hasInputBias != right.hasInputBias || left.hasOutputBias != right.hasOutputBias {
            return "choice of attention biases"
        }
        if !areClose(left.rope, right.rope, context: context) { return "rotary positions" }
        if first.mlp != second.mlp { return "perceptron (activation, width or biases)" }
        var other = second
        other.attention.window = left.window
        other.attention.rope = left.rope
        return first == other ? nil : "wiring"
    }

    /// Whether frequencies agree to the rounding of float32 keys and divisors.
    private static func areClose(_ first: RopeSpec?, _ second: RopeSpec?, context: Int) -> Bool {
        guard let first, let second else { return first == nil && second == nil }
        guard first.dimensions == second.dimensions,
            abs(first.attentionFactor - second.attentionFactor) <= 1e-6
        else { return false }
        return [1, context].allSatisfy { length in
            zip(first.frequencies(length: length), second.frequencies(length: length))
                .allSatisfy { abs($0 - $1) <= 1e-6 * $0.magnitude }
        }
    }
}
