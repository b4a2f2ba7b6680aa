import HalftoneKernels
import HalftoneModels

/// One block: `x + attention(norm(x))`, then `x + mlp(norm(x))`, in the variants of ``BlockSpec``.
///
/// Where threads meet, for one token: after the projections, after queries and keys are turned and
/// stored, after attention, after the output, after the gates and after the last product.
struct DecoderBlock: Sendable {
    let attention: Attention
    let gated: GatedProduct
    let projections: ProductGroup
    let output: ProductGroup
    let down: ProductGroup
    let isParallel: Bool

    /// Which of the plan's rotations applies.
    let rotation: Int?

    let attentionNorm: Normalization
    let mlpNorm: Normalization
    let postNorms: (attention: Normalization, mlp: Normalization)?

    init(_ builder: PlanBuilder, index: Int) {
        let spec = builder.weights.spec.blocks[index]
        isParallel = spec.isParallel
        rotation = spec.attention.rope.flatMap { builder.rotations.firstIndex(of: $0) }
        attentionNorm = builder.norm(.attentionNorm, spec.attentionNorm, index)
        mlpNorm = builder.norm(.mlpNorm, spec.mlpNorm, index)
        postNorms = spec.postNorm.map {
            (
                builder.norm(.attentionPostNorm, $0, index),
                builder.norm(.mlpPostNorm, $0, index)
            )
        }
        let headNorms = spec.attention.headNormEpsilon.map { epsilon in
            let norm = NormSpec(.rootMeanSquare, epsilon: epsilon)
            return (
                query: builder.norm(.queryNorm, norm, index),
                key: builder.norm(.keyNorm, norm, index)
            )
        }
        attention = Attention(
            heads: spec.attention.heads, keyHeads: spec.attention.keyHeads,
            headDim: spec.attention.headDim, scale: spec.attention.scale,
            softcap: spec.attention.softcap, window: spec.attention.window, headNorms: headNorms)
        projections = builder.products(
            spec.attention.isFused ? [.qkv] : [.query, .key, .value], index)
        output = builder.products([.attentionOutput], index)
        let mlp = spec.mlp
        let parts: [Role.Part] = !mlp.isGated ? [.up] : mlp.isFused ? [.gateUp] : [.gate, .up]
        let activation: GatedProduct.Activation =
            switch mlp.activation {
            case .silu: .silu
            case .geluTanh: .gelu(.tanh)
            case .gelu: .gelu(.erf)
            case .relu: .relu
            }
        gated = GatedProduct(
            builder.products(parts, index), activation, isGated: mlp.isGated)
        down = builder.products([.down], index)
    }

    /// Adds what this block computes to the residual stream of `count` tokens.
    func run(
        _ team: Team, count: Int, index: Int, segments: [Attention.Segment],
        _ workspace: Workspace
    ) {
        let residual = workspace.residual
        attentionNorm.run(team, residual, count: count, into: workspace.normed)
        if isParallel {
            mlpNorm.run(team, residual, count: count, into: workspace.normedBeside)
        }
        projections.run(
            team, workspace.normed.rows(team, count: count), rows: 0..<count,
            into: workspace.projected)
        let mixed = workspace.mixed[index]
        for segment in segments { attention.store(team, segment, workspace.projected) }
        for segment in segments {
            attention.run(
                team, segment, workspace.projected, scratch: workspace.scores, into: mixed)
        }
        add(output, mixed, postNorms?.attention, team, count, workspace)
        if !isParallel { mlpNorm.run(team, residual, count: count, into: workspace.normed) }
        let read = isParallel ? workspace.normedBeside : workspace.normed
        let hidden = workspace.hidden[index]
        gated.run(
            team, read.rows(team, count: count), rows: 0..<count, scratch: workspace.gates,
            into: hidden)
        add(down, hidden, postNorms?.mlp, team, count, workspace)
    }

    /// Adds a product, or its normalization, to the residual stream.
    func add(
        _ product: ProductGroup, _ input: ActivationRows, _ norm: Normalization?, _ team: Team,
        _ count: Int, _ workspace: Workspace
    ) {
        guard let norm else {
            return product.run(
                team, input, rows: 0..<count, into: workspace.residual, adds: true)
        }
        product.run(team, input, rows: 0..<count, into: workspace.delta)
        norm.add(team, workspace.delta, count: count, to: workspace.residual)
    }
}
