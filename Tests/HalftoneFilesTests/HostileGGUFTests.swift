import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import Testing

/// A file with one change to an otherwise valid one: a string key and two tensors.
private func file(_ change: (inout GGUFBuilder) -> Void) -> [UInt8] {
    var builder = GGUFBuilder()
    builder.add("general.architecture", type: 8, GGUFBuilder.string("llama"))
    builder.addTensor("a", [3])
    builder.addTensor("b", [32, 2], type: 2, offset: 32)
    builder.dataByteCount = 32 + 64
    change(&builder)
    return builder.bytes
}

private func fileWithValue(_ type: Int32, _ value: [UInt8]) -> [UInt8] {
    file { $0.add("k", type: type, value) }
}

private func fileWithTensor(_ change: (inout GGUFBuilder) -> Void) -> [UInt8] {
    file {
        $0.descriptions = []
        change(&$0)
    }
}

private func array(_ type: Int32, _ count: UInt64, _ elements: [UInt8] = []) -> [UInt8] {
    littleEndian(type) + littleEndian(count) + elements
}

private func bigEndianVersion3() -> [UInt8] {
    var bytes = file { _ in }
    bytes.replaceSubrange(4..<8, with: [0, 0, 0, 3])
    return bytes
}

/// The offset of a value that follows the key `k` in ``fileWithValue(_:_:)``: header 24, the
/// first entry 8 + 20 + 4 + 8 + 5, then 8 + 1 + 4.
private let valueOffset = 24 + 45 + 13
/// The end of such a file without the value: two descriptions of 8 + 1 + 4 + 8 · n + 4 + 8.
private func leftAfter(_ bytes: [UInt8], _ offset: Int) -> Int { bytes.count - offset }

private let headers: [HostileFile] = [
    HostileFile("empty", [], .wrongContent(.empty, expected: "a GGUF file")),
    HostileFile(
        "safetensors", safetensors("{}"), .wrongContent(.safetensors, expected: "a GGUF file")),
    HostileFile(
        "Git-LFS pointer", Array("version https://git-lfs.github.com/spec/v1\n".utf8),
        .wrongContent(.gitLFSPointer, expected: "a GGUF file")),
    HostileFile(
        "zeros", [UInt8](repeating: 0, count: 100), .wrongContent(.zeros, expected: "a GGUF file")),
    HostileFile("another magic", Array("GGML0000".utf8), .unknownContent(expected: "a GGUF file")),
    HostileFile(
        "four bytes", Array("GGUF".utf8),
        .field(.endOfFile(field: "version", offset: 4, needed: 4, left: 0))),
    HostileFile("version 0", file { $0.version = 0 }, .unsupportedVersion(0)),
    HostileFile("version 1", file { $0.version = 1 }, .unsupportedVersion(1)),
    HostileFile("version 4", file { $0.version = 4 }, .unsupportedVersion(4)),
    HostileFile("big-endian", bigEndianVersion3(), .bigEndian),
    HostileFile(
        "negative tensor count", file { $0.tensorCount = .max },
        .field(.tooLarge(field: "n_tensors", offset: 8, found: .max, allowed: .max))),
    HostileFile(
        "tensors above the ceiling", file { $0.tensorCount = 1 << 20 + 1 },
        .tooMany(field: "tensors", found: 1 << 20 + 1, allowed: 1 << 20)),
    HostileFile(
        "keys above the ceiling", file { $0.keyCount = 1 << 16 + 1 },
        .tooMany(field: "metadata keys", found: 1 << 16 + 1, allowed: 1 << 16)),
]

