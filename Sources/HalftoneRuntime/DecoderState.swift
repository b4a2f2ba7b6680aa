import HalftoneKernels
import HalftoneModels

/// What a sequence has left behind: keys and values per layer, and working memory.
///
/// A request owns its state and reads with it on one thread at a time; the ``Decoder`` is shared.
public final class DecoderState {
    /// Tokens of the sequence so far.
    public private(set) var position = 0

    /// Keys and values, one store per block.
    private let stores: [KeyValueStore]
    private var tables: [RotationTable]
    private let rotations: [Int?]

    let workspace: Workspace

    /// The tokens that are being computed, for each block; one segment each.
    private(set) var segments: [[Attention.Segment]]

    init(plan: DecoderPlan, capacity: Int, threadCount: Int) {
        stores = plan.blocks.map {
            KeyValueStore(
                heads: $0.attention.keyHeads, headDim: $0.attention.headDim, capacity: capacity)
        }
        tables = plan.rotations.map { RotationTable($0) }
        rotations = plan.blocks.map(\.rotation)
        workspace = Workspace(plan: plan, threadCount: threadCount)
        segments = stores.map { store in
            [Attention.Segment(row: 0, count: 0, position: 0, store: store, rotation: nil)]
        }
    }

    /// Bytes of the memory taken by keys and values.
    public var cacheByteCount: Int { stores.reduce(0) { $0 + $1.byteCount } }

    /// Forgets all but the first `length` tokens.
    public func truncate(to length: Int) {
        position = min(position, max(length, 0))
        for store in stores { store.truncate(to: length) }
    }

    /// Makes room for the next tokens and describes them as segments from a row on.
    func prepare(_ count: Int, row: Int = 0) {
        let length = position + count
        for index in tables.indices { tables[index].cover(length) }
        for (index, store) in stores.enumerated() {
            store.reserve(length)
            segments[index][0] = Attention.Segment(
                row: row, count: count, position: position, store: store,
                rotation: rotations[index].map { tables[$0].rotation })
        }
    }

    /// Counts the tokens that were prepared and computed.
    func advance(_ count: Int) {
        for store in stores { store.advance(count) }
        position += count
    }
}
