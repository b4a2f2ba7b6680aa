import HalftoneText

/// The tokens of a model by their bytes, for constraints; made once per model.
public final class TokenVocabulary: Sendable {
    /// Ids that a model gives logits for.
    let size: Int
    /// Ids whose bytes are known and not empty, in the order of their bytes.
    let tokens: [Int32]
    /// The bytes of those, one after another.
    let bytes: [UInt8]
    /// Where each one's bytes begin, and where the last one's end.
    let offsets: [Int32]
    /// How many bytes each has in common with the one before it.
    let common: [Int32]
    /// Where an id is among the tokens, or −1.
    let places: [Int32]

    /// Sorts the tokens of a tokenizer.
    ///
    /// - Parameters:
    ///   - tokenizer: Whose tokens add the same bytes wherever they are.
    ///   - size: Ids that the model gives logits for.
    /// - Returns: nil for a tokenizer whose tokens change with those beside them.
    /// - Complexity: O(n log n) in the tokens.
    public init?(_ tokenizer: Tokenizer, size: Int) {
        let known = (0..<Int32(truncatingIfNeeded: size)).compactMap { id in
            tokenizer.bytes(of: id).flatMap { $0.isEmpty ? nil : (id: id, bytes: $0) }
        }.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
        guard !known.isEmpty else { return nil }
        self.size = size
        tokens = known.map(\.id)
        bytes = known.flatMap(\.bytes)
        var offsets: [Int32] = [0]
        var common: [Int32] = [0]
        for (index, token) in known.enumerated() {
            offsets.append(offsets[index] + Int32(token.bytes.count))
            guard index > 0 else { continue }
            common.append(
                Int32(zip(known[index - 1].bytes, token.bytes).prefix { $0 == $1 }.count))
        }
        self.offsets = offsets
        self.common = common
        var places = [Int32](repeating: -1, count: size)
        for (place, token) in known.enumerated() { places[Int(token.id)] = Int32(place) }
        self.places = places
    }

    /// The bytes of a token by its place.
    func bytes(at place: Int) -> ArraySlice<UInt8> {
        bytes[Int(offsets[place])..<Int(offsets[place + 1])]
    }
}
