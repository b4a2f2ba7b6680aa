import HalftoneTensor

/// A matrix as an adapter of few bits is stored: packed codes, a mean and a standard deviation.
public struct PackedAdapter: Sendable, Equatable {
    /// The shape of the matrix.
    public let shape: [Int]

    /// The levels.
    public let code: NormalCode

    /// The codes in row-major order, 8 / bits to a byte, rounded down; the first is in the lowest
    /// bits, and what is left of the last byte is 0.
    public let bytes: [UInt8]

    /// The mean m of the weights.
    public let mean: Float

    /// The standard deviation s of the weights.
    public let deviation: Float

    /// Packs codes: one per element of the shape, below 2^bits.
    public init(
        shape: [Int], code: NormalCode, codes: [UInt8], mean: Float, deviation: Float
    ) {
        precondition(codes.count == shape.reduce(1, *), "\(shape) has not \(codes.count) codes")
        let perByte = 8 / code.bits
        var bytes = [UInt8](repeating: 0, count: (codes.count + perByte - 1) / perByte)
        for (index, value) in codes.enumerated() {
            bytes[index / perByte] |= value << (index % perByte * code.bits)
        }
        self.init(shape: shape, code: code, bytes: bytes, mean: mean, deviation: deviation)
    }

    /// Takes bytes as they were stored: as many as the shape and the code need.
    ///
    /// Anything else is a mistake of the caller.
    public init(
        shape: [Int], code: NormalCode, bytes: [UInt8], mean: Float, deviation: Float
    ) {
        let perByte = 8 / code.bits
        let count = shape.reduce(1, *)
        precondition(
            bytes.count == (count + perByte - 1) / perByte, "\(shape) has not \(bytes.count) bytes")
        self.shape = shape
        self.code = code
        self.bytes = bytes
        self.mean = mean
        self.deviation = deviation
    }

    /// The codes in row-major order.
    public var codes: [UInt8] {
        let perByte = 8 / code.bits
        let mask = UInt8(truncatingIfNeeded: (1 << code.bits) - 1)
        return (0..<shape.reduce(1, *)).map { index in
            bytes[index / perByte] >> (index % perByte * code.bits) & mask
        }
    }

    /// The matrix: bit for bit what ``OneBitAdapters/quantized(_:)`` gave in training.
    public var values: Tensor {
        let levels = codes.map { code.levels[Int($0)] }
        return Tensor(shape: shape, elements: levels) * Tensor(deviation) + Tensor(mean)
    }

    /// Bytes of storage: the codes and two numbers of 32 bits.
    public var byteCount: Int { bytes.count + 8 }
}
