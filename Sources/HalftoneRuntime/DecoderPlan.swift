import HalftoneKernels
import HalftoneModels

/// What the threads do for some tokens, derived from a ``DecoderSpec`` and its weights once.
///
/// All threads run the whole of it as a ``Team`` and share out each step.
struct DecoderPlan: Sendable {
    let spec: DecoderSpec
    let blocks: [DecoderBlock]
    let finalNorm: Normalization
    let head: ProductGroup
    let embedding: any WeightMatrix
    let positions: (any WeightMatrix)?

    /// The distinct rotary positions of the blocks.
    let rotations: [RopeSpec]

    init(_ weights: DecoderWeights, activations: Activations, pool: WorkerPool) {
        let builder = PlanBuilder(weights, activations, pool)
        spec = weights.spec
        rotations = builder.rotations
        blocks = spec.blocks.indices.map { DecoderBlock(builder, index: $0) }
        finalNorm = builder.norm(.finalNorm, spec.finalNorm, nil)
        head = builder.products([.head], nil)
        embedding = weights.matrix(Role(.embedding))
        positions = spec.learnedPositions == nil ? nil : weights.matrix(Role(.positions))
    }

    /// Whether some block's perceptron reads beside its attention.
    var isParallel: Bool { blocks.contains(where: \.isParallel) }

    /// The largest of a width over the blocks.
    func widest(_ width: KeyPath<DecoderBlock, Int>) -> Int {
        blocks.map { $0[keyPath: width] }.max() ?? 0
    }

    /// Rows for normalized activations, in all forms that are read.
    func makeNormed(capacity: Int, threadCount: Int) -> ReplicatedRows {
        let forms = blocks.reduce(into: head.reads) {
            $0.formUnion($1.projections.reads)
            $0.formUnion($1.gated.group.reads)
        }
        return ReplicatedRows(
            width: spec.width, capacity: capacity, forms: forms, threadCount: threadCount)
    }

    /// Runs all blocks and the last normalization over tokens whose embeddings are in the residual
    /// stream; the hidden states are in `workspace.normed` afterwards.
    func run(
        _ team: Team, count: Int, segments: [[Attention.Segment]], _ workspace: Workspace
    ) {
        for index in blocks.indices {
            blocks[index].run(
                team, count: count, index: index, segments: segments[index], workspace)
        }
        finalNorm.run(team, workspace.residual, count: count, into: workspace.normed)
    }
}

/// Finds the parts of a plan among weights.
struct PlanBuilder {
    let weights: DecoderWeights
    let rotations: [RopeSpec]
    private let activations: Activations
    private let pool: WorkerPool

    init(_ weights: DecoderWeights, _ activations: Activations, _ pool: WorkerPool) {
        self.weights = weights
        self.activations = activations
        self.pool = pool
        var distinct: [RopeSpec] = []
        for case let rope? in weights.spec.blocks.map(\.attention.rope)
        where !distinct.contains(rope) {
            distinct.append(rope)
        }
        rotations = distinct
    }

    /// A normalization with its parameters.
    func norm(_ part: Role.Part, _ spec: NormSpec, _ block: Int?) -> Normalization {
        Normalization(
            spec.kind == .layer ? .layer : .rootMeanSquare, epsilon: spec.epsilon,
            gain: weights.vector(Role(part, block: block)) ?? [],
            bias: weights.vector(Role(part, block: block, isBias: true)))
    }

    /// Matrices that read the same activations, with their biases.
    func products(_ parts: [Role.Part], _ block: Int?) -> ProductGroup {
        ProductGroup(
            parts.map { part in
                WeightProduct(
                    weights.matrix(Role(part, block: block)),
                    bias: weights.vector(Role(part, block: block, isBias: true)), activations,
                    pool: pool)
            })
    }
}
