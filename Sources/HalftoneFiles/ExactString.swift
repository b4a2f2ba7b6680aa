/// A text that equals only a text of the same bytes.
///
/// `String` compares by canonical equivalence: a precomposed é equals e with an accent. Names of
/// tensors, members of JSON objects and tokens of a vocabulary are different when their bytes
/// are, so tables of them use this type as key. Hashing reads the bytes, too; many equivalent
/// spellings cannot be aimed at one slot of a table.
public struct ExactString: Sendable, Hashable {
    /// The text.
    public let text: String

    /// Wraps a text.
    public init(_ text: String) { self.text = text }

    /// Whether two texts have the same UTF-8 bytes.
    public static func == (left: ExactString, right: ExactString) -> Bool {
        left.text.utf8.elementsEqual(right.text.utf8)
    }

    /// Feeds the UTF-8 bytes and their number, eight at a time.
    public func hash(into hasher: inout Hasher) {
        var word: UInt64 = 0
        var count = 0
        for byte in text.utf8 {
            word = word << 8 | UInt64(byte)
            count += 1
            if count & 7 == 0 { hasher.combine(word) }
        }
        hasher.combine(word)
        hasher.combine(count)
    }
}
