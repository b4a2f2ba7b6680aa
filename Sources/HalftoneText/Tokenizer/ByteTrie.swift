/// A map from byte strings to numbers that is walked byte by byte.
struct ByteTrie: Sendable {
    /// Where every walk starts.
    static let root: Int32 = 0

    private var children = PairTable(capacity: 16)
    private var values: [Int32] = [-1]
    private var firstBytes = [Bool](repeating: false, count: 256)

    /// Whether nothing was inserted.
    var isEmpty: Bool { values.count == 1 }

    /// Maps a string to a number that is not negative; an empty string is ignored, and a string
    /// that is there keeps its number.
    mutating func insert(_ string: some Sequence<UInt8>, value: Int32) {
        var node = Self.root
        for byte in string {
            if node == Self.root { firstBytes[Int(byte)] = true }
            if let next = children[node, Int32(byte)] {
                node = next.first
            } else {
                let next = Int32(truncatingIfNeeded: values.count)
                children.set(node, Int32(byte), to: .init(first: next, second: 0))
                values.append(-1)
                node = next
            }
        }
        if node != Self.root, values[Int(node)] < 0 { values[Int(node)] = value }
    }

    /// The node one byte further, or nil.
    @inline(__always)
    func step(from node: Int32, _ byte: UInt8) -> Int32? {
        if node == Self.root, !firstBytes[Int(byte)] { return nil }
        return children[node, Int32(byte)]?.first
    }

    /// The number of the string that ends at a node, or nil.
    @inline(__always)
    func value(at node: Int32) -> Int32? { values[Int(node)] >= 0 ? values[Int(node)] : nil }

    /// The longest string at an index of a text, or nil.
    func longest(in text: [UInt8], at index: Int, end: Int) -> (value: Int32, end: Int)? {
        var node = Self.root
        var found: (value: Int32, end: Int)?
        var position = index
        while position < end, let next = step(from: node, text[position]) {
            node = next
            position += 1
            if let value = value(at: node) { found = (value, position) }
        }
        return found
    }
}
