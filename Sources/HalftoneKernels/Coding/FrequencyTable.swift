import Foundation

/// How often each symbol is expected, in shares of 2^14: what an entropy coder turns into bits.
///
/// A symbol of a share `p` takes `−log₂ p` bits.
public struct FrequencyTable: Sendable, Equatable {
    /// The bits of the sum of all frequencies.
    public static let precision = 14

    /// The sum of all frequencies.
    public static let total: UInt32 = 1 << UInt32(precision)

    /// A number for each symbol from 0 on; 0 for those that do not occur.
    public let frequencies: [UInt32]

    /// The sum of the frequencies of smaller symbols, for each symbol.
    let starts: [UInt32]

    /// Frequencies that are known.
    ///
    /// - Parameter frequencies: At most 256.
    /// - Returns: Nil unless they add up to ``total``.
    public init?(frequencies: [UInt32]) {
        guard frequencies.count <= 256, frequencies.allSatisfy({ $0 <= Self.total }),
            frequencies.reduce(0, +) == Self.total
        else { return nil }
        self.init(checked: frequencies)
    }

    private init(checked frequencies: [UInt32]) {
        self.frequencies = frequencies
        var sum: UInt32 = 0
        starts = frequencies.map { frequency in
            sum += frequency
            return sum - frequency
        }
    }

    /// The frequencies nearest to counts; each symbol that occurs has one.
    ///
    /// - Parameter counts: At most 256 of them, each below 2^40, not all of them 0.
    public init(counts: [Int]) {
        let sum = counts.reduce(0, +)
        precondition(sum > 0 && counts.count <= 256, "there are symbols to count")
        let total = Int(Self.total)
        var found = counts.map { $0 == 0 ? 0 : max(1, ($0 * total + sum / 2) / sum) }
        // What rounding adds or leaves out is put where it changes least.
        var excess = found.reduce(0, +) - total
        while excess != 0 {
            let most = found.indices.max { (found[$0], $1) < (found[$1], $0) } ?? 0
            let change = excess > 0 ? min(excess, max(found[most] / 8, 1)) : excess
            found[most] -= change
            excess -= change
        }
        self.init(checked: found.map { UInt32($0) })
    }

    /// The bits that as many symbols of each kind take, without what ends a stream.
    public func bits(of counts: [Int]) -> Double {
        zip(counts, frequencies).reduce(0) { sum, pair in
            pair.0 == 0 ? sum : sum + Double(pair.0) * -log2(Double(pair.1) / Double(Self.total))
        }
    }

    /// The symbol of each of the ``total`` slots.
    func symbols() -> [UInt8] {
        var slots = [UInt8](repeating: 0, count: Int(Self.total))
        for (symbol, frequency) in frequencies.enumerated() {
            let start = Int(starts[symbol])
            for slot in start..<start + Int(frequency) { slots[slot] = UInt8(symbol) }
        }
        return slots
    }
}

extension FrequencyTable {
    /// As bytes: the first symbol that occurs, how many follow it up to the last one, and their
    /// frequencies, seven bits to a byte from the least significant on, each but the last with its top
    /// bit set.
    var bytes: [UInt8] {
        let first = frequencies.firstIndex { $0 > 0 } ?? 0
        let last = frequencies.lastIndex { $0 > 0 } ?? 0
        var bytes = [UInt8(first), UInt8(last - first)]
        for var frequency in frequencies[first...last] {
            while frequency >= 0x80 {
                bytes.append(UInt8(frequency & 0x7F) | 0x80)
                frequency >>= 7
            }
            bytes.append(UInt8(frequency))
        }
        return bytes
    }

    /// Reads what ``bytes`` gives.
    ///
    /// - Returns: Nil when it is none.
    init?(_ reader: inout ByteReader) {
        guard let first = reader.byte(), let more = reader.byte(), Int(first) + Int(more) < 256
        else { return nil }
        var found = [UInt32](repeating: 0, count: Int(first) + Int(more) + 1)
        for symbol in Int(first)...Int(first) + Int(more) {
            var shift: UInt32 = 0
            while true {
                guard let byte = reader.byte(), shift <= 14 else { return nil }
                found[symbol] |= UInt32(byte & 0x7F) << shift
                if byte < 0x80 { break }
                shift += 7
            }
        }
        self.init(frequencies: found)
    }
}

/// Reads bytes one behind the other, and nothing behind the last.
struct ByteReader {
    private let bytes: Bytes
    private(set) var place = 0

    init(_ bytes: Bytes) { self.bytes = bytes }

    /// Bytes that are left.
    var left: Int { bytes.count - place }

    mutating func byte() -> UInt8? {
        guard left > 0 else { return nil }
        place += 1
        return bytes[place - 1]
    }

    /// The next bytes as a run of their own.
    mutating func run(_ count: Int) -> Bytes? {
        guard count >= 0, count <= left else { return nil }
        place += count
        return bytes[place - count..<place]
    }

    /// A little-endian number.
    mutating func number() -> UInt32? {
        guard left >= 4 else { return nil }
        place += 4
        return bytes.load(UInt32.self, at: place - 4)
    }
}
