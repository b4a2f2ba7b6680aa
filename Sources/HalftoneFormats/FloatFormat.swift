/// A binary floating-point format of 2 to 8 bits: any split into exponent and mantissa.
///
/// A code is, from its highest bit on, the sign (if there is one), the exponent `e` and the
/// mantissa `m`. With `M` mantissa bits its value is `±2^(e − bias) · (1 + m / 2^M)`; where
/// ``hasSubnormals``, exponent 0 stands for `±2^(1 − bias) · m / 2^M`, zero among them.
///
/// Sources: IEEE 754-2019 §3.3; P. Micikevicius et al., "FP8 Formats for Deep Learning",
/// arXiv:2209.05433, table 1 (E4M3, E5M2); B. Noune et al., "8-bit Numerical Formats for Deep
/// Neural Networks", arXiv:2206.02915 (a single NaN in place of −0); OCP Microscaling Formats 1.0
/// (E3M2, E2M3, E2M1, E8M0); S. Liu et al., "LLM-FP4", arXiv:2310.16836
/// (a bias that is any real number).
public struct FloatFormat: Sendable, Hashable {
    /// Which codes are not finite numbers.
    public enum Specials: String, Sendable, Hashable, CaseIterable {
        /// None.
        case none = "fin"
        /// The largest exponent is infinity with mantissa 0 and NaN otherwise, as in IEEE 754.
        case ieee
        /// NaN where exponent and mantissa are all ones; no infinity ("FN").
        case allOnes = "fn"
        /// NaN in the place of −0, and no infinity ("FNUZ").
        case negativeZero = "fnuz"
    }

    /// Bits of the exponent, 1 to 8.
    public let exponentBits: Int

    /// Bits of the mantissa, 0 or more.
    public let mantissaBits: Int

    /// Whether the highest bit is a sign.
    public let isSigned: Bool

    /// What is taken off the exponent; any real number, ``usualBias`` in the standards.
    public let bias: Double

    /// Which codes are not finite numbers.
    public let specials: Specials

    /// Whether exponent 0 holds zero and the subnormal numbers, rather than one more power of two.
    public let hasSubnormals: Bool

    /// Creates a format.
    ///
    /// Exponents out of their range, more than 8 bits, and a NaN in the place of −0 without sign or
    /// zero are mistakes of the caller; see ``isPossible(exponentBits:mantissaBits:isSigned:)``.
    ///
    /// - Parameters:
    ///   - exponentBits: 1 to 8.
    ///   - mantissaBits: 0 or more; at most 8 bits together with the sign.
    ///   - isSigned: Whether there is a sign bit.
    ///   - bias: −512 to 512; nil for the usual one.
    ///   - specials: Which codes are not finite numbers.
    ///   - hasSubnormals: Whether exponent 0 holds zero and the subnormal numbers.
    public init(
        exponentBits: Int, mantissaBits: Int, isSigned: Bool = true, bias: Double? = nil,
        specials: Specials = .none, hasSubnormals: Bool = true
    ) {
        precondition(
            Self.isPossible(
                exponentBits: exponentBits, mantissaBits: mantissaBits, isSigned: isSigned),
            "a small float has 1 to 8 exponent bits and 2 to 8 bits in all")
        precondition(
            specials != .negativeZero || isSigned && hasSubnormals, "there is no negative zero")
        precondition(bias.map { abs($0) <= 512 } ?? true, "the bias is at most 512")
        self.exponentBits = exponentBits
        self.mantissaBits = mantissaBits
        self.isSigned = isSigned
        self.specials = specials
        self.hasSubnormals = hasSubnormals
        self.bias = bias ?? Self.usualBias(exponentBits: exponentBits, specials: specials)
    }

    /// Whether a format of 2 to 8 bits has these parts.
    public static func isPossible(exponentBits: Int, mantissaBits: Int, isSigned: Bool) -> Bool {
        (1...8).contains(exponentBits) && (0...7).contains(mantissaBits)
            && (2...8).contains(exponentBits + mantissaBits + (isSigned ? 1 : 0))
    }
}

extension FloatFormat {
    /// Bits of a code.
    public var bits: Int { exponentBits + mantissaBits + (isSigned ? 1 : 0) }

    /// The bias of the standards: `2^(exponentBits − 1) − 1`, one more where NaN replaces −0.
    public var usualBias: Double {
        Self.usualBias(exponentBits: exponentBits, specials: specials)
    }

    static func usualBias(exponentBits: Int, specials: Specials) -> Double {
        Double((1 << (exponentBits - 1)) - (specials == .negativeZero ? 0 : 1))
    }

    /// The value of a code, rounded to float32 where it is none.
    ///
    /// - Parameter code: Bits above those of the format are ignored.
    public func value(of code: UInt8) -> Float {
        let magnitudeBits = exponentBits + mantissaBits
        let magnitude = Int(code) & ((1 << magnitudeBits) - 1)
        let isNegative = isSigned && Int(code) >> magnitudeBits & 1 == 1
        let mantissa = magnitude & ((1 << mantissaBits) - 1)
        let exponent = magnitude >> mantissaBits
        switch specials {
        case .none: break
        case .ieee where exponent == (1 << exponentBits) - 1:
            return mantissa != 0 ? .nan : isNegative ? -.infinity : .infinity
        case .allOnes where magnitude == (1 << magnitudeBits) - 1: return .nan
        case .negativeZero where magnitude == 0 && isNegative: return .nan
        default: break
        }
        let value = Float(exactMagnitude(exponent: exponent, mantissa: mantissa))
        return isNegative ? -value : value
    }

    /// What a magnitude would be if there were no special codes, also for one exponent too many.
    func exactMagnitude(exponent: Int, mantissa: Int) -> Double {
        let isSubnormal = hasSubnormals && exponent == 0
        let fraction = Double(mantissa) / Double(1 << mantissaBits)
        let significand = isSubnormal ? fraction : 1 + fraction
        return significand * Self.powerOfTwo(Double(isSubnormal ? 1 : exponent) - bias)
    }

    /// `2^x`, exact for integers and within an ulp of Double elsewhere.
    private static func powerOfTwo(_ x: Double) -> Double {
        let whole = x.rounded(.down)
        let scale = Double(sign: .plus, exponent: Int(whole), significand: 1)
        let y = (x - whole) * 0.693_147_180_559_945_309_417
        // exp(y) for 0 ≤ y < ln 2: the 20th term is below 1e-21.
        var sum = 0.0
        for n in stride(from: 19, through: 1, by: -1) { sum = (1 + sum) * y / Double(n) }
        return scale * (1 + sum)
    }
}
