import Foundation
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import Testing

/// Metadata with every type of value, and tensors of several types.
func everyGGUFMetadata() -> GGUFMetadata {
    [
        "general.architecture": .string("llama"),
        "general.name": .string("é \u{1F600}"),
        "t.u8": .uint8(255), "t.i8": .int8(-128), "t.u16": .uint16(65535), "t.i16": .int16(-2),
        "t.u32": .uint32(.max), "t.i32": .int32(.min), "t.f32": .float32(1.5), "t.yes": .bool(true),
        "t.no": .bool(false), "t.u64": .uint64(.max), "t.i64": .int64(.min),
        "t.f64": .float64(-0.1), "t.empty": .string(""),
        "a.u8": .array(.uint8([1, 2])), "a.i8": .array(.int8([-1])), "a.u16": .array(.uint16([3])),
        "a.i16": .array(.int16([-3])), "a.u32": .array(.uint32([4])),
        "a.i32": .array(.int32([1, -4])),
        "a.f32": .array(.float32([0.25, .infinity])), "a.bool": .array(.bool([true, false])),
        "a.strings": .array(.strings(GGUFStrings(["a", "", "\u{2581}é", "e\u{301}"]))),
        "a.none": .array(.strings(GGUFStrings([]))), "a.u64": .array(.uint64([5])),
        "a.i64": .array(.int64([-5])), "a.f64": .array(.float64([2.5])),
    ]
}

private func writer(_ metadata: GGUFMetadata) throws -> GGUFWriter {
    var writer = GGUFWriter(metadata: metadata)
    for (name, shape, type) in [
        ("token_embd.weight", [3, 64], BlockType.q4_0), ("norm", [5], .f32),
        ("none", [0, 4], .f16),
        ("one", [], .f32), ("blk.0.k", [2, 2, 256], .q6_K),
    ] {
        let count = shape.reduce(1, *) / type.blockSize * type.bytesPerBlock
        try writer.add(
            TensorSource(name: name, shape: shape, encoding: .blocks(type)) {
                try $0.write(Bytes(counting(count)))
            })
    }
    return writer
}

struct GGUFTests {
    @Test(arguments: [nil, 8, 256] as [UInt32?])
    func whatIsWrittenReadsBack(alignment: UInt32?) throws {
        let folder = try ScratchFolder()
        var metadata = everyGGUFMetadata()
        if let alignment { metadata["general.alignment"] = .uint32(alignment) }
        try writer(metadata).write(to: folder.path + "/m.gguf")
        #expect(try folder.names == ["m.gguf"])
        let file = try GGUFFile(contentsOf: folder.path + "/m.gguf")
        #expect(file.metadata == metadata)
        #expect(file.alignment == Int(alignment ?? 32) && file.version == 3)
        #expect(file.trailingByteCount == 0 && file.partCount == 1)
        #expect(file.tensorNames == ["token_embd.weight", "norm", "none", "one", "blk.0.k"])
        let tensor = try #require(file.tensor(named: "blk.0.k"))
        #expect(tensor.shape == [2, 2, 256] && tensor.encoding == .blocks(.q6_K))
        #expect(tensor.bytes.array == counting(4 * 210))
        #expect(file.tensor(named: "token_embd.weight")?.bytes.array == counting(3 * 2 * 18))
        #expect(file.tensor(named: "none")?.bytes.count == 0)
        #expect(file.tensor(named: "one")?.shape == [])
        #expect(file.tensorByteCount == 108 + 20 + 4 + 840)
    }

