import HalftoneFormats
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

    /// How keys and values are kept.
    let cache: KeyValuePolicy

    /// Which channel of a key is stored where, by block; nil where it is the model's order.
    var keyOrders: [[Int]?]

    init(
        _ weights: DecoderWeights, activations: Activations, cache: KeyValuePolicy,
        pool: WorkerPool
    ) {
        let builder = PlanBuilder(weights, activations, pool)
        spec = weights.spec
        self.cache = cache
        keyOrders = spec.blocks.indices.map { builder.keyOrder(cache.keyOrder, $0) }
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

    /// Tokens of a prompt that a thread takes through a block alone: their activations stay in its
    /// cache, and weights are read from the cache that threads share.
    private static let passage = 64

    /// Runs all blocks and the last normalization over tokens whose embeddings are in the residual
    /// stream.
    ///
    /// - Parameters:
    ///   - team: The threads.
    ///   - count: The number of tokens.
    ///   - needed: Tokens whose hidden states are in `workspace.normed` afterwards; the others are
    ///     left where nothing more depends on them.
    ///   - segments: The tokens of each sequence, for each block.
    ///   - workspace: Memory.
    func run(
        _ team: Team, count: Int, needed: Range<Int>, segments: [[Attention.Segment]],
        _ workspace: Workspace
    ) {
        // Some of what is packed is stored in order, and read as floats by the tokens after it.
        if count >= Self.passage * team.threadCount,
            segments.allSatisfy({ $0.allSatisfy(\.hasIndependentParts) })
        {
            return runPassages(team, count, needed, segments, workspace)
        }
        for index in blocks.indices {
            blocks[index].begin(team, rows: 0..<count, segments: segments[index], workspace)
            end(index, team, 0..<count, segments, workspace)
        }
        finalNorm.run(team, workspace.residual, rows: 0..<count, into: workspace.normed)
    }

    /// As above, each thread with other tokens.
    ///
    /// They meet once a block, when all keys and values are there. The last tokens, which see
    /// most, come first. Of the last block only what is needed is computed.
    private func runPassages(
        _ team: Team, _ count: Int, _ needed: Range<Int>, _ segments: [[Attention.Segment]],
        _ workspace: Workspace
    ) {
        for index in blocks.indices {
            share(team, 0..<count) { team, rows in
                if index > 0 { end(index - 1, team, rows, segments, workspace) }
                blocks[index].begin(team, rows: rows, segments: segments[index], workspace)
            }
        }
        let finish = { (team: Team, rows: Range<Int>) in
            end(blocks.count - 1, team, rows, segments, workspace)
            finalNorm.run(team, workspace.residual, rows: rows, into: workspace.normed)
        }
        if needed.count >= Self.passage * team.threadCount {
            share(team, needed, finish)
        } else if !needed.isEmpty {
            finish(team, needed)
        }
    }

    private func end(
        _ index: Int, _ team: Team, _ rows: Range<Int>, _ segments: [[Attention.Segment]],
        _ workspace: Workspace
    ) {
        blocks[index].end(
            team, rows: rows, index: index, segments: segments[index], workspace)
    }

    /// Gives each thread passages of some tokens to compute alone, the last ones first.
    private func share(_ team: Team, _ tokens: Range<Int>, _ body: (Team, Range<Int>) -> Void) {
        let passages = (tokens.count + Self.passage - 1) / Self.passage
        team.share(passages, pieces: passages) { part in
            for passage in part {
                let first = tokens.lowerBound + (passages - 1 - passage) * Self.passage
                body(team.alone, first..<min(first + Self.passage, tokens.upperBound))
            }
        }
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
