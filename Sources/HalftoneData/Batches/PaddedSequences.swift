/// Sequences of different lengths in one block, with what is padding marked.
public struct PaddedSequences: Sendable, Equatable {
    /// The number of sequences, and places for each.
    public let count, length: Int
    /// `[count, length]`.
    public let ids: [Int32]
    /// 1 where there is an element and 0 where there is padding, `[count, length]`.
    public let mask: [Float]

    /// Puts sequences side by side.
    ///
    /// - Parameters:
    ///   - sequences: Of any lengths, none too.
    ///   - length: Places for each; nil for as many as the longest needs.
    ///   - padding: What fills the places that are left.
    ///   - keepsEnd: Which part of a sequence that is too long stays: its end, or its start.
    public init(
        _ sequences: [[Int32]], length: Int? = nil, padding: Int32 = 0, keepsEnd: Bool = true
    ) {
        let length = length ?? sequences.map(\.count).max() ?? 0
        precondition(length >= 0, "a length of \(length)")
        count = sequences.count
        self.length = length
        var ids = [Int32](repeating: padding, count: sequences.count * length)
        var mask = [Float](repeating: 0, count: ids.count)
        for (row, sequence) in sequences.enumerated() {
            let kept = keepsEnd ? sequence.suffix(length) : sequence.prefix(length)
            for (column, id) in kept.enumerated() {
                ids[row * length + column] = id
                mask[row * length + column] = 1
            }
        }
        self.ids = ids
        self.mask = mask
    }
}
