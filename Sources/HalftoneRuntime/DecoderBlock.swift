import HalftoneKernels
import HalftoneModels

/// A matrix and its bias.
struct Linear: Sendable {
    let matrix: any WeightMatrix
    let bias: [Float]?

    init(_ weights: DecoderWeights, _ part: Role.Part, block: Int) {
        matrix = weights.matrix(Role(part, block: block))
        bias = weights.vector(Role(part, block: block, isBias: true))
    }

    func apply(_ input: [Float], count: Int, into output: inout [Float], _ product: MatrixProduct) {
        product(matrix, input, count: count, into: &output)
        guard let bias else { return }
        for row in 0..<count {
            let start = row * bias.count
            for (index, value) in bias.enumerated() { output[start + index] += value }
        }
    }
}

/// A normalization and its parameters.
struct Norm: Sendable {
    let spec: NormSpec
    let gain: [Float]
    let bias: [Float]?

    init(_ weights: DecoderWeights, _ part: Role.Part, _ spec: NormSpec, block: Int? = nil) {
        self.spec = spec
        gain = weights.vector(Role(part, block: block)) ?? []
        bias = weights.vector(Role(part, block: block, isBias: true))
    }

    func apply(_ input: [Float], rows: Int, width: Int, into output: inout [Float]) {
        switch spec.kind {
        case .rootMeanSquare:
            FloatOps.rmsNorm(
                input, rows: rows, width: width, gain: gain, epsilon: spec.epsilon, into: &output)
        case .layer:
            FloatOps.layerNorm(
                input, rows: rows, width: width, gain: gain, bias: bias, epsilon: spec.epsilon,
                into: &output)
        }
    }
}

/// One block: `x + attention(norm(x))`, then `x + mlp(norm(x))`, in the variants of ``BlockSpec``.
struct DecoderBlock: Sendable {
    private let spec: BlockSpec
    private let width: Int
    private let rotation: Int?
    private let attentionNorm: Norm
    private let mlpNorm: Norm
    private let postNorms: (attention: Norm, mlp: Norm)?
    private let headNorms: (query: Norm, key: Norm)?
    private let projections: [Linear]
    private let attentionOutput: Linear
    private let gate: Linear?
    private let up: Linear
    private let down: Linear
    private let attention: Attention

    init(_ weights: DecoderWeights, index: Int) {
        let spec = weights.spec.blocks[index]
        self.spec = spec
        width = weights.spec.width
        var ropes: [RopeSpec] = []
        for case let rope? in weights.spec.blocks.map(\.attention.rope) where !ropes.contains(rope)
        {
            ropes.append(rope)
        }
        rotation = spec.attention.rope.flatMap { ropes.firstIndex(of: $0) }
        attentionNorm = Norm(weights, .attentionNorm, spec.attentionNorm, block: index)
        mlpNorm = Norm(weights, .mlpNorm, spec.mlpNorm, block: index)
        postNorms = spec.postNorm.map {
            (
                Norm(weights, .attentionPostNorm, $0, block: index),
                Norm(weights, .mlpPostNorm, $0, block: index)
            )
        }
        headNorms = spec.attention.headNormEpsilon.map {
            let norm = NormSpec(.rootMeanSquare, epsilon: $0)
            return (
                Norm(weights, .queryNorm, norm, block: index),
                Norm(weights, .keyNorm, norm, block: index)
            )
        }
        let parts: [Role.Part] = spec.attention.isFused ? [.qkv] : [.query, .key, .value]
        projections = parts.map { Linear(weights, $0, block: index) }
        attentionOutput = Linear(weights, .attentionOutput, block: index)
        let mlp = spec.mlp
        gate = mlp.isGated && !mlp.isFused ? Linear(weights, .gate, block: index) : nil
        up = Linear(weights, mlp.isGated && mlp.isFused ? .gateUp : .up, block: index)
        down = Linear(weights, .down, block: index)
        attention = Attention(
            queryHeads: spec.attention.heads, scale: spec.attention.scale,
            softcap: spec.attention.softcap, window: spec.attention.window)
    }

    /// Adds what this block computes to the residual stream of `count` tokens.
    func run(count: Int, index: Int, state: inout DecoderState, product: MatrixProduct) {
        attentionNorm.apply(
            state.scratch.residual, rows: count, width: width, into: &state.scratch.normed)
        attend(count: count, index: index, state: &state, product: product)
        if let postNorms {
            Self.normInPlace(
                &state.scratch.delta, &state.scratch.normed, postNorms.attention, count)
        }
        if spec.isParallel {
            mlpNorm.apply(
                state.scratch.residual, rows: count, width: width, into: &state.scratch.normed)
        }
        add(state.scratch.delta, count, to: &state.scratch.residual)
        if !spec.isParallel {
            mlpNorm.apply(
                state.scratch.residual, rows: count, width: width, into: &state.scratch.normed)
        }
        perceptron(count: count, &state.scratch, product)
        if let postNorms {
            Self.normInPlace(&state.scratch.mlpDelta, &state.scratch.normed, postNorms.mlp, count)
        }
        add(state.scratch.mlpDelta, count, to: &state.scratch.residual)
    }

    private func add(_ delta: [Float], _ count: Int, to residual: inout [Float]) {
        FloatOps.addScaled(&residual, delta, scale: 1, count: count * width)
    }

    private static func normInPlace(
        _ x: inout [Float], _ scratch: inout [Float], _ norm: Norm, _ count: Int
    ) {
        norm.apply(x, rows: count, width: norm.gain.count, into: &scratch)
        swap(&x, &scratch)
    }

