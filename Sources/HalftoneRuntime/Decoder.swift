import HalftoneFormats
import HalftoneKernels
import HalftoneModels

/// A decoder-only language model ready to run on float or packed weights.
///
/// Immutable and shared; each sequence has a ``DecoderState``. Arithmetic between the matrix
/// products is float32.
public struct Decoder: Sendable {
    /// What the model computes.
    public let spec: DecoderSpec

    /// Tokens that are computed together when a prompt is read.
    public static let chunk = 512

    /// How keys and values are kept.
    public var cache: KeyValuePolicy { plan.cache }

    private var plan: DecoderPlan
    private let pool: WorkerPool

    /// Wires weights up to run on a pool of threads.
    ///
    /// With `Activations.int8`, packed matrices are laid out anew in memory for integer products,
    /// on all threads.
    ///
    /// - Parameters:
    ///   - weights: Float or packed.
    ///   - pool: The threads.
    ///   - activations: How vectors meet packed weights.
    ///   - cache: How keys and values are kept.
    public init(
        _ weights: DecoderWeights, pool: WorkerPool, activations: Activations = .float32,
        cache: KeyValuePolicy = .float32
    ) {
        spec = weights.spec
        self.pool = pool
        plan = DecoderPlan(weights, activations: activations, cache: cache, pool: pool)
    }

    /// Working memory for sequences that share it, see ``makeState(capacity:workspace:)``.
    public func makeWorkspace() -> Workspace {
        Workspace(plan: plan, threadCount: pool.threadCount)
    }

    /// A state for a new sequence.
    ///
    /// - Parameters:
    ///   - capacity: Tokens to take memory for; more is taken when they come.
    ///   - workspace: Working memory that is shared with other sequences, which are then all read
    ///     on one thread; nil for its own.
    public func makeState(capacity: Int = 256, workspace: Workspace? = nil) -> DecoderState {
        DecoderState(plan: plan, capacity: capacity, workspace: workspace ?? makeWorkspace())
    }

    /// Whether ``makeState(copying:first:capacity:workspace:)`` can copy sequences: when keys and
    /// values are stored token by token as they are computed.
    public var canCopyStates: Bool { plan.cache.isFloat32 }

    /// A state that begins with tokens which another sequence has read.
    ///
    /// - Parameters:
    ///   - other: The sequence, of this decoder; ``canCopyStates`` must hold.
    ///   - length: Its first tokens, this many.
    ///   - capacity: Tokens to take memory for.
    ///   - workspace: As for ``makeState(capacity:workspace:)``.
    /// - Complexity: O(`length`) bytes of keys and values.
    public func makeState(
        copying other: DecoderState, first length: Int, capacity: Int, workspace: Workspace? = nil
    ) -> DecoderState {
        precondition(canCopyStates, "keys and values are stored token by token")
        precondition(length <= other.position, "the other sequence has as many tokens")
        let state = makeState(capacity: max(capacity, length), workspace: workspace)
        state.copy(first: length, from: other)
        return state
    }

    /// Bytes that keys and values of a sequence take, `capacity` tokens at once.
    public func cacheByteCount(capacity: Int) -> Int {
        guard plan.cache.isFloat32 else { return makeState(capacity: capacity).cacheByteCount }
        return plan.blocks.reduce(0) { sum, block in
            let attention = block.attention
            return sum + 2 * attention.keyHeads * attention.headDim * max(capacity, 1)
                * MemoryLayout<Float>.size
        }
    }

    /// A state whose keys and values are floats whatever the policy says.
    func makeState(capacity: Int, isFloat: Bool) -> DecoderState {
        DecoderState(plan: plan, capacity: capacity, workspace: makeWorkspace(), isFloat: isFloat)
    }

    /// Puts the channels of keys into an order, whichever the policy names.
    ///
    /// Queries are put into the same order, which changes no product. Sequences that are made
    /// afterwards have it; nothing changes where keys are float32.
    ///
    /// - Parameter orders: For each block which channel of a head is stored where, a permutation
    ///   for each of its heads, `[keyHeads][headDim]`.
    public mutating func orderKeys(as orders: [[Int]]) {
        precondition(orders.count == plan.blocks.count, "each block has an order")
        for (order, block) in zip(orders, plan.blocks) {
            let (heads, width) = (block.attention.keyHeads, block.attention.headDim)
            precondition(order.count == heads * width, "each head has an order")
            for head in 0..<heads {
                precondition(
                    order[head * width..<(head + 1) * width].sorted() == Array(0..<width),
                    "an order has each channel of a head once")
            }
        }
        plan.keyOrders = orders
    }

