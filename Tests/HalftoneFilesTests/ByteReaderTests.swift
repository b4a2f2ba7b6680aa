import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import Testing

struct ByteReaderTests {
    @Test func readsEveryKindOfField() throws {
        var bytes: [UInt8] = [0xFE]
        bytes += littleEndian(Int16(-2)) + littleEndian(UInt32(0x0102_0304))
        bytes += littleEndian(UInt64.max) + littleEndian(Float(1.5).bitPattern)
        bytes += littleEndian(Double(-0.1).bitPattern) + [1]
        bytes += littleEndian(UInt64(3)) + Array("é!".utf8) + [7, 8]
        var reader = ByteReader(Bytes(bytes))
        #expect(try reader.read(UInt8.self, "a") == 0xFE)
        #expect(try reader.read(Int16.self, "b") == -2)
        #expect(try reader.read(UInt32.self, "c") == 0x0102_0304)
        #expect(try reader.read(UInt64.self, "d") == .max)
        #expect(try reader.readFloat("e") == 1.5)
        #expect(try reader.readDouble("f") == -0.1)
        #expect(try reader.readBool("g"))
        #expect(try reader.readString(ceiling: 3, "h") == "é!")
        #expect(try reader.take(2, "i").array == [7, 8])
        #expect(reader.remaining == 0 && reader.offset == bytes.count)
    }

    @Test func aFailedReadDoesNotMoveOnPastTheEnd() {
        var reader = ByteReader(Bytes([1, 2, 3]))
        #expect(throws: ByteReaderError.endOfFile(field: "x", offset: 0, needed: 4, left: 3)) {
            try reader.read(UInt32.self, "x")
        }
        #expect(throws: ByteReaderError.endOfFile(field: "y", offset: 0, needed: .max, left: 3)) {
            try reader.take(.max, "y")
        }
        #expect(reader.offset == 0)
        #expect(ByteReader(Bytes([1, 2, 3]), offset: 9).remaining == 0)
        #expect(ByteReader(Bytes([1, 2, 3]), offset: -9).remaining == 3)
        #expect(throws: ByteReaderError.endOfFile(field: "z", offset: 0, needed: .max, left: 3)) {
            try reader.require(.max, elementsOfAtLeast: 8, "z")
        }
    }

    @Test func lengthsHaveCeilings() {
        var reader = ByteReader(Bytes(littleEndian(UInt64(5)) + Array("abcde".utf8)))
        #expect(throws: ByteReaderError.tooLarge(field: "s", offset: 0, found: 5, allowed: 4)) {
            try reader.readString(ceiling: 4, "s")
        }
    }
}

struct CheckedShapeTests {
    @Test func countsElementsAndBytes() throws {
        #expect(try CheckedShape([]).elementCount == 1)
        #expect(try CheckedShape([3, 0, 5]).elementCount == 0)
        let shape = try CheckedShape([2, 64])
        #expect(shape.elementCount == 128)
        #expect(try shape.byteCount(.elements(.float32)) == 512)
        #expect(try shape.byteCount(.elements(.float6E2M3)) == 96)
        #expect(try shape.byteCount(.blocks(.q4_0)) == 4 * 18)
        #expect(try CheckedShape([0, 256]).byteCount(.blocks(.q6_K)) == 0)
        #expect(try CheckedShape([]).byteCount(.blocks(.f16)) == 2)
    }

    @Test func refusesWhatDoesNotFit() {
        #expect(throws: ShapeError.tooManyDimensions(found: 9, allowed: 8)) {
            try CheckedShape([Int](repeating: 1, count: 9))
        }
        #expect(throws: ShapeError.negativeDimension(-1)) { try CheckedShape([0, -1]) }
        #expect(throws: ShapeError.elementCountOverflows([1 << 40, 1 << 40, 0])) {
            try CheckedShape([1 << 40, 1 << 40, 0])
        }
        #expect(throws: ShapeError.byteCountOverflows([.max])) {
            try CheckedShape([.max]).byteCount(.elements(.uint8))
        }
        #expect(throws: ShapeError.byteCountOverflows([1 << 62])) {
            try CheckedShape([1 << 62]).byteCount(.blocks(.f32))
        }
        #expect(throws: ShapeError.notWholeBlocks(innermost: 0x21, type: .q8_0)) {
            try CheckedShape([32, 33]).byteCount(.blocks(.q8_0))
        }
        // No dimensions are one element, which is no whole block.
        #expect(throws: ShapeError.notWholeBlocks(innermost: 1, type: .q8_0)) {
            try CheckedShape([]).byteCount(.blocks(.q8_0))
        }
        #expect(throws: ShapeError.notWholeBytes([3], bitsPerElement: 6)) {
            try CheckedShape([3]).byteCount(.elements(.float6E3M2))
        }
    }
}
