/// The tokens of a model: texts by id and ids by text.
struct Vocabulary: Sendable {
    /// Ids above this are refused; the largest vocabularies have about 2^18 tokens.
    static let idLimit = 1 << 24

    private var table: ByteStringTable
    private var ids: [Int32] = []
    private var entries: [Int32] = []

    /// An empty vocabulary with room for some tokens.
    init(capacity: Int) {
        table = ByteStringTable(capacity: capacity)
        ids.reserveCapacity(capacity)
        entries.reserveCapacity(capacity)
    }

    /// One more than the greatest id.
    var idEnd: Int { entries.count }

    /// Adds a token; a text that is there keeps its id.
    ///
    /// - Throws: ``TokenizerError/idOutOfRange(field:id:limit:)`` and
    ///   ``TokenizerError/repeatedID(field:id:)``.
    mutating func add(_ token: [UInt8], id: Int, field: String) throws(TokenizerError) {
        guard id >= 0, id < Self.idLimit else {
            throw .idOutOfRange(field: field, id: id, limit: Self.idLimit)
        }
        if id < entries.count, entries[id] >= 0 { throw .repeatedID(field: field, id: id) }
        while entries.count <= id { entries.append(-1) }
        let (entry, isNew) = table.insert(token, 0..<token.count)
        entries[id] = Int32(truncatingIfNeeded: entry)
        if isNew { ids.append(Int32(truncatingIfNeeded: id)) }
    }

    /// The id of the token `text[range]`, or nil.
    @inline(__always)
    func id(of text: [UInt8], _ range: Range<Int>) -> Int32? {
        guard let entry = table.index(of: text, range) else { return nil }
        return ids[entry]
    }

    /// The id of a token, or nil.
    func id(of text: [UInt8]) -> Int32? { id(of: text, 0..<text.count) }

    /// The bytes of a token, or nil for an id without one.
    subscript(id: Int32) -> ArraySlice<UInt8>? {
        guard id >= 0, id < entries.count, entries[Int(id)] >= 0 else { return nil }
        return table[Int(entries[Int(id)])]
    }

    /// The ids of `<0x00>` to `<0xFF>`; -1 for those absent.
    func byteTokens() -> [Int32] {
        let digits = Array("0123456789ABCDEF".utf8)
        return (0..<256).map { byte in
            let name = Array("<0x".utf8) + [digits[byte >> 4], digits[byte & 15]]
            return id(of: name + Array(">".utf8)) ?? -1
        }
    }

    /// Whether a token is written as a byte, `<0xHH>`, whatever follows or precedes it.
    static func endsInByteToken(_ token: [UInt8]) -> Bool {
        token.count >= 6 && token.last == 0x3E
            && token[token.count - 6] == 0x3C && token[token.count - 5] == 0x30
            && token[token.count - 4] == 0x78
    }
}
