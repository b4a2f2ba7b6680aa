/// A finite set of numbers, each with a code, and how to round to it.
///
/// ```swift
/// let format = NumberFormat.nf4
/// let codes = weights.map { format.code(of: $0 / scale) }
/// let again = codes.map { scale * format.value(of: $0) }
/// ```
///
/// Every format of up to 8 bits works the same way, by a table of its levels: an encoder is a
/// search in that table, a decoder is a look-up. Equal definitions are equal formats.
///
/// NaN becomes NaN where the format has it and the level of smallest magnitude elsewhere; a
/// negative number that rounds to zero becomes −0 where the format has that.
public struct NumberFormat: Sendable, Hashable {
    /// What the numbers of a format are.
    public enum Definition: Sendable, Hashable {
        /// Integers: code less ``IntegerFormat/symmetricZeroPoint`` if symmetric, else the code,
        /// from which the zero point of a group is still to be taken off. Ties go to the even
        /// integer, which is the even code of ``IntegerFormat/code(steps:)`` but where an odd
        /// number of levels puts zero on an odd code.
        case integer(IntegerFormat)
        /// Floating-point numbers.
        case float(FloatFormat)
        /// Any list of numbers.
        case codebook(Codebook)
    }

    /// What the numbers are.
    public let definition: Definition

    let table: LevelTable

    /// Makes the table of a definition: some microseconds, so keep the format where it is used.
    public init(_ definition: Definition) {
        self.definition = definition
        switch definition {
        case .integer(let format):
            let zero = format.isSymmetric ? format.symmetricZeroPoint : 0
            table = LevelTable(
                values: (0..<format.levels).map { Float($0) - zero },
                ties: format.levels == 2 ? .evenCode : .evenInteger)
        case .float(let format):
            let values = (0..<1 << format.bits).map { format.value(of: UInt8($0)) }
            table = LevelTable(
                values: values, ties: format.mantissaBits == 0 ? .largerButZero : .evenCode,
                overflow: format.overflowThreshold)
        case .codebook(let codebook):
            table = LevelTable(
                values: codebook.values, ties: codebook.ties == .lower ? .lower : .towardZero)
        }
    }

    /// Whether the definitions are equal.
    public static func == (a: Self, b: Self) -> Bool { a.definition == b.definition }

    /// Feeds the definition.
    public func hash(into hasher: inout Hasher) { hasher.combine(definition) }
}

extension NumberFormat {
    /// Bits of a code on its own, 1 to 8.
    public var bits: Int {
        switch definition {
        case .integer(let format): format.bits
        case .float(let format): format.bits
        case .codebook(let codebook): codebook.bits
        }
    }

    /// The value of each code from 0 on, NaN and infinities included.
    public var values: [Float] { table.values }

    /// The finite values in ascending order, each once.
    public var levels: [Float] { table.levels }

    /// The least and the largest finite value.
    public var range: ClosedRange<Float> { levels[0]...levels[levels.count - 1] }

    /// The value of a code.
    ///
    /// - Parameter code: Below the number of ``values``; anything else is a mistake of the caller.
    public func value(of code: UInt8) -> Float { table.values[Int(code)] }

    /// The code that a number rounds to.
    ///
    /// - Parameters:
    ///   - value: Any number; give `value / scale` where values have a scale.
    ///   - rounding: Which of the two neighbours is taken.
    ///   - overflow: What becomes of numbers beyond the largest level.
    /// - Complexity: O(``bits``).
    public func code(
        of value: Float, rounding: Rounding = .nearestEven, overflow: Overflow = .saturate
    ) -> UInt8 {
        if value.isNaN { return table.nan }
        let isNearest = rounding == .nearestEven || rounding == .nearestAway
        if overflow == .special, value.magnitude >= (isNearest ? table.overflow : .infinity),
            let code = value > 0 ? table.positiveOverflow : table.negativeOverflow
        {
            return code
        }
        let level: Int
        switch rounding {
        case .nearestEven: level = LevelTable.count(of: table.even, notAbove: value)
        case .nearestAway: level = LevelTable.count(of: table.away, notAbove: value)
        case .down: level = lowerNeighbour(of: value)
        case .towardZero: level = levelTowardZero(from: value)
        case .offset(let offset):
            let lower = lowerNeighbour(of: value)
            let fraction = fraction(of: value, above: lower)
            let place = fraction > 0 ? fraction + Double(offset) : 0
            let isUp = place > 0.5 || place == 0.5 && table.tieGoesUp(from: lower)
            level = min(lower + (isUp ? 1 : 0), levels.count - 1)
        }
        return table.code(level: level, sign: value.sign)
    }

    /// The code of one of the two neighbours, the upper one as often as the number is near to it:
    /// the mean of many is the number itself.
    ///
    /// - Parameters:
    ///   - value: Any number; beyond the largest level there is nothing to choose.
    ///   - overflow: What becomes of infinities.
    ///   - generator: Gives one number for each call with a number between two levels.
    public func code(
        of value: Float, overflow: Overflow = .saturate,
        stochasticallyUsing generator: inout some RandomNumberGenerator
    ) -> UInt8 {
        let lower = lowerNeighbour(of: value)
        let fraction = fraction(of: value, above: lower)
        guard fraction > 0 else { return code(of: value, rounding: .down, overflow: overflow) }
        let isUp = Double.random(in: 0..<1, using: &generator) < fraction
        return table.code(level: isUp ? lower + 1 : lower, sign: value.sign)
    }

    /// The level that a number rounds to.
    public func rounded(_ value: Float, _ rounding: Rounding = .nearestEven) -> Float {
        self.value(of: code(of: value, rounding: rounding))
    }

    /// The place of the largest level not above a number, and 0 if there is none.
    private func lowerNeighbour(of value: Float) -> Int {
        max(LevelTable.count(of: table.levels, notAbove: value) - 1, 0)
    }

    /// How far a number is on the way from a level to the next one; 0 beyond the levels and for
    /// NaN.
    private func fraction(of value: Float, above lower: Int) -> Double {
        guard lower + 1 < levels.count, value > levels[lower] else { return 0 }
        let step = Double(levels[lower + 1]) - Double(levels[lower])
        return (Double(value) - Double(levels[lower])) / step
    }

    private func levelTowardZero(from value: Float) -> Int {
        let lower = lowerNeighbour(of: value)
        guard levels[lower] < value, lower + 1 < levels.count else { return lower }
        // Down for positive numbers, but not from above zero to below it; up for negative ones.
        if value >= 0 { return levels[lower] < 0 ? lower + 1 : lower }
        return levels[lower + 1] > 0 ? lower : lower + 1
    }
}

extension FloatFormat {
    /// The least magnitude that rounds to nearest beyond the largest number, ties to even;
    /// infinite without special codes.
    var overflowThreshold: Float {
        guard specials == .ieee || specials == .allOnes || specials == .negativeZero else {
            return .infinity
        }
        let all = 1 << (exponentBits + mantissaBits)
        let largest = (0..<all).last { value(of: UInt8($0)).isFinite } ?? 0
        let next = largest + 1
        func exact(_ code: Int) -> Double {
            exactMagnitude(
                exponent: code >> mantissaBits, mantissa: code & ((1 << mantissaBits) - 1))
        }
        let middle = (exact(largest) + exact(next)) / 2
        let nearest = Float(middle)
        if Double(nearest) != middle { return Double(nearest) > middle ? nearest : nearest.nextUp }
        return mantissaBits == 0 || next.isMultiple(of: 2) ? nearest : nearest.nextUp
    }
}
