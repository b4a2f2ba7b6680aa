import HalftoneKernels
import HalftoneTensor
import Testing

/// Codes that use all values of a width.
func randomCodes(_ count: Int, bits: Int, seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in UInt8(generator.next() >> (64 - UInt64(bits))) }
}

@Suite struct PackedCodesTests {
    @Test func aRunTakesFourBytesPerBit() {
        for bits in 1...8 {
            #expect(PackedCodes.bytesPerRow(columns: 0, bits: bits) == 0)
            #expect(PackedCodes.bytesPerRow(columns: 1, bits: bits) == 4 * bits)
            #expect(PackedCodes.bytesPerRow(columns: 32, bits: bits) == 4 * bits)
            #expect(PackedCodes.bytesPerRow(columns: 33, bits: bits) == 8 * bits)
            #expect(PackedCodes.bytesPerRow(columns: 576, bits: bits) == 576 / 8 * bits)
        }
    }

    /// The layout, written down by hand for codes whose bits tell them apart.
    @Test func theLayoutIsTheDocumentedOne() {
        func packed(_ bits: Int, _ codes: [Int: UInt8]) -> [Int: UInt8] {
            var all = [UInt8](repeating: 0, count: 32)
            for (element, code) in codes { all[element] = code }
            let bytes = PackedCodes.pack(codes: all, rows: 1, columns: 32, bits: bits)
            #expect(bytes.count == 4 * bits)
            return Dictionary(
                uniqueKeysWithValues: bytes.enumerated().filter { $0.1 != 0 }.map { ($0.0, $0.1) })
        }
        #expect(packed(8, [0: 0x12, 17: 0xFE]) == [0: 0x12, 17: 0xFE])
        #expect(packed(4, [3: 0xA, 19: 0x5]) == [3: 0x5A])
        #expect(packed(2, [5: 1, 13: 2, 21: 3, 29: 1]) == [5: 0b01_11_10_01])
        #expect(packed(1, [0: 1, 9: 1, 31: 1]) == [0: 1, 1: 2, 3: 0x80])
        // 7 bits 0b1011_01_1: the 4-bit part is 11, the 2-bit part 1, the 1-bit part 1.
        #expect(packed(7, [18: 0b1011_01_1]) == [2: 0xB0, 16 + 2: 0b01_00_00, 24 + 2: 4])
        #expect(packed(6, [8: 0b0110_11]) == [8: 6, 16: 0b11_00])
        #expect(packed(5, [16: 0b1001_1]) == [0: 0x90, 16 + 2: 1])
        #expect(packed(3, [31: 0b10_1]) == [7: 0b10_00_00_00, 8 + 3: 0x80])
    }

    @Test(arguments: 1...8, [1, 7, 8, 9, 31, 32, 33, 64, 172, 1023])
    func codesComeBack(bits: Int, columns: Int) {
        let rows = 3
        let codes = randomCodes(rows * columns, bits: bits, seed: UInt64(bits))
        let packed = PackedCodes.pack(codes: codes, rows: rows, columns: columns, bits: bits)
        let rowBytes = PackedCodes.bytesPerRow(columns: columns, bits: bits)
        #expect(packed.count == rows * rowBytes)
        let back = PackedCodes.unpack(Bytes(packed), rows: rows, columns: columns, bits: bits)
        #expect(back == codes)
        // Rows stand on their own.
        let last = PackedCodes.pack(
            codes: Array(codes.suffix(columns)), rows: 1, columns: columns, bits: bits)
        #expect(Array(packed.suffix(rowBytes)) == last)
    }
}
