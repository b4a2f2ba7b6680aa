/// The sides of each merge in the order of their ranks, as one run of bytes.
struct MergeList {
    /// Where a merge is in ``text``: its left side, and its right one from `middle` on.
    struct Place {
        var start: Int
        var middle: Int
        var end: Int
    }

    /// All sides, one behind the other, so that a merge and what it makes are the same bytes.
    private(set) var text: [UInt8] = []

    /// The merges in the order of their ranks.
    private(set) var places: [Place] = []

    /// An empty list with room for some merges.
    init(capacity: Int) {
        places.reserveCapacity(capacity)
        text.reserveCapacity(capacity * 8)
    }

    /// Adds a merge.
    mutating func append(left: some Sequence<UInt8>, right: some Sequence<UInt8>) {
        let start = text.count
        text.append(contentsOf: left)
        let middle = text.count
        text.append(contentsOf: right)
        places.append(Place(start: start, middle: middle, end: text.count))
    }

    /// Adds a merge written with a space between its sides.
    ///
    /// - Returns: Whether there is just one space; nothing is added otherwise.
    mutating func append(line: String) -> Bool {
        let bytes = line.utf8
        guard let space = bytes.firstIndex(of: 0x20),
            !bytes[bytes.index(after: space)...].contains(0x20)
        else { return false }
        append(left: bytes[..<space], right: bytes[bytes.index(after: space)...])
        return true
    }
}
