import Foundation

/// The four Unicode normal forms, on UTF-8 bytes.
///
/// The reference tokenizer's tables are of Unicode 9: to them younger characters are unassigned,
/// so they neither decompose nor combine with their neighbours.
enum UnicodeNormalForm: Sendable {
    case composed, decomposed, compatibilityComposed, compatibilityDecomposed

    /// The normal form of a text.
    ///
    /// - Complexity: O(bytes); runs of characters that stay as they are, are copied.
    func normalized(_ text: [UInt8]) -> [UInt8] {
        // Below this every scalar is a starter in normal form that joins no scalar before it.
        let limit: UInt32 = self == .composed ? 0x300 : 0x80
        guard let first = Self.firstScalar(in: text, from: 0, notBelow: limit) else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var copied = 0
        var next: Int? = first
        while let found = next {
            // The scalar before may combine with what follows.
            let start = found > copied ? UTF8Text.indexBefore(found, in: text) : found
            result.append(contentsOf: text[copied..<start])
            var end = found
            while end < text.count {
                let (value, width) = UTF8Text.scalar(in: text, at: end)
                if value < limit { break }
                end += width
            }
            appendNormalized(text, start..<end, to: &result)
            copied = end
            next = Self.firstScalar(in: text, from: end, notBelow: limit)
        }
        result.append(contentsOf: text[copied...])
        return result
    }

    private static func firstScalar(
        in text: [UInt8], from start: Int, notBelow limit: UInt32
    ) -> Int? {
        let leadByte: UInt8 = limit == 0x80 ? 0xC0 : 0xCC
        var index = start
        while index < text.count {
            if text[index] >= leadByte { return index }
            index += 1
        }
        return nil
    }

    /// Normalizes what lies between young characters and copies those.
    private func appendNormalized(
        _ text: [UInt8], _ range: Range<Int>, to result: inout [UInt8]
    ) {
        var start = range.lowerBound
        var index = start
        while index < range.upperBound {
            let (value, width) = UTF8Text.scalar(in: text, at: index)
            if Self.isYoung(value) {
                convert(text[start..<index], to: &result)
                result.append(contentsOf: text[index..<index + width])
                start = index + width
            }
            index += width
        }
        convert(text[start..<range.upperBound], to: &result)
    }

    private static func isYoung(_ value: UInt32) -> Bool {
        if value < 0x300 { return false }
        guard let age = Unicode.Scalar(value)?.properties.age else { return true }
        return age.major > 9
    }

    private func convert(_ part: ArraySlice<UInt8>, to result: inout [UInt8]) {
        guard !part.isEmpty else { return }
        let text = String(decoding: part, as: UTF8.self)
        switch self {
        case .composed: Self.appendComposed(text, to: &result)
        case .decomposed: result.append(contentsOf: text.decomposedStringWithCanonicalMapping.utf8)
        case .compatibilityComposed: Self.appendComposed(Self.compatible(text), to: &result)
        case .compatibilityDecomposed: result.append(contentsOf: Self.compatible(text).utf8)
        }
    }

    /// The compatibility decomposition; Foundation's leaves the marks that it makes unsorted.
    private static func compatible(_ text: String) -> String {
        text.decomposedStringWithCompatibilityMapping.decomposedStringWithCanonicalMapping
    }

    /// Appends the composition; Foundation's misses Korean syllables with marks after them.
    private static func appendComposed(_ text: String, to result: inout [UInt8]) {
        var pending: UInt32?
        for scalar in text.precomposedStringWithCanonicalMapping.unicodeScalars {
            if let last = pending {
                if let joined = syllable(last, scalar.value) {
                    pending = joined
                    continue
                }
                UTF8Text.append(last, to: &result)
            }
            pending = scalar.value
        }
        if let pending { UTF8Text.append(pending, to: &result) }
    }

    /// The Korean syllable of a leading consonant and a vowel, or of those and a final consonant.
    ///
    /// Source: The Unicode Standard, section 3.12, "Hangul Syllable Composition".
    private static func syllable(_ first: UInt32, _ second: UInt32) -> UInt32? {
        switch (first, second) {
        case (0x1100...0x1112, 0x1161...0x1175):
            0xAC00 + ((first - 0x1100) * 21 + second - 0x1161) * 28
        case (0xAC00...0xD7A3, 0x11A8...0x11C2) where (first - 0xAC00) % 28 == 0:
            first + second - 0x11A7
        default: nil
        }
    }
}
