/// A map from two 32-bit numbers to two others, as one flat array.
struct PairTable: Sendable {
    /// What a pair maps to.
    struct Value: Sendable {
        var first: Int32
        var second: Int32
    }

    private var keys: [UInt64]
    private var values: [Value]
    private var count = 0
    private var shift: UInt64

    /// An empty map with room for some pairs.
    init(capacity: Int) {
        var bits: UInt64 = 4
        while 1 << bits < capacity * 2 { bits += 1 }
        keys = [UInt64](repeating: .max, count: 1 << bits)
        values = [Value](repeating: Value(first: 0, second: 0), count: 1 << bits)
        shift = 64 - bits
    }

    /// What a pair of non-negative numbers maps to.
    @inline(__always)
    subscript(left: Int32, right: Int32) -> Value? {
        let key = Self.key(left, right)
        let mask = keys.count - 1
        var slot = slot(key)
        while true {
            if keys[slot] == key { return values[slot] }
            if keys[slot] == .max { return nil }
            slot = (slot + 1) & mask
        }
    }

    /// Maps a pair of non-negative numbers, replacing what it mapped to.
    mutating func set(_ left: Int32, _ right: Int32, to value: Value) {
        if (count + 1) * 2 > keys.count { grow() }
        put(Self.key(left, right), value)
    }

    private mutating func put(_ key: UInt64, _ value: Value) {
        let mask = keys.count - 1
        var slot = slot(key)
        while keys[slot] != .max, keys[slot] != key { slot = (slot + 1) & mask }
        if keys[slot] == .max { count += 1 }
        keys[slot] = key
        values[slot] = value
    }

    private mutating func grow() {
        let (oldKeys, oldValues) = (keys, values)
        keys = [UInt64](repeating: .max, count: oldKeys.count * 2)
        values = [Value](repeating: Value(first: 0, second: 0), count: oldKeys.count * 2)
        shift -= 1
        count = 0
        for index in 0..<oldKeys.count where oldKeys[index] != .max {
            put(oldKeys[index], oldValues[index])
        }
    }

    @inline(__always)
    private func slot(_ key: UInt64) -> Int {
        Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> shift)
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}
