/// The integers that a uniform quantizer chooses from, without their storage.
///
/// Both ends have magnitudes of at most 2²¹, so that every code and every half between two is
/// exact in float32.
public struct CodeRange: Sendable, Hashable, Codable {
    /// The smallest code.
    public let lowest: Int

    /// The largest code, at least the smallest.
    public let highest: Int

    /// A range of codes; ends out of order or too large are a mistake of the caller.
    public init(_ codes: ClosedRange<Int>) {
        precondition(
            codes.lowerBound >= -(1 << 21) && codes.upperBound <= 1 << 21,
            "codes \(codes) are not exact in float32")
        lowest = codes.lowerBound
        highest = codes.upperBound
    }

    /// `−2^(bits−1) … 2^(bits−1) − 1`; 1 to 20 bits.
    public static func signed(bits: Int) -> CodeRange {
        CodeRange(-(1 << (bits - 1))...(1 << (bits - 1)) - 1)
    }

    /// `−(2^(bits−1) − 1) … 2^(bits−1) − 1`, the narrow range that mirrors itself; 2 to 20 bits.
    public static func symmetric(bits: Int) -> CodeRange {
        CodeRange(-((1 << (bits - 1)) - 1)...(1 << (bits - 1)) - 1)
    }

    /// `0 … 2^bits − 1`; 1 to 20 bits.
    public static func unsigned(bits: Int) -> CodeRange { CodeRange(0...(1 << bits) - 1) }

    /// −1, 0 and 1.
    public static let ternary = CodeRange(-1...1)

    /// The number of codes.
    public var count: Int { highest - lowest + 1 }

    /// The code nearest to a number of steps; NaN stays.
    public func nearest(_ steps: Float, ties: TieRule) -> Float {
        // Bounds are integers, so clamping first changes nothing and keeps the sum exact.
        guard steps > Float(lowest) else { return steps.isNaN ? steps : Float(lowest) }
        return steps < Float(highest) ? ties.rounded(steps) : Float(highest)
    }
}

extension CodeRange {
    /// The codes themselves.
    public var values: [Float] { (lowest...highest).map { Float($0) } }

    /// The nearest code, halves to the even one.
    public func nearest(_ x: Float) -> Float { nearest(x, ties: .toEven) }
}

extension CodeRange: CustomStringConvertible {
    /// `−8…7`.
    public var description: String { "\(lowest)…\(highest)" }
}