    /// Reads tokens, appending to the sequence.
    ///
    /// - Parameters:
    ///   - tokens: Ids; at least one.
    ///   - state: The sequence.
    ///   - body: Called for each chunk of at most ``chunk`` tokens with the final, normalized
    ///     hidden states `[tokens, width]` and the number of tokens.
    /// - Throws: ``DecoderError`` before anything is computed.
    public func read(
        _ tokens: [Int32], state: DecoderState, eachChunk body: ([Float], Int) -> Void
    ) throws(DecoderError) {
        try check(tokens, at: state.position)
        var hidden = [Float](
            repeating: 0, count: min(tokens.count, Self.chunk) * spec.width)
        for start in stride(from: 0, to: tokens.count, by: Self.chunk) {
            let count = min(Self.chunk, tokens.count - start)
            let workspace = state.workspace
            embed(tokens[start..<start + count], state, workspace)
            workspace.step.run(
                on: pool, count: count, needed: 0..<count, segments: state.segments)
            state.advance(count)
            workspace.copyNormed(count, into: &hidden)
            body(hidden, count)
        }
    }

    /// Reads tokens and writes the logits after the last ones.
    ///
    /// - Parameters:
    ///   - tokens: Ids; at least one.
    ///   - state: The sequence.
    ///   - last: Positions to give logits for: the last so many; at most ``chunk``.
    ///   - output: Room for `last · vocabularySize` floats from its start.
    /// - Throws: ``DecoderError`` before anything is computed.
    public func logits(
        after tokens: [Int32], state: DecoderState, last: Int = 1, into output: inout [Float]
    ) throws(DecoderError) {
        try check(tokens, at: state.position)
        precondition(last >= 1 && last <= min(tokens.count, Self.chunk), "that many are read")
        precondition(output.count >= last * spec.vocabularySize, "there is room for the logits")
        let workspace = state.workspace
        // The last chunk holds all positions that are asked for.
        var start = 0
        while start < tokens.count {
            let rest = tokens.count - start
            let count = rest <= Self.chunk ? rest : min(Self.chunk, rest - last)
            let isLast = start + count == tokens.count
            embed(tokens[start..<start + count], state, workspace)
            if isLast { workspace.logits.reserve(last * spec.vocabularySize) }
            workspace.step.run(
                on: pool, count: count, needed: isLast ? count - last..<count : count..<count,
                segments: state.segments, givesLogits: isLast)
            state.advance(count)
            start += count
        }
        workspace.logits.copy(0..<last * spec.vocabularySize, into: &output)
        squash(&output, count: last)
    }

    /// Appends a token to each of several sequences and writes the logits after each.
    ///
    /// Weights are read once for all of them. With `Activations.int8` and matrices that have
    /// integer products, logits are bit for bit those of each sequence alone.
    ///
    /// - Parameters:
    ///   - tokens: One id for each sequence.
    ///   - batch: The sequences.
    ///   - output: Room for `[sequences, vocabularySize]` floats.
    /// - Throws: ``DecoderError`` before anything is computed.
    public func logits(
        after tokens: [Int32], batch: DecoderBatch, into output: inout [Float]
    ) throws(DecoderError) {
        let count = batch.states.count
        precondition(tokens.count == count && count > 0, "each sequence has a token")
        precondition(output.count >= count * spec.vocabularySize, "there is room for the logits")
        for (state, token) in zip(batch.states, tokens) { try check([token], at: state.position) }
        let workspace = batch.workspace
        for (row, state) in batch.states.enumerated() {
            embed(tokens[row...row], state, workspace, row: row, rows: count)
        }
        workspace.logits.reserve(count * spec.vocabularySize)
        workspace.step.run(
            on: pool, count: count, needed: 0..<count, segments: batch.segments,
            givesLogits: true)
        for state in batch.states { state.advance(1) }
        workspace.logits.copy(0..<count * spec.vocabularySize, into: &output)
        squash(&output, count: count)
    }

