/// Properties of scalars as the parts of the reference tokenizer see them.
///
/// Those parts were built from tables of different Unicode versions. A scalar younger than the
/// part's version is unassigned to it; the few scalars that changed category are listed.
enum DatedProperties {
    /// Punctuation of `BertPreTokenizer` and `Punctuation`: ASCII's, and `\p{P}` of Unicode 8.
    static func isPunctuation(_ value: UInt32) -> Bool {
        if value < 0x80 {
            return (0x21...0x2F).contains(value) || (0x3A...0x40).contains(value)
                || (0x5B...0x60).contains(value) || (0x7B...0x7E).contains(value)
        }
        if value == 0x166D || value == 0x1_11C9 { return true }
        switch category(of: value, version: 8) {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
            .initialPunctuation, .finalPunctuation, .otherPunctuation:
            return true
        default: return false
        }
    }

    /// Marks that `BertNormalizer` strips: `\p{Mn}` of Unicode 8.
    static func isNonspacingMark(_ value: UInt32) -> Bool {
        switch value {
        case ..<0x300, 0x1885, 0x1886, 0xA9BD, 0x1_11C9: false
        case 0x1734, 0x1_171E: true
        default: category(of: value, version: 8) == .nonspacingMark
        }
    }

    /// Marks that `StripAccents` strips: `\p{M}` of Unicode 9.
    static func isMark(_ value: UInt32) -> Bool {
        switch value {
        case ..<0x300, 0x1_11C9: return false
        case 0x1CF2, 0x1CF3: return true
        default: break
        }
        switch category(of: value, version: 9) {
        case .nonspacingMark, .spacingMark, .enclosingMark: return true
        default: return false
        }
    }

    /// Characters that `BertNormalizer` removes: NUL, U+FFFD, and `\p{C}` of Unicode 8 except
    /// unassigned ones, tab, line feed and carriage return.
    static func isControl(_ value: UInt32) -> Bool {
        switch value {
        case 0x09, 0x0A, 0x0D: return false
        case 0x00, 0xFFFD: return true
        case 0x20...0x7E: return false
        default: break
        }
        switch category(of: value, version: 8) {
        case .control, .format, .privateUse: return true
        default: return false
        }
    }

    /// The property White_Space.
    @inline(__always)
    static func isWhitespace(_ value: UInt32) -> Bool {
        if value < 0x80 { return value == 0x20 || (value >= 0x09 && value <= 0x0D) }
        return Unicode.Scalar(value)?.properties.isWhitespace ?? false
    }

    /// `\p{N}` of the current Unicode version, which `Digits` asks for.
    @inline(__always)
    static func isNumeric(_ value: UInt32) -> Bool {
        if value < 0x80 { return value >= 0x30 && value <= 0x39 }
        switch Unicode.Scalar(value)?.properties.generalCategory {
        case .decimalNumber, .letterNumber, .otherNumber: return true
        default: return false
        }
    }

    /// `\w` of Unicode 16: letters, marks, decimal digits, connectors and joiners.
    static func isWord(_ value: UInt32) -> Bool {
        if value < 0x80 {
            return (0x30...0x39).contains(value) || (0x41...0x5A).contains(value)
                || (0x61...0x7A).contains(value) || value == 0x5F
        }
        guard let properties = Unicode.Scalar(value)?.properties, let age = properties.age,
            age.major <= 16
        else { return false }
        switch properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation:
            return true
        default:
            return properties.isAlphabetic || properties.isJoinControl
        }
    }

    /// Ideographs that `BertNormalizer` puts spaces around.
    static func isIdeograph(_ value: UInt32) -> Bool {
        switch value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x2_0000...0x2_A6DF, 0x2_A700...0x2_B73F,
            0x2_B740...0x2_B81F, 0x2_B920...0x2_CEAF, 0xF900...0xFAFF, 0x2_F800...0x2_FA1F:
            true
        default: false
        }
    }

    private static func category(of value: UInt32, version: Int) -> Unicode.GeneralCategory? {
        guard let properties = Unicode.Scalar(value)?.properties, let age = properties.age,
            age.major <= version
        else { return nil }
        return properties.generalCategory
    }
}
