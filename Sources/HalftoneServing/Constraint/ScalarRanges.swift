/// Characters by the ranges of their code points, for patterns.
struct ScalarRanges: Sendable, Equatable {
    /// Ranges without overlap in ascending order; surrogates are never part.
    private(set) var ranges: [ClosedRange<UInt32>]

    /// All characters.
    static let all = ScalarRanges([0...0xD7FF, 0xE000...0x10FFFF])

    init(_ ranges: [ClosedRange<UInt32>]) {
        var merged: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            guard let last = merged.last, range.lowerBound <= last.upperBound &+ 1 else {
                merged.append(range)
                continue
            }
            merged[merged.count - 1] =
                last.lowerBound...max(last.upperBound, range.upperBound)
        }
        self.ranges = merged
    }

    /// The characters of either.
    func union(_ other: ScalarRanges) -> ScalarRanges { ScalarRanges(ranges + other.ranges) }

    /// All other characters.
    var inverted: ScalarRanges {
        var rest: [ClosedRange<UInt32>] = []
        var next: UInt32 = 0
        for range in ranges {
            if range.lowerBound > next { rest.append(next...range.lowerBound - 1) }
            next = range.upperBound + 1
        }
        if next <= 0x10FFFF { rest.append(next...0x10FFFF) }
        return ScalarRanges(rest).intersection(.all)
    }

    func intersection(_ other: ScalarRanges) -> ScalarRanges {
        ScalarRanges(
            ranges.flatMap { one in
                other.ranges.compactMap { two in
                    let low = max(one.lowerBound, two.lowerBound)
                    let high = min(one.upperBound, two.upperBound)
                    return low <= high ? low...high : nil
                }
            })
    }

    /// The characters' spellings in a JSON string: as they are, or escaped where they must be.
    ///
    /// - Returns: Alternatives, each a sequence of byte sets.
    var jsonSpellings: [[ByteGrammar.Symbol]] {
        var plain = ByteSet()
        var alternatives: [[ByteGrammar.Symbol]] = []
        for range in intersection(Self([0...0x7F])).ranges {
            for scalar in range {
                if let escape = Self.escape(scalar) {
                    alternatives.append(GrammarBuilder.literal(escape))
                } else {
                    plain.insert(UInt8(scalar))
                }
            }
        }
        if !plain.isEmpty { alternatives.append([.bytes(plain)]) }
        for range in intersection(Self([0x80...0x10FFFF])).intersection(.all).ranges {
            alternatives += Self.utf8(range)
        }
        return alternatives
    }

    private static func escape(_ scalar: UInt32) -> String? {
        switch scalar {
        case 0x22: return "\\\""
        case 0x5C: return "\\\\"
        case 0x0A: return "\\n"
        case 0x0D: return "\\r"
        case 0x09: return "\\t"
        case 0x08: return "\\b"
        case 0x0C: return "\\f"
        case 0..<0x20:
            let digits = String(scalar, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        default: return nil
        }
    }

    /// The UTF-8 spellings of a range of characters beyond ASCII.
    ///
    /// A range is cut until the bytes after the first that differs run through all values; then
    /// each byte is a set of its own.
    private static func utf8(_ range: ClosedRange<UInt32>) -> [[ByteGrammar.Symbol]] {
        let (low, high) = (range.lowerBound, range.upperBound)
        for end: UInt32 in [0x7FF, 0xFFFF] where low <= end && high > end {
            return utf8(low...end) + utf8(end + 1...high)
        }
        let (from, to) = (bytes(low), bytes(high))
        for index in 1..<from.count {
            let mask = UInt32(1) << UInt32(6 * (from.count - index)) - 1
            guard low & ~mask != high & ~mask else { continue }
            if low & mask != 0 { return utf8(low...low | mask) + utf8((low | mask) + 1...high) }
            if high & mask != mask {
                return utf8(low...(high & ~mask) - 1) + utf8(high & ~mask...high)
            }
        }
        return [zip(from, to).map { .bytes(ByteSet($0...$1)) }]
    }

    private static func bytes(_ scalar: UInt32) -> [UInt8] {
        Unicode.Scalar(scalar).map { Array(String(Character($0)).utf8) } ?? []
    }
}