    @Test func valuesConvertOnlyWithoutLoss() {
        let metadata = everyGGUFMetadata()
        #expect(metadata["t.u64"]?.integer == nil)
        #expect(metadata["t.i64"]?.integer == Int.min)
        #expect(metadata["t.u8"]?.double == 255)
        #expect(metadata["t.f32"]?.integer == nil)
        #expect(metadata["a.i32"]?.integers == [1, -4])
        #expect(metadata["a.f32"]?.floats == [0.25, .infinity])
        #expect(
            metadata["a.strings"]?.strings.map(Array.init) == ["a", "", "\u{2581}é", "e\u{301}"])
        #expect(metadata["a.bool"]?.bools == [true, false])
        #expect(metadata["a.strings"]?.integers == nil && metadata["none"] == nil)
    }

    @Test func metadataKeepsOrderWhenChanged() {
        var metadata: GGUFMetadata = ["a": .bool(true), "b": .uint8(1), "c": .uint8(2)]
        metadata["b"] = nil
        metadata["a"] = .uint8(9)
        metadata["d"] = .uint8(3)
        #expect(metadata.entries.map(\.key) == ["a", "c", "d"])
        #expect(metadata["c"] == .uint8(2) && metadata["d"] == .uint8(3) && metadata["b"] == nil)
    }

    @Test func readsVersion2AndMissingPaddingAtTheEnd() throws {
        var builder = GGUFBuilder()
        builder.version = 2
        builder.addTensor("a", [3])
        builder.addTensor("b", [2], offset: 32)
        builder.dataByteCount = 32 + 8
        let file = try GGUFFile(Bytes(builder.bytes), path: "x")
        #expect(file.version == 2)
        #expect(file.tensor(named: "b")?.bytes.array == Array(32..<40))
        builder.dataByteCount = 64
        #expect(try GGUFFile(Bytes(builder.bytes), path: "x").trailingByteCount == 0)
        builder.dataByteCount = 70
        #expect(try GGUFFile(Bytes(builder.bytes), path: "x").trailingByteCount == 6)
    }

    @Test func theWriterRefusesWhatTheReaderWould() throws {
        func source(_ name: String, _ shape: [Int], _ encoding: TensorEncoding) -> TensorSource {
            TensorSource(name: name, shape: shape, encoding: encoding) { _ in }
        }
        var writer = GGUFWriter()
        let long = String(repeating: "x", count: 64)
        #expect(throws: TensorWriteError.self) { try writer.add(source(long, [1], .blocks(.f32))) }
        #expect(throws: TensorWriteError.self) {
            try writer.add(source("a", [1, 1, 1, 1, 1], .blocks(.f32)))
        }
        #expect(
            throws: TensorWriteError.shape(
                tensor: "a", .notWholeBlocks(innermost: 33, type: .q4_0))
        ) { try writer.add(source("a", [33], .blocks(.q4_0))) }
        #expect(throws: TensorWriteError.self) {
            try writer.add(source("a", [1], .elements(.uint8)))
        }
        #expect(throws: TensorWriteError.self) { try writer.add(source("a", [32], .blocks(.q8_1))) }
        try writer.add(source("a", [1], .elements(.bfloat16)))
        #expect(throws: TensorWriteError.duplicateTensor("a")) {
            try writer.add(source("a", [1], .blocks(.f32)))
        }
        let folder = try ScratchFolder()
        let path = folder.path + "/m.gguf"
        #expect(throws: TensorWriteError.wrongByteCount(tensor: "a", written: 0, expected: 2)) {
            try writer.write(to: path)
        }
        for value in [GGUFValue.uint32(24), .uint32(0), .uint64(32), .uint32(1 << 31)] {
            #expect(throws: TensorWriteError.self) {
                try GGUFWriter(metadata: ["general.alignment": value]).write(to: path)
            }
        }
        #expect(throws: TensorWriteError.self) {
            try GGUFWriter(metadata: ["": .uint32(24)]).write(to: path)
        }
        #expect(try folder.names == [])
    }
}

struct SplitGGUFTests {
    private func part(
        _ number: UInt16, of count: UInt16 = 3, total: Int32 = 3, tensor: String
    ) -> [UInt8] {
        var builder = GGUFBuilder()
        builder.add("split.no", type: 2, littleEndian(number))
        builder.add("split.count", type: 2, littleEndian(count))
        builder.add("split.tensors.count", type: 5, littleEndian(total))
        builder.addTensor(tensor, [Int64(number) + 1])
        builder.dataByteCount = 4 * (Int(number) + 1)
        return builder.bytes
    }

    private func write(_ folder: ScratchFolder) throws {
        for number in UInt16(0)..<3 {
            try folder.write(
                part(number, tensor: "t\(number)"), to: "m-0000\(number + 1)-of-00003.gguf")
        }
    }

    private func problem(_ folder: ScratchFolder, _ name: String) -> FileError? {
        #expect(throws: FileError.self) { try GGUFFile(contentsOf: folder.path + "/" + name) }
    }

    @Test func opensAllPartsThroughTheFirst() throws {
        let folder = try ScratchFolder()
        try write(folder)
        let file = try GGUFFile(contentsOf: folder.path + "/m-00001-of-00003.gguf")
        #expect(file.tensorNames == ["t0", "t1", "t2"] && file.partCount == 3)
        #expect(file.tensor(named: "t2")?.shape == [3])
        try file.checkUnchanged()
    }

    @Test func refusesPartsThatDoNotBelongTogether() throws {
        let folder = try ScratchFolder()
        try write(folder)
        let first = "m-00001-of-00003.gguf"
        #expect(
            "\(String(describing: problem(folder, "m-00002-of-00003.gguf")))"
                .contains("not the first"))
        try folder.write(part(0, tensor: "t0"), to: "other.gguf")
        #expect("\(String(describing: problem(folder, "other.gguf")))".contains("must end with"))
        try folder.write(part(2, tensor: "t1"), to: "m-00002-of-00003.gguf")
        #expect("\(String(describing: problem(folder, first)))".contains("split.no"))
        try folder.write(part(1, tensor: "t0"), to: "m-00002-of-00003.gguf")
        #expect(problem(folder, first)?.problem == .duplicateTensor("t0"))
        try folder.write(part(0, total: 9, tensor: "t0"), to: first)
        try folder.write(part(1, tensor: "t1"), to: "m-00002-of-00003.gguf")
        #expect("\(String(describing: problem(folder, first)))".contains("split.tensors.count"))
        try FileManager.default.removeItem(atPath: folder.path + "/m-00003-of-00003.gguf")
        #expect(problem(folder, first)?.problem == .missing)
    }
}
