import HalftoneFiles
import HalftoneFormats
import HalftoneKernels
import HalftoneTensor

/// Files of float32 tensors by name, in the safetensors format.
public enum TensorFile {
    /// Writes tensors; the file appears when it is complete.
    ///
    /// - Throws: `TensorWriteError`, `WriteError`.
    public static func write(_ tensors: [String: Tensor], to path: String) throws {
        var writer = SafetensorsWriter()
        for (name, tensor) in tensors.sorted(by: { $0.key < $1.key }) {
            try writer.add(source(name, tensor))
        }
        try writer.write(to: path)
    }

    /// A tensor as something that writers of model files take.
    public static func source(_ name: String, _ tensor: Tensor) -> TensorSource {
        TensorSource(name: name, shape: tensor.shape, encoding: .elements(.float32)) { sink in
            // In pieces, so that a large tensor is not held twice.
            let piece = 1 << 18
            for start in stride(from: 0, to: tensor.count, by: piece) {
                let range = start..<min(start + piece, tensor.count)
                try sink.write(tensor.elements.littleEndianBytes(range))
            }
        }
    }

    /// Reads all tensors of a file.
    ///
    /// - Throws: `FileError`; ``TrainingError/badCheckpoint(path:reason:)`` for a tensor that is
    ///   not of float32 numbers.
    public static func read(_ path: String) throws -> [String: Tensor] {
        let file = try SafetensorsFile(contentsOf: path)
        var result: [String: Tensor] = [:]
        for stored in file.tensors {
            guard stored.encoding == .elements(.float32) else {
                throw TrainingError.badCheckpoint(
                    path: path, reason: "\(stored.name) is of \(stored.encoding.name), not F32")
            }
            result[stored.name] = Tensor(
                shape: stored.shape,
                elements: FloatArray(littleEndian: stored.bytes, count: stored.elementCount))
        }
        return result
    }
}
