import HalftoneKernels
import HalftoneModels

/// One block over all sequences of a ``StagedRun``, stage by stage.
///
/// What a stage reads is computed when the stage is reached, with the matrices that there are by
/// then. A sequence is computed in a workspace; between stages only the residual stream, what
/// attention gives and the hidden layer are kept of it.
struct BlockPass {
    private let index: Int
    private let lengths: [Int]
    private let pool: WorkerPool
    private let workspace: Workspace
    private let store: KeyValueStore
    private let rotation: HeadRotation?
    private let width: Int
    private let change: ActivationChange?
    private var block: DecoderBlock

    /// Of all tokens, one sequence after another.
    private let residual: FloatBuffer
    private let mixed: FloatBuffer
    private let hidden: FloatBuffer

    init(
        _ weights: DecoderWeights, block index: Int, lengths: [Int], _ residual: FloatBuffer,
        _ workspace: Workspace, _ pool: WorkerPool, _ change: ActivationChange?
    ) {
        self.index = index
        self.change = change
        self.lengths = lengths
        self.residual = residual
        self.workspace = workspace
        self.pool = pool
        block = DecoderBlock(PlanBuilder(weights, .float32, pool), index: index)
        width = weights.spec.width
        let longest = lengths.max() ?? 0
        let tokens = lengths.reduce(0, +)
        rotation = weights.spec.blocks[index].attention.rope.map {
            var table = RotationTable($0)
            table.cover(longest)
            return table.rotation
        }
        let attention = block.attention
        store = KeyValueStore(
            heads: attention.keyHeads, headDim: attention.headDim, capacity: longest)
        mixed = FloatBuffer(count: tokens * attention.heads * attention.headDim)
        hidden = FloatBuffer(count: tokens * block.gated.hidden)
    }

    /// Reads the block's matrices anew.
    mutating func take(_ weights: DecoderWeights) {
        block = DecoderBlock(PlanBuilder(weights, .float32, pool), index: index)
    }

    /// Computes what a stage reads, and calls a body with it for each sequence.
    func reach(_ stage: BlockStage, _ body: (StageInputs) -> Void) {
        eachSequence { sequence, first, count in
            func observe(_ rows: ActivationRows) {
                body(StageInputs(rows, count: count, sequence: sequence))
            }
            load(first, count)
            switch stage {
            case .attentionInput:
                observe(normalize(block.attentionNorm, count))
            case .attentionOutput:
                attend(count)
                let rows = workspace.mixed[index]
                observe(rows)
                keep(rows, for: stage, in: mixed, first, count)
            case .perceptronInput:
                // Parallel blocks read their input once more, before anything is added to it.
                if !block.isParallel {
                    addAttention(first, count)
                    save(first, count)
                }
                observe(normalize(block.mlpNorm, count))
            case .perceptronOutput:
                let read = normalize(block.mlpNorm, count)
                apply(.perceptronInput, read, count)
                let rows = workspace.hidden[index]
                pool.together { team in
                    block.gated.run(
                        team, read, rows: 0..<count, scratch: workspace.gates,
                        tiles: workspace.tiles, into: rows)
                }
                observe(rows)
                keep(rows, for: stage, in: hidden, first, count)
            }
        }
    }

    /// Keeps what a stage reads until the block's outputs are added up.
    private func keep(
        _ rows: ActivationRows, for stage: BlockStage, in kept: FloatBuffer, _ first: Int,
        _ count: Int
    ) {
        apply(stage, rows, count)
        rows.floats.copy(0..<count * rows.width, to: kept, at: first * rows.width)
    }

    /// Changes what a stage reads, if anything is to be changed.
    private func apply(_ stage: BlockStage, _ rows: ActivationRows, _ count: Int) {
        guard let change else { return }
        var values = [Float](repeating: 0, count: count * rows.width)
        rows.floats.copy(0..<values.count, into: &values)
        change(index, stage, &values, rows.width)
        rows.floats.take(values, from: 0, count: count * rows.width)
        rows.finish(0..<count)
    }

    /// Adds what the block gives to the residual stream.
    func finish() {
        eachSequence { _, first, count in
            load(first, count)
            if block.isParallel {
                addAttention(first, count)
            }
            add(
                block.down, block.postNorms?.mlp, hidden, in: workspace.hidden[index], first,
                count)
            save(first, count)
        }
    }

    private func eachSequence(_ body: (_ sequence: Int, _ first: Int, _ count: Int) -> Void) {
        var first = 0
        for (sequence, count) in lengths.enumerated() {
            body(sequence, first, count)
            first += count
        }
    }

    private func load(_ first: Int, _ count: Int) {
        residual.copy(
            first * width..<(first + count) * width, to: workspace.residual, at: 0)
    }

    private func save(_ first: Int, _ count: Int) {
        workspace.residual.copy(0..<count * width, to: residual, at: first * width)
    }

    private func normalize(_ norm: Normalization, _ count: Int) -> ActivationRows {
        pool.together { team in
            norm.run(team, workspace.residual, rows: 0..<count, into: workspace.normed)
        }
        // A single token is every thread's own; all of them have the same.
        return workspace.normed.first(count: count)
    }

    private func attend(_ count: Int) {
        let read = normalize(block.attentionNorm, count)
        apply(.attentionInput, read, count)
        store.truncate(to: 0)
        let segment = Attention.Segment(
            row: 0, count: count, position: 0, store: store, rotation: rotation)
        pool.together { team in
            block.projections.run(team, read, rows: 0..<count, into: workspace.projected)
            block.attention.store(team, segment, workspace.projected)
            block.attention.run(
                team, segment, workspace.projected, scratch: workspace.scores,
                into: workspace.mixed[index])
        }
    }

    private func addAttention(_ first: Int, _ count: Int) {
        add(
            block.output, block.postNorms?.attention, mixed, in: workspace.mixed[index], first,
            count)
    }

    /// Adds the product of kept activations, or its normalization, to the loaded sequence.
    private func add(
        _ product: ProductGroup, _ norm: Normalization?, _ kept: FloatBuffer,
        in rows: ActivationRows, _ first: Int, _ count: Int
    ) {
        kept.copy(
            first * rows.width..<(first + count) * rows.width, to: rows.floats, at: 0)
        rows.finish(0..<count)
        pool.together { team in
            block.add(product, rows, norm, team, 0..<count, workspace)
        }
    }
}