private let keyValues: [HostileFile] = [
    HostileFile(
        "empty key", file { $0.add("", type: 0, [1]) }, .emptyKey(offset: 24 + 45)),
    HostileFile(
        "duplicate key", file { $0.add("general.architecture", type: 0, [1]) },
        .duplicateKey("general.architecture")),
    HostileFile(
        "key above the ceiling",
        file { $0.add(String(repeating: "k", count: 65_536), type: 0, [1]) },
        .field(
            .tooLarge(field: "a metadata key", offset: 69, found: 65_536, allowed: 65_535))),
    HostileFile("value type 13", fileWithValue(13, [1]), .unknownValueType(key: "k", found: 13)),
    HostileFile("value type -1", fileWithValue(-1, [1]), .unknownValueType(key: "k", found: -1)),
    HostileFile(
        "bool of 2", fileWithValue(7, [2]),
        .field(.notABool(field: "k", offset: valueOffset, found: 2))),
    HostileFile(
        "string not UTF-8", fileWithValue(8, littleEndian(UInt64(2)) + [0xC3, 0x28]),
        .field(.notUTF8(field: "k", offset: valueOffset))),
    HostileFile(
        "string length 2^64 - 1", fileWithValue(8, littleEndian(UInt64.max)),
        .field(.tooLarge(field: "k", offset: valueOffset, found: .max, allowed: 1 << 26))),
    HostileFile(
        "string beyond the end", fileWithValue(8, littleEndian(UInt64(1 << 26))),
        .field(
            .endOfFile(
                field: "k", offset: valueOffset + 8, needed: 1 << 26,
                left: leftAfter(fileWithValue(8, littleEndian(UInt64(1 << 26))), valueOffset + 8)))),
    HostileFile("array of arrays", fileWithValue(9, array(9, 1)), .nestedArray(key: "k")),
    HostileFile(
        "array of unknown type", fileWithValue(9, array(99, 1)),
        .unknownValueType(key: "k", found: 99)),
    HostileFile(
        "array above the ceiling", fileWithValue(9, array(0, 1 << 27 + 1)),
        .field(
            .tooLarge(
                field: "the number of elements of k", offset: valueOffset + 4,
                found: 1 << 27 + 1, allowed: 1 << 27))),
    HostileFile(
        "array beyond the end", fileWithValue(9, array(12, 1 << 27)),
        .field(
            .endOfFile(
                field: "k", offset: valueOffset + 12, needed: 1 << 30,
                left: leftAfter(fileWithValue(9, array(12, 1 << 27)), valueOffset + 12)))),
    HostileFile(
        "strings beyond the end", fileWithValue(9, array(8, 1 << 27)),
        .field(
            .endOfFile(
                field: "k", offset: valueOffset + 12, needed: 1 << 30,
                left: leftAfter(fileWithValue(9, array(8, 1 << 27)), valueOffset + 12)))),
    HostileFile(
        "a string of an array beyond the ceiling",
        fileWithValue(9, array(8, 1, littleEndian(UInt64.max))),
        .field(
            .tooLarge(field: "k[0]", offset: valueOffset + 12, found: .max, allowed: 1 << 26))),
    HostileFile(
        "bool of an array", fileWithValue(9, array(7, 2, [1, 7])),
        .field(.notABool(field: "k[1]", offset: valueOffset + 13, found: 7))),
    HostileFile(
        "alignment 0", file { $0.add("general.alignment", type: 4, littleEndian(UInt32(0))) },
        .invalidAlignment(found: "0")),
    HostileFile(
        "alignment 48", file { $0.add("general.alignment", type: 4, littleEndian(UInt32(48))) },
        .invalidAlignment(found: "48")),
    HostileFile(
        "alignment of another type",
        file { $0.add("general.alignment", type: 10, littleEndian(UInt64(32))) },
        .invalidAlignment(found: "32")),
    HostileFile(
        "alignment as text",
        file { $0.add("general.alignment", type: 8, GGUFBuilder.string("32")) },
        .invalidAlignment(found: "no u32")),
]

private let tensors: [HostileFile] = [
    HostileFile(
        "name of 64 bytes",
        fileWithTensor { $0.addTensor(String(repeating: "n", count: 64), [1]) },
        .field(.tooLarge(field: "a tensor name", offset: 69, found: 64, allowed: 63))),
    HostileFile(
        "duplicate name",
        file {
            $0.addTensor("a", [1], offset: 96)
            $0.dataByteCount = 100
        }, .duplicateTensor("a")),
    HostileFile(
        "five dimensions", fileWithTensor { $0.addTensor("a", [1, 1, 1, 1, 1]) },
        .shape(tensor: "a", .tooManyDimensions(found: 5, allowed: 4))),
    HostileFile(
        "2^32 - 1 dimensions", fileWithTensor { $0.addTensor("a", [1], rank: .max) },
        .shape(tensor: "a", .tooManyDimensions(found: 4_294_967_295, allowed: 4))),
    HostileFile(
        "negative dimension", fileWithTensor { $0.addTensor("a", [-2]) },
        .shape(tensor: "a", .negativeDimension(-2))),
    HostileFile(
        "elements overflow", fileWithTensor { $0.addTensor("a", [1 << 32, 1 << 32]) },
        .shape(tensor: "a", .elementCountOverflows([1 << 32, 1 << 32]))),
    HostileFile(
        "bytes overflow", fileWithTensor { $0.addTensor("a", [1 << 62]) },
        .shape(tensor: "a", .byteCountOverflows([1 << 62]))),
    HostileFile(
        "end overflows", fileWithTensor { $0.addTensor("a", [.max], type: 24) },
        .offsetsOverflow(tensor: "a")),
    HostileFile(
        "half a block", fileWithTensor { $0.addTensor("a", [48], type: 2) },
        .shape(tensor: "a", .notWholeBlocks(innermost: 48, type: .q4_0))),
    HostileFile(
        "removed type", fileWithTensor { $0.addTensor("a", [32], type: 4) },
        .unknownTensorType(
            tensor: "a", reason: "type 4 (Q4_2, Q4_3) was removed from the format")),
    HostileFile(
        "removed interleaved type", fileWithTensor { $0.addTensor("a", [32], type: 31) },
        .unknownTensorType(
            tensor: "a", reason: "type 31 (an interleaved Q4_0) was removed from the format")),
    HostileFile(
        "type of a fork", fileWithTensor { $0.addTensor("a", [32], type: 43) },
        .unknownTensorType(
            tensor: "a", reason: "type 43 belongs to a fork of the format or is damage")),
    HostileFile(
        "negative type", fileWithTensor { $0.addTensor("a", [32], type: -1) },
        .unknownTensorType(
            tensor: "a", reason: "type -1 belongs to a fork of the format or is damage")),
    HostileFile(
        "offset not aligned", fileWithTensor { $0.addTensor("a", [1], offset: 4) },
        .offsetMismatch(tensor: "a", found: 4, expected: 0)),
    HostileFile(
        "hole", file { $0.addTensor("c", [1], offset: 128) },
        .offsetMismatch(tensor: "c", found: 128, expected: 96)),
    HostileFile(
        "overlap", file { $0.addTensor("c", [1], offset: 32) },
        .offsetMismatch(tensor: "c", found: 32, expected: 96)),
    HostileFile(
        "offset 2^64 - 1", fileWithTensor { $0.addTensor("a", [1], offset: .max) },
        .offsetMismatch(tensor: "a", found: .max, expected: 0)),
    HostileFile(
        "truncated data", file { $0.dataByteCount = 32 + 10 },
        .endsAfterFile(tensor: "b", excess: 26)),
    HostileFile(
        "split into a negative number of files",
        file { $0.add("split.count", type: 5, littleEndian(Int32(-3))) },
        .split("split.count is not a number of files")),
]

