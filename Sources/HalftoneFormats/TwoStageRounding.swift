/// Codes of few bits made from codes of many: one stored matrix that runs at several precisions.
///
/// Source: H. Huang et al., "Nearly Lossless Adaptive Bit Switching", arXiv:2502.01199 (double
/// rounding): `q_low = round(q_high / 2^k)` and `scale_low = 2^k · scale_high`, with `k` the
/// difference in bits. Nested codes, where the code of few bits is the prefix of that of many, are
/// those of Y. Park et al., "Any-Precision LLM", arXiv:2402.10517.
public struct TwoStageRounding: Sendable, Hashable {
    /// How codes of few bits come about.
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        /// The code of many bits, as a signed number, is rounded again: halves up, as
        /// `(q + 2^(k − 1)) >> k` does.
        case rounded
        /// The highest bits of the code of many bits: nothing but a shift.
        case nested
    }

    /// Bits of the stored codes, 2 to 8.
    public let highBits: Int

    /// Bits of the codes made from them, 1 to `highBits`.
    public let lowBits: Int

    /// How the codes of few bits come about.
    public let mode: Mode

    /// Creates a rounding; other numbers of bits are a mistake of the caller.
    public init(from highBits: Int, to lowBits: Int, mode: Mode = .rounded) {
        precondition((2...8).contains(highBits) && (1...highBits).contains(lowBits))
        self.highBits = highBits
        self.lowBits = lowBits
        self.mode = mode
    }

    /// What multiplies the scale of the stored codes: `2^(highBits − lowBits)`.
    public var scaleFactor: Float { Float(1 << (highBits - lowBits)) }

    /// The code of few bits that a stored code of a symmetric format becomes.
    public func code(from high: UInt8) -> UInt8 {
        let shift = highBits - lowBits
        if mode == .nested { return high >> UInt8(shift) }
        guard shift > 0 else { return high }
        let signed = Int(high) - 1 << (highBits - 1)
        let rounded = (signed + 1 << (shift - 1)) >> shift
        let middle = 1 << (lowBits - 1)
        return UInt8(min(max(rounded, -middle), middle - 1) + middle)
    }

    /// The value of a code of few bits in steps of the stored codes.
    ///
    /// A nested code stands for the mean of the stored codes that it is the prefix of.
    public func steps(of low: UInt8) -> Float {
        let centre = mode == .nested ? (scaleFactor - 1) / 2 : 0
        return (Float(low) - Float(1 << (lowBits - 1))) * scaleFactor + centre
    }
}
