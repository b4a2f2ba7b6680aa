/// Reading and writing Unicode scalars in arrays of UTF-8 bytes.
enum UTF8Text {
    /// The scalar that starts at an index of valid UTF-8, and its length in bytes.
    @inline(__always)
    static func scalar(in text: [UInt8], at index: Int) -> (value: UInt32, width: Int) {
        let first = UInt32(text[index])
        if first < 0x80 { return (first, 1) }
        let second = UInt32(text[index + 1] & 0x3F)
        if first < 0xE0 { return ((first & 0x1F) << 6 | second, 2) }
        let third = UInt32(text[index + 2] & 0x3F)
        if first < 0xF0 { return ((first & 0x0F) << 12 | second << 6 | third, 3) }
        let fourth = UInt32(text[index + 3] & 0x3F)
        return ((first & 0x07) << 18 | second << 12 | third << 6 | fourth, 4)
    }

    /// The index of the scalar that ends before an index greater than zero.
    @inline(__always)
    static func indexBefore(_ index: Int, in text: [UInt8]) -> Int {
        var start = index - 1
        while start > 0, text[start] & 0xC0 == 0x80 { start -= 1 }
        return start
    }

    /// Writes a scalar value as UTF-8.
    static func append(_ value: UInt32, to text: inout [UInt8]) {
        if value < 0x80 {
            text.append(UInt8(truncatingIfNeeded: value))
        } else if value < 0x800 {
            text.append(UInt8(truncatingIfNeeded: 0xC0 | value >> 6))
            text.append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
        } else if value < 0x1_0000 {
            text.append(UInt8(truncatingIfNeeded: 0xE0 | value >> 12))
            text.append(UInt8(truncatingIfNeeded: 0x80 | value >> 6 & 0x3F))
            text.append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
        } else {
            text.append(UInt8(truncatingIfNeeded: 0xF0 | value >> 18))
            text.append(UInt8(truncatingIfNeeded: 0x80 | value >> 12 & 0x3F))
            text.append(UInt8(truncatingIfNeeded: 0x80 | value >> 6 & 0x3F))
            text.append(UInt8(truncatingIfNeeded: 0x80 | value & 0x3F))
        }
    }

    /// The bytes with every ill-formed part replaced by U+FFFD.
    static func repaired(_ bytes: [UInt8]) -> [UInt8] {
        var repair = UTF8Repair()
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        repair.push(bytes, into: &text)
        repair.finish(into: &text)
        return text
    }

    /// Whether `text[range]` starts with a prefix.
    static func hasPrefix(_ prefix: [UInt8], in text: [UInt8], at index: Int, end: Int) -> Bool {
        guard prefix.count <= end - index else { return false }
        for offset in 0..<prefix.count where text[index + offset] != prefix[offset] {
            return false
        }
        return true
    }
}

/// Turns any stream of bytes into UTF-8, holding back a character until it is complete.
///
/// Each maximal part of an ill-formed sequence becomes one U+FFFD, as the Unicode Standard
/// recommends (section 3.9) and Python's and Rust's lossy decoders do.
struct UTF8Repair: Sendable {
    private var pending: [UInt8] = []
    private var missing = 0
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xBF

    /// Takes bytes and writes all complete characters.
    mutating func push(_ bytes: [UInt8], into text: inout [UInt8]) {
        for byte in bytes { push(byte, into: &text) }
    }

    /// Writes U+FFFD for an incomplete character at the end.
    mutating func finish(into text: inout [UInt8]) {
        if missing > 0 { replace(into: &text) }
    }

    private mutating func push(_ byte: UInt8, into text: inout [UInt8]) {
        if missing > 0 {
            if byte >= lower, byte <= upper {
                pending.append(byte)
                missing -= 1
                (lower, upper) = (0x80, 0xBF)
                if missing == 0 {
                    text.append(contentsOf: pending)
                    pending.removeAll(keepingCapacity: true)
                }
                return
            }
            replace(into: &text)
        }
        switch byte {
        case 0x00...0x7F: text.append(byte)
        case 0xC2...0xDF: begin(byte, 1, 0x80, 0xBF)
        case 0xE0: begin(byte, 2, 0xA0, 0xBF)
        case 0xED: begin(byte, 2, 0x80, 0x9F)
        case 0xE1...0xEF: begin(byte, 2, 0x80, 0xBF)
        case 0xF0: begin(byte, 3, 0x90, 0xBF)
        case 0xF1...0xF3: begin(byte, 3, 0x80, 0xBF)
        case 0xF4: begin(byte, 3, 0x80, 0x8F)
        default: text.append(contentsOf: Self.replacement)
        }
    }

    private mutating func begin(_ byte: UInt8, _ count: Int, _ from: UInt8, _ to: UInt8) {
        pending.append(byte)
        missing = count
        lower = from
        upper = to
    }

    private mutating func replace(into text: inout [UInt8]) {
        text.append(contentsOf: Self.replacement)
        pending.removeAll(keepingCapacity: true)
        missing = 0
        (lower, upper) = (0x80, 0xBF)
    }

    /// U+FFFD as UTF-8.
    static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]
}
