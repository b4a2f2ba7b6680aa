import HalftoneKernels
import HalftoneModels

/// Many sequences that go through a model together, block by block, stopping before each product.
///
/// At a stop the activations of all tokens can be looked at, and the matrices that are about to
/// read them be replaced: what follows is computed with the new ones. So one pass gives every
/// layer the inputs that it will have in the model whose earlier layers are quantized already.
/// Arithmetic is float32, as a ``Decoder`` of the same weights with `Activations.float32` computes
/// it but for the order of sums.
///
/// Sequences are read apart; each begins at position 0.
public final class StagedRun {
    /// The parameters, with those replaced that were replaced so far.
    public private(set) var weights: DecoderWeights

    /// The block that ``run(observing:replacing:)`` computes next.
    public private(set) var block = 0

    /// The sequences' lengths.
    public let lengths: [Int]

    private let pool: WorkerPool
    private let workspace: Workspace
    private let change: ActivationChange?
    /// `[tokens, width]` of all sequences, one after another.
    private let residual: FloatBuffer

    /// Reads the embeddings of sequences.
    ///
    /// - Parameters:
    ///   - weights: Float or packed.
    ///   - sequences: At least one token each.
    ///   - pool: The threads to use; as many threads give the same bits.
    ///   - change: What is done to activations before they are multiplied; nil for nothing.
    /// - Throws: ``DecoderError`` for tokens that the model does not have.
    /// - Complexity: Memory of ``byteCount(of:tokens:longest:)`` while blocks are computed.
    public init(
        _ weights: DecoderWeights, sequences: [[Int32]], pool: WorkerPool,
        changing change: ActivationChange? = nil
    ) throws(DecoderError) {
        self.weights = weights
        self.pool = pool
        self.change = change
        lengths = sequences.map(\.count)
        residual = FloatBuffer(
            count: sequences.reduce(0) { $0 + $1.count } * weights.spec.width)
        let decoder = Decoder(weights, pool: pool)
        let state = decoder.makeState(capacity: 1)
        workspace = state.workspace
        var first = 0
        for sequence in sequences {
            try decoder.embed(sequence, state)
            let count = sequence.count * weights.spec.width
            workspace.residual.copy(0..<count, to: residual, at: first)
            first += count
        }
    }

    private init(_ other: StagedRun, _ weights: DecoderWeights) {
        (pool, workspace, change) = (other.pool, other.workspace, other.change)
        (lengths, block) = (other.lengths, other.block)
        self.weights = weights
        residual = FloatBuffer(count: other.residual.count)
        other.residual.copy(0..<other.residual.count, to: residual, at: 0)
    }

    /// A run of its own that goes on from here with other matrices, so that what they change is
    /// computed without the blocks before them.
    ///
    /// Both share working memory: one at a time computes.
    ///
    /// - Parameter matrices: Of the shapes of those that they stand for, none of them read before
    ///   the next block.
    /// - Complexity: A copy of the residual stream, `4 · tokens · width` bytes.
    public func branch(replacing matrices: [Role: any WeightMatrix] = [:]) -> StagedRun {
        var changed = weights
        for (role, matrix) in matrices { changed.replace(role, with: matrix) }
        return StagedRun(self, changed)
    }

    /// Bytes that a run takes while it computes a block: the residual stream, what attention gives
    /// and the hidden layer of all tokens, and keys and values of one sequence.
    ///
    /// - Parameters:
    ///   - spec: The model.
    ///   - tokens: Of all sequences.
    ///   - longest: Of one sequence.
    public static func byteCount(of spec: DecoderSpec, tokens: Int, longest: Int) -> Int {
        let wide = spec.blocks.map { block in
            let attention = block.attention
            let perToken = attention.heads * attention.headDim + block.mlp.hiddenWidth
            let heads = attention.heads + 4 * attention.keyHeads
            let gates = block.mlp.hiddenWidth * (block.mlp.isGated ? 2 : 1)
            return tokens * (spec.width + perToken)
                + longest * (heads * attention.headDim + 3 * spec.width + perToken + gates)
        }
        return 4 * (wide.max() ?? 0)
    }

