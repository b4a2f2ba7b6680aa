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
        func products(_ stage: BlockStage) -> ProductGroup {
            builder.products(stage.parts(of: spec), index)
        }
        projections = products(.attentionInput)
        output = products(.attentionOutput)
        let activation: GatedProduct.Activation =
            switch spec.mlp.activation {
            case .silu: .silu
            case .geluTanh: .gelu(.tanh)
            case .gelu: .gelu(.erf)
            case .relu: .relu
            }
        down = products(.perceptronOutput)
        gated = GatedProduct(
            products(.perceptronInput), activation, isGated: spec.mlp.isGated, for: down.reads)
    }

    /// Computes queries, keys and values of some tokens from the residual stream, and stores keys
    /// and values.
    func begin(
        _ team: Team, rows: Range<Int>, segments: [Attention.Segment], _ workspace: Workspace
    ) {
        attentionNorm.run(team, workspace.residual, rows: rows, into: workspace.normed)
        if isParallel {
            mlpNorm.run(team, workspace.residual, rows: rows, into: workspace.normedBeside)
        }
        projections.run(
            team, workspace.normed.rows(team, rows), rows: rows, into: workspace.projected,
            at: rows.lowerBound)
        each(team, segments, rows) {
            attention.store($0, $1, workspace.projected, scratch: workspace.scores)
        }
    }

    /// Adds what this block computes to the residual stream of some tokens, for which, and for all
    /// tokens before, it has begun.
    func end(
        _ team: Team, rows: Range<Int>, index: Int, segments: [Attention.Segment],
        _ workspace: Workspace
    ) {
        let mixed = workspace.mixed[index]
        each(team, segments, rows) {
            attention.run($0, $1, workspace.projected, scratch: workspace.scores, into: mixed)
        }
        add(output, mixed, postNorms?.attention, team, rows, workspace)
        if !isParallel {
            mlpNorm.run(team, workspace.residual, rows: rows, into: workspace.normed)
        }
        let read = isParallel ? workspace.normedBeside : workspace.normed
        let hidden = workspace.hidden[index]
        gated.run(
            team, read.rows(team, rows), rows: rows, scratch: workspace.gates,
            tiles: workspace.tiles, into: hidden)
        add(down, hidden, postNorms?.mlp, team, rows, workspace)
    }

    /// Calls a body with what segments have in some rows: the team with one after another, or, when
    /// there are enough for all threads, each thread with segments of its own.
    private func each(
        _ team: Team, _ segments: [Attention.Segment], _ rows: Range<Int>,
        _ body: (Team, Attention.Segment) -> Void
    ) {
        if team.threadCount > 1, segments.count >= team.threadCount {
            return team.share(segments.count) { range in
                for segment in segments[range] {
                    if let part = segment.part(rows) { body(team.alone, part) }
                }
            }
        }
        for segment in segments {
            if let part = segment.part(rows) { body(team, part) }
        }
    }

    /// Adds a product, or its normalization, to the residual stream.
    func add(
        _ product: ProductGroup, _ input: ActivationRows, _ norm: Normalization?, _ team: Team,
        _ rows: Range<Int>, _ workspace: Workspace
    ) {
        guard let norm else {
            return product.run(
                team, input, rows: rows, into: workspace.residual, at: rows.lowerBound,
                adds: true)
        }
        product.run(team, input, rows: rows, into: workspace.delta, at: rows.lowerBound)
        norm.add(team, workspace.delta, rows: rows, to: workspace.residual)
    }
}
