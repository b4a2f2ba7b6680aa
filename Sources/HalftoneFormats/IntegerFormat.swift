/// Evenly spaced levels: the integers of 1 to 8 bits with a scale, and an offset if affine.
///
/// Codes are unsigned, `0 ..< 2^bits`. A value is `scale · (code − zeroPoint)`; the zero point is
/// a code of its own when affine and the fixed ``symmetricZeroPoint`` when symmetric.
/// Two details keep the short widths useful: at 1 bit, symmetric, the two values are
/// `±scale / 2` (zero point ½), and from 2 bits on the symmetric zero point is `2^(bits−1)`, so
/// the most negative code has no positive twin.
public struct IntegerFormat: Sendable, Hashable, Codable {
    /// Bits of a code, 1 to 8.
    public let bits: Int

    /// Whether the zero point is fixed in the middle rather than stored per group.
    public let isSymmetric: Bool

    /// Creates a format.
    ///
    /// - Parameters:
    ///   - bits: 1 to 8; anything else is a mistake of the caller.
    ///   - symmetric: Whether the zero point is fixed in the middle.
    public init(bits: Int, symmetric: Bool) {
        precondition((1...8).contains(bits), "an integer format has 1 to 8 bits, not \(bits)")
        self.bits = bits
        self.isSymmetric = symmetric
    }

    /// The number of codes, `2^bits`.
    public var levels: Int { 1 << bits }

    /// The largest code, `2^bits − 1`.
    public var maximumCode: Int { levels - 1 }

    /// The zero point of every group of a symmetric format, in codes.
    public var symmetricZeroPoint: Float { bits == 1 ? 0.5 : Float(1 << (bits - 1)) }

    /// The code of the level nearest to a value given in steps from level 0.
    ///
    /// - Parameter steps: `value / scale + zeroPoint`. Ties go to the even code; values outside
    ///   the range, infinities included, saturate; NaN gives code 0.
    @inlinable
    public func code(steps: Float) -> UInt8 {
        guard steps > 0 else { return 0 }
        guard steps < Float(maximumCode) else { return UInt8(maximumCode) }
        return UInt8(steps.rounded(.toNearestOrEven))
    }
}

extension IntegerFormat: CustomStringConvertible {
    /// `int4` for symmetric formats, `uint4` for affine ones.
    public var description: String { (isSymmetric ? "int" : "uint") + "\(bits)" }

    /// The format with a name such as `int4` (symmetric) or `uint4` (affine).
    public init?(named name: String) {
        let symmetric: Bool
        let digits: Substring
        if name.hasPrefix("uint") {
            (symmetric, digits) = (false, name.dropFirst(4))
        } else if name.hasPrefix("int") {
            (symmetric, digits) = (true, name.dropFirst(3))
        } else {
            return nil
        }
        // The comparison refuses other spellings of the number, such as `int+4` and `int04`.
        guard let bits = Int(digits), (1...8).contains(bits), "\(bits)" == digits else {
            return nil
        }
        self.init(bits: bits, symmetric: symmetric)
    }
}

extension IntegerFormat {
    private enum CodingKeys: String, CodingKey {
        case bits, isSymmetric
    }

    /// Reads a format that was encoded as `{"bits": 4, "isSymmetric": true}`.
    ///
    /// - Throws: `DecodingError`, also when `bits` is not 1 to 8.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        let bits = try container.decode(Int.self, forKey: .bits)
        let symmetric = try container.decode(Bool.self, forKey: .isSymmetric)
        guard (1...8).contains(bits) else {
            throw DecodingError.dataCorruptedError(
                forKey: .bits, in: container,
                debugDescription: "an integer format has 1 to 8 bits, not \(bits)")
        }
        self.init(bits: bits, symmetric: symmetric)
    }
}
