import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import Testing

/// A file that breaks one rule, and the error that names it.
struct HostileFile: Sendable, CustomTestStringConvertible {
    let rule: String
    let bytes: [UInt8]
    let expected: FileError.Problem
    var testDescription: String { rule }

    init(_ rule: String, _ bytes: [UInt8], _ expected: FileError.Problem) {
        self.rule = rule
        self.bytes = bytes
        self.expected = expected
    }
}

/// One tensor of one byte per element, as it stands in a header.
private func entry(_ name: String, _ shape: String, _ begin: String, _ end: String) -> String {
    "\"\(name)\":{\"dtype\":\"U8\",\"shape\":\(shape),\"data_offsets\":[\(begin),\(end)]}"
}

private func entry(_ name: String, _ begin: Int, _ end: Int) -> String {
    entry(name, "[\(end - begin)]", "\(begin)", "\(end)")
}

private let wrongContents: [HostileFile] = [
    HostileFile("empty", [], .wrongContent(.empty, expected: "a safetensors file")),
    HostileFile(
        "Git-LFS pointer",
        Array("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n".utf8),
        .wrongContent(.gitLFSPointer, expected: "a safetensors file")),
    HostileFile(
        "web page", Array("\n <!DocType html><html></html>".utf8),
        .wrongContent(.webPage, expected: "a safetensors file")),
    HostileFile(
        "error of a server", Array("{\"error\":\"Entry not found\"}".utf8),
        .wrongContent(.webPage, expected: "a safetensors file")),
    HostileFile(
        "zip", [0x50, 0x4B, 3, 4] + counting(40),
        .wrongContent(.zipArchive, expected: "a safetensors file")),
    HostileFile(
        "pickle", [0x80, 2, 0x7D, 0x71] + counting(40),
        .wrongContent(.pickle, expected: "a safetensors file")),
    HostileFile(
        "GGUF", GGUFBuilder().bytes, .wrongContent(.gguf, expected: "a safetensors file")),
    HostileFile(
        "zeros", [UInt8](repeating: 0, count: 5000),
        .wrongContent(.zeros, expected: "a safetensors file")),
]

private let lengths: [HostileFile] = [
    HostileFile("too small", [1, 2, 3], .tooSmall(found: 3, needed: 8)),
    HostileFile(
        "header of 2^64 - 1 bytes", [UInt8](repeating: 255, count: 16),
        .headerTooLarge(found: .max, allowed: 100_000_000)),
    HostileFile(
        "header above the ceiling", littleEndian(UInt64(100_000_001)) + [0x7B, 0x7D],
        .headerTooLarge(found: 100_000_001, allowed: 100_000_000)),
    HostileFile(
        "header beyond the end", littleEndian(UInt64(100)) + Array("{}".utf8),
        .headerEndsAfterFile(headerByteCount: 100, excess: 98)),
    HostileFile(
        "header of one byte", littleEndian(UInt64(1)) + Array("{".utf8),
        .tooSmall(found: 9, needed: 10)),
    HostileFile("header is no object", safetensors("[] "), .headerIsNoObject(firstByte: 0x5B)),
    HostileFile("header begins with space", safetensors(" {}"), .headerIsNoObject(firstByte: 32)),
]

