import Foundation
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneTesting
import Testing

struct ReferenceTests {
    private func source(_ name: String, _ type: TensorEncoding, _ shape: [Int]) throws
        -> TensorSource
    {
        let count = try CheckedShape(shape).byteCount(type)
        return TensorSource(
            StoredTensor(
                name: name, shape: shape, encoding: type, bytes: Bytes(counting(count))))
    }

    private let plain: [(String, ElementType, [Int])] = [
        ("b.weight", .float32, [2, 3]), ("a", .float32, []), ("é\"x", .int64, [3]),
        ("half", .float16, [5]), ("bytes", .uint8, [7]), ("none", .float32, [0, 4]),
        ("flags", .int8, [2]), ("unsigned", .uint32, [2]), ("signed", .int32, [2]),
        ("short", .int16, [2]), ("ushort", .uint16, [2]), ("double", .float64, [2]),
        ("ulong", .uint64, [2]),
    ]
    private let more: [(String, ElementType, [Int])] = [
        ("bf", .bfloat16, [3]), ("e4m3", .float8E4M3, [3]), ("e5m2", .float8E5M2, [3]),
        ("e8m0", .float8E8M0, [3]), ("e4m3fnuz", .float8E4M3FNUZ, [3]),
        ("e5m2fnuz", .float8E5M2FNUZ, [3]), ("bool", .bool, [2]), ("complex", .complex64, [2]),
    ]

    @Test(
        .enabled(
            if: ReferencePython.has("gguf, numpy, safetensors"),
            "needs Python with the packages safetensors, gguf and numpy (set HALFTONE_PYTHON)"))
    func thePackagesReadOurFilesAndWeReadTheirs() throws {
        let folder = try ScratchFolder()
        var writer = SafetensorsWriter(metadata: [("format", "pt"), ("note", "é\"\n")])
        for (name, type, shape) in plain { try writer.add(source(name, .elements(type), shape)) }
        try writer.write(to: folder.path + "/ours.safetensors")
        var ggufWriter = GGUFWriter(metadata: everyGGUFMetadata())
        for (name, type, shape) in [
            ("q4", BlockType.q4_0, [3, 64]), ("f32", .f32, [3, 2, 5]), ("bf16", .bf16, [4]),
            ("q6", .q6_K, [2, 256]), ("i8", .i8, [6]),
        ] {
            try ggufWriter.add(source(name, .blocks(type), shape))
        }
        try ggufWriter.write(to: folder.path + "/ours.gguf")

        let script = ReferencePython.script("Reference/model_files.py")
        let (code, output) = try ReferencePython.run([script, folder.path])
        #expect(code == 0, "\(output)")

        try compareSafetensors(folder)
        try compareGGUF(folder)
        try compareJSON(folder)
    }

    /// Reads the package's file and writes the same tensors: the bytes must be the same.
    private func compareSafetensors(_ folder: ScratchFolder) throws {
        let theirs = try SafetensorsFile(contentsOf: folder.path + "/theirs.safetensors")
        #expect(theirs.tensors.count == plain.count + more.count)
        var writer = SafetensorsWriter()
        for (name, type, shape) in plain + more {
            let tensor = try #require(theirs.tensor(named: name))
            #expect(tensor.shape == shape && tensor.encoding == .elements(type))
            #expect(tensor.bytes.array == counting(tensor.bytes.count))
            try writer.add(TensorSource(tensor))
        }
        try writer.write(to: folder.path + "/again.safetensors")
        #expect(folder.read("again.safetensors") == folder.read("theirs.safetensors"))
    }

    private func compareGGUF(_ folder: ScratchFolder) throws {
        let theirs = try GGUFFile(contentsOf: folder.path + "/theirs.gguf")
        let metadata = theirs.metadata
        #expect(metadata["general.architecture"] == .string("llama"))
        #expect(metadata["general.name"] == .string("théirs"))
        #expect(metadata["llama.block_count"] == .uint32(2))
        #expect(metadata["llama.rope.freq_base"] == .float32(10000.5))
        #expect(metadata["x.yes"] == .bool(true) && metadata["x.u64"] == .uint64(1 << 63))
        #expect(metadata["x.f64"] == .float64(0.1))
        #expect(
            metadata["tokenizer.ggml.tokens"]?.strings.map(Array.init)
                == ["<s>", "é", "", "\u{2581}the", "e\u{301}"])
        #expect(metadata["tokenizer.ggml.scores"]?.floats == [0, -1.5, 2, 3, -0.25])
        #expect(metadata["tokenizer.ggml.token_type"] == .array(.int32([3, 1, 1, 1, 1])))
        #expect(theirs.tensorNames == ["q8", "q4", "norm", "half"])
        #expect(theirs.tensor(named: "q4")?.shape == [3, 64])
        #expect(theirs.tensor(named: "half")?.shape == [2, 3, 5])
        #expect(theirs.tensor(named: "q8")?.bytes.array == counting(2 * 68))
        let norm = try #require(theirs.tensor(named: "norm"))
        #expect(
            (0..<7).map { Float(bitPattern: norm.bytes.load(at: $0 * 4)) } == [0, 1, 2, 3, 4, 5, 6])
        var writer = GGUFWriter(metadata: metadata)
        for tensor in theirs.tensors { try writer.add(TensorSource(tensor)) }
        try writer.write(to: folder.path + "/again.gguf")
        #expect(folder.read("again.gguf") == folder.read("theirs.gguf"))
    }

    /// Reads documents that Python wrote in three layouts and writes them the same.
    private func compareJSON(_ folder: ScratchFolder) throws {
        func document(_ ending: String) throws -> ([UInt8], JSONValue) {
            let bytes = try #require(folder.read("theirs.json." + ending))
            return (bytes, try JSONParser.parse(bytes))
        }
        let (compact, value) = try document("compact")
        #expect(Array(value.serialized().utf8) == compact)
        let (spaced, again) = try document("spaced")
        #expect(Array(again.serialized(.spaced).utf8) == spaced && again == value)
        let (pretty, sorted) = try document("pretty")
        #expect(Array(sorted.serialized(.pretty(indent: 2)).utf8) == pretty && sorted == value)
        let pythonOrder = value.serialized(.pretty(indent: 2), sortingMembers: true)
        #expect(Array(pythonOrder.utf8) == pretty)
        #expect(try document("escaped").1 == value)
        #expect(value["numbers"]?.array.map { $0.count > 6000 } == true)
    }
}
