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

    let product: MatrixProduct
    private let embedding: any WeightMatrix
    private let positions: (any WeightMatrix)?
    private let blocks: [DecoderBlock]
    private let finalNorm: Norm
    private let head: any WeightMatrix

    /// Wires weights up to run on a pool of threads.
    ///
    /// - Parameters:
    ///   - weights: Float or packed.
    ///   - pool: The threads.
    ///   - activations: How vectors meet packed weights when a token is generated; prompts are
    ///     read in float32.
    ///   - alone: Whether prompts too are read as generation would, each token's vectors on their
    ///     own: slower, for measuring what `activations` cost.
    public init(
        _ weights: DecoderWeights, pool: WorkerPool,
        activations: MatrixProduct.Activations = .float32, alone: Bool = false
    ) {
        spec = weights.spec
        product =
            alone
            ? MatrixProduct(pool: pool, activations: activations, tilesFrom: .max)
            : MatrixProduct(pool: pool, activations: activations)
        embedding = weights.matrix(Role(.embedding))
        positions = spec.learnedPositions == nil ? nil : weights.matrix(Role(.positions))
        blocks = spec.blocks.indices.map { DecoderBlock(weights, index: $0) }
        finalNorm = Norm(weights, .finalNorm, spec.finalNorm)
        head = weights.matrix(Role(.head))
    }

    /// A state for a new sequence.
    ///
    /// - Parameter capacity: Tokens to take memory for; more is taken when they come.
    public func makeState(capacity: Int = 256) -> DecoderState {
        DecoderState(spec: spec, capacity: capacity)
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
        _ tokens: [Int32], state: inout DecoderState,
        eachChunk body: ([Float], Int) -> Void = { _, _ in }
    ) throws(DecoderError) {
        try check(tokens, at: state.position)
        var start = 0
        while start < tokens.count {
            let count = min(Self.chunk, tokens.count - start)
            readChunk(tokens[start..<start + count], &state)
            body(state.scratch.normed, count)
            start += count
        }
    }

    /// Reads tokens and returns the logits after the last one, `vocabularySize` of them.
    ///
    /// - Throws: ``DecoderError`` before anything is computed.
    public func logits(
        after tokens: [Int32], state: inout DecoderState
    ) throws(DecoderError) -> [Float] {
        var output = [Float](repeating: 0, count: spec.vocabularySize)
        let width = spec.width
        try read(tokens, state: &state) { _, _ in }
        let last = (tokens.count - 1) % Self.chunk
        logits(of: state.scratch.normed, from: last * width, count: 1, into: &output)
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
        product(head, hidden, from: offset, count: count, into: &output)
        if let cap = spec.logitSoftcap {
            FloatOps.softcap(&output, offset: 0, count: count * spec.vocabularySize, cap: cap)
        }
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

    private func readChunk(_ tokens: ArraySlice<Int32>, _ state: inout DecoderState) {
        let count = tokens.count
        let width = spec.width
        state.scratch.reserve(count, for: spec)
        state.coverPositions(state.position + count)
        for (row, token) in tokens.enumerated() {
            embedding.decode(row: Int(token), into: &state.scratch.residual, at: row * width)
        }
        if spec.embeddingScale != 1 {
            FloatOps.scale(
                &state.scratch.residual, offset: 0, count: count * width, by: spec.embeddingScale)
        }
        if let positions { addPositions(positions, count, &state) }
        for (index, block) in blocks.enumerated() {
            block.run(count: count, index: index, state: &state, product: product)
        }
        state.advance(count)
        finalNorm.apply(
            state.scratch.residual, rows: count, width: width, into: &state.scratch.normed)
    }

    private func addPositions(
        _ table: any WeightMatrix, _ count: Int, _ state: inout DecoderState
    ) {
        for row in 0..<count {
            table.decode(
                row: state.position + row, into: &state.scratch.delta, at: row * spec.width)
        }
        FloatOps.addScaled(
            &state.scratch.residual, state.scratch.delta, scale: 1, count: count * spec.width)
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
