import HalftoneFormats
import HalftoneKernels

/// How the elements of a stored tensor are encoded.
public enum TensorEncoding: Sendable, Hashable {
    /// Plain elements, as in safetensors.
    case elements(ElementType)
    /// Blocks of a GGUF type along the innermost dimension.
    case blocks(BlockType)

    /// The name the file format gives it: `BF16`, `Q4_K`.
    public var name: String {
        switch self {
        case .elements(let type): type.rawValue
        case .blocks(let type): type.name
        }
    }
}

/// A named array in a file: checked shape, encoding and bytes, but no arithmetic.
public struct StoredTensor: Sendable {
    /// The name in the file.
    public let name: String
    /// Outermost dimension first, as NumPy prints it; empty for a single element.
    public let shape: [Int]
    /// How the elements are encoded.
    public let encoding: TensorEncoding
    /// The elements: exactly as many bytes as shape and encoding need.
    public let bytes: Bytes

    /// Describes an array whose byte count has been checked against shape and encoding.
    public init(name: String, shape: [Int], encoding: TensorEncoding, bytes: Bytes) {
        self.name = name
        self.shape = shape
        self.encoding = encoding
        self.bytes = bytes
    }

    /// The number of elements.
    public var elementCount: Int { shape.reduce(1, *) }
}
