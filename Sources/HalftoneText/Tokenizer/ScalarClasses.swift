/// The Unicode properties that split patterns ask for, one byte of flags per scalar.
///
/// Categories are those of Unicode 16, the version of the regular expressions in the reference
/// tokenizer, so that characters added later split as they do there.
struct ScalarClasses: Sendable {
    /// Letters, `\p{L}`.
    static let letter: UInt8 = 1
    /// Numbers, `\p{N}`.
    static let number: UInt8 = 2
    /// White space, `\s`.
    static let space: UInt8 = 4
    /// Marks, `\p{M}`.
    static let mark: UInt8 = 8
    /// Punctuation, `\p{P}`.
    static let punctuation: UInt8 = 16
    /// Symbols, `\p{S}`.
    static let symbol: UInt8 = 32
    /// Upper and title case, `\p{Lu}` and `\p{Lt}`; a letter that is neither this nor lower case
    /// is in `\p{Lm}` or `\p{Lo}`.
    static let upper: UInt8 = 64
    /// Lower case, `\p{Ll}`.
    static let lower: UInt8 = 128

    /// The table; the first use reads the properties of the alphabets' 12,288 scalars, and the
    /// first of a later scalar those of the other 249,856.
    static let shared = ScalarClasses()

    private static let alphabetsEnd: UInt32 = 0x3000
    private static let end: UInt32 = 0x4_0000
    private static let others = table(alphabetsEnd..<end)

    private let flags: [UInt8]

    private init() {
        var flags = Self.table(0..<Self.alphabetsEnd)
        // U+0295 became a lower-case letter in Unicode 17.
        flags[0x295] = Self.letter
        self.flags = flags
    }

    private static func table(_ values: Range<UInt32>) -> [UInt8] {
        values.map { value in Unicode.Scalar(value).map(properties) ?? 0 }
    }

    /// The flags of a scalar value.
    @inline(__always)
    subscript(value: UInt32) -> UInt8 {
        if value < Self.alphabetsEnd { return flags[Int(value)] }
        if value < Self.end { return Self.others[Int(value - Self.alphabetsEnd)] }
        return value >= 0xE_0100 && value <= 0xE_01EF ? Self.mark : 0
    }

    private static func properties(of scalar: Unicode.Scalar) -> UInt8 {
        let properties = scalar.properties
        guard let age = properties.age, age.major <= 16 else { return 0 }
        let flags: UInt8 = properties.isWhitespace ? space : 0
        switch properties.generalCategory {
        case .uppercaseLetter, .titlecaseLetter: return flags | letter | upper
        case .lowercaseLetter: return flags | letter | lower
        case .modifierLetter, .otherLetter: return flags | letter
        case .decimalNumber, .letterNumber, .otherNumber: return flags | number
        case .nonspacingMark, .spacingMark, .enclosingMark: return flags | mark
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation,
            .initialPunctuation, .finalPunctuation, .otherPunctuation:
            return flags | punctuation
        case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: return flags | symbol
        default: return flags
        }
    }
}