    /// Sequences that are decoded together.
    ///
    /// - Parameters:
    ///   - states: At least one; each as ``makeState(capacity:workspace:)`` gave it.
    ///   - workspace: Working memory to share; nil for its own.
    public func makeBatch(
        _ states: [DecoderState], workspace: Workspace? = nil
    ) -> DecoderBatch {
        precondition(!states.isEmpty, "a batch has sequences")
        return DecoderBatch(states, workspace: workspace ?? makeWorkspace())
    }

    /// The logits after the last of some tokens, `vocabularySize` of them.
    ///
    /// - Throws: ``DecoderError`` before anything is computed.
    public func logits(
        after tokens: [Int32], state: DecoderState
    ) throws(DecoderError) -> [Float] {
        var output = [Float](repeating: 0, count: spec.vocabularySize)
        try logits(after: tokens, state: state, into: &output)
        return output
    }

    /// The logits of hidden states.
    ///
    /// - Parameters:
    ///   - hidden: Normalized hidden states as ``read(_:state:eachChunk:)`` gives them.
    ///   - offset: Floats to skip.
    ///   - count: The number of positions.
    ///   - output: Room for `count · vocabularySize` floats.
    public func logits(
        of hidden: [Float], from offset: Int, count: Int, into output: inout [Float]
    ) {
        precondition(output.count >= count * spec.vocabularySize, "there is room for the logits")
        let rows = ActivationRows(width: spec.width, capacity: count, forms: plan.head.reads)
        let logits = FloatBuffer(count: count * spec.vocabularySize)
        rows.floats.take(hidden, from: offset, count: count * spec.width)
        rows.finish(0..<count)
        pool.together { team in
            plan.head.run(team, rows, rows: 0..<count, into: logits)
        }
        logits.copy(0..<count * spec.vocabularySize, into: &output)
        squash(&output, count: count)
    }

    private func squash(_ logits: inout [Float], count: Int) {
        guard let cap = spec.logitSoftcap else { return }
        FloatOps.softcap(&logits, offset: 0, count: count * spec.vocabularySize, cap: cap)
    }

    private func check(_ tokens: [Int32], at position: Int) throws(DecoderError) {
        guard !tokens.isEmpty else { throw .noTokens }
        for token in tokens where token < 0 || Int(token) >= spec.vocabularySize {
            throw .tokenOutOfRange(token, vocabularySize: spec.vocabularySize)
        }
        if let limit = spec.learnedPositions, position + tokens.count > limit {
            throw .contextExceeded(tokens: position + tokens.count, limit: limit)
        }
    }

    /// Puts the embeddings of a sequence from position 0 on into a state's residual stream.
    func embed(_ tokens: [Int32], _ state: DecoderState) throws(DecoderError) {
        try check(tokens, at: 0)
        embed(tokens[...], state, state.workspace)
    }

    /// Puts the embeddings of a sequence's next tokens into the residual stream from a row on, and
    /// makes room for them, and for `rows` in all.
    private func embed(
        _ tokens: ArraySlice<Int32>, _ state: DecoderState, _ workspace: Workspace, row: Int = 0,
        rows: Int? = nil
    ) {
        let width = spec.width
        // Growing loses what is there, so all rows are made room for before the first is written.
        workspace.reserve(
            tokens: rows ?? tokens.count, positions: state.position + tokens.count)
        state.prepare(tokens.count, row: row)
        let residual = workspace.residual
        for (index, token) in tokens.enumerated() {
            let place = (row + index) * width
            residual.decode(row: Int(token), of: plan.embedding, at: place)
            if spec.embeddingScale != 1 {
                residual.scale(by: spec.embeddingScale, place..<place + width)
            }
            if let positions = plan.positions {
                residual.add(
                    row: state.position + index, of: positions, at: place,
                    scratch: workspace.delta)
            }
        }
    }
}

/// Why tokens cannot be read.
public enum DecoderError: Error, Sendable, Equatable, CustomStringConvertible {
    /// A sequence has at least one token.
    case noTokens
    /// An id outside the embedding.
    case tokenOutOfRange(Int32, vocabularySize: Int)
    /// More tokens than the table of positions has rows.
    case contextExceeded(tokens: Int, limit: Int)

    /// What was found and what would do.
    public var description: String {
        switch self {
        case .noTokens: "there are no tokens to read; give some text"
        case .tokenOutOfRange(let token, let size):
            "token \(token) is outside the vocabulary of \(size)"
        case .contextExceeded(let tokens, let limit):
            "\(tokens) tokens do not fit the model's \(limit) positions; shorten the text"
        }
    }
}
