import HalftoneCheckpoints
import HalftoneKernels
import Testing

/// The arrangements of codes in words, held to words worked out by hand.
struct PackedWordsTests {
    private func codes(
        _ words: [UInt32], bits: Int, _ arrangement: PackedWords.Arrangement, count: Int
    ) -> [UInt8] {
        let bytes = words.flatMap { word in
            (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) }
        }
        var codes = [UInt8](repeating: 0xFF, count: count)
        PackedWords(
            bytes: Bytes(bytes), bits: bits, arrangement: arrangement, wordStride: 1,
            lineStride: words.count
        ).read(line: 0, count: count, into: &codes)
        return codes
    }

    @Test func streamsStraddleWords() {
        let three = (0..<32).map { UInt8($0 % 8) }
        let words: [UInt32] = [0x88FA_C688, 0xC688_FAC6, 0xFAC6_88FA]
        #expect(codes(words, bits: 3, .stream, count: 32) == three)
        #expect(PackedWords.words(three, bits: 3) == words)
        let five = (0..<32).map { UInt8(5 * $0 % 32) }
        let more: [UInt32] = [0xB347_A8A0, 0xCBC9_A81F, 0xEAB0_5983, 0xB89B_924F, 0xDDA2_C38B]
        #expect(codes(more, bits: 5, .stream, count: 32) == five)
        #expect(PackedWords.words(five, bits: 5) == more)
    }

    @Test func wholeCodesLeaveUpperBits() {
        let three = (0..<32).map { UInt8($0 % 8) }
        #expect(
            codes([0x08FA_C688, 0x1A23_EB1A, 0x2C68_8FAC, 0x3E], bits: 3, .whole, count: 32)
                == three)
        let five = (0..<32).map { UInt8(5 * $0 % 32) }
        let words: [UInt32] = [
            0x3347_A8A0, 0x2F26_A07E, 0x2B05_983C, 0x26E4_93FA, 0x22C3_8BB8, 0x376,
        ]
        #expect(codes(words, bits: 5, .whole, count: 32) == five)
    }

    @Test func eightCodesAreInterleaved() {
        #expect(codes([0x7531_6420], bits: 4, .interleaved, count: 8) == Array(0..<8))
    }

    /// 7 bits: four words of the low 4 bits, two of the next 2, one of the highest.
    @Test func planesHoldLowBitsFirst() {
        let words: [UInt32] = [0x0000_000F, 0, 0, 0xA000_0000, 0x2, 0x4000_0000, 0x8000_0001]
        var wanted = [UInt8](repeating: 0, count: 32)
        wanted[0] = 0xF | 2 << 4 | 1 << 6
        wanted[31] = 0xA | 1 << 4 | 1 << 6
        #expect(codes(words, bits: 7, .planes, count: 32) == wanted)
    }

    @Test(arguments: 1...8, [1, 5, 31, 32, 33, 100])
    func wordsAreCounted(bits: Int, count: Int) {
        let codes = (0..<count).map { UInt8(($0 * 7 + 3) % (1 << bits)) }
        let words = PackedWords.words(codes, bits: bits)
        #expect(words.count == (count * bits + 31) / 32)
        #expect(words.count == PackedWords.wordCount(codes: count, bits: bits, .stream))
        #expect(self.codes(words, bits: bits, .stream, count: count) == codes)
    }
}
