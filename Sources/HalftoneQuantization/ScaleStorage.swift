import HalftoneFormats
import HalftoneKernels

/// Scales as a file holds them.
struct ScaleStorage {
    private let format: ScaleFormat

    init(_ format: ScaleFormat) { self.format = format }

    /// The factor of 8-bit scales that brings the largest to 448; 1 for the other formats.
    func factor(largest: Float) -> Float {
        format == .float8 && largest > 0 ? largest / 448 : 1
    }

    /// What is left of a scale when it is stored.
    func stored(_ scale: Float, factor: Float) -> Float {
        switch format {
        case .float32: scale
        case .float16: SmallFloat.float16(SmallFloat.float16Bits(scale))
        case .bfloat16: SmallFloat.bfloat16(SmallFloat.bfloat16Bits(scale))
        case .float8: SmallFloat.float8E4M3(SmallFloat.float8E4M3Bits(scale / factor)) * factor
        }
    }

    func encode(_ scales: [Float], factor: Float) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(scales.count * format.bits / 8)
        for scale in scales {
            switch format {
            case .float32: append(scale.bitPattern, to: &bytes)
            case .float16: append(SmallFloat.float16Bits(scale), to: &bytes)
            case .bfloat16: append(SmallFloat.bfloat16Bits(scale), to: &bytes)
            case .float8: bytes.append(SmallFloat.float8E4M3Bits(scale / factor))
            }
        }
        return bytes
    }

    func decode(_ bytes: Bytes, factor: Float) -> [Float] {
        let size = format.bits / 8
        return (0..<bytes.count / size).map { index in
            switch format {
            case .float32: Float(bitPattern: bytes.load(at: index * 4))
            case .float16: SmallFloat.float16(bytes.load(at: index * 2))
            case .bfloat16: SmallFloat.bfloat16(bytes.load(at: index * 2))
            case .float8: SmallFloat.float8E4M3(bytes[index]) * factor
            }
        }
    }

    private func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        for byte in 0..<value.bitWidth / 8 {
            bytes.append(UInt8(truncatingIfNeeded: value >> (8 * byte)))
        }
    }
}

/// Codes of a few bits each, one after another from the least significant bit on.
enum BitStream {
    static func encode(_ codes: [UInt8], bits: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: (codes.count * bits + 7) / 8)
        for (index, code) in codes.enumerated() {
            let (byte, shift) = (index * bits).quotientAndRemainder(dividingBy: 8)
            let wide = UInt16(code) << shift
            bytes[byte] |= UInt8(truncatingIfNeeded: wide)
            if shift + bits > 8 { bytes[byte + 1] |= UInt8(wide >> 8) }
        }
        return bytes
    }

    static func decode(_ bytes: Bytes, bits: Int, count: Int) -> [UInt8] {
        (0..<count).map { index in
            let (byte, shift) = (index * bits).quotientAndRemainder(dividingBy: 8)
            var wide = UInt16(bytes[byte])
            if shift + bits > 8 { wide |= UInt16(bytes[byte + 1]) << 8 }
            return UInt8(truncatingIfNeeded: wide >> shift) & UInt8((1 << bits) - 1)
        }
    }
}
