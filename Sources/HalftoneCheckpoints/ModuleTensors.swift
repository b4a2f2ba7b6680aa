import HalftoneFiles
import HalftoneFormats
import HalftoneKernels

/// The tensors of one module, checked as they are asked for.
struct ModuleTensors {
    let module: String
    let archive: any TensorArchive

    /// The tensor called by the module's name and a suffix.
    subscript(suffix: String) -> StoredTensor? { archive.tensor(named: name(suffix)) }

    func name(_ suffix: String) -> String { module + "." + suffix }

    /// A tensor that must be there.
    func required(
        _ suffix: String, _ types: ElementType...
    ) throws(CheckpointError) -> StoredTensor {
        guard let tensor = self[suffix] else { throw .missingTensor(name(suffix)) }
        return try check(tensor, types)
    }

    /// A tensor that may be there.
    func optional(
        _ suffix: String, _ types: ElementType...
    ) throws(CheckpointError) -> StoredTensor? {
        guard let tensor = self[suffix] else { return nil }
        return try check(tensor, types)
    }

    private func check(
        _ tensor: StoredTensor, _ types: [ElementType]
    ) throws(CheckpointError) -> StoredTensor {
        guard case .elements(let type) = tensor.encoding, types.contains(type) else {
            throw .wrongType(tensor: tensor.name, found: tensor.encoding.name, allowed: types)
        }
        return tensor
    }

    /// Bytes of tensors of the module that are there.
    func byteCount(_ suffixes: [String]) -> Int {
        suffixes.reduce(0) { $0 + (self[$1]?.bytes.count ?? 0) }
    }
}

extension StoredTensor {
    /// The two dimensions of a matrix, both at least 1.
    func matrixShape(_ wanted: String) throws(CheckpointError) -> (rows: Int, columns: Int) {
        guard shape.count == 2, shape[0] > 0, shape[1] > 0 else {
            throw .wrongShape(tensor: name, found: shape, wanted: wanted + " is wanted")
        }
        return (shape[0], shape[1])
    }

    /// Refuses any other shape.
    func checkShape(_ wanted: [Int]) throws(CheckpointError) {
        guard shape == wanted else {
            throw .wrongShape(tensor: name, found: shape, wanted: "the others need \(wanted)")
        }
    }

    /// The elements of a tensor of 32-bit or 64-bit integers.
    func integers() -> [Int] {
        encoding == .elements(.int64)
            ? (0..<elementCount).map { Int(bytes.load(Int64.self, at: 8 * $0)) }
            : (0..<elementCount).map { Int(bytes.load(Int32.self, at: 4 * $0)) }
    }

    /// The elements of a float tensor, each finite.
    ///
    /// F8_E4M3 is read as float8, U8 as E8M0 powers of two.
    func finiteFloats() throws(CheckpointError) -> [Float] {
        let count = elementCount
        let values: [Float]
        switch encoding {
        case .elements(.float32):
            values = (0..<count).map { Float(bitPattern: bytes.load(at: 4 * $0)) }
        case .elements(.float16):
            values = (0..<count).map { SmallFloat.float16(bytes.load(at: 2 * $0)) }
        case .elements(.bfloat16):
            values = (0..<count).map { SmallFloat.bfloat16(bytes.load(at: 2 * $0)) }
        case .elements(.float8E4M3):
            values = (0..<count).map { NumberFormat.e4m3.value(of: bytes[$0]) }
        case .elements(.uint8), .elements(.float8E8M0):
            values = (0..<count).map { NumberFormat.e8m0.value(of: bytes[$0]) }
        default:
            throw .wrongType(
                tensor: name, found: encoding.name, allowed: [.float32, .float16, .bfloat16])
        }
        if let bad = values.firstIndex(where: { !$0.isFinite }) {
            throw .badContent(tensor: name, reason: "element \(bad) is \(values[bad])")
        }
        return values
    }
}
