import HalftoneFormats
import HalftoneKernels
import HalftoneRuns

/// A tensor to be written, whose bytes are produced when their turn comes.
///
/// A model of any size can be written with the memory of one tensor, or less when the closure
/// hands over pieces.
public struct TensorSource {
    /// The name in the file.
    public let name: String
    /// Outermost dimension first.
    public let shape: [Int]
    /// How the elements are encoded.
    public let encoding: TensorEncoding
    /// What the tensor's place in a safetensors file is a multiple of, or 1 for that of its type.
    public let alignment: Int
    /// Writes all bytes of the tensor, in one piece or several, in order.
    public let produce: (ByteSink) throws -> Void

    /// Describes a tensor that writes itself.
    ///
    /// - Parameters:
    ///   - name: The name in the file.
    ///   - shape: Outermost dimension first.
    ///   - encoding: How the elements are encoded.
    ///   - alignment: A power of two that divides the tensor's bytes, so that such tensors can
    ///     follow each other without holes, which safetensors files do not have.
    ///   - produce: Writes all bytes.
    public init(
        name: String, shape: [Int], encoding: TensorEncoding, alignment: Int = 1,
        produce: @escaping (ByteSink) throws -> Void
    ) {
        precondition(alignment >= 1 && alignment.nonzeroBitCount == 1, "a power of two")
        self.name = name
        self.shape = shape
        self.encoding = encoding
        self.alignment = alignment
        self.produce = produce
    }

    /// Copies a tensor of another file, or one in memory.
    ///
    /// - Parameters:
    ///   - tensor: What is written.
    ///   - name: Another name than the tensor's own.
    public init(_ tensor: StoredTensor, named name: String? = nil) {
        self.init(name: name ?? tensor.name, shape: tensor.shape, encoding: tensor.encoding) {
            try $0.write(tensor.bytes)
        }
    }

    /// Bytes that the tensor takes.
    ///
    /// - Throws: ``TensorWriteError/shape(tensor:_:)``.
    public func byteCount() throws(TensorWriteError) -> Int {
        do {
            return try CheckedShape(shape).byteCount(encoding)
        } catch {
            throw .shape(tensor: name, error)
        }
    }
}

/// Takes the bytes of one tensor on their way to a file.
public final class ByteSink {
    /// Bytes taken so far.
    public private(set) var byteCount = 0
    private let tensor: String
    private let expected: Int
    private let file: AtomicFile
    private static let pieceByteCount = 1 << 22

    init(file: AtomicFile, tensor: String, expected: Int) {
        self.file = file
        self.tensor = tensor
        self.expected = expected
    }

    /// Adds bytes.
    ///
    /// - Throws: ``TensorWriteError/wrongByteCount(tensor:written:expected:)`` when they are more
    ///   than the tensor has, or the `WriteError` of the file.
    public func write(_ bytes: [UInt8]) throws {
        try count(bytes.count)
        try file.write(bytes)
    }

    /// Adds bytes of a mapped file or of a kernel, in pieces of a few megabytes.
    ///
    /// - Throws: As ``write(_:)-([UInt8])``.
    public func write(_ bytes: Bytes) throws {
        try count(bytes.count)
        var offset = 0
        while offset < bytes.count {
            let end = min(offset + Self.pieceByteCount, bytes.count)
            try file.write(bytes[offset..<end].array)
            offset = end
        }
    }

    private func count(_ more: Int) throws(TensorWriteError) {
        byteCount += more
        guard byteCount <= expected else {
            throw .wrongByteCount(tensor: tensor, written: byteCount, expected: expected)
        }
    }

    /// Checks that all bytes have come.
    func finish() throws(TensorWriteError) {
        guard byteCount == expected else {
            throw .wrongByteCount(tensor: tensor, written: byteCount, expected: expected)
        }
    }
}

/// Why tensors cannot be written as asked.
public enum TensorWriteError: Error, Sendable, Equatable, CustomStringConvertible {
    case duplicateTensor(String)
    case invalidName(String, reason: String)
    case shape(tensor: String, ShapeError)
    case notRepresentable(tensor: String, encoding: String, format: String)
    case wrongByteCount(tensor: String, written: Int, expected: Int)
    case duplicateKey(String)
    case invalidKey(String, reason: String)
    case invalidAlignment(found: String)
    case tooManyTensors(found: Int, allowed: Int)
    case headerTooLarge(byteCount: Int, allowed: Int)

    /// The tensor or key, what was found and what is allowed.
    public var description: String {
        switch self {
        case .duplicateTensor(let name): "tensor \(name) is given twice"
        case .invalidName(let name, let reason):
            "the tensor name \(JSONValue.quoted(name)) \(reason)"
        case .shape(let tensor, let error): "tensor \(tensor): \(error)"
        case .notRepresentable(let tensor, let encoding, let format):
            "tensor \(tensor): \(format) has no type for \(encoding)"
        case .wrongByteCount(let tensor, let written, let expected):
            "tensor \(tensor): \(written) bytes were produced; shape and type need \(expected)"
        case .duplicateKey(let key): "the metadata key \(key) is given twice"
        case .invalidKey(let key, let reason): "the metadata key \(JSONValue.quoted(key)) \(reason)"
        case .invalidAlignment(let found):
            "general.alignment is \(found); it must be a u32 and a power of two"
        case .tooManyTensors(let found, let allowed):
            "\(found) tensors; a file holds at most \(allowed)"
        case .headerTooLarge(let count, let allowed):
            "the header would have \(count) bytes; at most \(allowed) are read back"
        }
    }
}
