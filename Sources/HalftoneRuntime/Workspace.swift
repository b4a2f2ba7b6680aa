import HalftoneKernels
import HalftoneModels

/// Memory for the activations of tokens that are computed together.
///
/// Taken when tokens come and kept: a token after the first takes none. Sequences that are computed
/// one after another on one thread can share it.
public final class Workspace {
    /// Tokens that there is memory for.
    private(set) var capacity = 0

    /// Positions that there is memory for scores of.
    private var positions = 0

    private let plan: DecoderPlan
    private let threadCount: Int

    /// `[tokens, width]`: what blocks add to.
    let residual: FloatBuffer
    /// `[tokens, width]`: what is normalized before it is added.
    let delta: FloatBuffer
    /// `[tokens, queries | keys | values]`.
    let projected: FloatBuffer
    /// `[tokens, gate | up]`, where they are not computed in tiles.
    let gates: FloatBuffer
    /// The tile of gates of each thread.
    let tiles: [FloatBuffer]
    /// Logits of the positions that are asked for.
    let logits: FloatBuffer
    /// The scores of each thread.
    let scores: [FloatBuffer]

    /// What attention, perceptron and head read.
    private(set) var normed: ReplicatedRows
    /// What the perceptron reads beside attention, where blocks are parallel.
    private(set) var normedBeside: ReplicatedRows
    /// What attention gives, by block: widths and forms may differ.
    private(set) var mixed: [ActivationRows] = []
    /// Hidden layers, by block.
    private(set) var hidden: [ActivationRows] = []

    /// What the threads do.
    private(set) lazy var step = DecoderStep(plan, self)

    init(plan: DecoderPlan, threadCount: Int) {
        self.plan = plan
        self.threadCount = threadCount
        residual = FloatBuffer(count: 0)
        delta = FloatBuffer(count: 0)
        projected = FloatBuffer(count: 0)
        gates = FloatBuffer(count: 0)
        logits = FloatBuffer(count: plan.spec.vocabularySize)
        scores = (0..<threadCount).map { _ in FloatBuffer(count: 0) }
        tiles = (0..<threadCount).map { _ in FloatBuffer(count: 0) }
        normed = plan.makeNormed(capacity: 0, threadCount: threadCount)
        normedBeside = normed
    }

    /// Makes room for a number of tokens at up to a number of positions.
    func reserve(tokens: Int, positions: Int) {
        if positions > self.positions || tokens > capacity {
            self.positions = max(positions, min(2 * self.positions, positions + 4096))
            let tokens = max(tokens, capacity)
            for buffer in scores {
                buffer.reserve(plan.scratch(count: tokens, positions: self.positions))
            }
        }
        guard tokens > capacity else { return }
        capacity = tokens
        residual.reserve(tokens * plan.spec.width)
        delta.reserve(tokens * plan.spec.width)
        projected.reserve(tokens * plan.widest(\.attention.width))
        gates.reserve(plan.blocks.map { $0.gated.scratch(tokens: tokens) }.max() ?? 0)
        for tile in tiles {
            tile.reserve(plan.blocks.map { $0.gated.tile(tokens: tokens) }.max() ?? 0)
        }
        normed = plan.makeNormed(capacity: tokens, threadCount: threadCount)
        normedBeside =
            plan.isParallel
            ? plan.makeNormed(capacity: tokens, threadCount: threadCount) : normed
        mixed = shared(tokens) { ($0.attention.heads * $0.attention.headDim, $0.output.reads) }
        hidden = shared(tokens) { ($0.gated.hidden, $0.down.reads) }
    }

    /// Copies the hidden states of `count` tokens into an array.
    func copyNormed(_ count: Int, into array: inout [Float]) {
        normed.first(count: count).floats.copy(0..<count * plan.spec.width, into: &array)
    }

    /// Rows for each block; blocks whose widths and forms agree share them.
    private func shared(
        _ tokens: Int, _ need: (DecoderBlock) -> (width: Int, forms: ActivationRows.Forms)
    ) -> [ActivationRows] {
        var made: [(width: Int, forms: ActivationRows.Forms, rows: ActivationRows)] = []
        return plan.blocks.map { block in
            let need = need(block)
            if let known = made.first(where: { $0.width == need.width && $0.forms == need.forms }) {
                return known.rows
            }
            let rows = ActivationRows(width: need.width, capacity: tokens, forms: need.forms)
            made.append((need.width, need.forms, rows))
            return rows
        }
    }
}
