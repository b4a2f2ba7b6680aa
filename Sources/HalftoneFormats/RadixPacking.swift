/// Codes of a number of levels that is no power of two, as digits of whole words.
///
/// A word of 8, 16, 32 or 64 bits, little-endian, holds as many digits as fit; the first code is
/// the least significant digit. Of the widths the one with the fewest bits per code is taken, the
/// shortest if several are equal: five ternary codes in a byte (1.6 bits), three of six levels in
/// a byte, 27 of five levels in eight bytes (2.37 bits where three bits would be needed).
public struct RadixPacking: Sendable, Hashable {
    /// The number of levels, 2 to 256.
    public let levels: Int

    /// Bytes of a word: 1, 2, 4 or 8.
    public let bytesPerWord: Int

    /// Codes in a word.
    public let codesPerWord: Int

    /// Chooses the word for a number of levels.
    ///
    /// - Parameter levels: 2 to 256; anything else is a mistake of the caller.
    public init(levels: Int) {
        precondition((2...256).contains(levels), "there are 2 to 256 levels, not \(levels)")
        self.levels = levels
        var best = (bytes: 1, codes: 1)
        for bytes in [1, 2, 4, 8] {
            var codes = 0
            var rest = UInt64.max >> UInt64(64 - 8 * bytes)
            // Digits fit while levels^codes − 1 is at most the largest word.
            while rest >= UInt64(levels) - 1 {
                codes += 1
                rest = (rest - (UInt64(levels) - 1)) / UInt64(levels)
            }
            if bytes * best.codes < best.bytes * codes { best = (bytes, codes) }
        }
        (bytesPerWord, codesPerWord) = best
    }

    /// Bits per code in full words.
    public var bitsPerCode: Double { Double(8 * bytesPerWord) / Double(codesPerWord) }

    /// Bytes of a number of codes: whole words, the last one filled up with code 0.
    public func byteCount(codes: Int) -> Int {
        (codes / codesPerWord + (codes % codesPerWord == 0 ? 0 : 1)) * bytesPerWord
    }

    /// Packs codes.
    ///
    /// - Parameter codes: Below ``levels``; anything else is a mistake of the caller.
    /// - Returns: ``byteCount(codes:)`` bytes.
    public func pack(_ codes: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount(codes: codes.count))
        for first in stride(from: 0, to: codes.count, by: codesPerWord) {
            var word: UInt64 = 0
            for code in codes[first..<min(first + codesPerWord, codes.count)].reversed() {
                precondition(Int(code) < levels, "a code is not below the number of levels")
                word = word * UInt64(levels) + UInt64(code)
            }
            for byte in 0..<bytesPerWord {
                bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * byte)))
            }
        }
        return bytes
    }

    /// The codes of packed words.
    ///
    /// - Parameters:
    ///   - bytes: At least ``byteCount(codes:)`` bytes of any content: digits are below
    ///     ``levels`` whatever the bytes are.
    ///   - count: The number of codes, 0 or more.
    public func unpack(_ bytes: [UInt8], count: Int) -> [UInt8] {
        precondition(count >= 0 && bytes.count >= byteCount(codes: count), "too few bytes")
        var codes: [UInt8] = []
        codes.reserveCapacity(count)
        var at = 0
        while codes.count < count {
            var word: UInt64 = 0
            for byte in 0..<bytesPerWord { word |= UInt64(bytes[at + byte]) << UInt64(8 * byte) }
            at += bytesPerWord
            for _ in 0..<min(codesPerWord, count - codes.count) {
                codes.append(UInt8(word % UInt64(levels)))
                word /= UInt64(levels)
            }
        }
        return codes
    }
}
