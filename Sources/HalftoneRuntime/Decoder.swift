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

    private let plan: DecoderPlan
    private let pool: WorkerPool

    /// Wires weights up to run on a pool of threads.
    ///
    /// With ``Activations/int8``, packed matrices are laid out anew in memory for integer products,
    /// on all threads.
    ///
    /// - Parameters:
    ///   - weights: Float or packed.
    ///   - pool: The threads.
    ///   - activations: How vectors meet packed weights.
    public init(
        _ weights: DecoderWeights, pool: WorkerPool, activations: Activations = .float32
    ) {
        spec = weights.spec
        self.pool = pool
        plan = DecoderPlan(weights, activations: activations, pool: pool)
    }

    /// A state for a new sequence.
    ///
    /// - Parameter capacity: Tokens to take memory for; more is taken when they come.
    public func makeState(capacity: Int = 256) -> DecoderState {
        DecoderState(plan: plan, capacity: capacity, threadCount: pool.threadCount)
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
            embed(tokens[start..<start + count], state)
            let workspace = state.workspace
            pool.together { team in
                plan.run(team, count: count, segments: state.segments, workspace)
            }
            state.advance(count)
            workspace.copyNormed(count, into: &hidden)
            body(hidden, count)
        }
    }

    /// Reads tokens and writes the logits after the last one.
    ///
    /// - Parameters:
    ///   - tokens: Ids; at least one.
    ///   - state: The sequence.
    ///   - output: Room for `vocabularySize` floats from its start.
    /// - Throws: ``DecoderError`` before anything is computed.
    public func logits(
        after tokens: [Int32], state: DecoderState, into output: inout [Float]
    ) throws(DecoderError) {
        precondition(output.count >= spec.vocabularySize, "there is room for the logits")
        try check(tokens, at: state.position)
        let workspace = state.workspace
        for start in stride(from: 0, to: tokens.count, by: Self.chunk) {
            let count = min(Self.chunk, tokens.count - start)
            let isLast = start + count == tokens.count
            embed(tokens[start..<start + count], state)
            pool.together { team in
                plan.run(team, count: count, segments: state.segments, workspace)
                guard isLast else { return }
                plan.head.run(
                    team, workspace.normed.rows(team, count: count), rows: count - 1..<count,
                    into: workspace.logits)
            }
            state.advance(count)
        }
        workspace.logits.copy(0..<spec.vocabularySize, into: &output)
        squash(&output, count: 1)
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

    /// Puts the embeddings of tokens into the residual stream, and makes room for them.
    private func embed(_ tokens: ArraySlice<Int32>, _ state: DecoderState) {
        let width = spec.width
        let workspace = state.workspace
        workspace.reserve(tokens: tokens.count, positions: state.position + tokens.count)
        state.prepare(tokens.count)
        let residual = workspace.residual
        for (row, token) in tokens.enumerated() {
            residual.decode(row: Int(token), of: plan.embedding, at: row * width)
        }
        if spec.embeddingScale != 1 {
            residual.scale(by: spec.embeddingScale, count: tokens.count * width)
        }
        guard let positions = plan.positions else { return }
        for row in 0..<tokens.count {
            residual.add(
                row: state.position + row, of: positions, at: row * width,
                scratch: workspace.delta)
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