    /// Computes the next block.
    ///
    /// - Parameters:
    ///   - observe: Called at each stop for each sequence with its activations, as they are before
    ///     they are changed.
    ///   - replace: Called at each stop after that, gives the matrices to replace; they have the
    ///     shapes of those that they stand for.
    public func run<Failure: Error>(
        observing observe: (BlockStage, StageInputs) -> Void,
        replacing replace: (BlockStage) throws(Failure) -> [Role: any WeightMatrix]
    ) throws(Failure) {
        precondition(block < weights.spec.blocks.count, "there are further blocks")
        var pass = BlockPass(
            weights, block: block, lengths: lengths, residual, workspace, pool, change)
        for stage in BlockStage.allCases {
            pass.reach(stage) { observe(stage, $0) }
            let replaced = try replace(stage)
            for (role, matrix) in replaced { weights.replace(role, with: matrix) }
            if !replaced.isEmpty { pass.take(weights) }
        }
        pass.finish()
        block += 1
    }

    /// Puts another vector, such as a bias, in a place; at a stop, together with a matrix that is
    /// replaced there.
    public func replace(_ role: Role, with vector: [Float]) { weights.replace(role, with: vector) }

    /// Computes the next block without looking at it.
    ///
    /// - Parameter replace: Gives the matrices to replace at each stop.
    public func run(replacing replace: (BlockStage) -> [Role: any WeightMatrix] = { _ in [:] }) {
        run(observing: { _, _ in }, replacing: replace)
    }

    /// The residual stream of a sequence before the next block, `[tokens, width]`.
    public func stream(ofSequence index: Int) -> [Float] {
        let width = weights.spec.width
        let first = lengths[..<index].reduce(0, +) * width
        var result = [Float](repeating: 0, count: lengths[index] * width)
        residual.copy(first..<first + result.count, into: &result)
        return result
    }

    /// The normalized hidden states of a sequence after the last block, as
    /// ``Decoder/logits(of:from:count:into:)`` takes them, `[tokens, width]`.
    public func hidden(ofSequence index: Int) -> [Float] {
        precondition(block == weights.spec.blocks.count, "all blocks were computed")
        let count = lengths[index]
        let first = lengths[..<index].reduce(0, +)
        let width = weights.spec.width
        residual.copy(first * width..<(first + count) * width, to: workspace.residual, at: 0)
        let norm = PlanBuilder(weights, .float32, pool)
            .norm(.finalNorm, weights.spec.finalNorm, nil)
        pool.together { team in
            norm.run(team, workspace.residual, rows: 0..<count, into: workspace.normed)
        }
        var result = [Float](repeating: 0, count: count * width)
        workspace.copyNormed(count, into: &result)
        return result
    }
}

/// Changes the activations of a sequence that a stage of a block is about to read, as their
/// quantization would.
///
/// - Parameters:
///   - block: The block's number.
///   - stage: What reads them.
///   - values: `[tokens, width]`, to be changed in place; as many afterwards.
///   - width: Features of a token.
public typealias ActivationChange = (
    _ block: Int, _ stage: BlockStage, _ values: inout [Float], _ width: Int
) -> Void

/// The activations of some tokens before a product, valid while they are being looked at.
public struct StageInputs {
    private let buffer: FloatBuffer

    /// Tokens.
    public let count: Int

    /// Features of a token.
    public let width: Int

    /// The number of the sequence.
    public let sequence: Int

    init(_ rows: ActivationRows, count: Int, sequence: Int) {
        buffer = rows.floats
        width = rows.width
        self.count = count
        self.sequence = sequence
    }

    /// A copy, `[count, width]`.
    public var values: [Float] {
        var result = [Float](repeating: 0, count: count * width)
        buffer.copy(0..<count * width, into: &result)
        return result
    }

    /// Hands the rows to who knows buffers.
    package func withRows(_ body: (FloatBuffer, Range<Int>) -> Void) {
        body(buffer, 0..<count)
    }
}
