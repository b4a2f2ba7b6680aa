/// The levels of a format in order, and the numbers at which rounding changes its mind.
final class LevelTable: Sendable {
    /// The value of each code.
    let values: [Float]
    /// The finite values, each once, ascending.
    let levels: [Float]
    /// The code of each level; that of +0 where there are two zeros.
    let codes: [UInt8]
    /// The code of −0 if there is one besides +0, and which level is zero.
    let negativeZero: (code: UInt8, level: Int)?
    /// The code of NaN; without one, of the level of smallest magnitude.
    let nan: UInt8
    /// Where numbers go that overflow without saturating.
    let positiveOverflow: UInt8?
    let negativeOverflow: UInt8?
    /// The least magnitude that overflows without saturating.
    let overflow: Float
    /// For each level but the first the least float32 that rounds to it or beyond, by tie rule.
    let even: [Float]
    let away: [Float]

    /// Where a number halfway between two levels goes.
    enum Ties {
        case evenCode
        case evenInteger
        /// As in floats without a mantissa, whose significands are 1, and 2 one exponent below.
        case largerButZero
        case lower
        case towardZero
    }

    /// - Parameters:
    ///   - values: The value of each code; at least one finite.
    ///   - ties: Where a number halfway between two levels goes.
    ///   - overflow: The least magnitude that overflows without saturating.
    init(values: [Float], ties: Ties, overflow: Float = .infinity) {
        self.values = values
        self.overflow = overflow
        var order = values.indices.filter { values[$0].isFinite }
        // +0 before −0, lower codes before higher ones.
        order.sort {
            (values[$0], values[$0].sign == .plus ? 0 : 1, $0)
                < (values[$1], values[$1].sign == .plus ? 0 : 1, $1)
        }
        var levels: [Float] = []
        var codes: [UInt8] = []
        var negativeZero: (UInt8, Int)?
        for code in order {
            if let last = levels.last, last == values[code] {
                if last == 0, last.sign == .plus, values[code].sign == .minus {
                    negativeZero = (UInt8(code), levels.count - 1)
                }
                continue
            }
            levels.append(values[code])
            codes.append(UInt8(code))
        }
        self.levels = levels
        self.codes = codes
        self.negativeZero = negativeZero
        let least = levels.indices.min { levels[$0].magnitude < levels[$1].magnitude } ?? 0
        nan = values.firstIndex(where: \.isNaN).map { UInt8($0) } ?? codes[least]
        let special = values.firstIndex(where: \.isNaN).map { UInt8($0) }
        positiveOverflow = values.firstIndex(of: .infinity).map { UInt8($0) } ?? special
        negativeOverflow =
            values.firstIndex(of: -.infinity).map { UInt8($0) }
            ?? values.lastIndex(where: \.isNaN).map { UInt8($0) }
        even = Self.thresholds(levels) { lower, upper in
            switch ties {
            case .evenCode: codes[upper].isMultiple(of: 2)
            case .evenInteger: Int(levels[upper]).isMultiple(of: 2)
            case .largerButZero:
                levels[lower] != 0
                    && (levels[upper] == 0 || levels[upper].magnitude >= levels[lower].magnitude)
            case .lower: false
            case .towardZero: levels[upper].magnitude < levels[lower].magnitude
            }
        }
        away = Self.thresholds(levels) { lower, upper in
            levels[upper].magnitude >= levels[lower].magnitude
        }
    }

    /// The least float32 that goes up, for each pair of neighbours.
    private static func thresholds(
        _ levels: [Float], tieGoesUp: (Int, Int) -> Bool
    ) -> [Float] {
        levels.indices.dropFirst().map { upper in
            // Exact: float32 has 24 bits, and neighbours differ by a factor that Double bridges.
            let middle = (Double(levels[upper - 1]) + Double(levels[upper])) / 2
            let nearest = Float(middle)
            if Double(nearest) > middle { return nearest }
            if Double(nearest) < middle { return nearest.nextUp }
            return tieGoesUp(upper - 1, upper) ? nearest : nearest.nextUp
        }
    }

    /// Whether ``even`` sends a number halfway from a level to the next one to the latter.
    func tieGoesUp(from lower: Int) -> Bool {
        guard lower + 1 < levels.count else { return false }
        return Double(even[lower]) <= (Double(levels[lower]) + Double(levels[lower + 1])) / 2
    }

    /// How many of some ascending numbers are not above a value; 0 for NaN.
    static func count(of thresholds: [Float], notAbove value: Float) -> Int {
        var first = 0
        var length = thresholds.count
        while length > 0 {
            let half = length / 2
            let isUp = thresholds[first + half] <= value
            first = isUp ? first + half + 1 : first
            length = isUp ? length - half - 1 : half
        }
        return first
    }

    /// The code of a level for a number of some sign.
    func code(level: Int, sign: FloatingPointSign) -> UInt8 {
        if sign == .minus, let negativeZero, negativeZero.level == level {
            return negativeZero.code
        }
        return codes[level]
    }
}
