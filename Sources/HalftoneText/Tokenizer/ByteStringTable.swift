/// A set of byte strings numbered in the order of their insertion.
///
/// Strings are compared byte by byte, never by Unicode's canonical equivalence: two spellings of
/// one letter are two tokens. Lookups take a part of a larger array and allocate nothing. The
/// hash starts from a random value, so a text cannot be made to fill one slot.
struct ByteStringTable: Sendable {
    private var blob: [UInt8] = []
    private var ends: [Int] = []
    private var hashes: [UInt64] = []
    private var slots: [Int32]
    private let seed: UInt64

    /// An empty table with room for some strings.
    init(capacity: Int = 16, seed: UInt64 = .random(in: .min ... .max)) {
        var size = 32
        while size < capacity * 2 { size *= 2 }
        slots = [Int32](repeating: 0, count: size)
        self.seed = seed
        ends.reserveCapacity(capacity)
        hashes.reserveCapacity(capacity)
    }

    /// The number of strings.
    var count: Int { ends.count }

    /// The number of bytes in all strings.
    var byteCount: Int { blob.count }

    /// The bytes of string `index`.
    subscript(index: Int) -> ArraySlice<UInt8> { blob[start(of: index)..<ends[index]] }

    /// The number of the string that equals `text[range]`, or nil.
    @inline(__always)
    func index(of text: [UInt8], _ range: Range<Int>) -> Int? {
        find(text, range, hash: hash(text, range))
    }

    /// The number of a string that was there or is now added.
    ///
    /// - Returns: The number, and whether the string is new.
    mutating func insert(_ text: [UInt8], _ range: Range<Int>) -> (index: Int, isNew: Bool) {
        let hash = hash(text, range)
        if let index = find(text, range, hash: hash) { return (index, false) }
        blob.append(contentsOf: text[range])
        ends.append(blob.count)
        hashes.append(hash)
        if (ends.count + 1) * 2 > slots.count { grow() } else { place(ends.count - 1) }
        return (ends.count - 1, true)
    }

    private func start(of index: Int) -> Int { index == 0 ? 0 : ends[index - 1] }

    @inline(__always)
    private func hash(_ text: [UInt8], _ range: Range<Int>) -> UInt64 {
        var hash = seed
        for index in range {
            hash = (hash ^ UInt64(text[index])) &* 0x9FB2_1C65_1E98_DF25
            hash ^= hash >> 32
        }
        return hash ^ UInt64(truncatingIfNeeded: range.count)
    }

    @inline(__always)
    private func find(_ text: [UInt8], _ range: Range<Int>, hash: UInt64) -> Int? {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            let index = Int(slots[slot]) - 1
            if hashes[index] == hash, equals(index, text, range) { return index }
            slot = (slot + 1) & mask
        }
        return nil
    }

    @inline(__always)
    private func equals(_ index: Int, _ text: [UInt8], _ range: Range<Int>) -> Bool {
        let start = start(of: index)
        guard ends[index] - start == range.count else { return false }
        for offset in 0..<range.count where blob[start + offset] != text[range.lowerBound + offset]
        {
            return false
        }
        return true
    }

    private mutating func place(_ index: Int) {
        let mask = slots.count - 1
        var slot = Int(truncatingIfNeeded: hashes[index]) & mask
        while slots[slot] != 0 { slot = (slot + 1) & mask }
        slots[slot] = Int32(truncatingIfNeeded: index + 1)
    }

    private mutating func grow() {
        slots = [Int32](repeating: 0, count: slots.count * 2)
        for index in 0..<ends.count { place(index) }
    }
}
