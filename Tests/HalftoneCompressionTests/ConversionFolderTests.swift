import Foundation
import HalftoneCompression
import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneModels
import Testing

/// Folders written from folders, with matrices of another type.
struct ConversionFolderTests {
    /// Layouts that the run time changes (transposed, rows in another order, one less), too.
    private static let names = ["smollm2", "llama3", "gpt2", "gpt_neox", "phi3", "gemma3"]

    /// The bytes of float32 numbers in a type; halves go to the even neighbour.
    private func bytes(_ stored: StoredTensor, as type: ElementType) -> [UInt8] {
        let bytes = stored.bytes.array
        return stride(from: 0, to: bytes.count, by: 4).flatMap { place -> [UInt8] in
            let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[place + $1]) << (8 * $1) }
            // The part that is cut off counts as one half up, less one for an even neighbour.
            let half: UInt16 =
                type == .float16
                ? SmallFloat.float16Bits(Float(bitPattern: bits))
                : UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
            return [UInt8(truncatingIfNeeded: half), UInt8(truncatingIfNeeded: half >> 8)]
        }
    }

    @Test(arguments: names, [ElementType.float16, .bfloat16])
    func everyMatrixGetsTheType(name: String, type: ElementType) throws {
        let scratch = try ConversionScratch()
        let source = try scratch.model(name, changes: ["torch_dtype": "float32"])
        let (half, again, wide) = (
            scratch.file("half"), scratch.file("again"), scratch.file("wide")
        )
        let writer = ModelFolderWriter(try LanguageModel(path: source), matrixType: type)
        let size = try writer.weightFileByteCount()
        try writer.write(to: half, replaces: false)
        let original = try SafetensorsFile(contentsOf: source + "/model.safetensors")
        let written = try SafetensorsFile(contentsOf: half + "/model.safetensors")
        let attributes = try FileManager.default.attributesOfItem(
            atPath: half + "/model.safetensors")
        #expect(attributes[.size] as? Int == size)
        #expect(written.tensors.contains { $0.shape.count == 2 })
        for tensor in written.tensors {
            let before = try #require(original.tensor(named: tensor.name))
            #expect(tensor.shape == before.shape)
            if tensor.shape.count == 2 {
                #expect(tensor.encoding == .elements(type), "\(tensor.name)")
                #expect(tensor.bytes.array == bytes(before, as: type), "\(tensor.name)")
            } else {
                #expect(tensor.encoding == before.encoding, "\(tensor.name)")
                #expect(tensor.bytes.array == before.bytes.array, "\(tensor.name)")
            }
        }
        let model = try LanguageModel(path: half)
        #expect(
            model.configuration["torch_dtype"]?.string == "\(type == .float16 ? "" : "b")float16")

        // Without a type it is copied; as F32 it holds the same numbers, and computes the same.
        try ModelFolderWriter(model).write(to: again, replaces: false)
        let copy = try Data(contentsOf: URL(filePath: again + "/model.safetensors"))
        #expect(copy == (try Data(contentsOf: URL(filePath: half + "/model.safetensors"))))
        try ModelFolderWriter(model, matrixType: .float32).write(to: wide, replaces: false)
        let tokens: [Int32] = [1, 17, 42, 3, 88]
        let expected = try logits(of: model, after: tokens)
        #expect(try logits(of: LanguageModel(path: again), after: tokens) == expected)
        let found = try logits(of: LanguageModel(path: wide), after: tokens)
        // The same numbers; products of two types may sum in another order, which moves logits of
        // rms 8 by some ulp a layer.
        #expect(worstDifference(expected, found) <= 1e-4, "\(name)")
    }

    @Test func whatDoesNotFitIsRefusedByName() throws {
        let scratch = try ConversionScratch()
        let source = try scratch.model("smollm2")
        let path = source + "/model.safetensors"
        let file = try SafetensorsFile(contentsOf: path)
        let name = "model.layers.1.mlp.up_proj.weight"
        var writer = SafetensorsWriter()
        for tensor in file.tensors {
            var bytes = tensor.bytes.array
            // 131072 is twice what float16 holds.
            if tensor.name == name { bytes.replaceSubrange(0..<4, with: [0, 0, 0, 0x48]) }
            try writer.add(
                TensorSource(
                    StoredTensor(
                        name: tensor.name, shape: tensor.shape, encoding: tensor.encoding,
                        bytes: Bytes(bytes))))
        }
        try writer.write(to: scratch.file("large.safetensors"))
        try FileManager.default.removeItem(atPath: path)
        try FileManager.default.moveItem(atPath: scratch.file("large.safetensors"), toPath: path)
        let model = try LanguageModel(path: source)
        let error = #expect(throws: (any Error).self) {
            try ModelFolderWriter(model, matrixType: .float16)
                .write(to: scratch.file("half"), replaces: false)
        }
        #expect("\(error!)".contains(name), "\(error!)")
        #expect(!FileManager.default.fileExists(atPath: scratch.file("half")))
        try ModelFolderWriter(model, matrixType: .bfloat16)
            .write(to: scratch.file("half"), replaces: false)
    }
}
