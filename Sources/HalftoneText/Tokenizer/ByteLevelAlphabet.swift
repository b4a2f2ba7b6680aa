/// The bijection between bytes and printable characters of byte-level vocabularies.
///
/// Bytes 0x21–0x7E, 0xA1–0xAC and 0xAE–0xFF stand for the characters of the same number, the
/// other 68 in increasing order for U+0100 to U+0143. Source: A. Radford et al., "Language Models
/// are Unsupervised Multitask Learners", 2019, the published encoder.
enum ByteLevelAlphabet {
    /// The scalar value that stands for each byte.
    static let scalars: [UInt32] = {
        var next: UInt32 = 0x100
        return (UInt32(0)...255).map { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return byte
            default:
                next += 1
                return next - 1
            }
        }
    }()

    /// The byte that each scalar value below U+0144 stands for, or -1.
    static let bytes: [Int16] = {
        var bytes = [Int16](repeating: -1, count: 0x144)
        for (byte, scalar) in scalars.enumerated() { bytes[Int(scalar)] = Int16(byte) }
        return bytes
    }()

    /// The bytes that a token stands for, or nil when a character is not in the alphabet.
    static func bytes(of token: ArraySlice<UInt8>) -> [UInt8]? {
        let token = Array(token)
        var result: [UInt8] = []
        result.reserveCapacity(token.count)
        var index = 0
        while index < token.count {
            let (value, width) = UTF8Text.scalar(in: token, at: index)
            guard value < 0x144, bytes[Int(value)] >= 0 else { return nil }
            result.append(UInt8(truncatingIfNeeded: bytes[Int(value)]))
            index += width
        }
        return result
    }

    /// The characters that stand for the bytes of a text.
    static func characters(for text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count * 2)
        for byte in text { UTF8Text.append(scalars[Int(byte)], to: &result) }
        return result
    }
}
