/// The memory that one call to encode reuses from piece to piece.
struct EncodingState {
    /// The ids so far.
    var ids: [Int32] = []
    /// The room in which symbols are merged.
    var merger = SymbolMerger()
    /// The room of the best path.
    var path = UnigramModel.Path()

    private var seen = ByteStringTable()
    private var starts: [Int] = []
    private var stored: [Int32] = []
    private static let longestStored = 128
    private static let mostStored = 1 << 17

    /// Appends the ids of a piece, computed at its first occurrence.
    ///
    /// - Parameter compute: Appends the ids of the piece to ``ids``.
    mutating func appendStored(
        _ text: [UInt8], _ range: Range<Int>, _ compute: (inout EncodingState) -> Void
    ) {
        guard range.count <= Self.longestStored else { return compute(&self) }
        if let index = seen.index(of: text, range) {
            let end = index + 1 < starts.count ? starts[index + 1] : stored.count
            for position in starts[index]..<end { ids.append(stored[position]) }
            return
        }
        let start = ids.count
        compute(&self)
        guard seen.count < Self.mostStored else { return }
        _ = seen.insert(text, range)
        starts.append(stored.count)
        stored.append(contentsOf: ids[start...])
    }
}