struct HostileGGUFTests {
    @Test(arguments: headers + keyValues + tensors)
    func eachRuleHasItsError(file: HostileFile) throws {
        let folder = try ScratchFolder()
        try folder.write(file.bytes, to: "f")
        let path = folder.path + "/f"
        #expect(throws: FileError(path: path, file.expected)) {
            try GGUFFile(contentsOf: path)
        }
        let text = FileError(path: "f", file.expected).description
        #expect(text.hasPrefix("f: ") && !text.contains("is not readable"), "\(text)")
    }

    @Test func countsAreComparedWithTheFileBeforeMemoryIsTaken() {
        let tensors = file { $0.tensorCount = 1 << 20 }
        let error = #expect(throws: FileError.self) { try GGUFFile(Bytes(tensors), path: "f") }
        guard case .field(.endOfFile("tensor descriptions", _, 25_165_824, _)) = error?.problem
        else {
            Issue.record("\(String(describing: error))")
            return
        }
        let keys = file { $0.keyCount = 1 << 16 }
        let second = #expect(throws: FileError.self) { try GGUFFile(Bytes(keys), path: "f") }
        guard case .field(.endOfFile("metadata", 24, 851_968, _)) = second?.problem else {
            Issue.record("\(String(describing: second))")
            return
        }
    }

    /// A small file with every kind of part.
    private var valid: [UInt8] {
        file {
            $0.add("general.alignment", type: 4, littleEndian(UInt32(32)))
            $0.add("t", type: 9, array(8, 2, GGUFBuilder.string("é") + GGUFBuilder.string("")))
            $0.add("f", type: 9, array(6, 2, counting(8)))
            $0.add("y", type: 9, array(7, 2, [0, 1]))
            $0.add("z", type: 11, littleEndian(Int64(-1)))
            $0.addTensor("z", [0, 2], offset: 96)
        }
    }

    @Test func everyTruncationIsRefused() throws {
        let valid = valid
        let whole = try GGUFFile(Bytes(valid), path: "f")
        #expect(whole.tensorNames == ["a", "b", "z"])
        // The last 28 bytes are the padding of b, which may be missing; z, which is empty, then
        // begins behind the end of the file, so the file is refused all the same.
        for length in 0..<valid.count {
            #expect(throws: FileError.self, "\(length) bytes") {
                try GGUFFile(Bytes(Array(valid[..<length])), path: "f")
            }
        }
    }

    @Test func noByteFlipTrapsOrBreaksAnInvariant() throws {
        let valid = valid
        var bytes = valid
        var accepted = 0
        for offset in valid.indices {
            for mask in UInt8(1)...255 {
                bytes[offset] = valid[offset] ^ mask
                guard let file = try? GGUFFile(Bytes(bytes), path: "f") else { continue }
                accepted += 1
                try expectConsistent(file, fileByteCount: bytes.count)
                for entry in file.metadata.entries {
                    if let strings = entry.value.strings { #expect(Array(strings).count <= 2) }
                }
            }
            bytes[offset] = valid[offset]
        }
        #expect(accepted >= 96 * 255 && accepted < valid.count * 255 * 3 / 4)
    }

    @Test func manyKeysAndTensorsAreReadInLinearTime() throws {
        var builder = GGUFBuilder()
        for index in 0..<50_000 {
            builder.add("k\(index)", type: 0, [1])
            builder.addTensor("t\(index)", [0])
        }
        let bytes = Bytes(builder.bytes)
        let clock = ContinuousClock()
        var file: GGUFFile?
        let time = try clock.measure { file = try GGUFFile(bytes, path: "f") }
        #expect(file?.tensors.count == 50_000 && file?.metadata.count == 50_000)
        // About 0.1 s; nested loops would take 2.5 · 10^9 comparisons.
        #expect(time < .seconds(5), "\(time)")
    }
}
