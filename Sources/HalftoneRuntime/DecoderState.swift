import HalftoneKernels
import HalftoneModels

/// What a sequence has left behind: keys and values per layer, and working memory.
///
/// A request owns its state; the ``Decoder`` is shared.
public struct DecoderState: Sendable {
    /// Tokens of the sequence so far.
    public private(set) var position = 0

    /// Keys and values, one store per block.
    var stores: [KeyValueStore]
    var tables: [RotationTable]
    var scratch = Scratch()

    init(spec: DecoderSpec, capacity: Int) {
        stores = spec.blocks.map {
            KeyValueStore(
                heads: $0.attention.keyHeads, headDim: $0.attention.headDim, capacity: capacity)
        }
        var distinct: [RopeSpec] = []
        for case let rope? in spec.blocks.map(\.attention.rope) where !distinct.contains(rope) {
            distinct.append(rope)
        }
        tables = distinct.map { RotationTable($0) }
    }

    /// Bytes of the memory taken by keys and values.
    public var cacheByteCount: Int { stores.reduce(0) { $0 + $1.byteCount } }

    /// Forgets all but the first `length` tokens.
    public mutating func truncate(to length: Int) {
        position = min(position, max(length, 0))
        for index in stores.indices { stores[index].truncate(to: length) }
    }

    mutating func advance(_ tokens: Int) { position += tokens }

    mutating func coverPositions(_ length: Int) {
        for index in tables.indices { tables[index].cover(length) }
    }

    /// Activations of the tokens in flight, `[tokens, width]` each.
    struct Scratch: Sendable {
        var residual: [Float] = []
        var normed: [Float] = []
        var query: [Float] = []
        var key: [Float] = []
        var value: [Float] = []
        var mixed: [Float] = []
        var delta: [Float] = []
        var mlpDelta: [Float] = []
        var gate: [Float] = []
        var up: [Float] = []

        /// Makes room for a number of tokens.
        mutating func reserve(_ tokens: Int, for spec: DecoderSpec) {
            let attention = spec.blocks.map(\.attention)
            let queries = attention.map { $0.heads * $0.headDim }.max() ?? 0
            let keys = attention.map { $0.keyHeads * $0.headDim }.max() ?? 0
            let hidden = spec.blocks.map(\.mlp.hiddenWidth).max() ?? 0
            grow(&residual, tokens * spec.width)
            grow(&normed, tokens * spec.width)
            grow(&query, tokens * (queries + 2 * keys))
            grow(&key, tokens * keys)
            grow(&value, tokens * keys)
            grow(&mixed, tokens * queries)
            grow(&delta, tokens * spec.width)
            grow(&mlpDelta, tokens * spec.width)
            grow(&gate, tokens * hidden * 2)
            grow(&up, tokens * hidden)
        }

        private func grow(_ array: inout [Float], _ count: Int) {
            if array.count < count { array = [Float](repeating: 0, count: count) }
        }
    }
}
