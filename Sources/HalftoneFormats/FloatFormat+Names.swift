extension FloatFormat {
    /// E4M3 as in checkpoints: largest 448, NaN at 0x7F and 0xFF, no infinity ("FN").
    public static let e4m3 = Self(exponentBits: 4, mantissaBits: 3, specials: .allOnes)

    /// E5M2 with infinities: largest 57344.
    public static let e5m2 = Self(exponentBits: 5, mantissaBits: 2, specials: .ieee)

    /// E4M3 with bias 8 and a single NaN at 0x80: largest 240.
    public static let e4m3fnuz = Self(exponentBits: 4, mantissaBits: 3, specials: .negativeZero)

    /// E5M2 with bias 16 and a single NaN at 0x80: largest 57344.
    public static let e5m2fnuz = Self(exponentBits: 5, mantissaBits: 2, specials: .negativeZero)

    /// E3M4 with infinities: largest 15.5.
    public static let e3m4 = Self(exponentBits: 3, mantissaBits: 4, specials: .ieee)

    /// E3M2, the wider of the six-bit formats: largest 28.
    public static let e3m2 = Self(exponentBits: 3, mantissaBits: 2)

    /// E2M3, the finer of the six-bit formats: largest 7.5.
    public static let e2m3 = Self(exponentBits: 2, mantissaBits: 3)

    /// E2M1: 0, ½, 1, 1½, 2, 3, 4 and 6 with a sign.
    public static let e2m1 = Self(exponentBits: 2, mantissaBits: 1)

    /// E8M0: the powers of two from −127 to 127 and NaN; no sign and no zero.
    public static let e8m0 = Self(
        exponentBits: 8, mantissaBits: 0, isSigned: false, specials: .allOnes,
        hasSubnormals: false)

    /// Unsigned E3M5 without special codes: scales near each other, to within 1.6 %; largest 31.5.
    public static let ue3m5 = Self(
        exponentBits: 3, mantissaBits: 5, isSigned: false, specials: .none)

    /// Unsigned E5M3: block scales with the range of E5M2 and the precision of E4M3.
    public static let ue5m3 = Self(
        exponentBits: 5, mantissaBits: 3, isSigned: false, specials: .allOnes)

    /// Powers of two with a sign and no zero: `±2^0 … ±2^(2^(bits − 1) − 1)`.
    ///
    /// Source: X. Li et al., "DenseShift: Towards Accurate and Efficient Low-Bit Power-of-Two
    /// Quantization", ICCV 2023, arXiv:2208.09708.
    ///
    /// - Parameter bits: 2 to 8.
    public static func shift(bits: Int) -> Self {
        Self(exponentBits: bits - 1, mantissaBits: 0, bias: 0, hasSubnormals: false)
    }

    /// Powers of two with a sign, and zero: `0, ±2^0 … ±2^(2^(bits − 1) − 2)`; two codes are zero.
    ///
    /// Source: A. Zhou et al., "Incremental Network Quantization", arXiv:1702.03044.
    ///
    /// - Parameter bits: 2 to 8.
    public static func powersOfTwo(bits: Int) -> Self {
        Self(exponentBits: bits - 1, mantissaBits: 0, bias: 1)
    }

    /// The special codes that a name without an ending means: those of the standards for E5M2,
    /// E3M4 (infinities) and for E4M3, E8M0 and unsigned formats of 8 bits (NaN); none elsewhere.
    private static func usualSpecials(
        exponentBits: Int, mantissaBits: Int, isSigned: Bool
    ) -> Specials {
        switch (exponentBits, mantissaBits, isSigned) {
        case (5, 2, true), (3, 4, true): .ieee
        case (4, 3, true), (8, 0, false), (5, 3, false), (4, 4, false): .allOnes
        default: .none
        }
    }
}

extension FloatFormat: CustomStringConvertible {
    /// The name: `e4m3`, `ue5m3`, `e8m0`, `e3m2b7.5`; `shift4` and `pot4` for powers of two.
    ///
    /// Endings are `ieee`, `fn`, `fnuz` or `fin` where the special codes are not the usual ones, `z`
    /// where there are no subnormals (for `ue8m0` it is `s` where there are), and `b` with the bias
    /// where that is not the usual one.
    public var description: String {
        if self == Self.powersOfTwo(bits: max(bits, 2)) { return "pot\(bits)" }
        if self == Self.shift(bits: max(bits, 2)) { return "shift\(bits)" }
        if self == .e8m0 { return "e8m0" }
        let isScale = exponentBits == 8 && mantissaBits == 0
        var name = "\(isSigned ? "" : "u")e\(exponentBits)m\(mantissaBits)"
        let usual = Self.usualSpecials(
            exponentBits: exponentBits, mantissaBits: mantissaBits, isSigned: isSigned)
        if specials != usual { name += specials.rawValue }
        if hasSubnormals == isScale { name += isScale ? "s" : "z" }
        if bias != usualBias {
            name += bias == bias.rounded() ? "b\(Int(bias))" : "b\(bias)"
        }
        return name
    }

    /// The format with a name as ``description`` writes it, in lower case.
    ///
    /// Redundant endings (`e4m3fn`) and a bias in other spellings (`b07.50`) are understood.
    public init?(named name: String) {
        if name == "e8m0" {
            self = .e8m0
            return
        }
        for (prefix, make) in [("shift", Self.shift), ("pot", Self.powersOfTwo)]
        where name.hasPrefix(prefix) {
            let digits = name.dropFirst(prefix.count)
            guard let bits = Int(digits), (2...8).contains(bits), "\(bits)" == digits else {
                return nil
            }
            self = make(bits)
            return
        }
        var rest = name[...]
        func take(_ word: String) -> Bool {
            guard rest.hasPrefix(word) else { return false }
            rest = rest.dropFirst(word.count)
            return true
        }
        func takeDigit() -> Int? {
            rest.popFirst().flatMap { $0.isASCII ? $0.wholeNumberValue : nil }
        }
        let isSigned = !take("u")
        guard take("e"), let exponentBits = takeDigit(), take("m"), let mantissaBits = takeDigit(),
            Self.isPossible(
                exponentBits: exponentBits, mantissaBits: mantissaBits, isSigned: isSigned)
        else { return nil }
        // Longer endings first: `fn` begins `fnuz`.
        let specials =
            [Specials.negativeZero, .allOnes, .ieee, .none].first { take($0.rawValue) }
            ?? Self.usualSpecials(
                exponentBits: exponentBits, mantissaBits: mantissaBits, isSigned: isSigned)
        var bias: Double?
        let isScale = exponentBits == 8 && mantissaBits == 0
        let hasSubnormals = isScale ? take("s") : !take("z")
        if take("b") {
            guard let value = Double(rest), abs(value) <= 512, rest.first != "+" else {
                return nil
            }
            bias = value
            rest = ""
        }
        guard rest.isEmpty else { return nil }
        guard specials != .negativeZero || isSigned && hasSubnormals else { return nil }
        self.init(
            exponentBits: exponentBits, mantissaBits: mantissaBits, isSigned: isSigned, bias: bias,
            specials: specials, hasSubnormals: hasSubnormals)
    }
}
