import HalftoneFormats
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
    private let attentions: [Attention]
    private var tables: [RotationTable]
    private let rotations: [Int?]

    let workspace: Workspace

    /// The tokens that are being computed, for each block; one segment each.
    private(set) var segments: [[Attention.Segment]]

    /// - Parameters:
    ///   - plan: What the decoder does.
    ///   - capacity: Tokens to take memory for.
    ///   - workspace: Memory for what is computed.
    ///   - isFloat: Whether keys and values are floats whatever the plan says.
    init(plan: DecoderPlan, capacity: Int, workspace: Workspace, isFloat: Bool = false) {
        attentions = plan.blocks.map(\.attention)
        let partials = FloatBuffer(count: 0)
        stores = zip(attentions, plan.keyOrders).map { attention, order in
            isFloat || plan.cache.isFloat32
                ? KeyValueStore(
                    heads: attention.keyHeads, headDim: attention.headDim, capacity: capacity)
                : KeyValueStore(
                    heads: attention.keyHeads, headDim: attention.headDim, capacity: capacity,
                    policy: plan.cache, order: order, partials: partials)
        }
        tables = plan.rotations.map { RotationTable($0) }
        rotations = plan.blocks.map(\.rotation)
        self.workspace = workspace
        segments = stores.map { store in
            [Attention.Segment(row: 0, count: 0, position: 0, store: store, rotation: nil)]
        }
    }

    /// Bytes of the memory taken by keys and values.
    public var cacheByteCount: Int { stores.reduce(0) { $0 + $1.byteCount } }

    /// What the float keys of each block are like.
    func keyStatistics() -> [KeyStatistics] {
        zip(attentions, stores).map { attention, store in
            let (magnitudes, least, most) = store.keyStatistics()
            return KeyStatistics(
                headDim: attention.headDim, magnitudes: magnitudes, least: least, most: most)
        }
    }

    /// Takes memory for keys and values of a number of tokens, those read included, and no more.
    public func reserve(_ capacity: Int) {
        for store in stores { store.reserve(capacity, exactly: true) }
    }

    /// Tokens that there is memory for.
    public var capacity: Int { stores.map(\.capacity).min() ?? 0 }

    /// Forgets all but the first `length` tokens.
    ///
    /// With packed keys and values, up to seven tokens are taken back without a trace. Of more,
    /// those before stay as they are stored, in spite of a window of floats; a group along tokens
    /// that is no longer whole becomes floats of the values that it was stored as.
    public func truncate(to length: Int) {
        position = min(position, max(length, 0))
        for store in stores { store.truncate(to: length) }
    }

    /// Takes the first tokens of another sequence, as if they had been read; floats only.
    func copy(first length: Int, from other: DecoderState) {
        for (store, source) in zip(stores, other.stores) { store.copy(first: length, from: source) }
        position = length
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
            attentions[index].reservePartials(segments[index][0])
        }
    }

    /// Counts the tokens that were prepared and computed.
    func advance(_ count: Int) {
        for store in stores { store.advance(count) }
        position += count
    }
}
