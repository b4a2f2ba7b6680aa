import HalftoneFiles
import HalftoneKernels

/// Codes of a few bits in 32-bit words, line by line.
///
/// A line is what was packed together: a row of a matrix, or a column of one that was packed along
/// its rows. Words of a line may lie apart.
package struct PackedWords {
    /// How the codes of a line fill its words.
    package enum Arrangement: Sendable, Equatable {
        /// One stream of bits from the least significant on; codes may straddle words.
        case stream
        /// As many whole codes as fit a word, the lowest first; upper bits are not used.
        case whole
        /// Runs of 32 codes cut into planes of 4, 2 and 1 bits, lowest bits of the codes first;
        /// the words of a plane hold whole fields in order. At 3 bits the planes have 2 and 1.
        case planes
        /// Eight codes of 4 bits in the order 0, 2, 4, 6, 1, 3, 5, 7.
        case interleaved
    }

    let bytes: Bytes
    let bits: Int
    let arrangement: Arrangement
    /// Words from one word of a line to the next.
    let wordStride: Int
    /// Words from the first word of a line to that of the next line.
    let lineStride: Int

    /// Describes words; those that are read must be there.
    package init(
        bytes: Bytes, bits: Int, arrangement: Arrangement, wordStride: Int, lineStride: Int
    ) {
        self.bytes = bytes
        self.bits = bits
        self.arrangement = arrangement
        self.wordStride = wordStride
        self.lineStride = lineStride
    }

    /// Words that a line of codes takes.
    package static func wordCount(codes: Int, bits: Int, _ arrangement: Arrangement) -> Int {
        switch arrangement {
        case .stream: codes / 32 * bits + (codes % 32 * bits + 31) / 32
        case .whole: (codes + 32 / bits - 1) / (32 / bits)
        case .planes: (codes + 31) / 32 * bits
        case .interleaved: (codes + 7) / 8
        }
    }

    private func word(_ line: Int, _ index: Int) -> UInt32 {
        bytes.load(UInt32.self, at: 4 * (line * lineStride + index * wordStride))
    }

    /// Reads the first codes of a line.
    ///
    /// - Parameters:
    ///   - line: The line's number.
    ///   - count: Codes that the line holds.
    ///   - codes: Room for them from `offset` on.
    package func read(line: Int, count: Int, into codes: inout [UInt8], at offset: Int = 0) {
        let mask = UInt32(1) << UInt32(bits) - 1
        switch arrangement {
        case .stream:
            var held: UInt64 = 0
            var heldBits = 0
            var next = 0
            for index in 0..<count {
                if heldBits < bits {
                    held |= UInt64(word(line, next)) << UInt64(heldBits)
                    heldBits += 32
                    next += 1
                }
                codes[offset + index] = UInt8(
                    truncatingIfNeeded: UInt32(truncatingIfNeeded: held) & mask)
                held >>= UInt64(bits)
                heldBits -= bits
            }
        case .whole, .interleaved:
            let perWord = 32 / bits
            var index = 0
            var next = 0
            while index < count {
                let word = word(line, next)
                for place in 0..<min(perWord, count - index) {
                    // Where the code of a place is among those of the word.
                    let field =
                        arrangement == .whole ? place : place % 2 == 0 ? place / 2 : 4 + place / 2
                    codes[offset + index + place] = UInt8(
                        truncatingIfNeeded: word >> UInt32(field * bits) & mask)
                }
                index += perWord
                next += 1
            }
        case .planes:
            for start in stride(from: 0, to: count, by: 32) {
                readPlanes(line, run: start / 32, min(32, count - start), &codes, offset + start)
            }
        }
    }

    private func readPlanes(
        _ line: Int, run: Int, _ count: Int, _ codes: inout [UInt8], _ offset: Int
    ) {
        var first = run * bits
        var shift = 0
        for index in 0..<count { codes[offset + index] = 0 }
        for width in Self.planes(bits) {
            let perWord = 32 / width
            for index in 0..<count {
                let word = word(line, first + index / perWord)
                let field = word >> UInt32(index % perWord * width) & (1 << UInt32(width) - 1)
                codes[offset + index] |= UInt8(truncatingIfNeeded: field << UInt32(shift))
            }
            first += width
            shift += width
        }
    }

    /// The widths of the planes, lowest bits first.
    private static func planes(_ bits: Int) -> [Int] {
        if bits == 8 { return [8] }
        return [4, 2, 1].filter { bits & $0 != 0 }
    }
}

extension PackedWords {
    /// Packs one line of codes below `2^bits` into words.
    package static func words(_ codes: some Collection<UInt8>, bits: Int) -> [UInt32] {
        var words: [UInt32] = []
        words.reserveCapacity(wordCount(codes: codes.count, bits: bits, .stream))
        var held: UInt64 = 0
        var heldBits = 0
        for code in codes {
            held |= UInt64(code) << UInt64(heldBits)
            heldBits += bits
            if heldBits >= 32 {
                words.append(UInt32(truncatingIfNeeded: held))
                held >>= 32
                heldBits -= 32
            }
        }
        if heldBits > 0 { words.append(UInt32(truncatingIfNeeded: held)) }
        return words
    }
}
