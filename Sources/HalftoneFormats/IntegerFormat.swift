/// Evenly spaced levels with a scale, and an offset if affine: integers of 1 to 8 bits, or any
/// number of levels from 2 to 256.
///
/// Codes are unsigned, `0 ..< levels`. A value is `scale · (code − zeroPoint)`; the zero point is
/// a code of its own when affine and the fixed ``symmetricZeroPoint`` when symmetric.
/// An odd number of levels has its zero in the middle: 15 levels are the narrow range −7 … 7 of
/// four bits, 3 are ternary. With an even number the most negative code has no positive twin
/// (16 levels: −8 … 7), but for two levels, which are `±scale / 2` (zero point ½).
public struct IntegerFormat: Sendable, Hashable, Codable {
    /// The number of codes, 2 to 256.
    public let levels: Int

    /// Whether the zero point is fixed in the middle rather than stored per group.
    public let isSymmetric: Bool

    /// Creates a format with a code for each pattern of some bits.
    ///
    /// - Parameters:
    ///   - bits: 1 to 8; anything else is a mistake of the caller.
    ///   - symmetric: Whether the zero point is fixed in the middle.
    ///   - narrow: Whether one code is left out, so that a symmetric format of 2 or more bits has
    ///     as many positive levels as negative ones.
    public init(bits: Int, symmetric: Bool, narrow: Bool = false) {
        precondition((1...8).contains(bits), "an integer format has 1 to 8 bits, not \(bits)")
        precondition(!narrow || bits > 1, "a narrow range needs 2 bits")
        self.init(levels: (1 << bits) - (narrow ? 1 : 0), symmetric: symmetric)
    }

    /// Creates a format with some number of levels.
    ///
    /// - Parameters:
    ///   - levels: 2 to 256; anything else is a mistake of the caller.
    ///   - symmetric: Whether the zero point is fixed in the middle.
    public init(levels: Int, symmetric: Bool) {
        precondition((2...256).contains(levels), "there are 2 to 256 levels, not \(levels)")
        self.levels = levels
        self.isSymmetric = symmetric
    }

    /// Bits of a code on its own, 1 to 8: enough for every level.
    ///
    /// ``RadixPacking`` takes less where the number of levels is no power of two.
    public var bits: Int { Int.bitWidth - (levels - 1).leadingZeroBitCount }

    /// Whether one code of ``bits`` is left out.
    public var isNarrow: Bool { levels == (1 << bits) - 1 }

    /// The largest code, `levels − 1`.
    public var maximumCode: Int { levels - 1 }

    /// The zero point of every group of a symmetric format, in codes: the middle, the upper one of
    /// two, and ½ with two levels.
    public var symmetricZeroPoint: Float { levels == 2 ? 0.5 : Float(levels / 2) }

    /// The code of the level nearest to a value given in steps from level 0.
    ///
    /// Ties go to the even code, whatever the zero point is: groups with different zero points
    /// round alike, zero points between two codes included, and an encoder needs no more than the
    /// sum that it has. ``NumberFormat`` knows values and no codes, and takes the even integer.
    /// The two differ where an odd zero point meets a tie (narrow ranges and 3 levels, or an
    /// affine group), in the sign of an error of half a step.
    ///
    /// - Parameter steps: `value / scale + zeroPoint`. Values outside the range, infinities
    ///   included, saturate; NaN gives code 0.
    @inlinable
    public func code(steps: Float) -> UInt8 {
        guard steps > 0 else { return 0 }
        guard steps < Float(maximumCode) else { return UInt8(maximumCode) }
        return UInt8(steps.rounded(.toNearestOrEven))
    }
}

extension IntegerFormat: CustomStringConvertible {
    /// `int4` for symmetric formats, `uint4` for affine ones; `int4n` with a narrow range, and
    /// `levels6` or `ulevels6` with a number of levels that is neither.
    public var description: String {
        let prefix = isSymmetric ? "" : "u"
        if levels == 1 << bits { return "\(prefix)int\(bits)" }
        return isNarrow ? "\(prefix)int\(bits)n" : "\(prefix)levels\(levels)"
    }

    /// The format with a name as ``description`` writes it, in lower case.
    public init?(named name: String) {
        let symmetric = !name.hasPrefix("u")
        var rest = name.dropFirst(symmetric ? 0 : 1)
        let levels: Int?
        if rest.hasPrefix("int") {
            rest = rest.dropFirst(3)
            let narrow = rest.hasSuffix("n")
            let bits = Int(narrow ? rest.dropLast() : rest)
            levels = bits.flatMap { (1...8).contains($0) ? (1 << $0) - (narrow ? 1 : 0) : nil }
        } else if rest.hasPrefix("levels") {
            levels = Int(rest.dropFirst(6))
        } else {
            return nil
        }
        guard let levels, (2...256).contains(levels) else { return nil }
        self.init(levels: levels, symmetric: symmetric)
        // Refuses other spellings of the number, such as `int+4` and `int04`.
        guard description == name else { return nil }
    }
}

extension IntegerFormat {
    private enum CodingKeys: String, CodingKey {
        case bits, isSymmetric, levels
    }

    /// Writes `{"bits": 4, "isSymmetric": true}`, and `levels` where the bits do not tell it.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(bits, forKey: .bits)
        try container.encode(isSymmetric, forKey: .isSymmetric)
        if levels != 1 << bits { try container.encode(levels, forKey: .levels) }
    }

    /// Reads a format as ``encode(to:)`` writes it.
    ///
    /// - Throws: `DecodingError`, also when `bits` is not 1 to 8 or `levels` does not fill them.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let bits = try container.decode(Int.self, forKey: .bits)
        let symmetric = try container.decode(Bool.self, forKey: .isSymmetric)
        guard (1...8).contains(bits) else {
            throw DecodingError.dataCorruptedError(
                forKey: .bits, in: container,
                debugDescription: "an integer format has 1 to 8 bits, not \(bits)")
        }
        let levels = try container.decodeIfPresent(Int.self, forKey: .levels) ?? 1 << bits
        guard levels > 1 << (bits - 1), levels <= 1 << bits else {
            throw DecodingError.dataCorruptedError(
                forKey: .levels, in: container,
                debugDescription: "\(levels) levels do not take \(bits) bits")
        }
        self.init(levels: levels, symmetric: symmetric)
    }
}