private let syntax: [HostileFile] = [
    HostileFile(
        "not UTF-8", littleEndian(UInt64(6)) + [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x7D],
        .json(.invalidUTF8(offset: 2))),
    HostileFile(
        "not JSON", safetensors("{\"a\""), .json(.unexpectedEnd(offset: 4, expected: "':'"))),
    HostileFile(
        "content after the header", safetensors("{} x"), .json(.trailingContent(offset: 3))),
    HostileFile(
        "NUL padding", safetensors("{}\0\0"), .json(.trailingContent(offset: 2))),
    HostileFile(
        "deep nesting", safetensors("{\"a\":" + String(repeating: "[", count: 100_000)),
        .json(.unexpectedByte(0x5B, offset: 5, expected: "'{'"))),
    HostileFile(
        "duplicate name", safetensors("{\(entry("a", 0, 1)),\(entry("a", 1, 2))}", data: 2),
        .json(.duplicateMember(name: "a", offset: 53))),
    HostileFile(
        "duplicate field",
        safetensors(
            #"{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, data: 1),
        .json(.duplicateMember(name: "dtype", offset: 19))),
    HostileFile(
        "duplicate metadata", safetensors(#"{"__metadata__":{"a":"1","a":"2"}}"#),
        .json(.duplicateMember(name: "a", offset: 25))),
    HostileFile(
        "metadata that is no text", safetensors(#"{"__metadata__":{"a":1}}"#),
        .json(.unexpectedByte(0x31, offset: 21, expected: "a string"))),
    HostileFile(
        "long name",
        safetensors("{\(entry(String(repeating: "n", count: 1025), 0, 1))}", data: 1),
        .nameTooLong(field: "a tensor name", found: 1025, allowed: 1024)),
]

private let schema: [HostileFile] = [
    HostileFile(
        "no dtype", safetensors(#"{"a":{"shape":[],"data_offsets":[0,1]}}"#, data: 1),
        .headerEntry(
            tensor: "a", field: "dtype", found: "missing",
            allowed: "dtype, shape and data_offsets are all required")),
    HostileFile(
        "empty entry", safetensors(#"{"a":{}}"#),
        .headerEntry(
            tensor: "a", field: "dtype", found: "missing",
            allowed: "dtype, shape and data_offsets are all required")),
    HostileFile(
        "unknown field", safetensors(#"{"a":{"strides":[1]}}"#),
        .headerEntry(
            tensor: "a", field: "strides", found: "present",
            allowed: "only dtype, shape and data_offsets are allowed")),
    HostileFile(
        "unknown dtype",
        safetensors(#"{"a":{"dtype":"F128","shape":[1],"data_offsets":[0,16]}}"#, data: 16),
        .unknownElementType(tensor: "a", found: "F128")),
    HostileFile(
        "negative dimension", safetensors("{\(entry("a", "[-1]", "0", "1"))}", data: 1),
        .headerEntry(
            tensor: "a", field: "shape", found: "-1",
            allowed: "it must consist of whole numbers from 0 to 2^63 - 1")),
    HostileFile(
        "dimension with fraction", safetensors("{\(entry("a", "[1.0]", "0", "1"))}", data: 1),
        .headerEntry(
            tensor: "a", field: "shape", found: "1.0",
            allowed: "it must consist of whole numbers from 0 to 2^63 - 1")),
    HostileFile(
        "offset beyond 2^63", safetensors("{\(entry("a", "[1]", "0", "9223372036854775808"))}"),
        .headerEntry(
            tensor: "a", field: "data_offsets", found: "9.223372036854776e+18",
            allowed: "it must consist of whole numbers from 0 to 2^63 - 1")),
    HostileFile(
        "nine dimensions", safetensors("{\(entry("a", "[1,1,1,1,1,1,1,1,1]", "0", "1"))}", data: 1),
        .headerEntry(
            tensor: "a", field: "shape", found: "a list of more than 8",
            allowed: "at most 8 numbers are allowed")),
    HostileFile(
        "one offset", safetensors(#"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0]}}"#),
        .headerEntry(
            tensor: "a", field: "data_offsets", found: "a list of 1",
            allowed: "it must be [begin, end]")),
]

private let sizes: [HostileFile] = [
    HostileFile(
        "elements overflow",
        safetensors("{\(entry("a", "[4294967296,4294967296]", "0", "0"))}"),
        .shape(tensor: "a", .elementCountOverflows([4_294_967_296, 4_294_967_296]))),
    HostileFile(
        "elements overflow before a zero",
        safetensors("{\(entry("a", "[4294967296,4294967296,0]", "0", "0"))}"),
        .shape(tensor: "a", .elementCountOverflows([4_294_967_296, 4_294_967_296, 0]))),
    HostileFile(
        "bits overflow", safetensors("{\(entry("a", "[4611686018427387904]", "0", "0"))}"),
        .shape(tensor: "a", .byteCountOverflows([4_611_686_018_427_387_904]))),
    HostileFile(
        "half a byte",
        safetensors(#"{"a":{"dtype":"F4","shape":[3],"data_offsets":[0,2]}}"#, data: 2),
        .shape(tensor: "a", .notWholeBytes([3], bitsPerElement: 4))),
    HostileFile(
        "offsets run backwards", safetensors("{\(entry("a", "[1]", "2", "1"))}", data: 2),
        .offsetsReversed(tensor: "a", begin: 2, end: 1)),
    HostileFile(
        "size and shape differ", safetensors("{\(entry("a", "[2]", "0", "3"))}", data: 3),
        .sizeMismatch(tensor: "a", found: 3, expected: 2)),
    HostileFile(
        "begins late", safetensors("{\(entry("a", 1, 2))}", data: 2),
        .gap(tensor: "a", begin: 1, expected: 0)),
    HostileFile(
        "hole", safetensors("{\(entry("a", 0, 2)),\(entry("b", 3, 4))}", data: 4),
        .gap(tensor: "b", begin: 3, expected: 2)),
    HostileFile(
        "overlap", safetensors("{\(entry("a", 0, 2)),\(entry("b", 1, 3))}", data: 3),
        .overlap(tensor: "b", begin: 1, expected: 2)),
    HostileFile(
        "one range, two names", safetensors("{\(entry("a", 0, 2)),\(entry("b", 0, 2))}", data: 2),
        .overlap(tensor: "b", begin: 0, expected: 2)),
    HostileFile(
        "truncated data", safetensors("{\(entry("a", 0, 5000))}", data: 904),
        .endsAfterFile(tensor: "a", excess: 4096)),
    HostileFile(
        "end at 2^63 - 1",
        safetensors("{\(entry("a", "[9223372036854775807]", "0", "9223372036854775807"))}"),
        .shape(tensor: "a", .byteCountOverflows([.max]))),
    HostileFile(
        "surplus", safetensors("{\(entry("a", 0, 2))}", data: 5), .surplus(byteCount: 3)),
    HostileFile("data without tensors", safetensors("{}", data: 1), .surplus(byteCount: 1)),
]

struct HostileSafetensorsTests {
    @Test(arguments: wrongContents + lengths + syntax + schema + sizes)
    func eachRuleHasItsError(file: HostileFile) {
        #expect(throws: FileError(path: "f", file.expected)) {
            try SafetensorsFile(Bytes(file.bytes), path: "f")
        }
        let text = FileError(path: "f", file.expected).description
        #expect(text.hasPrefix("f: ") && !text.contains("is not readable"), "\(text)")
    }

    @Test func messagesSayWhatWasFoundAndWhatWouldDo() {
        #expect(
            FileError.Problem.endsAfterFile(tensor: "a", excess: 4096).description
                == "tensor a ends 4,096 bytes after the end of the file; the download or copy is "
                + "not complete")
        #expect(
            FileError.Problem.wrongContent(.gitLFSPointer, expected: "a GGUF file").description
                == "this is a Git-LFS pointer: the real file was not downloaded (run: git lfs "
                + "pull), not a GGUF file")
    }

    /// A small file that uses every part of the format.
    private let valid: [UInt8] = safetensors(
        "{\"__metadata__\":{\"format\":\"pt\"},\(entry("a", 0, 4)),\(entry("é", 4, 6)),"
            + #""b":{"dtype":"F32","shape":[2,1],"data_offsets":[6,14]}}  "#, data: 14)

    @Test func everyTruncationIsRefused() throws {
        _ = try SafetensorsFile(Bytes(valid), path: "f")
        for length in 0..<valid.count {
            #expect(throws: FileError.self, "\(length) bytes") {
                try SafetensorsFile(Bytes(Array(valid[..<length])), path: "f")
            }
        }
        #expect(throws: FileError.self) { try SafetensorsFile(Bytes(valid + [0]), path: "f") }
    }

    @Test func noByteFlipTrapsOrBreaksAnInvariant() throws {
        var accepted = 0
        var bytes = valid
        for offset in valid.indices {
            for mask in UInt8(1)...255 {
                bytes[offset] = valid[offset] ^ mask
                guard let file = try? SafetensorsFile(Bytes(bytes), path: "f") else { continue }
                accepted += 1
                try expectConsistent(file, fileByteCount: bytes.count)
            }
            bytes[offset] = valid[offset]
        }
        // Data bytes are free, and so are letters of names; most of the header is not.
        #expect(accepted >= 14 * 255 && accepted < valid.count * 255 / 2)
    }

    @Test func manyTensorsAreReadInLinearTime() throws {
        var header = "{"
        for index in 0..<50_000 {
            header += (index == 0 ? "" : ",") + entry("t\(index)", index, index + 1)
        }
        let bytes = Bytes(safetensors(header + "}", data: 50_000))
        let clock = ContinuousClock()
        var file: SafetensorsFile?
        let time = try clock.measure { file = try SafetensorsFile(bytes, path: "f") }
        #expect(file?.tensor(named: "t49999")?.bytes.array == counting(50_000).suffix(1))
        // About 0.1 s; a nested loop over names would take 2.5 · 10^9 comparisons.
        #expect(time < .seconds(5), "\(time)")
    }
}

/// Holds an accepted file to what every accepted file promises.
func expectConsistent(_ archive: any TensorArchive, fileByteCount: Int) throws {
    #expect(archive.tensorByteCount <= fileByteCount)
    for tensor in archive.tensors {
        let expected = try CheckedShape(tensor.shape).byteCount(tensor.encoding)
        #expect(tensor.bytes.count == expected)
        #expect(archive.tensor(named: tensor.name)?.shape == tensor.shape)
    }
}