    private func attend(
        count: Int, index: Int, state: inout DecoderState, product: MatrixProduct
    ) {
        let spec = self.spec.attention
        let queries = spec.heads * spec.headDim
        let keys = spec.keyHeads * spec.headDim
        let position = state.position
        if spec.isFused {
            let stride = queries + 2 * keys
            projections[0].apply(
                state.scratch.normed, count: count, into: &state.scratch.query, product)
            if let rotation {
                state.tables[rotation].rotate(
                    &state.scratch.query, offset: 0, stride: stride, tokens: count,
                    heads: spec.heads + spec.keyHeads, headDim: spec.headDim, position: position)
            }
            state.stores[index].append(
                tokens: count, keys: state.scratch.query, keyOffset: queries,
                values: state.scratch.query, valueOffset: queries + keys, stride: stride)
        } else {
            project(count, &state.scratch, product)
            if let rotation {
                state.tables[rotation].rotate(
                    &state.scratch.query, offset: 0, stride: queries, tokens: count,
                    heads: spec.heads, headDim: spec.headDim, position: position)
                state.tables[rotation].rotate(
                    &state.scratch.key, offset: 0, stride: keys, tokens: count,
                    heads: spec.keyHeads, headDim: spec.headDim, position: position)
            }
            state.stores[index].append(
                tokens: count, keys: state.scratch.key, keyOffset: 0,
                values: state.scratch.value, valueOffset: 0, stride: keys)
        }
        attention(
            queries: state.scratch.query, stride: spec.isFused ? queries + 2 * keys : queries,
            tokens: count, store: state.stores[index], into: &state.scratch.mixed,
            pool: product.pool)
        attentionOutput.apply(
            state.scratch.mixed, count: count, into: &state.scratch.delta, product)
    }

    private func project(
        _ count: Int, _ scratch: inout DecoderState.Scratch, _ product: MatrixProduct
    ) {
        projections[0].apply(scratch.normed, count: count, into: &scratch.query, product)
        projections[1].apply(scratch.normed, count: count, into: &scratch.key, product)
        projections[2].apply(scratch.normed, count: count, into: &scratch.value, product)
        guard let headNorms else { return }
        let spec = self.spec.attention
        // `mixed` is free until attention writes it, and as wide as the queries.
        headNorms.query.apply(
            scratch.query, rows: count * spec.heads, width: spec.headDim, into: &scratch.mixed)
        scratch.query.replaceSubrange(
            0..<count * spec.heads * spec.headDim,
            with: scratch.mixed[0..<count * spec.heads * spec.headDim])
        headNorms.key.apply(
            scratch.key, rows: count * spec.keyHeads, width: spec.headDim, into: &scratch.mixed)
        scratch.key.replaceSubrange(
            0..<count * spec.keyHeads * spec.headDim,
            with: scratch.mixed[0..<count * spec.keyHeads * spec.headDim])
    }

    private func perceptron(
        count: Int, _ scratch: inout DecoderState.Scratch, _ product: MatrixProduct
    ) {
        let hidden = spec.mlp.hiddenWidth
        guard spec.mlp.isGated else {
            up.apply(scratch.normed, count: count, into: &scratch.gate, product)
            activate(&scratch.gate, count * hidden)
            down.apply(scratch.gate, count: count, into: &scratch.mlpDelta, product)
            return
        }
        if let gate {
            gate.apply(scratch.normed, count: count, into: &scratch.gate, product)
            up.apply(scratch.normed, count: count, into: &scratch.up, product)
        } else {
            up.apply(scratch.normed, count: count, into: &scratch.gate, product)
            Self.splitPairs(&scratch.gate, &scratch.up, count: count, hidden: hidden)
        }
        multiplyGate(&scratch.gate, scratch.up, count * hidden)
        down.apply(scratch.gate, count: count, into: &scratch.mlpDelta, product)
    }

    /// Moves the second half of each row of `[count, 2 · hidden]` to `up` and closes the gaps.
    private static func splitPairs(
        _ gate: inout [Float], _ up: inout [Float], count: Int, hidden: Int
    ) {
        for row in 0..<count {
            for index in 0..<hidden {
                up[row * hidden + index] = gate[row * 2 * hidden + hidden + index]
                gate[row * hidden + index] = gate[row * 2 * hidden + index]
            }
        }
    }

    private func multiplyGate(_ gate: inout [Float], _ up: [Float], _ count: Int) {
        switch spec.mlp.activation {
        case .silu: FloatOps.siluMultiply(gate: &gate, up: up, count: count)
        case .gelu: FloatOps.geluMultiply(gate: &gate, up: up, count: count, form: .erf)
        case .geluTanh: FloatOps.geluMultiply(gate: &gate, up: up, count: count, form: .tanh)
        case .relu: for index in 0..<count { gate[index] = max(gate[index], 0) * up[index] }
        }
    }

    private func activate(_ x: inout [Float], _ count: Int) {
        switch spec.mlp.activation {
        case .silu:
            // silu(x) = silu(x) · 1, and ungated models with it are rare.
            FloatOps.siluMultiply(
                gate: &x, up: [Float](repeating: 1, count: count), count: count)
        case .gelu: FloatOps.gelu(&x, offset: 0, count: count, form: .erf)
        case .geluTanh: FloatOps.gelu(&x, offset: 0, count: count, form: .tanh)
        case .relu: for index in 0..<count { x[index] = max(x[index], 0) }
        }
    }
}
