import HalftoneFormats
import HalftoneKernels

extension ScaleCodec {
    /// Stored scales as a file holds them, little-endian.
    package func encode(_ scales: [Float]) -> Bytes {
        let size = format.bits / 8
        return Bytes(count: scales.count * size) { span in
            for (index, scale) in scales.enumerated() {
                let pattern = pattern(scale)
                for byte in 0..<size {
                    span.storeBytes(
                        of: UInt8(truncatingIfNeeded: pattern >> (8 * UInt32(byte))),
                        toByteOffset: index * size + byte, as: UInt8.self)
                }
            }
        }
    }

    /// The scales that a file holds.
    func decode(_ bytes: Bytes) -> [Float] {
        let size = format.bits / 8
        let types: [ScaleFormat: BlockType] = [
            .float32: .f32, .float16: .f16, .bfloat16: .bf16,
        ]
        if let type = types[format],
            let matrix = try? BlockMatrix(
                type: type, rows: 1, columns: bytes.count / size, bytes: bytes)
        {
            return matrix.decoded()
        }
        return (0..<bytes.count / size).map { index in
            let pattern: UInt32 =
                switch size {
                case 4: bytes.load(at: index * 4)
                case 2: UInt32(bytes.load(UInt16.self, at: index * 2))
                default: UInt32(bytes[index])
                }
            return value(pattern)
        }
    }
}

/// Codes of a few bits each, one after another from the least significant bit on.
enum BitStream {
    /// Bytes of a stream; the bits after the last code are 0.
    static func byteCount(codes: Int, bits: Int) -> Int { (codes * bits + 7) / 8 }

    /// Writes codes below `2^bits`.
    static func encode(_ codes: [UInt8], bits: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: byteCount(codes: codes.count, bits: bits))
        for (index, code) in codes.enumerated() {
            let (byte, shift) = (index * bits).quotientAndRemainder(dividingBy: 8)
            let wide = UInt16(code) << shift
            bytes[byte] |= UInt8(truncatingIfNeeded: wide)
            if shift + bits > 8 { bytes[byte + 1] |= UInt8(wide >> 8) }
        }
        return bytes
    }

    /// Reads codes; `bytes` holds at least `count` of them.
    static func decode(_ bytes: Bytes, bits: Int, count: Int) -> [UInt8] {
        (0..<count).map { index in
            let (byte, shift) = (index * bits).quotientAndRemainder(dividingBy: 8)
            var wide = UInt16(bytes[byte])
            if shift + bits > 8 { wide |= UInt16(bytes[byte + 1]) << 8 }
            return UInt8(truncatingIfNeeded: wide >> shift) & UInt8((1 << bits) - 1)
        }
    }
}
